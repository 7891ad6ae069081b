//! Removing what is over and shown to nobody any more, and ending what nobody works at any more.

use std::sync::Arc;
use std::time::Duration;

use protocol::Problem;
use tokio_util::sync::CancellationToken;

use crate::analysis::time_limit;
use crate::environment::Environment;
use crate::failure::Refusal;

/// How often it is done.
const ROUND: Duration = Duration::from_secs(3600);
const DAY: i64 = 24 * 3600;
/// Whoever comes back after a sign-in ended is told so for a while.
const SIGN_INS_STAY: i64 = DAY;
/// Beyond an analysis' time limit: for storing its picture before and its record after, and for clocks that differ.
const BEYOND_THE_LIMIT: i64 = 10 * 60;
/// As long as a browser remembers that it asked.
const UNHEARD_REQUESTS_STAY: i64 = 60 * DAY;

/// Sweeps now and then until `shutdown`.
pub async fn run(env: Arc<Environment>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = sweep(&env).await {
            // Into a problem, and so into the log; the next round tries again.
            let _: Problem = error.into();
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Any number of servers may do it at once.
pub async fn sweep(env: &Environment) -> Result<(), Refusal> {
    let now = env.now();
    let mut tx = env.store.begin().await?;
    tx.sweep_sign_ins(now - SIGN_INS_STAY).await?;
    tx.sweep_unheard_requests(now - UNHEARD_REQUESTS_STAY).await?;
    tx.fail_lost_analyses(now - time_limit() - BEYOND_THE_LIMIT).await?;
    Ok(tx.commit().await?)
}
