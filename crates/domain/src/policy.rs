//! The fleet policy: what administrators allow the desktop program to see, send and type.
//!
//! There is one policy for everyone and at most one per group. What applies to a person is [`PolicyRules::strictest`] of all of
//! theirs. A person's own settings are combined in the same way, so they can tighten a policy and never loosen it.

mod hours;
mod pattern;

use serde::{Deserialize, Serialize};

pub use hours::{Weekday, WorkHours};
pub use pattern::Pattern;

use crate::id::GroupId;
use crate::text::FieldError;

/// A kind of window that most people never want to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WindowKind {
    LockScreen,
    PasswordManager,
    PrivateBrowsing,
}

impl WindowKind {
    pub const ALL: [Self; 3] = [Self::LockScreen, Self::PasswordManager, Self::PrivateBrowsing];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LockScreen => "lock-screen",
            Self::PasswordManager => "password-manager",
            Self::PrivateBrowsing => "private-browsing",
        }
    }
}

/// What a policy says. Missing fields have the default's values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyRules {
    /// Programs whose windows are never shown, by class or file name: `*` stands for any characters, case does not matter.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub excluded_programs: Vec<Pattern>,
    /// The same for titles of windows.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub excluded_titles: Vec<Pattern>,
    /// Kinds of windows that are never shown.
    pub excluded_kinds: Vec<WindowKind>,
    /// Whether the desktop program may watch the screen by itself.
    pub ambient_allowed: bool,
    /// Whether it may change text in other programs, after a confirmation.
    pub edits_allowed: bool,
    /// The shortest time between two pictures of ambient mode.
    pub cooldown_seconds: u32,
    /// When ambient mode may run, in the machine's local time. Null: at any time.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub work_hours: Option<WorkHours>,
    /// How many pictures a person may send a day (UTC). Null: any number.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub pictures_per_day: Option<u32>,
    /// How long the server keeps questions, answers, pictures and the ledger. Null: until they are deleted.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub retention_days: Option<u32>,
}

impl Default for PolicyRules {
    /// That of a new server: no window that nobody wants to show, and otherwise what the person chooses.
    fn default() -> Self {
        Self {
            excluded_programs: Vec::new(),
            excluded_titles: Vec::new(),
            excluded_kinds: WindowKind::ALL.to_vec(),
            ambient_allowed: true,
            edits_allowed: true,
            cooldown_seconds: 30,
            work_hours: None,
            pictures_per_day: None,
            retention_days: None,
        }
    }
}

/// A policy as it is stored: that for everyone, or that of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// `None`: for everyone.
    pub group_id: Option<GroupId>,
    pub rules: PolicyRules,
    /// Counts changes; 0: it has never been saved.
    pub version: i64,
}

/// What excludes a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExcludedBy {
    Program,
    Title,
}

impl PolicyRules {
    /// The most patterns of a list.
    pub const MAX_PATTERNS: usize = 200;
    pub const MAX_COOLDOWN_SECONDS: u32 = 24 * 3_600;
    pub const MAX_PICTURES_PER_DAY: u32 = 100_000;
    pub const MAX_RETENTION_DAYS: u32 = 3_650;

    /// Rules that allow everything: the neutral element of [`Self::strictest`].
    pub fn unrestricted() -> Self {
        Self { excluded_kinds: Vec::new(), cooldown_seconds: 0, ..Self::default() }
    }

    /// Checks the limits; the error has every invalid field.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut require = |right: bool, field: &str, message: &str| {
            if !right {
                errors.push(FieldError::new(field, message));
            }
        };
        let lists =
            [("excluded_programs", &self.excluded_programs), ("excluded_titles", &self.excluded_titles)];
        for (field, list) in lists {
            require(list.len() <= Self::MAX_PATTERNS, field, "Use at most 200 lines.");
        }
        require(
            self.cooldown_seconds <= Self::MAX_COOLDOWN_SECONDS,
            "cooldown_seconds",
            "Enter a whole number from 0 to 86,400.",
        );
        require(
            self.pictures_per_day.is_none_or(|count| count <= Self::MAX_PICTURES_PER_DAY),
            "pictures_per_day",
            "Enter a whole number from 0 to 100,000.",
        );
        require(
            self.retention_days.is_none_or(|days| (1..=Self::MAX_RETENTION_DAYS).contains(&days)),
            "retention_days",
            "Enter a whole number from 1 to 3,650.",
        );
        require(
            self.work_hours.as_ref().is_none_or(WorkHours::is_valid),
            "work_hours",
            "Choose at least one day, and an end after the start.",
        );
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Of each field the stricter one: everything that either excludes, what both allow, the longer pause, the hours that
    /// both have, the smaller numbers. The order does not matter.
    #[must_use]
    pub fn strictest(&self, other: &Self) -> Self {
        Self {
            excluded_programs: union(&self.excluded_programs, &other.excluded_programs),
            excluded_titles: union(&self.excluded_titles, &other.excluded_titles),
            excluded_kinds: union(&self.excluded_kinds, &other.excluded_kinds),
            ambient_allowed: self.ambient_allowed && other.ambient_allowed,
            edits_allowed: self.edits_allowed && other.edits_allowed,
            cooldown_seconds: self.cooldown_seconds.max(other.cooldown_seconds),
            work_hours: both(self.work_hours.as_ref(), other.work_hours.as_ref(), WorkHours::intersection),
            pictures_per_day: both(
                self.pictures_per_day.as_ref(),
                other.pictures_per_day.as_ref(),
                |a: &u32, b: &u32| *a.min(b),
            ),
            retention_days: both(
                self.retention_days.as_ref(),
                other.retention_days.as_ref(),
                |a: &u32, b: &u32| *a.min(b),
            ),
        }
    }

    /// Whether these rules allow nothing that `other` forbids.
    pub fn is_at_least_as_strict_as(&self, other: &Self) -> bool {
        self.strictest(other).normalised() == self.clone().normalised()
    }

    /// Whether a window with this program and title is never shown. The kinds of windows are left to the desktop.
    pub fn excludes(&self, program: &str, title: &str) -> Option<ExcludedBy> {
        if self.excluded_programs.iter().any(|pattern| pattern.matches(program)) {
            Some(ExcludedBy::Program)
        } else if self.excluded_titles.iter().any(|pattern| pattern.matches(title)) {
            Some(ExcludedBy::Title)
        } else {
            None
        }
    }

    /// Lists in order, without repetitions.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        for list in [&mut self.excluded_programs, &mut self.excluded_titles] {
            list.sort();
            list.dedup();
        }
        self.excluded_kinds.sort_unstable();
        self.excluded_kinds.dedup();
        if let Some(hours) = &mut self.work_hours {
            hours.days.sort_unstable();
            hours.days.dedup();
        }
        self
    }
}

fn union<T: Clone + Ord>(a: &[T], b: &[T]) -> Vec<T> {
    let mut all: Vec<T> = a.iter().chain(b).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// `None` is no limit.
fn both<T: Clone>(a: Option<&T>, b: Option<&T>, combine: impl Fn(&T, &T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(combine(a, b)),
        (one, other) => one.or(other).cloned(),
    }
}

#[cfg(test)]
mod tests;
