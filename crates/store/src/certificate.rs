//! Client certificates of machines.

use domain::Page;
use domain::account::OwnMachine;
use domain::certificate::{CertificateRow, MachineCertificate, RevocationReason, RevokedSerial};
use domain::id::{AccountId, AuthorityId, CertificateId, MachineId};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Certificates, StoreError, Tx, like_pattern, parsed, search};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: CertificateId,
    #[sqlx(try_from = "String")]
    machine_id: MachineId,
    #[sqlx(try_from = "String")]
    account_id: AccountId,
    device_name: String,
    serial: String,
    fingerprint: String,
    certificate: Vec<u8>,
    not_before: i64,
    not_after: i64,
    revoked_at: Option<i64>,
    renewed_from: Option<String>,
    authority_id: Option<String>,
}

impl TryFrom<Row> for MachineCertificate {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        const TABLE: &str = "machine_certificate";
        Ok(Self {
            id: row.id,
            machine_id: row.machine_id,
            account_id: row.account_id,
            device_name: row.device_name,
            serial: row.serial,
            fingerprint: row.fingerprint,
            certificate: row.certificate,
            not_before: row.not_before,
            not_after: row.not_after,
            revoked_at: row.revoked_at,
            renewed_from: row.renewed_from.map(|id| parsed(TABLE, id)).transpose()?,
            authority_id: row.authority_id.map(|id| parsed(TABLE, id)).transpose()?,
        })
    }
}

/// Name, serial number, end, last use, and when it was revoked.
type CertificateFacts = (String, String, i64, Option<i64>, Option<i64>);

const COLUMNS: &str = "id, machine_id, account_id, device_name, serial, fingerprint, certificate, not_before, not_after, revoked_at,
     renewed_from, authority_id";

impl Certificates<'_> {
    /// Stores an issued certificate. `now`: the time of issue, in seconds since the Unix epoch.
    pub async fn insert(&mut self, c: &MachineCertificate, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO machine_certificate (id, machine_id, account_id, device_name, serial, fingerprint,
             certificate, not_before, not_after, issued_at, renewed_from, authority_id, search_text)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            c.id.as_str(),
            c.machine_id.as_str(),
            c.account_id.as_str(),
            &c.device_name,
            &c.serial,
            &c.fingerprint,
            c.certificate.as_slice(),
            c.not_before,
            c.not_after,
            now,
            c.renewed_from.as_ref().map(CertificateId::as_str),
            c.authority_id.as_ref().map(AuthorityId::as_str),
            search::of_certificate(&c.device_name, &c.serial)
        )?;
        Ok(())
    }

    /// Locks the machines of an account until the transaction ends: no other one renews or revokes their certificates,
    /// or signs out on them.
    pub async fn lock_machines_of(&mut self, account_id: &AccountId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self.0 {
            // The account's row is locked, since a certificate that is being issued has no row yet. SQLite has one writer.
            execute!(self.0, "SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE", account_id.as_str())?;
        }
        Ok(())
    }

    pub async fn find(&mut self, id: &CertificateId) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_certificate WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id.as_str())?.map(MachineCertificate::try_from).transpose()
    }

    /// An account's certificates that have not expired, the newest first.
    pub async fn of_account(
        &mut self,
        account_id: &AccountId,
        now: i64,
    ) -> Result<Vec<OwnMachine>, StoreError> {
        let rows: Vec<CertificateFacts> = fetch_all!(
            self.0,
            CertificateFacts,
            "SELECT device_name, serial, not_after, last_seen_at, revoked_at FROM machine_certificate
             WHERE account_id = $1 AND not_after > $2 ORDER BY issued_at DESC, id DESC",
            account_id.as_str(),
            now
        )?;
        let machine = |(device_name, serial, not_after, last_seen_at, revoked_at): CertificateFacts| {
            OwnMachine { device_name, serial, not_after, last_seen_at, revoked: revoked_at.is_some() }
        };
        Ok(rows.into_iter().map(machine).collect())
    }

    /// The certificate with this fingerprint: SHA-256 of its DER, in lower-case hexadecimal.
    pub async fn find_by_fingerprint(
        &mut self,
        fingerprint: &str,
    ) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_certificate WHERE fingerprint = $1");
        fetch_optional!(self.0, Row, &sql, fingerprint)?.map(MachineCertificate::try_from).transpose()
    }

    /// The certificate that replaced this one.
    pub async fn successor_of(
        &mut self,
        id: &CertificateId,
    ) -> Result<Option<MachineCertificate>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_certificate WHERE renewed_from = $1");
        fetch_optional!(self.0, Row, &sql, id.as_str())?.map(MachineCertificate::try_from).transpose()
    }

    /// All certificates of the machine of this certificate.
    pub async fn find_of_same_machine(
        &mut self,
        id: &CertificateId,
    ) -> Result<Vec<MachineCertificate>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM machine_certificate
             WHERE machine_id = (SELECT machine_id FROM machine_certificate WHERE id = $1)"
        );
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, id.as_str())?;
        rows.into_iter().map(MachineCertificate::try_from).collect()
    }

    /// Revokes a certificate; `false` if it was revoked before. `words`: a comment besides the reason.
    pub async fn revoke(
        &mut self,
        id: &CertificateId,
        reason: RevocationReason,
        words: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE machine_certificate SET revoked_at = $1, revocation_code = $2, revocation_reason = $3
             WHERE id = $4 AND revoked_at IS NULL",
            now,
            reason.as_str(),
            words,
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Records when the certificate was last used, in seconds since the Unix epoch.
    pub async fn touch(&mut self, id: &CertificateId, now: i64) -> Result<(), StoreError> {
        execute!(self.0, "UPDATE machine_certificate SET last_seen_at = $1 WHERE id = $2", now, id.as_str())?;
        Ok(())
    }

    /// The fingerprints of the certificates revoked at or after `since` (seconds since the Unix epoch), for servers that
    /// share a database.
    pub async fn fingerprints_revoked_since(&mut self, since: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT fingerprint FROM machine_certificate WHERE revoked_at >= $1",
            since
        )?;
        Ok(rows.into_iter().map(|(fingerprint,)| fingerprint).collect())
    }

    /// The entries of an authority's CRL. Expired certificates are left out (RFC 5280 §3.3).
    pub async fn revoked_serials(
        &mut self,
        authority_id: &AuthorityId,
        now: i64,
    ) -> Result<Vec<RevokedSerial>, StoreError> {
        let rows: Vec<(String, i64, String)> = fetch_all!(
            self.0,
            (String, i64, String),
            "SELECT serial, revoked_at, revocation_code FROM machine_certificate
             WHERE authority_id = $1 AND revoked_at IS NOT NULL AND not_after > $2 ORDER BY revoked_at, serial",
            authority_id.as_str(),
            now
        )?;
        // An unknown reason becomes "unspecified": it is optional in a CRL, while the entry is not.
        let entry = |(serial, revoked_at, reason): (String, i64, String)| RevokedSerial {
            serial,
            revoked_at,
            reason: reason.parse().unwrap_or_default(),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// The number of machines with a valid certificate.
    pub async fn count_machines(&mut self, now: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(
            self.0,
            "SELECT COUNT(DISTINCT machine_id) FROM machine_certificate WHERE revoked_at IS NULL AND not_after > $1",
            now
        )?
        .unsigned_abs())
    }

    /// One page of the certificates whose owner, device name or serial contains `search`, newest first. `page` counts from 0.
    pub async fn list(
        &mut self,
        search: &str,
        page: u32,
        page_size: u32,
    ) -> Result<Page<CertificateRow>, StoreError> {
        const WHERE: &str = "FROM machine_certificate c JOIN account a ON a.id = c.account_id
             WHERE a.email LIKE $1 ESCAPE '\\' OR c.search_text LIKE $1 ESCAPE '\\'";
        #[derive(sqlx::FromRow)]
        struct Listed {
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
        let total = fetch_number!(self.0, &format!("SELECT COUNT(*) {WHERE}"), &pattern)?.unsigned_abs();
        let sql = format!(
            "SELECT c.id, a.email, c.device_name, c.serial, c.not_before, c.not_after, c.revoked_at,
             c.revocation_code, c.revocation_reason, c.last_seen_at {WHERE} ORDER BY c.issued_at DESC, c.id DESC LIMIT $2 OFFSET $3"
        );
        let offset = i64::from(page) * i64::from(page_size);
        let rows: Vec<Listed> = fetch_all!(self.0, Listed, &sql, &pattern, i64::from(page_size), offset)?;
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
