//! The job that reminds owners of certificates that end.

use std::time::Duration;

use protocol::Problem;
use protocol::access::{DeviceName, MatchCode, Message};
use tokio_util::sync::CancellationToken;

use crate::access::{Access, AccessRequest, Reminders, State};
use crate::failure::{Failure, Refusal};
use crate::secret::Token;
use crate::store::{Account, MachineCertificate, Reminder, ReminderTimes, Tx};

/// How often the job looks.
const ROUND: Duration = Duration::from_secs(15 * 60);
const DAY: i64 = 24 * 3600;
/// The desktop program renews at two thirds of the life; whoever has it should not hear of it.
const HEAD_START: i64 = DAY;
/// Certificates per look at the database.
const BATCH: i64 = 100;
/// Who decided about requests that nobody made, as administrators see it.
const BY: &str = "server";

impl Access {
    /// Reminds whoever is to be reminded, until `shutdown`.
    pub async fn remind_of_ends(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.remind_now().await {
                // Into a problem, and so into the log; the next round tries again.
                let _: Problem = error.into();
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Writes every mail that is due now; gives their number. One that cannot be written keeps no other from it.
    pub async fn remind_now(&self) -> Result<usize, Refusal> {
        let before_end = i64::from(self.env.config.access.reminder_days) * DAY;
        let times = ReminderTimes { after_two_thirds: HEAD_START, before_end };
        let mut written = 0;
        loop {
            let mut tx = self.env.store.read().await?;
            let due = tx.certificates_to_remind_of(self.env.now(), times, BATCH).await?;
            drop(tx);
            let mut again = i64::try_from(due.len()) == Ok(BATCH);
            for (id, reminder) in due {
                match self.remind(&id, reminder).await {
                    Ok(new) => written += usize::from(new),
                    Err(error) => {
                        // Into a problem, and so into the log. It is due still, so asking again now would never end.
                        let _: Problem = error.into();
                        again = false;
                    }
                }
            }
            self.outbox.wake();
            if !again {
                return Ok(written);
            }
        }
    }

    async fn remind(&self, id: &str, reminder: Reminder) -> Result<bool, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        if !tx.take_reminder(id, reminder).await? {
            return Ok(false);
        }
        let lost = || Failure::Other("a certificate that ends is gone, or its owner");
        let certificate = tx.certificate(id).await?.ok_or_else(lost)?;
        let owner = tx.account(&certificate.account_id).await?.ok_or_else(lost)?;
        let link = self.renewal_link(&mut tx, &certificate, &owner).await?;
        self.outbox.certificate_ends(&mut tx, &owner.email, &certificate, &link).await?;
        let detail = if reminder == Reminder::Last { "last" } else { "first" };
        tx.audit(now, BY, "certificate.end-announced", id, detail).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The link to the next certificate of this one's machine: the same in each mail, so it is derived and not drawn.
    async fn renewal_link(
        &self,
        tx: &mut Tx,
        certificate: &MachineCertificate,
        owner: &Account,
    ) -> Result<Token, Refusal> {
        let link = self.env.vault.derive(&format!("renewal-link:{}", certificate.id));
        let link = Token::from_bytes(&link);
        if tx.has_renewal_link(&certificate.id).await? {
            return Ok(link);
        }
        let (random, now) = (self.env.random.as_ref(), self.env.now());
        let mut bytes = [0; 64];
        random.fill(&mut bytes);
        let device: DeviceName =
            certificate.device_name.parse().map_err(|_| Failure::Other("a machine's name does not fit"))?;
        let request = AccessRequest {
            id: self.env.new_id(),
            email: owner.email.clone(),
            // Nobody knows it: the machine's certificate is the proof.
            match_code: MatchCode::from_random(bytes).ok_or(Failure::Other("the random source ran dry"))?,
            platform: tx.platform_of(&certificate.id).await?,
            device_name: Some(device),
            message: Message::default(),
            requested_at: now,
            reminders: Reminders::default(),
            state: State::Pending { expires_at: certificate.not_after },
        };
        // Nobody holds the page of its state, and no browser asked.
        let (status, browser) = (Token::generate(random), Token::generate(random));
        tx.insert_access_request(&request, &status.hash(), &browser.hash()).await?;
        // The server itself asked: there is nothing to tell administrators.
        tx.set_noticed(&request.id).await?;
        let request = request.approve(BY, now, certificate.not_after)?;
        tx.decide(&request, Some(&link.hash())).await?;
        tx.insert_renewal_link(&request.id, &certificate.id).await?;
        Ok(link)
    }
}
