//! The certificate authorities' keys (sealed) and certificates.

use protocol::certificate::RevocationReason;

use super::query::{execute, fetch_all, fetch_number};
use super::{StoreError, Tx};

/// An authority as it is stored; its keys are encrypted with the data key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredAuthority {
    pub id: String,
    /// PEM.
    pub root_certificate: String,
    /// `None`: kept elsewhere.
    pub root_key_sealed: Option<Vec<u8>>,
    /// PEM.
    pub issuing_certificate: String,
    pub issuing_key_sealed: Vec<u8>,
    pub created_at: i64,
    pub superseded_at: Option<i64>,
    pub retired_at: Option<i64>,
}

/// How an authority stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityState {
    /// It issues.
    InUse,
    /// It issues nothing more; what it issued counts on.
    Superseded,
    /// Nothing that it issued counts.
    Retired,
}

impl StoredAuthority {
    pub fn state(&self) -> AuthorityState {
        match (self.superseded_at, self.retired_at) {
            (_, Some(_)) => AuthorityState::Retired,
            (Some(_), None) => AuthorityState::Superseded,
            (None, None) => AuthorityState::InUse,
        }
    }
}

impl Tx {
    /// All authorities, the one in use first, then the newest.
    pub async fn authorities(&mut self) -> Result<Vec<StoredAuthority>, StoreError> {
        fetch_all!(
            self,
            StoredAuthority,
            "SELECT id, root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed, created_at,
             superseded_at, retired_at
             FROM authority ORDER BY CASE WHEN superseded_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC"
        )
    }

    /// Which authorities are trusted, so that a change shows. In the same order as [`Tx::authorities`].
    pub async fn trusted_authorities(&mut self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self,
            (String,),
            "SELECT id FROM authority WHERE retired_at IS NULL
             ORDER BY CASE WHEN superseded_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC"
        )?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Puts a new authority into use. [`StoreError::Duplicate`] while another one is.
    pub async fn insert_authority(&mut self, authority: &StoredAuthority) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO authority (id, root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed,
             created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            &authority.id,
            &authority.root_certificate,
            authority.root_key_sealed.as_deref(),
            &authority.issuing_certificate,
            authority.issuing_key_sealed.as_slice(),
            authority.created_at
        )?;
        Ok(())
    }

    /// The authority in use issues nothing more; `false` when it is not in use.
    pub async fn supersede_authority(&mut self, id: &str, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE authority SET superseded_at = $1 WHERE id = $2 AND superseded_at IS NULL",
            now,
            id
        )?;
        Ok(changed == 1)
    }

    /// Nobody trusts a superseded authority any more; `false` when it is in use or retired.
    pub async fn retire_authority(&mut self, id: &str, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE authority SET retired_at = $1
             WHERE id = $2 AND superseded_at IS NOT NULL AND retired_at IS NULL",
            now,
            id
        )?;
        Ok(changed == 1)
    }

    /// Machines that have no certificate in force but this authority's: retiring it would shut them out.
    pub async fn count_machines_of_authority(&mut self, id: &str, now: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(
            self,
            "SELECT COUNT(DISTINCT c.machine_id) FROM machine_certificate c
             WHERE c.authority_id = $1 AND c.revoked_at IS NULL AND c.not_after > $2
             AND NOT EXISTS (SELECT 1 FROM machine_certificate n
                 WHERE n.machine_id = c.machine_id AND n.authority_id <> c.authority_id
                 AND n.revoked_at IS NULL AND n.not_after > $2)",
            id,
            now
        )?
        .unsigned_abs())
    }

    /// Revokes what an authority issued, with the sessions on it; gives the number of certificates.
    pub async fn revoke_certificates_of_authority(
        &mut self,
        id: &str,
        reason: RevocationReason,
        words: &str,
        now: i64,
    ) -> Result<u64, StoreError> {
        execute!(
            self,
            "UPDATE session SET ended_at = $1 WHERE ended_at IS NULL
             AND certificate_id IN (SELECT id FROM machine_certificate WHERE authority_id = $2)",
            now,
            id
        )?;
        execute!(
            self,
            "UPDATE machine_certificate SET revoked_at = $1, revocation_code = $2, revocation_reason = $3
             WHERE authority_id = $4 AND revoked_at IS NULL AND not_after > $1",
            now,
            reason.as_str(),
            words,
            id
        )
    }
}
