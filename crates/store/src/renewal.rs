//! Reminders of expiring certificates, and renewal links.

use domain::access::Platform;
use domain::certificate::{EndReminder, EndReminderTimes, MachineCertificate};
use domain::id::{AccessRequestId, CertificateId};

use crate::query::{execute, fetch_all, fetch_optional};
use crate::{Renewals, StoreError, parsed};

impl Renewals<'_> {
    /// Valid certificates whose owners are due for a reminder, each with its latest due one. Renewed certificates and those
    /// of disabled accounts are left out. `now`: seconds since the Unix epoch.
    pub async fn due_reminders(
        &mut self,
        now: i64,
        times: EndReminderTimes,
        limit: i64,
    ) -> Result<Vec<(CertificateId, EndReminder)>, StoreError> {
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
            fetch_all!(self.0, (String, i32), &sql, now, times.after_two_thirds, times.before_end, limit)?;
        let reminder = |number| if number == 2 { EndReminder::Last } else { EndReminder::First };
        rows.into_iter()
            .map(|(id, number)| Ok((parsed("machine_certificate", id)?, reminder(number))))
            .collect()
    }

    /// Claims a reminder; `false` if another server has claimed it.
    pub async fn claim_reminder(
        &mut self,
        id: &CertificateId,
        reminder: EndReminder,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE machine_certificate SET reminded = $1 WHERE id = $2 AND reminded < $1",
            reminder as i64,
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Makes the link of a request a renewal link: it replaces the certificate `certificate_id`.
    pub async fn insert_link(
        &mut self,
        request_id: &AccessRequestId,
        certificate_id: &CertificateId,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO renewal_link (request_id, certificate_id) VALUES ($1, $2)",
            request_id.as_str(),
            certificate_id.as_str()
        )?;
        Ok(())
    }

    /// Whether there is a renewal link for this certificate.
    pub async fn has_link(&mut self, certificate_id: &CertificateId) -> Result<bool, StoreError> {
        let sql = "SELECT request_id FROM renewal_link WHERE certificate_id = $1";
        let found: Option<(String,)> = fetch_optional!(self.0, (String,), sql, certificate_id.as_str())?;
        Ok(found.is_some())
    }

    /// The certificate that the renewal link of a request replaces. `None`: its link is for a new machine.
    pub async fn certificate_to_renew(
        &mut self,
        request_id: &AccessRequestId,
    ) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = "SELECT certificate_id FROM renewal_link WHERE request_id = $1";
        let found: Option<(String,)> = fetch_optional!(self.0, (String,), sql, request_id.as_str())?;
        match found {
            Some((id,)) => self.0.certificates().find(&parsed("renewal_link", id)?).await,
            None => Ok(None),
        }
    }

    /// The platform of the package in which this certificate was fetched, if it was.
    pub async fn platform_of(
        &mut self,
        certificate_id: &CertificateId,
    ) -> Result<Option<Platform>, StoreError> {
        let sql = "SELECT platform FROM access_request WHERE certificate_id = $1";
        let found: Option<(Option<String>,)> =
            fetch_optional!(self.0, (Option<String>,), sql, certificate_id.as_str())?;
        Ok(found.and_then(|(platform,)| platform?.parse().ok()))
    }

    /// Expires the renewal link of a certificate that was renewed otherwise.
    pub async fn end_link(&mut self, certificate_id: &CertificateId, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE access_request SET grant_expires_at = $1 WHERE state = 'approved'
             AND id = (SELECT request_id FROM renewal_link WHERE certificate_id = $2)",
            now,
            certificate_id.as_str()
        )?;
        Ok(())
    }
}
