//! Periodic cleanup: deletes expired rows that nothing shows any more, and marks analyses as failed whose server is gone.

use std::sync::Arc;
use std::time::Duration;

use domain::mail::DELIVERED_BODY_KEPT;
use protocol::ServiceError;
use tokio_util::sync::CancellationToken;

use crate::analysis::time_limit;
use crate::environment::Environment;
use crate::job;

const INTERVAL: Duration = Duration::from_hours(1);
const DAY: i64 = 24 * 3600;
/// For this long after a session has ended, its browser still learns that it ended.
const SIGN_INS_KEPT: i64 = DAY;
/// Added to an analysis's time limit: for storing the image before and the record after it, and for clock skew.
const GRACE_PERIOD: i64 = 10 * 60;
/// As long as the requesting browser's cookie.
const SUPPRESSED_REQUESTS_KEPT: i64 = 60 * DAY;

/// Cleans up periodically until `shutdown`.
pub async fn run(env: Arc<Environment>, shutdown: CancellationToken) {
    job::every(INTERVAL, &shutdown, "cleanup", || clean_up(&env)).await;
}

/// Safe to run on several servers at once.
pub async fn clean_up(env: &Environment) -> Result<(), ServiceError> {
    let now = env.now();
    let mut tx = env.store.begin().await?;
    tx.sessions().clean_up(now - SIGN_INS_KEPT).await?;
    tx.accounts().clean_up(now).await?;
    tx.suppressed_requests().clean_up(now - SUPPRESSED_REQUESTS_KEPT).await?;
    tx.mails().clean_up(now - DELIVERED_BODY_KEPT).await?;
    tx.analyses().fail_abandoned(now - time_limit() - GRACE_PERIOD).await?;
    tx.commit().await?;
    // Rows of a server of an earlier version on the same database.
    Ok(env.store.fill_search_texts().await?)
}
