//! The outbox. Mails are queued in the transaction of what caused them, and sent afterwards by a job.

use domain::Page;
use domain::id::MailId;
use domain::mail::{DueMail, MailState, StoredMail};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Mails, StoreError, Tx, parsed};

#[derive(sqlx::FromRow)]
struct DueRow {
    #[sqlx(try_from = "String")]
    id: MailId,
    recipient: String,
    subject: String,
    body_sealed: Option<Vec<u8>>,
    attempts: i64,
    queued_at: i64,
}

impl From<DueRow> for DueMail {
    fn from(row: DueRow) -> Self {
        Self {
            id: row.id,
            recipient: row.recipient,
            subject: row.subject,
            body_sealed: row.body_sealed,
            attempts: row.attempts,
            queued_at: row.queued_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    recipient: String,
    subject: String,
    body_sealed: Option<Vec<u8>>,
    state: String,
    notice: i64,
    attempts: i64,
    last_error: Option<String>,
    created_at: i64,
    sent_at: Option<i64>,
}

impl TryFrom<Row> for StoredMail {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed("mail", row.id)?,
            recipient: row.recipient,
            subject: row.subject,
            body_sealed: row.body_sealed,
            state: parsed("mail", row.state)?,
            notice: row.notice != 0,
            attempts: row.attempts,
            last_error: row.last_error,
            created_at: row.created_at,
            sent_at: row.sent_at,
        })
    }
}

impl Mails<'_> {
    /// Queues a mail to be sent (`deliverable`), or stores it for an administrator to copy. `now`: seconds since the Unix
    /// epoch.
    pub async fn insert(
        &mut self,
        id: &MailId,
        recipient: &str,
        subject: &str,
        body_sealed: &[u8],
        deliverable: bool,
        now: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO mail (id, recipient, subject, body_sealed, state, next_attempt_at, created_at, queued_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
            id.as_str(),
            recipient,
            subject,
            body_sealed,
            if deliverable { "waiting" } else { "kept" },
            now
        )?;
        Ok(())
    }

    /// Queues a notice to an administrator. Nobody has to copy it: administrators see the same in the panel.
    pub async fn insert_notice(
        &mut self,
        id: &MailId,
        recipient: &str,
        subject: &str,
        body_sealed: &[u8],
        now: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO mail (id, recipient, subject, body_sealed, state, next_attempt_at, created_at, queued_at, notice)
             VALUES ($1, $2, $3, $4, 'waiting', $5, $5, $5, 1)",
            id.as_str(),
            recipient,
            subject,
            body_sealed,
            now
        )?;
        Ok(())
    }

    /// Claims a due mail until `claimed_until` (seconds since the Unix epoch). After that it is due again, in case the worker
    /// has crashed.
    pub async fn claim(&mut self, now: i64, claimed_until: i64) -> Result<Option<DueMail>, StoreError> {
        let lock = if matches!(self.0, Tx::Postgres(_)) { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE mail SET attempts = attempts + 1, next_attempt_at = $2 WHERE id = (
                 SELECT id FROM mail WHERE state = 'waiting' AND next_attempt_at <= $1
                 ORDER BY next_attempt_at, id LIMIT 1 {lock})
             RETURNING id, recipient, subject, body_sealed, attempts, queued_at"
        );
        Ok(fetch_optional!(self.0, DueRow, &sql, now, claimed_until)?.map(DueMail::from))
    }

    /// Marks a mail as sent and deletes its body, which may contain a link.
    pub async fn mark_sent(&mut self, id: &MailId, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE mail SET state = 'sent', sent_at = $1, body_sealed = NULL, last_error = NULL WHERE id = $2",
            now,
            id.as_str()
        )?;
        Ok(())
    }

    /// Records a failed attempt. `retry_at`: when to try again (seconds since the Unix epoch), `None` to give up. `counts`:
    /// whether it counts as an attempt.
    pub async fn mark_failed(
        &mut self,
        id: &MailId,
        error: &str,
        counts: bool,
        retry_at: Option<i64>,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE mail SET last_error = $1, attempts = attempts - $2,
             state = CASE WHEN $3 < 0 THEN 'dead' ELSE 'waiting' END,
             next_attempt_at = CASE WHEN $3 < 0 THEN next_attempt_at ELSE $3 END WHERE id = $4",
            error,
            i64::from(!counts),
            retry_at.unwrap_or(-1),
            id.as_str()
        )?;
        Ok(())
    }

    /// Queues a given-up mail again; `false` if it is not given up.
    pub async fn retry(&mut self, id: &MailId, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE mail SET state = 'waiting', attempts = 0, next_attempt_at = $1, queued_at = $1
             WHERE id = $2 AND state = 'dead'",
            now,
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Queues all given-up mails again. Returns their number.
    pub async fn retry_all(&mut self, now: i64) -> Result<u64, StoreError> {
        execute!(
            self.0,
            "UPDATE mail SET state = 'waiting', attempts = 0, next_attempt_at = $1, queued_at = $1
             WHERE state = 'dead'",
            now
        )
    }

    /// Marks a mail as sent that an administrator has delivered by other means; `false` if it is waiting or sent already. Its
    /// body stays until [`Mails::clean_up`].
    pub async fn mark_delivered_otherwise(&mut self, id: &MailId, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE mail SET state = 'sent', sent_at = $1 WHERE id = $2 AND state IN ('kept', 'dead')",
            now,
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Undoes [`Mails::mark_delivered_otherwise`] if that was after `since` (seconds since the Unix epoch) and the body is
    /// still there; otherwise `false`.
    pub async fn take_back(&mut self, id: &MailId, since: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE mail SET state = CASE WHEN last_error IS NULL THEN 'kept' ELSE 'dead' END, sent_at = NULL
             WHERE id = $1 AND state = 'sent' AND body_sealed IS NOT NULL AND sent_at > $2",
            id.as_str(),
            since
        )?;
        Ok(changed == 1)
    }

    /// Deletes the bodies of mails that administrators have sent before `before` (seconds since the Unix epoch).
    pub async fn clean_up(&mut self, before: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE mail SET body_sealed = NULL, last_error = NULL
             WHERE state = 'sent' AND body_sealed IS NOT NULL AND sent_at <= $1",
            before
        )?;
        Ok(())
    }

    /// One page of the mails in a state, or of all, newest first.
    pub async fn list(
        &mut self,
        state: Option<MailState>,
        page: u32,
        page_size: u32,
    ) -> Result<Page<StoredMail>, StoreError> {
        // A literal instead of a parameter, so that the query planner can use the partial index.
        let condition = state.map(|state| format!("WHERE state = '{}'", state.as_str())).unwrap_or_default();
        let total = fetch_number!(self.0, &format!("SELECT COUNT(*) FROM mail {condition}"))?.unsigned_abs();
        let slice = format!(
            "SELECT id, recipient, subject, body_sealed, state, notice, attempts, last_error, created_at, sent_at FROM mail
             {condition} ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2"
        );
        let rows: Vec<Row> =
            fetch_all!(self.0, Row, &slice, i64::from(page_size), i64::from(page) * i64::from(page_size))?;
        let rows = rows.into_iter().map(StoredMail::try_from).collect::<Result<_, _>>()?;
        Ok(Page { rows, total, page, page_size })
    }

    /// The number of mails that an administrator has to copy or retry. Notices to administrators are no work.
    pub async fn count_needing_attention(&mut self) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM mail WHERE state IN ('kept', 'dead') AND notice = 0")?
            .unsigned_abs())
    }
}
