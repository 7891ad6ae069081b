//! People: accounts, the set-up of their factors, signing in.
//!
//! Nobody learns from text, code or timing whether an address has an account (ASVS 6.3.8). A wrong password costs the
//! same whoever it is for, and a right one alone opens nothing.

mod cookies;
mod panel;
mod password;
mod recovery;
mod service;
mod setup;
mod sign_in;
mod totp;

use std::sync::Arc;

pub use cookies::{CookieKind, cookie_value};
pub use panel::{Asker, PanelSession};
pub use password::Passwords;
pub use sign_in::{CHALLENGE_SECONDS, CodeCheck, Origin, PasswordCheck};
pub use totp::TotpSecret;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::http::RateLimiter;

/// Everything that is done with accounts.
#[derive(Debug, Clone)]
pub struct People {
    env: Arc<Environment>,
    last_uses: Arc<panel::LastUses>,
    limits: Arc<RateLimiter>,
    passwords: Passwords,
}

impl People {
    pub fn new(env: Arc<Environment>, limits: Arc<RateLimiter>) -> Result<Self, Failure> {
        let at_once = env.config.limits.password_hashes as usize;
        let passwords = Passwords::new(at_once, env.random.as_ref())?;
        Ok(Self { env, last_uses: Arc::default(), limits, passwords })
    }
}
