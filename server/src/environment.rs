//! What every service works with: the store, the configuration, time, randomness and the data key.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::random::Random;
use crate::store::Store;
use crate::vault::Vault;

/// Handed to every service; cheap to clone behind its `Arc`.
#[derive(Debug)]
pub struct Environment {
    pub store: Store,
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub vault: Vault,
}

impl Environment {
    /// Seconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.clock.unix()
    }

    pub fn new_id(&self) -> String {
        self.random.id(self.clock.as_ref())
    }
}
