//! The job that empties the outbox.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Outbox, recipient};
use crate::failure::{Failure, Refusal};
use crate::mail::{Mail, SendError, Subject};
use crate::store::DueMail;

/// How long a claimed mail stays with its worker, in seconds: longer than any SMTP time limit.
const CLAIM_SECONDS: i64 = 300;
/// Waits between attempts, in seconds; after the last one the mail is given up (it stays and can be retried).
const BACK_OFF: [i64; 8] = [30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400];
/// How often the job looks by itself.
const ROUND: Duration = Duration::from_secs(15);

impl Outbox {
    /// Sends what is due until `shutdown`. Returns at once when there is no SMTP server.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.mailer.is_none() {
            return;
        }
        while !shutdown.is_cancelled() {
            if let Err(error) = self.drain().await {
                // Into a problem, and so into the log; the next round tries again.
                let _: protocol::Problem = error.into();
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.due.notified() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Sends everything that is due now; gives the number of mails that were sent.
    pub async fn drain(&self) -> Result<usize, Refusal> {
        let mut sent = 0;
        loop {
            let now = self.env.now();
            let mut tx = self.env.store.begin().await?;
            let Some(mail) = tx.claim_mail(now, now + CLAIM_SECONDS).await? else { return Ok(sent) };
            tx.commit().await?;
            sent += usize::from(self.send(&mail).await?);
        }
    }

    async fn send(&self, due: &DueMail) -> Result<bool, Refusal> {
        let Some(mailer) = &self.mailer else { return Ok(false) };
        let body = self
            .open(&due.id, due.body_sealed.as_deref())?
            .ok_or(Failure::Other("a due mail has no body"))?;
        let (to, subject) = (recipient(&due.recipient)?, Subject::new(&due.subject));
        let mail = Mail { to, subject, text: body.text, html: body.html };
        let result = mailer.send(&due.id, &mail).await;
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        match &result {
            Ok(()) => tx.mail_sent(&due.id, now).await?,
            Err(error) => {
                let retry_at = self.retry_at(due.attempts, error, now);
                tracing::warn!(
                    mail = due.id,
                    attempts = due.attempts,
                    gives_up = retry_at.is_none(),
                    "a mail was not sent"
                );
                tx.mail_failed(&due.id, &error.to_string(), retry_at).await?;
            }
        }
        tx.commit().await?;
        Ok(result.is_ok())
    }

    fn retry_at(&self, attempts: i64, error: &SendError, now: i64) -> Option<i64> {
        if !error.retryable {
            return None;
        }
        let index = usize::try_from(attempts.max(1) - 1).ok()?;
        BACK_OFF.get(index).map(|wait| now + wait)
    }
}
