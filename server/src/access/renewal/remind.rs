//! The job that mails owners before their certificates expire.

use std::time::Duration;

use domain::access::{AccessRequest, Reminders, State};
use domain::account::Account;
use domain::audit::{Action, Actor};
use domain::certificate::{EndReminder, EndReminderTimes, MachineCertificate};
use domain::id::CertificateId;
use domain::secret::Token;
use protocol::ServiceError;
use protocol::access::{DeviceName, MatchCode, Message};
use store::Tx;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::access::decide::already_decided;
use crate::failure::Failure;
use crate::job;

const INTERVAL: Duration = Duration::from_mins(15);
const DAY: i64 = 24 * 3600;
/// The desktop program renews at two thirds of the lifetime; its users should get no mail.
const RENEWAL_GRACE_PERIOD: i64 = DAY;
/// Certificates per query.
const BATCH: i64 = 100;
/// Shown to administrators as who decided about the server's own requests.
const DECIDED_BY: &str = "server";

impl Access {
    /// Sends due reminders until `shutdown`.
    pub async fn run_expiry_reminders(self, shutdown: CancellationToken) {
        job::every(INTERVAL, &shutdown, "expiry reminders", || async {
            self.send_due_reminders().await.map(drop)
        })
        .await;
    }

    /// Writes every mail that is due now and returns their number. A failure does not hold up the others.
    pub async fn send_due_reminders(&self) -> Result<usize, ServiceError> {
        let before_end = i64::from(self.env.config.access.reminder_days) * DAY;
        let times = EndReminderTimes { after_two_thirds: RENEWAL_GRACE_PERIOD, before_end };
        let mut written = 0;
        loop {
            let mut tx = self.env.store.read().await?;
            let due = tx.renewals().due_reminders(self.env.now(), times, BATCH).await?;
            drop(tx);
            let mut more = i64::try_from(due.len()) == Ok(BATCH);
            for (id, reminder) in due {
                match self.remind(&id, reminder).await {
                    Ok(new) => written += usize::from(new),
                    Err(error) => {
                        // It is still due, so querying again at once would loop forever.
                        error.log("expiry reminder");
                        more = false;
                    }
                }
            }
            self.outbox.notify_job();
            if !more {
                return Ok(written);
            }
        }
    }

    async fn remind(&self, id: &CertificateId, reminder: EndReminder) -> Result<bool, ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        if !tx.renewals().claim_reminder(id, reminder).await? {
            return Ok(false);
        }
        let missing = || Failure::Other("an expiring certificate or its owner is missing");
        let certificate = tx.certificates().find(id).await?.ok_or_else(missing)?;
        let owner = tx.accounts().find(&certificate.account_id).await?.ok_or_else(missing)?;
        let link = self.renewal_link(&mut tx, &certificate, &owner).await?;
        self.outbox.certificate_expires(&mut tx, &owner.email, &certificate, &link).await?;
        let detail = if reminder == EndReminder::Last { "last" } else { "first" };
        tx.audit_log().append(now, Actor::Server, Action::CertificateEndAnnounced, id, detail).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The link to the machine's next certificate. The same in each mail, so it is derived and not random.
    async fn renewal_link(
        &self,
        tx: &mut Tx,
        certificate: &MachineCertificate,
        owner: &Account,
    ) -> Result<Token, ServiceError> {
        let link = self.env.vault.derive(&format!("renewal-link:{}", certificate.id));
        let link = Token::from_bytes(&link);
        if tx.renewals().has_link(&certificate.id).await? {
            return Ok(link);
        }
        let (random, now) = (self.env.random.as_ref(), self.env.now());
        let mut bytes = [0; 64];
        random.fill(&mut bytes);
        let device = DeviceName::from_stored(&certificate.device_name);
        let request = AccessRequest {
            id: self.env.new_id(),
            email: owner.email.clone(),
            // Shown to nobody: the machine's certificate is the proof.
            match_code: MatchCode::from_random(bytes).ok_or(Failure::Other("the random source ran dry"))?,
            platform: tx.renewals().platform_of(&certificate.id).await?,
            device_name: Some(device),
            message: Message::default(),
            requested_at: now,
            reminders: Reminders::default(),
            state: State::Pending { expires_at: certificate.not_after },
        };
        // It has no status page and no requesting browser.
        let (status, browser) = (Token::generate(random), Token::generate(random));
        tx.access_requests().insert(&request, &status.hash(), &browser.hash()).await?;
        // Administrators need no notice of the server's own request.
        tx.access_requests().mark_noticed(&request.id).await?;
        let request = request.approve(DECIDED_BY, now, certificate.not_after).map_err(already_decided)?;
        tx.access_requests().decide(&request, Some(&link.hash())).await?;
        tx.renewals().insert_link(&request.id, &certificate.id).await?;
        Ok(link)
    }
}
