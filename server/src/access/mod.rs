//! Access: from the request to the certificate.
//!
//! The link of an approved request is not enough on its own: redeeming it also needs the browser that made the request
//! (a cookie) or the match code, which is never mailed. Opening a link does not use it up; redeeming does, once.

mod decide;
mod history;
mod link;
mod notify;
mod offer;
pub mod redeem;
mod remind;
mod renewal;
mod requester;
mod suppressed;

use std::sync::Arc;

use domain::id::AccessRequestId;
use protocol::Problem;
use web::RateLimiter;

use crate::certificate::Certificates;
use crate::environment::Environment;
use crate::outbox::Outbox;
use crate::people::People;

pub use decide::DecisionErrors;
pub use link::{DeclineLinkErrors, SendLinkErrors};
pub use offer::NewLinkRequestErrors;
pub use redeem::{Proof, Redeemed, SetupPathErrors};
pub use remind::RemindErrors;
pub use requester::SubmitErrors;

/// The service behind every operation on access requests.
#[derive(Debug, Clone)]
pub struct Access {
    env: Arc<Environment>,
    certificates: Certificates,
    limits: Arc<dyn RateLimiter>,
    outbox: Outbox,
    people: People,
}

impl Access {
    pub fn new(
        env: Arc<Environment>,
        certificates: Certificates,
        limits: Arc<dyn RateLimiter>,
        outbox: Outbox,
        people: People,
    ) -> Self {
        Self { env, certificates, limits, outbox, people }
    }
}

/// What is no id is the id of no request.
fn known(id: &str) -> Result<AccessRequestId, Problem> {
    id.parse().map_err(|_| Problem::not_found())
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::access::{AccessRequest, Message, Reminders, State};

    /// Anna's, of the year 1970, which waits for 100 seconds.
    pub(crate) fn pending() -> AccessRequest {
        AccessRequest {
            id: "r".parse().unwrap(),
            email: "anna@example.org".parse().unwrap(),
            match_code: "2345-6789".parse().unwrap(),
            platform: None,
            device_name: None,
            message: Message::default(),
            requested_at: 0,
            reminders: Reminders::default(),
            state: State::Pending { expires_at: 100 },
        }
    }
}
