//! Periodic cleanup: deletes expired rows that nothing shows any more, and marks analyses as failed whose server is gone.

use std::sync::Arc;
use std::time::Duration;

use domain::ledger::day_of;
use domain::mail::DELIVERED_BODY_KEPT;
use protocol::ServiceError;
use tokio_util::sync::CancellationToken;

use crate::analysis::time_limit;
use crate::environment::Environment;
use crate::job;

const INTERVAL: Duration = Duration::from_hours(1);
const DAY: i64 = 24 * 3600;
/// How long it is known how much each person has sent, in days.
const COUNTS_KEPT_DAYS: i64 = 400;
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
    tx.rate_budgets().clean_up(env.now_ms()).await?;
    tx.suppressed_requests().clean_up(now - SUPPRESSED_REQUESTS_KEPT).await?;
    tx.mails().clean_up(now - DELIVERED_BODY_KEPT).await?;
    tx.analyses().fail_abandoned(now - time_limit() - GRACE_PERIOD, now).await?;
    let kept = now - i64::from(env.config.workflows.keep_days) * DAY;
    tx.runs().delete_older(kept).await?;
    tx.checkpoints().delete_older(kept).await?;
    let expired = tx.policies().apply_retention(now).await?;
    tx.ledger().clean_up(day_of(now) - COUNTS_KEPT_DAYS).await?;
    tx.commit().await?;
    if expired > 0 {
        tracing::info!(rows = expired, "what a policy keeps for a limited time was deleted");
    }
    // Rows of a server of an earlier version on the same database.
    env.store.fill_search_texts().await?;
    Ok(env.store.fill_conversations().await?)
}
