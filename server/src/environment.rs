//! The dependencies of every service: store, configuration, clock, random source and data key.

use std::sync::Arc;

use domain::clock::Clock;
use domain::id::Id;
use domain::random::Random;
use protocol::ServiceError;
use store::Store;
use web::CookieNames;

use crate::config::Config;
use crate::vault::Vault;

/// Shared by all services as an `Arc`.
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

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// After a revocation, a sign-in or the end of a session has failed: whether to try it once more, now that the reserve has
    /// made room on the full disk. It begins its transaction with [`Store::begin_urgent`].
    pub fn release_reserve_after(&self, error: &ServiceError) -> bool {
        let released = matches!(error, ServiceError::StorageFull(_)) && self.store.release_reserve();
        if released {
            tracing::warn!("the disk is full: the reserve was released");
        }
        released
    }

    /// The names of this server's cookies. `secure`: the request came over TLS.
    pub fn cookies(&self, secure: bool) -> CookieNames {
        CookieNames { secure, port: self.config.cookie_port() }
    }

    /// The id of a new row.
    pub fn new_id<T: Id>(&self) -> T {
        T::from_uuid(self.random.uuid(self.clock.as_ref()))
    }
}
