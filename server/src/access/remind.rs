//! Reminding the administrators of a request that waits.

use app::visit::Visit;
use protocol::Problem;
use protocol::access::{Reminder, RequestStatus};

use super::{Access, AccessRequest, ReminderRules, Reminders};
use crate::failure::Refusal;
use crate::http::refusals::Refuses;
use crate::secret::TokenHash;

impl Access {
    /// Whoever holds the status page's address may remind, seldom and not often: the address is in the requester's mail,
    /// so nothing more than a gathered mail to administrators may follow from it.
    pub(super) async fn remind_administrators(
        &self,
        visit: &Visit,
        token: &str,
    ) -> Result<RequestStatus, Refusal> {
        self.check_link_rate(visit)?;
        let (status, now) = (TokenHash::of(token), self.env.now());
        let mut tx = self.env.store.begin().await?;
        let Some(request) = tx.access_request_by_status(&status).await? else {
            let unheard = tx.unheard_request(&status).await?.ok_or_else(Problem::not_found)?;
            let standing = self.remind_of_unheard(&mut tx, visit, &status, unheard).await?;
            tx.commit().await?;
            return Ok(standing);
        };
        may_remind_now(request.next_reminder(self.reminder_rules(), now), now)?;
        if !tx.remind(&request, self.env.config.access.notices, now).await? {
            return Err(faster().into());
        }
        let detail = format!("{} so far", request.reminders.sent + 1);
        tx.audit(now, "visitor", "access-request.reminded", &request.id, &detail).await?;
        self.notify(&mut tx).await?;
        let reminded = tx.access_request(&request.id).await?.ok_or_else(Problem::not_found)?;
        let standing = self.standing(&mut tx, visit, &reminded).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(standing)
    }

    /// When the next reminder is taken, if there is one.
    pub(super) fn reminder(&self, request: &AccessRequest) -> Option<Reminder> {
        let (rules, now) = (self.reminder_rules(), self.env.now());
        let at = request.next_reminder(rules, now)?;
        reminder(at, request.expires_at(), request.reminders, rules, now)
    }

    /// The first one is not taken before the notice of the request itself has surely gone out.
    pub(super) fn reminder_rules(&self) -> ReminderRules {
        let access = &self.env.config.access;
        ReminderRules {
            first_after: i64::from(access.notice_minutes) * 60,
            apart: i64::from(access.reminder_hours) * 3600,
            most: i64::from(access.max_reminders),
        }
    }
}

/// A reminder that is taken from `at` on; `None` if what it reminds of ends before.
pub(super) fn reminder(
    at: i64,
    ends_at: Option<i64>,
    sent: Reminders,
    rules: ReminderRules,
    now: i64,
) -> Option<Reminder> {
    let left = u32::try_from(rules.most - sent.sent).unwrap_or_default();
    let reminder = Reminder { at: (at > now).then_some(at), left };
    ends_at.is_none_or(|end| at < end).then_some(reminder)
}

/// By when the next one is taken, if any is.
pub(super) fn may_remind_now(next: Option<i64>, now: i64) -> Result<(), Problem> {
    match next {
        None => Err(no_more()),
        Some(at) if at > now => Err(too_early(at - now)),
        Some(_) => Ok(()),
    }
}

fn no_more() -> Problem {
    Problem::new("no-reminder", 409, "The administrators cannot be reminded of this any more")
        .detail("Talk to them, or ask again once this request has ended.")
}

fn too_early(seconds: i64) -> Problem {
    Problem::new("too-early", 429, "It is too early for a reminder")
        .detail("This page says from when on you can remind the administrators.")
        .retry_after(seconds.unsigned_abs())
}

pub(super) fn faster() -> Problem {
    Problem::conflict("The request was decided, or the administrators were reminded, a moment ago.")
}

/// What reminding refuses with.
#[derive(Debug)]
pub struct Reminding;

impl Refuses for Reminding {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), no_more(), too_early(3600), faster()]
    }
}
