//! Machines' certificates.

use app::certificate::CertificateRow;
use protocol::access::Page;
use protocol::certificate::RevocationReason;

use super::query::{execute, fetch_all, fetch_number, fetch_optional};
use super::{StoreError, Tx, like_pattern};

/// A certificate that this server issued.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MachineCertificate {
    pub id: String,
    /// The machine's UUID; renewals keep it.
    pub machine_id: String,
    /// The only account that may sign in with it.
    pub account_id: String,
    pub device_name: String,
    /// Hexadecimal.
    pub serial: String,
    /// SHA-256 over the DER, hexadecimal.
    pub fingerprint: String,
    /// DER.
    pub certificate: Vec<u8>,
    pub not_before: i64,
    pub not_after: i64,
    pub revoked_at: Option<i64>,
    /// The certificate that this one took the place of.
    pub renewed_from: Option<String>,
    /// Who issued it.
    pub authority_id: String,
}

/// What an authority's revocation list says of a certificate.
#[derive(Debug, Clone)]
pub struct RevokedSerial {
    pub serial: String,
    pub revoked_at: i64,
    pub reason: RevocationReason,
}

const COLUMNS: &str = "id, machine_id, account_id, device_name, serial, fingerprint, certificate, not_before, not_after, revoked_at,
     renewed_from, COALESCE(authority_id, '') AS authority_id";

impl Tx {
    pub async fn insert_certificate(&mut self, c: &MachineCertificate, now: i64) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO machine_certificate (id, machine_id, account_id, device_name, serial, fingerprint,
             certificate, not_before, not_after, issued_at, renewed_from, authority_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &c.id,
            &c.machine_id,
            &c.account_id,
            &c.device_name,
            &c.serial,
            &c.fingerprint,
            c.certificate.as_slice(),
            c.not_before,
            c.not_after,
            now,
            c.renewed_from.as_deref(),
            &c.authority_id
        )?;
        Ok(())
    }

    /// Until this transaction ends, no other one renews or revokes certificates of this account's machines.
    pub async fn lock_machines_of(&mut self, account_id: &str) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            // The certificates' own rows would not do: one that is being issued has none yet. SQLite has one writer.
            execute!(self, "SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE", account_id)?;
        }
        Ok(())
    }

    pub async fn certificate(&mut self, id: &str) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_certificate WHERE id = $1");
        fetch_optional!(self, MachineCertificate, &sql, id)
    }

    pub async fn certificate_by_fingerprint(
        &mut self,
        fingerprint: &str,
    ) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_certificate WHERE fingerprint = $1");
        fetch_optional!(self, MachineCertificate, &sql, fingerprint)
    }

    /// The certificate that took the place of this one.
    pub async fn successor_of(&mut self, id: &str) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_certificate WHERE renewed_from = $1");
        fetch_optional!(self, MachineCertificate, &sql, id)
    }

    /// The certificates of the machine that this one is of.
    pub async fn certificates_of_same_machine(
        &mut self,
        id: &str,
    ) -> Result<Vec<MachineCertificate>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM machine_certificate
             WHERE machine_id = (SELECT machine_id FROM machine_certificate WHERE id = $1)"
        );
        fetch_all!(self, MachineCertificate, &sql, id)
    }

    /// Revokes; `false` when it was revoked before. `words`: what is told of it beside the reason.
    pub async fn revoke_certificate(
        &mut self,
        id: &str,
        reason: RevocationReason,
        words: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE machine_certificate SET revoked_at = $1, revocation_code = $2, revocation_reason = $3
             WHERE id = $4 AND revoked_at IS NULL",
            now,
            reason.as_str(),
            words,
            id
        )?;
        Ok(changed == 1)
    }

    pub async fn touch_certificate(&mut self, id: &str, now: i64) -> Result<(), StoreError> {
        execute!(self, "UPDATE machine_certificate SET last_seen_at = $1 WHERE id = $2", now, id)?;
        Ok(())
    }

    /// Fingerprints of what was revoked at `since` or later, for servers that share a database.
    pub async fn fingerprints_revoked_since(&mut self, since: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self,
            (String,),
            "SELECT fingerprint FROM machine_certificate WHERE revoked_at >= $1",
            since
        )?;
        Ok(rows.into_iter().map(|(fingerprint,)| fingerprint).collect())
    }

    /// For an authority's CRL: what has expired is left out (RFC 5280 §3.3).
    pub async fn revoked_serials(
        &mut self,
        authority_id: &str,
        now: i64,
    ) -> Result<Vec<RevokedSerial>, StoreError> {
        let rows: Vec<(String, i64, String)> = fetch_all!(
            self,
            (String, i64, String),
            "SELECT serial, revoked_at, revocation_code FROM machine_certificate
             WHERE authority_id = $1 AND revoked_at IS NOT NULL AND not_after > $2 ORDER BY revoked_at, serial",
            authority_id,
            now
        )?;
        // A reason that this version does not know is left out, as a list may; the certificate never is.
        let entry = |(serial, revoked_at, reason): (String, i64, String)| RevokedSerial {
            serial,
            revoked_at,
            reason: reason.parse().unwrap_or_default(),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Machines whose certificate is in force.
    pub async fn count_machines(&mut self, now: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(
            self,
            "SELECT COUNT(DISTINCT machine_id) FROM machine_certificate WHERE revoked_at IS NULL AND not_after > $1",
            now
        )?
        .unsigned_abs())
    }

    /// One page of the administrator's list, the newest first.
    pub async fn certificate_rows(
        &mut self,
        search: &str,
        page: u32,
        page_size: u32,
    ) -> Result<Page<CertificateRow>, StoreError> {
        const WHERE: &str = "FROM machine_certificate c JOIN account a ON a.id = c.account_id
             WHERE LOWER(a.email) LIKE $1 ESCAPE '\\' OR LOWER(c.device_name) LIKE $1 ESCAPE '\\'
                OR LOWER(c.serial) LIKE $1 ESCAPE '\\'";
        #[derive(sqlx::FromRow)]
        struct Row {
            id: String,
            email: String,
            device_name: String,
            serial: String,
            not_before: i64,
            not_after: i64,
            revoked_at: Option<i64>,
            revocation_code: String,
            revocation_reason: Option<String>,
            last_seen_at: Option<i64>,
        }
        let pattern = like_pattern(search);
        let total = fetch_number!(self, &format!("SELECT COUNT(*) {WHERE}"), &pattern)?.unsigned_abs();
        let sql = format!(
            "SELECT c.id, a.email, c.device_name, c.serial, c.not_before, c.not_after, c.revoked_at,
             c.revocation_code, c.revocation_reason, c.last_seen_at {WHERE} ORDER BY c.issued_at DESC, c.id DESC LIMIT $2 OFFSET $3"
        );
        let offset = i64::from(page) * i64::from(page_size);
        let rows: Vec<Row> = fetch_all!(self, Row, &sql, &pattern, i64::from(page_size), offset)?;
        let rows = rows
            .into_iter()
            .map(|r| CertificateRow {
                id: r.id,
                owner: r.email,
                device_name: r.device_name,
                serial: r.serial,
                not_before: r.not_before,
                not_after: r.not_after,
                revoked_at: r.revoked_at,
                revocation_reason: r.revocation_code.parse().unwrap_or_default(),
                revocation_words: r.revocation_reason.unwrap_or_default(),
                last_seen_at: r.last_seen_at,
            })
            .collect();
        Ok(Page { rows, total, page, page_size })
    }
}
