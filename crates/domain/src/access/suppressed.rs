//! Requests that nobody hears of, since their address has too many that are pending.

use super::{AccessRequest, MatchCode, Reminders, RequestState};
use crate::secret::TokenHash;

/// What a status page shows, and nothing of what was asked.
#[derive(Debug, Clone)]
pub struct SuppressedRequest {
    pub match_code: MatchCode,
    pub requested_at: i64,
    pub expires_at: i64,
    pub reminders: Reminders,
    /// Of the cookie of the browser that asked.
    pub browser: TokenHash,
}

impl SuppressedRequest {
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

    pub fn state_at(&self, now: i64) -> RequestState {
        if self.expires_at <= now { RequestState::Expired } else { RequestState::Pending }
    }
}
