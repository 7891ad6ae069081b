//! Time-based notifications: requesters learn that nobody decided in time or that their link has expired, administrators
//! learn that requests are waiting.
//!
//! Administrators get at most one mail about requests per `access.notice_minutes`. The first event is mailed in its own
//! transaction; events that follow soon after wait for the next run of the job.

use std::time::Duration;

use domain::audit::{Action, Actor};
use protocol::ServiceError;
use protocol::access::EmailAddress;
use store::Tx;
use tokio_util::sync::CancellationToken;

use super::Access;
use crate::job;

const INTERVAL: Duration = Duration::from_secs(20);
/// Expiries per query.
const BATCH: i64 = 100;
/// The throttle key of the administrators' notices.
const TOPIC: &str = "access-requests";
/// Rows per transaction of the backfill.
const BACKFILL_BATCH: i64 = 500;

impl Access {
    /// Sends due notices until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        job::every(INTERVAL, &shutdown, "notices", || self.send_due_notices()).await;
    }

    /// Fills in derived columns that an earlier version did not store or computed by other rules: the skeletons of addresses
    /// and the search texts of requests; and makes conversations of analyses that have none.
    pub async fn backfill(&self) -> Result<(), ServiceError> {
        self.env.store.fill_search_texts().await?;
        self.env.store.fill_conversations().await?;
        loop {
            let mut tx = self.env.store.begin().await?;
            let requests = tx.access_requests().without_search_text(BACKFILL_BATCH).await?;
            if requests.is_empty() {
                break;
            }
            for request in &requests {
                tx.access_requests().set_search_text(request).await?;
            }
            tx.commit().await?;
        }
        loop {
            let mut tx = self.env.store.begin().await?;
            let addresses = tx.addresses().without_skeleton(BACKFILL_BATCH).await?;
            let addresses: Vec<EmailAddress> = addresses.iter().filter_map(|a| a.parse().ok()).collect();
            if addresses.is_empty() {
                return Ok(());
            }
            for address in &addresses {
                tx.addresses().put_skeleton(address).await?;
            }
            tx.commit().await?;
        }
    }

    /// Notifies requesters of expired requests and links, and administrators of what has accumulated. Safe to run on several
    /// servers at once.
    pub async fn send_due_notices(&self) -> Result<(), ServiceError> {
        self.notify_of_expiries().await?;
        let mut tx = self.env.store.begin().await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(())
    }

    /// Mails administrators what they have not been notified of yet, unless they got a notice recently.
    pub(super) async fn notify(&self, tx: &mut Tx) -> Result<(), ServiceError> {
        let (access, now) = (&self.env.config.access, self.env.now());
        let news = tx.access_requests().pending_notices(access.notices, now).await?;
        let not_since = now - i64::from(access.notice_minutes) * 60;
        if news.is_empty() || !tx.access_requests().claim_notice(TOPIC, not_since, now).await? {
            return Ok(());
        }
        for (request, _) in &news {
            tx.access_requests().mark_noticed(&request.id).await?;
        }
        self.outbox.notice(tx, &news).await
    }

    async fn notify_of_expiries(&self) -> Result<(), ServiceError> {
        loop {
            let now = self.env.now();
            let expired =
                self.env.store.read().await?.access_requests().unnotified_expiries(now, BATCH).await?;
            if expired.is_empty() {
                return Ok(());
            }
            for request in expired {
                let mut tx = self.env.store.begin().await?;
                if !tx.access_requests().set_expiry_notified(&request).await? {
                    continue;
                }
                if request.grant().is_some() {
                    tx.audit_log().append(now, Actor::Server, Action::LinkEnded, &request.id, "").await?;
                    let another = self.next_link_request(&request).is_some();
                    self.outbox.link_ended(&mut tx, &request, another).await?;
                } else {
                    tx.audit_log()
                        .append(now, Actor::Server, Action::AccessRequestExpired, &request.id, "")
                        .await?;
                    self.outbox.expired(&mut tx, &request).await?;
                }
                tx.commit().await?;
            }
        }
    }
}
