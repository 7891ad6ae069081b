//! Suppressed requests: those of an address that has too many pending ones already. Administrators do not see them.

use super::{AccessRequest, MatchCode, Reminders, RequestState};
use crate::secret::TokenHash;

/// A suppressed request: what its status page shows, without the requester's data.
#[derive(Debug, Clone)]
pub struct SuppressedRequest {
    pub match_code: MatchCode,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    pub reminders: Reminders,
    /// The hash of the requesting browser's cookie.
    pub browser: TokenHash,
}

impl SuppressedRequest {
    /// The suppressed form of `request`. `None`: it is neither pending nor approved, so it has no expiry.
    pub fn from_request(request: &AccessRequest, browser: &TokenHash) -> Option<Self> {
        Some(Self {
            match_code: request.match_code.clone(),
            requested_at: request.requested_at,
            expires_at: request.expires_at()?,
            reminders: request.reminders,
            browser: browser.clone(),
        })
    }

    /// The state at `now` (seconds since the Unix epoch): pending or expired.
    pub fn state_at(&self, now: i64) -> RequestState {
        if self.expires_at <= now { RequestState::Expired } else { RequestState::Pending }
    }
}
