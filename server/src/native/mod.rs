//! The native API: for machines with a valid certificate whose users sign in with two factors.
//!
//! An access token is a JWT bound to the machine's certificate (RFC 8705 §3) and to a session in the database: a stolen
//! token is useless on another machine, and useless once the session has ended.

mod renew;
mod sign_in;
mod token;

use std::sync::Arc;

use web::RateLimiter;

use crate::certificate::Certificates;
use crate::environment::Environment;
use crate::people::People;
use token::Tokens;

pub use sign_in::Person;

/// The service behind every operation on native sessions.
#[derive(Debug, Clone)]
pub struct Native {
    env: Arc<Environment>,
    certificates: Certificates,
    limits: Arc<dyn RateLimiter>,
    people: People,
    tokens: Arc<Tokens>,
}

impl Native {
    pub fn new(
        env: Arc<Environment>,
        certificates: Certificates,
        limits: Arc<dyn RateLimiter>,
        people: People,
    ) -> Self {
        let tokens = Arc::new(Tokens::new(&env.vault, env.config.machines_url.origin()));
        Self { env, certificates, limits, people, tokens }
    }
}
