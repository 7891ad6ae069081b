//! Telling people what time brings: requesters that nobody decided, or that their link has ended, administrators that somebody waits.
//!
//! Administrators get at most one mail about requests per `access.notice_minutes`. The first thing that happens is
//! mailed in its own transaction; what comes soon after waits for the next round of the job.

use std::time::Duration;

use protocol::access::EmailAddress;
use tokio_util::sync::CancellationToken;

use super::Access;
use crate::failure::Refusal;
use crate::store::Tx;

/// How often the job looks.
const ROUND: Duration = Duration::from_secs(20);
/// How many expiries one look brings.
const BATCH: i64 = 100;
/// What the administrators' notices are gathered under.
const TOPIC: &str = "access-requests";
/// How much of that one transaction stores.
const AT_ONCE: i64 = 500;

impl Access {
    /// Does what is due by the clock until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.round().await {
                // Into a problem, and so into the log; the next round tries again.
                let _: protocol::Problem = error.into();
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Finds out what a former version of the server did not store: how addresses look, and what a search looks through.
    pub async fn catch_up(&self) -> Result<(), Refusal> {
        loop {
            let mut tx = self.env.store.begin().await?;
            let requests = tx.unsearchable(AT_ONCE).await?;
            if requests.is_empty() {
                break;
            }
            for request in &requests {
                tx.set_search_text(request).await?;
            }
            tx.commit().await?;
        }
        loop {
            let mut tx = self.env.store.begin().await?;
            let addresses = tx.addresses_without_look(AT_ONCE).await?;
            let addresses: Vec<EmailAddress> = addresses.iter().filter_map(|a| a.parse().ok()).collect();
            if addresses.is_empty() {
                return Ok(());
            }
            for address in &addresses {
                tx.put_look(address).await?;
            }
            tx.commit().await?;
        }
    }

    /// Tells requesters of expired requests and links, and administrators what was gathered for them. Any number of servers may
    /// do it at once.
    pub async fn round(&self) -> Result<(), Refusal> {
        self.tell_of_expiries().await?;
        let mut tx = self.env.store.begin().await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(())
    }

    /// Tells administrators what they do not know yet, unless they had a notice a short while ago.
    pub(super) async fn notify(&self, tx: &mut Tx) -> Result<(), Refusal> {
        let (access, now) = (&self.env.config.access, self.env.now());
        let news = tx.unnoticed(access.notices, now).await?;
        let not_since = now - i64::from(access.notice_minutes) * 60;
        if news.is_empty() || !tx.take_notice_turn(TOPIC, not_since, now).await? {
            return Ok(());
        }
        for (request, _) in &news {
            tx.set_noticed(&request.id).await?;
        }
        self.outbox.notice(tx, &news).await
    }

    async fn tell_of_expiries(&self) -> Result<(), Refusal> {
        loop {
            let now = self.env.now();
            let expired = self.env.store.read().await?.untold_expiries(now, BATCH).await?;
            if expired.is_empty() {
                return Ok(());
            }
            for request in expired {
                let mut tx = self.env.store.begin().await?;
                if !tx.set_expiry_told(&request).await? {
                    continue;
                }
                if request.grant().is_some() {
                    tx.audit(now, "server", "download-link.ended", &request.id, "").await?;
                    let another = self.next_link_ask(&request).is_some();
                    self.outbox.link_ended(&mut tx, &request, another).await?;
                } else {
                    tx.audit(now, "server", "access-request.expired", &request.id, "").await?;
                    self.outbox.expired(&mut tx, &request).await?;
                }
                tx.commit().await?;
            }
        }
    }
}
