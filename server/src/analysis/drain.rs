//! The end of this process, as its runs see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long the steps that are under way may take, once the server is to stop. Then their runs are handed over as they are.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Drain {
    flag: AtomicBool,
    never: AtomicBool,
    begun: CancellationToken,
    cut: CancellationToken,
}

impl Drain {
    /// Set once runs are to stop after the step that they are in.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    pub fn never(&self) -> &AtomicBool {
        &self.never
    }

    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Runs are to stop where they are.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }

    pub async fn begin(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.begun.cancel();
        tokio::time::sleep(GRACE_PERIOD).await;
        self.cut.cancel();
    }
}
