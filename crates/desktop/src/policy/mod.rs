//! What the fleet policy and its user's own settings allow now.
//!
//! Pure decisions, without I/O. Both are rules of the same form, and the stricter one of each field counts: own settings can
//! tighten the policy, and never loosen it. Without a policy that is valid now, nothing leaves the machine.

use protocol::policy::{FleetPolicy, PolicyRules, Weekday, WindowKind as Kind};
use serde::{Deserialize, Serialize};

use crate::exclusion::{Exclusions, Pattern, WindowKind};

/// How far a clock may go back before a stored policy no longer counts, in seconds.
const CLOCK_TOLERANCE: i64 = 300;
const DAY: i64 = 24 * 3_600;

/// A policy as it came from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedPolicy {
    pub policy: FleetPolicy,
    /// When it came, by this machine's clock, in seconds since the Unix epoch.
    pub received_at: i64,
}

/// A moment by this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since the Unix epoch.
    pub unix: i64,
    /// Local time. `None`: the machine does not say which it is, and no hours are work hours.
    pub local: Option<LocalTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    pub day: Weekday,
    /// Of the day.
    pub minute: u16,
}

/// What was sent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Pictures of this day (UTC, as the server counts).
    pub today: u32,
    /// When ambient mode last sent one, in seconds since the Unix epoch.
    pub last_ambient_at: Option<i64>,
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("The server's policy is not known yet. Nothing leaves this machine before.")]
    NoPolicy,
    #[error(
        "The server's policy has expired. Nothing leaves this machine until the server can be reached again."
    )]
    Expired,
    #[error("This machine's clock was set back. Nothing leaves it until the server can be reached again.")]
    ClockSetBack,
    #[error("Your own rules (own-policy.json) cannot be read. Nothing leaves this machine until they can.")]
    OwnRules,
    #[error("The policy does not allow ambient mode.")]
    AmbientForbidden,
    #[error("Ambient mode rests outside of the work hours.")]
    OutsideHours,
    #[error("Ambient mode waits {seconds} seconds between two pictures.")]
    CoolingDown { seconds: i64 },
    #[error("The pictures of this day are used up.")]
    BudgetSpent,
    #[error("The policy does not allow changes of text.")]
    EditsForbidden,
}

/// What is in force now: policy and own settings. Ask for it anew for each decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    rules: PolicyRules,
    now: Moment,
}

impl ReceivedPolicy {
    /// Whether it counts at `now`. Only its duration is taken from the server, whose clock may differ.
    pub fn check(&self, now: i64) -> Result<(), Refusal> {
        let lasts = self.policy.valid_until.saturating_sub(self.policy.issued_at);
        if now < self.received_at.saturating_sub(CLOCK_TOLERANCE) {
            Err(Refusal::ClockSetBack)
        } else if now >= self.received_at.saturating_add(lasts) {
            Err(Refusal::Expired)
        } else {
            Ok(())
        }
    }
}

impl InForce {
    /// `own`: the user's settings; [`PolicyRules::unrestricted`] are none.
    pub fn at(received: Option<&ReceivedPolicy>, own: &PolicyRules, now: Moment) -> Result<Self, Refusal> {
        let received = received.ok_or(Refusal::NoPolicy)?;
        received.check(now.unix)?;
        Ok(Self { rules: received.policy.rules.strictest(own), now })
    }

    pub fn rules(&self) -> &PolicyRules {
        &self.rules
    }

    /// What to leave out of every picture and every text.
    pub fn exclusions(&self) -> Exclusions {
        let patterns = |list: &[protocol::policy::Pattern]| {
            list.iter().map(|pattern| Pattern::new(pattern.as_str())).collect()
        };
        Exclusions {
            kinds: self.rules.excluded_kinds.iter().copied().map(WindowKind::from).collect(),
            programs: patterns(&self.rules.excluded_programs),
            titles: patterns(&self.rules.excluded_titles),
        }
    }

    /// Whether a picture that its user asked for may be sent.
    pub fn may_send(&self, sent: Sent) -> Result<(), Refusal> {
        if self.rules.pictures_per_day.is_some_and(|most| sent.today >= most) {
            return Err(Refusal::BudgetSpent);
        }
        Ok(())
    }

    /// Whether ambient mode may send a picture now.
    pub fn may_watch(&self, sent: Sent) -> Result<(), Refusal> {
        if !self.rules.ambient_allowed {
            return Err(Refusal::AmbientForbidden);
        }
        if let Some(hours) = &self.rules.work_hours
            && !self.now.local.is_some_and(|time| hours.contain(time.day, time.minute))
        {
            return Err(Refusal::OutsideHours);
        }
        if let Some(last) = sent.last_ambient_at {
            // Never longer than the cooldown itself, also after the clock was set back.
            let cooldown = i64::from(self.rules.cooldown_seconds);
            let left = last.saturating_add(cooldown).saturating_sub(self.now.unix);
            if left > 0 {
                return Err(Refusal::CoolingDown { seconds: left.min(cooldown) });
            }
        }
        self.may_send(sent)
    }

    /// Whether text of other programs may be changed, once confirmed.
    pub fn may_type(&self) -> Result<(), Refusal> {
        if self.rules.edits_allowed { Ok(()) } else { Err(Refusal::EditsForbidden) }
    }
}

impl From<Kind> for WindowKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::LockScreen => Self::LockScreen,
            Kind::PasswordManager => Self::PasswordManager,
            Kind::PrivateBrowsing => Self::PrivateBrowsing,
        }
    }
}

impl LocalTime {
    /// `offset`: of local time from UTC, in seconds.
    pub fn of(unix: i64, offset: i32) -> Self {
        let local = unix.saturating_add(i64::from(offset));
        // The epoch was a Thursday.
        let days = local.div_euclid(DAY).saturating_add(3).rem_euclid(7);
        let day = usize::try_from(days).ok().and_then(|day| Weekday::ALL.get(day).copied());
        let minute = u16::try_from(local.rem_euclid(DAY) / 60).unwrap_or_default();
        Self { day: day.unwrap_or(Weekday::Monday), minute }
    }
}

/// The day (UTC) that the server counts pictures of, in days since the Unix epoch.
pub fn day_of(unix: i64) -> i64 {
    unix.div_euclid(DAY)
}

#[cfg(test)]
mod tests;
