//! When the administrators can be reminded of a pending request.

use domain::access::{AccessRequest, ReminderRules, Reminders};
use protocol::Problem;
use protocol::access::Reminder;
use web::documented_errors::DocumentedErrors;

use super::Access;

impl Access {
    /// When the next reminder is accepted, if there is one.
    pub(super) fn reminder(&self, request: &AccessRequest) -> Option<Reminder> {
        let (rules, now) = (self.reminder_rules(), self.env.now());
        let at = request.next_reminder(rules, now)?;
        reminder(at, request.expires_at(), request.reminders, rules, now)
    }

    /// The first reminder is accepted only when the notice about the request itself must have gone out.
    pub(super) fn reminder_rules(&self) -> ReminderRules {
        let access = &self.env.config.access;
        ReminderRules {
            initial_delay: i64::from(access.notice_minutes) * 60,
            interval: i64::from(access.reminder_hours) * 3600,
            max: i64::from(access.max_reminders),
        }
    }
}

/// A reminder that is accepted from `at` on; `None` if the request expires before.
pub(super) fn reminder(
    at: i64,
    ends_at: Option<i64>,
    sent: Reminders,
    rules: ReminderRules,
    now: i64,
) -> Option<Reminder> {
    let left = u32::try_from(rules.max - sent.sent).unwrap_or_default();
    let reminder = Reminder { at: (at > now).then_some(at), left };
    ends_at.is_none_or(|end| at < end).then_some(reminder)
}

/// Checks that the next reminder, accepted from `next` on, is accepted now.
pub(super) fn check_reminder(next: Option<i64>, now: i64) -> Result<(), Problem> {
    match next {
        None => Err(no_more()),
        Some(at) if at > now => Err(too_early(at - now)),
        Some(_) => Ok(()),
    }
}

fn no_more() -> Problem {
    Problem::new("no-reminder", 409, "You can’t send more reminders")
        .detail("Talk to your administrator, or request access again once this request has expired.")
}

fn too_early(seconds: i64) -> Problem {
    Problem::new("too-early", 429, "It’s too early for a reminder")
        .detail("This page shows when you can send one.")
        .retry_after(seconds.unsigned_abs())
}

/// 409: a concurrent decision or reminder was faster.
pub(super) fn lost_race() -> Problem {
    Problem::conflict("The request was just decided, or a reminder was just sent.")
}

/// The errors of [`RequesterService::remind`](app::services::RequesterService::remind).
#[derive(Debug)]
pub struct RemindErrors;

impl DocumentedErrors for RemindErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), no_more(), too_early(3600), lost_race()]
    }
}
