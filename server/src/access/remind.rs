//! Reminding the administrators of a pending request.

use app::request_context::RequestContext;
use domain::audit::{Action, Actor};
use protocol::Problem;
use protocol::access::{Reminder, RequestStatus};

use super::Access;
use crate::failure::ServiceError;
use domain::access::{AccessRequest, ReminderRules, Reminders};
use domain::secret::TokenHash;
use web::documented_errors::DocumentedErrors;

impl Access {
    /// Whoever has the status page's address may send a few reminders, well apart. The address is in the requester's mail
    /// and so not a secret of the browser: nothing more than a throttled mail to the administrators may follow from it.
    pub(super) async fn remind_administrators(
        &self,
        context: &RequestContext,
        token: &str,
    ) -> Result<RequestStatus, ServiceError> {
        self.check_link_rate(context).await?;
        let (status, now) = (TokenHash::of(token), self.env.now());
        let mut tx = self.env.store.begin().await?;
        let Some(request) = tx.access_requests().find_by_status(&status).await? else {
            let suppressed = tx.suppressed_requests().find(&status).await?.ok_or_else(Problem::not_found)?;
            let answer = self.remind_of_suppressed(&mut tx, context, &status, suppressed).await?;
            tx.commit().await?;
            return Ok(answer);
        };
        check_reminder(request.next_reminder(self.reminder_rules(), now), now)?;
        if !tx.access_requests().remind(&request, self.env.config.access.notices, now).await? {
            return Err(lost_race().into());
        }
        let detail = format!("{} so far", request.reminders.sent + 1);
        tx.audit_log()
            .append(now, Actor::Visitor, Action::AccessRequestReminded, &request.id, &detail)
            .await?;
        self.notify(&mut tx).await?;
        let reminded = tx.access_requests().find(&request.id).await?.ok_or_else(Problem::not_found)?;
        let answer = self.request_status(&mut tx, context, &reminded).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(answer)
    }

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
            first_after: i64::from(access.notice_minutes) * 60,
            apart: i64::from(access.reminder_hours) * 3600,
            most: i64::from(access.max_reminders),
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
    let left = u32::try_from(rules.most - sent.sent).unwrap_or_default();
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
    Problem::new("no-reminder", 409, "The administrators cannot be reminded of this any more")
        .detail("Talk to them, or ask again once this request has ended.")
}

fn too_early(seconds: i64) -> Problem {
    Problem::new("too-early", 429, "It is too early for a reminder")
        .detail("This page says from when on you can remind the administrators.")
        .retry_after(seconds.unsigned_abs())
}

/// 409: a concurrent decision or reminder was faster.
pub(super) fn lost_race() -> Problem {
    Problem::conflict("The request was decided, or the administrators were reminded, a moment ago.")
}

/// The errors of [`Access::remind_administrators`].
#[derive(Debug)]
pub struct RemindErrors;

impl DocumentedErrors for RemindErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), no_more(), too_early(3600), lost_race()]
    }
}
