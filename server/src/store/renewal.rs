//! Certificates that end, and the links to the next ones.

use protocol::access::Platform;

use super::query::{execute, fetch_all, fetch_optional};
use super::{MachineCertificate, StoreError, Tx};

/// How far the mails about a certificate's end have got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reminder {
    /// At two thirds of the life.
    First = 1,
    /// Shortly before the end.
    Last = 2,
}

/// When mails are due, in seconds: the first so long after two thirds of the life, the last so long before the end.
#[derive(Debug, Clone, Copy)]
pub struct ReminderTimes {
    pub after_two_thirds: i64,
    pub before_end: i64,
}

impl Tx {
    /// Certificates in force whose owner is to be reminded, and which reminder it is: never two at once. What has been
    /// renewed needs none, and who may not sign in gets none.
    pub async fn certificates_to_remind_of(
        &mut self,
        now: i64,
        times: ReminderTimes,
        limit: i64,
    ) -> Result<Vec<(String, Reminder)>, StoreError> {
        const LAST: &str =
            "(c.not_after - $3 <= $1 AND c.not_before + (c.not_after - c.not_before) * 2 / 3 <= $1)";
        const FIRST: &str = "(c.not_before + (c.not_after - c.not_before) * 2 / 3 + $2 <= $1)";
        let sql = format!(
            "SELECT c.id, CASE WHEN {LAST} THEN 2 ELSE 1 END FROM machine_certificate c
             JOIN account a ON a.id = c.account_id
             WHERE c.revoked_at IS NULL AND c.not_after > $1 AND a.state <> 'disabled'
             AND (c.reminded < 2 AND {LAST} OR c.reminded < 1 AND {FIRST})
             AND NOT EXISTS (SELECT 1 FROM machine_certificate n WHERE n.renewed_from = c.id)
             ORDER BY c.not_after LIMIT $4"
        );
        let rows: Vec<(String, i32)> =
            fetch_all!(self, (String, i32), &sql, now, times.after_two_thirds, times.before_end, limit)?;
        let reminder = |number| if number == 2 { Reminder::Last } else { Reminder::First };
        Ok(rows.into_iter().map(|(id, number)| (id, reminder(number))).collect())
    }

    /// Notes a reminder; `false` when another server has just done so.
    pub async fn take_reminder(&mut self, id: &str, reminder: Reminder) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE machine_certificate SET reminded = $1 WHERE id = $2 AND reminded < $1",
            reminder as i64,
            id
        )?;
        Ok(changed == 1)
    }

    /// Says that behind the link of this request is the next certificate of a machine.
    pub async fn insert_renewal_link(
        &mut self,
        request_id: &str,
        certificate_id: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO renewal_link (request_id, certificate_id) VALUES ($1, $2)",
            request_id,
            certificate_id
        )?;
        Ok(())
    }

    /// Whether there is a link to the next certificate of this one's machine.
    pub async fn has_renewal_link(&mut self, certificate_id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT request_id FROM renewal_link WHERE certificate_id = $1";
        let found: Option<(String,)> = fetch_optional!(self, (String,), sql, certificate_id)?;
        Ok(found.is_some())
    }

    /// The certificate whose place is taken by the one behind a request's link. `None`: it is for a new machine.
    pub async fn certificate_behind_renewal_link(
        &mut self,
        request_id: &str,
    ) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = "SELECT certificate_id FROM renewal_link WHERE request_id = $1";
        let found: Option<(String,)> = fetch_optional!(self, (String,), sql, request_id)?;
        match found {
            Some((id,)) => self.certificate(&id).await,
            None => Ok(None),
        }
    }

    /// The system for which a machine's package was fetched, if this certificate came in one.
    pub async fn platform_of(&mut self, certificate_id: &str) -> Result<Option<Platform>, StoreError> {
        let sql = "SELECT platform FROM access_request WHERE certificate_id = $1";
        let found: Option<(Option<String>,)> = fetch_optional!(self, (Option<String>,), sql, certificate_id)?;
        Ok(found.and_then(|(platform,)| platform?.parse().ok()))
    }

    /// Ends the link to the next certificate: the machine got it otherwise.
    pub async fn end_renewal_link(&mut self, certificate_id: &str, now: i64) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE access_request SET grant_expires_at = $1 WHERE state = 'approved'
             AND id = (SELECT request_id FROM renewal_link WHERE certificate_id = $2)",
            now,
            certificate_id
        )?;
        Ok(())
    }
}
