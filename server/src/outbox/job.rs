//! The job that sends the mails in the outbox.

use std::time::Duration;

use domain::mail::DueMail;
use protocol::ServiceError;
use tokio_util::sync::CancellationToken;

use super::{Outbox, recipient};
use crate::failure::Failure;
use crate::job;
use crate::mail::{Mail, SendError, SendErrorKind, Subject};

/// How long a claimed mail belongs to its worker, in seconds: longer than any SMTP timeout.
const CLAIM_SECONDS: i64 = 300;
/// Delays after temporary failures, in seconds; after the last one the mail is given up.
const RETRY_BACKOFF: [i64; 8] = [30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400];
/// Delay while the mail server is unreachable, in seconds. Such attempts do not count: once the server is back, everything
/// is sent within a minute or so.
const UNREACHABLE_BACKOFF: i64 = 60;
/// How long a mail waits for an unreachable server before it is given up, in seconds.
const UNREACHABLE_TIMEOUT: i64 = 3 * 24 * 3600;
/// How often the job polls without a notification.
const INTERVAL: Duration = Duration::from_secs(15);

impl Outbox {
    /// Sends due mails until `shutdown`. Returns at once when there is no SMTP server.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.mailer.is_none() {
            return;
        }
        let drain = || async { self.drain().await.map(drop) };
        job::every_or_notified(INTERVAL, &self.due, &shutdown, "sending mails", drain).await;
    }

    /// Sends every mail that is due now and returns how many were sent. Stops early when the mail server is unreachable:
    /// the others would fail in the same way.
    pub async fn drain(&self) -> Result<usize, ServiceError> {
        let Some(mailer) = &self.mailer else { return Ok(0) };
        let mut sent = 0;
        loop {
            let now = self.env.now();
            let mut tx = self.env.store.begin().await?;
            let Some(due) = tx.mails().claim(now, now + CLAIM_SECONDS).await? else { return Ok(sent) };
            tx.commit().await?;
            let result = match self.read(&due) {
                Ok(mail) => mailer.send(due.id.as_str(), &mail).await,
                Err(error) => Err(error),
            };
            self.record_attempt(&due, &result).await?;
            match result {
                Ok(()) => sent += 1,
                Err(error) if error.kind == SendErrorKind::Connection => return Ok(sent),
                Err(_) => {}
            }
        }
    }

    /// Decrypts the stored mail. A failure is a permanent error of this mail, so that it does not hold up the others.
    fn read(&self, due: &DueMail) -> Result<Mail, SendError> {
        let mail = || -> Result<Mail, ServiceError> {
            let body = self.open(&due.id, due.body_sealed.as_deref())?;
            let body = body.ok_or(Failure::Other("a due mail has no body"))?;
            let (to, subject) = (recipient(&due.recipient)?, Subject::new(&due.subject));
            Ok(Mail { to, subject, text: body.text, html: body.html })
        };
        mail().map_err(|error| {
            error.log("reading a mail");
            let reason = "the stored mail cannot be read; was the data key changed?".to_owned();
            SendError { kind: SendErrorKind::Permanent, reason, source: None }
        })
    }

    /// Records the result of an attempt.
    async fn record_attempt(
        &self,
        due: &DueMail,
        result: &Result<(), SendError>,
    ) -> Result<(), ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        match result {
            Ok(()) => tx.mails().mark_sent(&due.id, now).await?,
            Err(error) => {
                let next = next_attempt(due, error.kind, now);
                let counts = error.kind != SendErrorKind::Connection;
                // A mail server's answer about a mail may contain personal data; a connection error does not.
                let cause = error.source.as_deref().filter(|_| !counts).map(tracing::field::display);
                tracing::warn!(mail = %due.id, next, cause, "a mail was not sent: {error}");
                tx.mails().mark_failed(&due.id, &error.reason, counts, next).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// When to try again; `None`: the mail is given up. It is kept and can be sent again.
fn next_attempt(due: &DueMail, kind: SendErrorKind, now: i64) -> Option<i64> {
    match kind {
        SendErrorKind::Connection => {
            (now < due.queued_at + UNREACHABLE_TIMEOUT).then_some(now + UNREACHABLE_BACKOFF)
        }
        SendErrorKind::Permanent => None,
        SendErrorKind::Transient => {
            let index = usize::try_from(due.attempts.max(1) - 1).ok()?;
            RETRY_BACKOFF.get(index).map(|wait| now + wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(attempts: i64) -> DueMail {
        DueMail {
            id: "m".parse().unwrap(),
            recipient: "anna@example.org".into(),
            subject: String::new(),
            body_sealed: None,
            attempts,
            queued_at: 1_000,
        }
    }

    #[test]
    fn a_deferred_mail_backs_off() {
        let waits: Vec<_> = (1..=9).map(|n| next_attempt(&due(n), SendErrorKind::Transient, 0)).collect();
        assert!(waits[..8].windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert_eq!(waits[8], None);
        assert_eq!(next_attempt(&due(1), SendErrorKind::Permanent, 0), None);
    }

    #[test]
    fn an_unreachable_mail_server_is_retried_for_days() {
        let end = 1_000 + UNREACHABLE_TIMEOUT;
        assert_eq!(
            next_attempt(&due(1_000), SendErrorKind::Connection, end - 1),
            Some(end - 1 + UNREACHABLE_BACKOFF)
        );
        assert_eq!(next_attempt(&due(1), SendErrorKind::Connection, end), None);
    }
}
