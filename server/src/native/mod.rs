//! The native API: for machines with a valid certificate, and people with two factors on them.
//!
//! An access token is a JWT that is bound to the machine's certificate (RFC 8705 §3) and to a session in the database:
//! a stolen token is worth nothing on another machine, and nothing once the session has ended.

pub mod http;
mod renew;
mod sign_in;
mod token;

use std::sync::Arc;

pub use sign_in::Person;

use crate::certificate::Certificates;
use crate::environment::Environment;
use crate::http::RateLimiter;
use crate::people::People;
use token::Tokens;

/// Everything that is done with native sessions.
#[derive(Debug, Clone)]
pub struct Native {
    env: Arc<Environment>,
    certificates: Certificates,
    limits: Arc<RateLimiter>,
    people: People,
    tokens: Arc<Tokens>,
}

impl Native {
    pub fn new(
        env: Arc<Environment>,
        certificates: Certificates,
        limits: Arc<RateLimiter>,
        people: People,
    ) -> Self {
        let tokens = Arc::new(Tokens::new(&env.vault, env.config.machines_url.origin()));
        Self { env, certificates, limits, people, tokens }
    }
}
