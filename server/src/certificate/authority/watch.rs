//! Noticing that an operator, or another server, has changed the authorities.

use std::time::Duration;

use protocol::Problem;
use tokio_util::sync::CancellationToken;

use super::Authorities;
use crate::certificate::Certificates;
use crate::failure::Refusal;

/// How often the server looks.
const WATCH: Duration = Duration::from_millis(300);

impl Certificates {
    /// Takes over what has changed, until `shutdown`. `changed` is called after each change.
    pub async fn watch_authorities(self, shutdown: CancellationToken, changed: impl Fn(&Self)) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(WATCH) => {}
            }
            match self.take_over_authorities().await {
                Ok(false) => {}
                Ok(true) => changed(&self),
                Err(refusal) => {
                    // Into a problem, and so into the log. What was trusted stays trusted; the next round tries again.
                    let _: Problem = refusal.into();
                }
            }
        }
    }

    /// Whether anything was new. What is open with a retired authority's certificates ends by their revocation.
    pub async fn take_over_authorities(&self) -> Result<bool, Refusal> {
        let (env, before) = (&self.0.env, self.authorities());
        let mut tx = env.store.read().await?;
        if tx.trusted_authorities().await? == before.stored {
            return Ok(false);
        }
        drop(tx);
        let after = Authorities::open(env).await?;
        tracing::info!(trusted = after.stored.len(), "the authorities have changed");
        self.replace_authorities(after);
        Ok(true)
    }
}
