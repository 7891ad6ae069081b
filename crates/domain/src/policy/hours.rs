//! Hours of the week.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

/// The same hours on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkHours {
    /// Ordered, from Monday. None: never.
    pub days: Vec<Weekday>,
    /// In minutes since midnight.
    pub from_minute: u16,
    /// In minutes since midnight, exclusive. Not after `from_minute`: never.
    pub to_minute: u16,
}

impl WorkHours {
    pub const MINUTES: u16 = 24 * 60;

    /// Whether an administrator may write it: it has a day, and ends after it begins.
    pub fn is_valid(&self) -> bool {
        !self.days.is_empty() && self.from_minute < self.to_minute && self.to_minute <= Self::MINUTES
    }

    /// `minute`: of the day, by the machine's local time.
    pub fn contain(&self, day: Weekday, minute: u16) -> bool {
        self.days.contains(&day) && (self.from_minute..self.to_minute).contains(&minute)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let days: Vec<_> = Weekday::ALL
            .into_iter()
            .filter(|day| self.days.contains(day) && other.days.contains(day))
            .collect();
        let from_minute = self.from_minute.max(other.from_minute);
        Self { days, from_minute, to_minute: self.to_minute.min(other.to_minute) }
    }

    /// `09:30` of a number of minutes.
    pub fn clock(minute: u16) -> String {
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }

    /// The minutes of `9:30` or `24:00`.
    pub fn minute(clock: &str) -> Option<u16> {
        let (hours, minutes) = clock.trim().split_once(':')?;
        let number = |text: &str| {
            (text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u16>().ok())?
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        (minutes < 60 && hours * 60 + minutes <= Self::MINUTES).then_some(hours * 60 + minutes)
    }
}
