//! Requests beyond `access.max_pending_per_address`. Administrators never see them, and nobody decides on them. The status
//! page shows the same as for any other request, so that it does not reveal that an address has made many.

use app::request_context::RequestContext;
use domain::access::{Reminders, SuppressedRequest};
use domain::secret::TokenHash;
use protocol::ServiceError;
use protocol::access::{RequestState, RequestStatus};
use store::Tx;

use super::Access;
use super::remind::{check_reminder, lost_race, reminder};

impl Access {
    /// What the status page shows.
    pub(super) fn suppressed_status(
        &self,
        context: &RequestContext,
        request: &SuppressedRequest,
    ) -> RequestStatus {
        let (rules, now) = (self.reminder_rules(), self.env.now());
        let state = request.state_at(now);
        let same_browser =
            context.requester.as_ref().is_some_and(|c| TokenHash::of(c.expose()) == request.browser);
        let next = request.reminders.next(request.requested_at, rules);
        RequestStatus {
            state,
            match_code: same_browser.then(|| request.match_code.grouped()),
            requested_at: request.requested_at,
            expires_at: Some(request.expires_at),
            reason: None,
            reminded_at: request.reminders.last_at,
            reminder: next
                .filter(|_| state == RequestState::Pending)
                .and_then(|at| reminder(at, Some(request.expires_at), request.reminders, rules, now)),
        }
    }

    /// Counts a reminder without notifying anybody.
    pub(super) async fn remind_of_suppressed(
        &self,
        tx: &mut Tx,
        context: &RequestContext,
        status: &TokenHash,
        request: SuppressedRequest,
    ) -> Result<RequestStatus, ServiceError> {
        let (rules, now) = (self.reminder_rules(), self.env.now());
        let pending = request.state_at(now) == RequestState::Pending;
        let next = request.reminders.next(request.requested_at, rules).filter(|_| pending);
        check_reminder(next, now)?;
        if !tx.suppressed_requests().remind(status, request.reminders.sent, now).await? {
            return Err(lost_race().into());
        }
        let reminders = Reminders { sent: request.reminders.sent + 1, last_at: Some(now) };
        Ok(self.suppressed_status(context, &SuppressedRequest { reminders, ..request }))
    }
}
