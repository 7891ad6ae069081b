//! Requests beyond `access.max_pending_per_address`. Nobody decides on them or hears of them. Whoever asked sees the same
//! as of any other request: that an address has asked often is nothing to learn from its status page.

use app::visit::Visit;
use protocol::access::{MatchCode, RequestState, RequestStatus};

use super::remind::{faster, may_remind_now, reminder};
use super::{Access, AccessRequest, Reminders};
use crate::failure::Refusal;
use crate::secret::TokenHash;
use crate::store::Tx;

/// What a status page shows, and nothing of what was asked.
#[derive(Debug, Clone)]
pub struct UnheardRequest {
    pub match_code: MatchCode,
    pub requested_at: i64,
    pub expires_at: i64,
    pub reminders: Reminders,
    /// Of the cookie of the browser that asked.
    pub browser: TokenHash,
}

impl UnheardRequest {
    /// `None`: `request` does not wait for anybody.
    pub fn instead_of(request: &AccessRequest, browser: &TokenHash) -> Option<Self> {
        Some(Self {
            match_code: request.match_code.clone(),
            requested_at: request.requested_at,
            expires_at: request.expires_at()?,
            reminders: request.reminders,
            browser: browser.clone(),
        })
    }

    fn state_at(&self, now: i64) -> RequestState {
        if self.expires_at <= now { RequestState::Expired } else { RequestState::Pending }
    }
}

impl Access {
    /// What the holder of the status page's address may know.
    pub(super) fn standing_of_unheard(&self, visit: &Visit, request: &UnheardRequest) -> RequestStatus {
        let (rules, now) = (self.reminder_rules(), self.env.now());
        let state = request.state_at(now);
        let asked_here = visit.asked.as_ref().is_some_and(|c| TokenHash::of(&c.0) == request.browser);
        let next = request.reminders.next(request.requested_at, rules);
        RequestStatus {
            state,
            match_code: asked_here.then(|| request.match_code.grouped()),
            requested_at: request.requested_at,
            expires_at: Some(request.expires_at),
            reason: None,
            reminded_at: request.reminders.last_at,
            reminder: next
                .filter(|_| state == RequestState::Pending)
                .and_then(|at| reminder(at, Some(request.expires_at), request.reminders, rules, now)),
        }
    }

    /// Counts a reminder that reaches nobody.
    pub(super) async fn remind_of_unheard(
        &self,
        tx: &mut Tx,
        visit: &Visit,
        status: &TokenHash,
        request: UnheardRequest,
    ) -> Result<RequestStatus, Refusal> {
        let (rules, now) = (self.reminder_rules(), self.env.now());
        let pending = request.state_at(now) == RequestState::Pending;
        let next = request.reminders.next(request.requested_at, rules).filter(|_| pending);
        may_remind_now(next, now)?;
        if !tx.remind_of_unheard(status, request.reminders.sent, now).await? {
            return Err(faster().into());
        }
        let reminders = Reminders { sent: request.reminders.sent + 1, last_at: Some(now) };
        Ok(self.standing_of_unheard(visit, &UnheardRequest { reminders, ..request }))
    }
}
