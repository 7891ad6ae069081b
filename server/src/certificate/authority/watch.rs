//! Reloads the authorities when an operator's command or another server has changed them.

use std::time::Duration;

use protocol::ServiceError;
use tokio_util::sync::CancellationToken;

use super::Authorities;
use crate::certificate::Certificates;
use crate::job;

const POLL_INTERVAL: Duration = Duration::from_millis(300);

impl Certificates {
    /// Reloads changed authorities until `shutdown`. `changed` is called after each reload.
    pub async fn watch_authorities(self, shutdown: CancellationToken, changed: impl Fn(&Self)) {
        // After a failure, trust is unchanged.
        job::every(POLL_INTERVAL, &shutdown, "watching for authorities", || async {
            if self.reload_authorities().await? {
                changed(&self);
            }
            Ok(())
        })
        .await;
    }

    /// Returns whether anything changed. Retiring an authority revokes its certificates, which closes their connections.
    pub async fn reload_authorities(&self) -> Result<bool, ServiceError> {
        let (env, before) = (&self.0.env, self.authorities());
        let mut tx = env.store.read().await?;
        if tx.authorities().trusted().await? == before.stored {
            return Ok(false);
        }
        drop(tx);
        let after = Authorities::open(env).await?;
        tracing::info!(trusted = after.stored.len(), "the authorities have changed");
        self.replace_authorities(after);
        Ok(true)
    }
}
