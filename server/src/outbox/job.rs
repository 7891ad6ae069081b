//! The job that empties the outbox.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Outbox, recipient};
use crate::failure::{Failure, Refusal};
use crate::mail::{Mail, Obstacle, SendError, Subject};
use crate::store::DueMail;

/// How long a claimed mail stays with its worker, in seconds: longer than any SMTP time limit.
const CLAIM_SECONDS: i64 = 300;
/// Waits after a mail server has put a mail off, in seconds; after the last one the mail is given up.
const BACK_OFF: [i64; 8] = [30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400];
/// How long a mail server that cannot be used is left alone, in seconds. Such an attempt does not count: once the server
/// is there again, everything leaves within a minute or so.
const AWAY: i64 = 60;
/// How long a mail waits for such a server, in seconds.
const PATIENCE: i64 = 3 * 24 * 3600;
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

    /// Sends everything that is due now; gives the number of mails that were sent. Ends early when the mail server cannot
    /// be used: the others would only meet the same.
    pub async fn drain(&self) -> Result<usize, Refusal> {
        let Some(mailer) = &self.mailer else { return Ok(0) };
        let mut sent = 0;
        loop {
            let now = self.env.now();
            let mut tx = self.env.store.begin().await?;
            let Some(due) = tx.claim_mail(now, now + CLAIM_SECONDS).await? else { return Ok(sent) };
            tx.commit().await?;
            let result = match self.stored(&due) {
                Ok(mail) => mailer.send(&due.id, &mail).await,
                Err(error) => Err(error),
            };
            self.note(&due, &result).await?;
            match result {
                Ok(()) => sent += 1,
                Err(error) if error.obstacle == Obstacle::Connection => return Ok(sent),
                Err(_) => {}
            }
        }
    }

    /// The mail as it was written. One that cannot be read must not keep the others from leaving.
    fn stored(&self, due: &DueMail) -> Result<Mail, SendError> {
        let mail = || -> Result<Mail, Refusal> {
            let body = self.open(&due.id, due.body_sealed.as_deref())?;
            let body = body.ok_or(Failure::Other("a due mail has no body"))?;
            let (to, subject) = (recipient(&due.recipient)?, Subject::new(&due.subject));
            Ok(Mail { to, subject, text: body.text, html: body.html })
        };
        mail().map_err(|refusal| {
            // Into a problem, and so into the log.
            let _: protocol::Problem = refusal.into();
            let reason = "the stored mail cannot be read; was the data key changed?".to_owned();
            SendError { obstacle: Obstacle::Mail, reason, source: None }
        })
    }

    /// Writes down what became of an attempt.
    async fn note(&self, due: &DueMail, result: &Result<(), SendError>) -> Result<(), Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        match result {
            Ok(()) => tx.mail_sent(&due.id, now).await?,
            Err(error) => {
                let next = next_attempt(due, error.obstacle, now);
                let counts = error.obstacle != Obstacle::Connection;
                // What a mail server says about a mail may name the person; what it says before does not.
                let cause = error.source.as_deref().filter(|_| !counts).map(tracing::field::display);
                tracing::warn!(mail = due.id, next, cause, "a mail was not sent: {error}");
                tx.mail_failed(&due.id, &error.reason, counts, next).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// When to try again; `None`: the mail is given up. It stays, and can be sent again.
fn next_attempt(due: &DueMail, obstacle: Obstacle, now: i64) -> Option<i64> {
    match obstacle {
        Obstacle::Connection => (now < due.queued_at + PATIENCE).then_some(now + AWAY),
        Obstacle::Mail => None,
        Obstacle::Moment => {
            let index = usize::try_from(due.attempts.max(1) - 1).ok()?;
            BACK_OFF.get(index).map(|wait| now + wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(attempts: i64) -> DueMail {
        DueMail {
            id: "m".into(),
            recipient: "anna@example.org".into(),
            subject: String::new(),
            body_sealed: None,
            attempts,
            queued_at: 1_000,
        }
    }

    #[test]
    fn a_refused_mail_waits_longer_each_time() {
        let waits: Vec<_> = (1..=9).map(|n| next_attempt(&due(n), Obstacle::Moment, 0)).collect();
        assert!(waits[..8].windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert_eq!(waits[8], None);
        assert_eq!(next_attempt(&due(1), Obstacle::Mail, 0), None);
    }

    #[test]
    fn a_mail_server_that_is_away_is_waited_for_a_long_time() {
        let end = 1_000 + PATIENCE;
        assert_eq!(next_attempt(&due(1_000), Obstacle::Connection, end - 1), Some(end - 1 + AWAY));
        assert_eq!(next_attempt(&due(1), Obstacle::Connection, end), None);
    }
}
