//! The native API: for machines with a valid certificate whose users sign in with two factors.
//!
//! An access token is a JWT bound to the machine's certificate (RFC 8705 §3) and to a session in the database: a stolen
//! token is useless on another machine, and useless once the session has ended.

mod renew;
mod sign_in;
mod token;

use std::sync::Arc;

use domain::account::{Account, Session};
use domain::id::SessionId;
use web::RateLimiter;

use crate::certificate::Certificates;
use crate::environment::Environment;
use crate::people::People;
use crate::read_cache::ReadCache;
use token::Tokens;

pub use sign_in::Person;

/// Sessions that are kept for a moment.
const MAX_OPEN: usize = 4_096;

/// The service behind every operation on native sessions.
#[derive(Debug, Clone)]
pub struct Native {
    env: Arc<Environment>,
    certificates: Certificates,
    limits: Arc<dyn RateLimiter>,
    people: People,
    tokens: Arc<Tokens>,
    /// Sessions that have not ended, with their accounts.
    open: Arc<ReadCache<SessionId, (Session, Account)>>,
}

impl Native {
    pub fn new(
        env: Arc<Environment>,
        certificates: Certificates,
        limits: Arc<dyn RateLimiter>,
        people: People,
    ) -> Self {
        let tokens = Arc::new(Tokens::new(&env.vault, env.config.machines_url.origin()));
        let open = Arc::new(ReadCache::new(MAX_OPEN));
        Self { env, certificates, limits, people, tokens, open }
    }
}
