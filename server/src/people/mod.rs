//! People: accounts, their set-up, and signing in.
//!
//! No text, status code or timing reveals whether an address has an account (ASVS 6.3.8): a wrong password takes the same
//! time for every address, and a correct one alone signs nobody in.

mod devices;
mod factor;
mod failures;
mod limits;
mod manage;
mod own;
mod panel;
mod password;
mod recovery;
mod setup;
mod sign_in;
mod totp;

use std::sync::Arc;

use web::RateLimiter;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::outbox::Outbox;

pub use manage::{AccountManager, authorise};
pub use panel::{Activity, PanelSession};
pub use password::Passwords;
pub use sign_in::{CHALLENGE_SECONDS, CheckCodeErrors, CheckPasswordErrors, NewSession, Origin};
pub use totp::TotpSecret;

/// The service behind every operation on accounts.
#[derive(Debug, Clone)]
pub struct People {
    env: Arc<Environment>,
    failures: Arc<failures::Failures>,
    last_uses: Arc<panel::LastUses>,
    limits: Arc<dyn RateLimiter>,
    outbox: Outbox,
    passwords: Passwords,
}

impl People {
    pub fn new(env: Arc<Environment>, limits: Arc<dyn RateLimiter>, outbox: Outbox) -> Result<Self, Failure> {
        let concurrency = env.config.limits.password_hashes as usize;
        let passwords = Passwords::new(concurrency, env.random.as_ref())?;
        Ok(Self { env, failures: Arc::default(), last_uses: Arc::default(), limits, outbox, passwords })
    }
}
