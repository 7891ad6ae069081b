//! Certificate authorities: their certificates and encrypted keys.

use domain::certificate::{RevocationReason, StoredAuthority};
use domain::id::AuthorityId;

use crate::query::{execute, fetch_all, fetch_number};
use crate::{Authorities, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: AuthorityId,
    root_certificate: String,
    root_key_sealed: Option<Vec<u8>>,
    issuing_certificate: String,
    issuing_key_sealed: Vec<u8>,
    created_at: i64,
    superseded_at: Option<i64>,
    retired_at: Option<i64>,
}

impl From<Row> for StoredAuthority {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            root_certificate: row.root_certificate,
            root_key_sealed: row.root_key_sealed,
            issuing_certificate: row.issuing_certificate,
            issuing_key_sealed: row.issuing_key_sealed,
            created_at: row.created_at,
            superseded_at: row.superseded_at,
            retired_at: row.retired_at,
        }
    }
}

impl Authorities<'_> {
    /// All authorities: the one in use first, then the others, newest first.
    pub async fn list(&mut self) -> Result<Vec<StoredAuthority>, StoreError> {
        let rows: Vec<Row> = fetch_all!(
            self.0,
            Row,
            "SELECT id, root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed, created_at,
             superseded_at, retired_at
             FROM authority ORDER BY CASE WHEN superseded_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC"
        )?;
        Ok(rows.into_iter().map(StoredAuthority::from).collect())
    }

    /// The ids of the trusted authorities, in the order of [`Authorities::list`].
    pub async fn trusted(&mut self) -> Result<Vec<AuthorityId>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT id FROM authority WHERE retired_at IS NULL
             ORDER BY CASE WHEN superseded_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC"
        )?;
        rows.into_iter().map(|(id,)| parsed("authority", id)).collect()
    }

    /// Stores a new authority, which is then in use. [`StoreError::Duplicate`] while another one is in use.
    pub async fn insert(&mut self, authority: &StoredAuthority) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO authority (id, root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed,
             created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            authority.id.as_str(),
            &authority.root_certificate,
            authority.root_key_sealed.as_deref(),
            &authority.issuing_certificate,
            authority.issuing_key_sealed.as_slice(),
            authority.created_at
        )?;
        Ok(())
    }

    /// Supersedes the authority in use; `false` if it is not in use.
    pub async fn supersede(&mut self, id: &AuthorityId, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE authority SET superseded_at = $1 WHERE id = $2 AND superseded_at IS NULL",
            now,
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Retires a superseded authority; `false` if it is in use or already retired.
    pub async fn retire(&mut self, id: &AuthorityId, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE authority SET retired_at = $1
             WHERE id = $2 AND superseded_at IS NOT NULL AND retired_at IS NULL",
            now,
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// The number of machines whose only valid certificates are of this authority: they lose access if it is retired.
    pub async fn count_machines(&mut self, id: &AuthorityId, now: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(
            self.0,
            "SELECT COUNT(DISTINCT c.machine_id) FROM machine_certificate c
             WHERE c.authority_id = $1 AND c.revoked_at IS NULL AND c.not_after > $2
             AND NOT EXISTS (SELECT 1 FROM machine_certificate n
                 WHERE n.machine_id = c.machine_id AND n.authority_id <> c.authority_id
                 AND n.revoked_at IS NULL AND n.not_after > $2)",
            id.as_str(),
            now
        )?
        .unsigned_abs())
    }

    /// Revokes all valid certificates of an authority and ends their sessions. Returns the number of certificates. `words`:
    /// a comment on the revocation.
    pub async fn revoke_certificates(
        &mut self,
        id: &AuthorityId,
        reason: RevocationReason,
        words: &str,
        now: i64,
    ) -> Result<u64, StoreError> {
        execute!(
            self.0,
            "UPDATE session SET ended_at = $1 WHERE ended_at IS NULL
             AND certificate_id IN (SELECT id FROM machine_certificate WHERE authority_id = $2)",
            now,
            id.as_str()
        )?;
        execute!(
            self.0,
            "UPDATE machine_certificate SET revoked_at = $1, revocation_code = $2, revocation_reason = $3
             WHERE authority_id = $4 AND revoked_at IS NULL AND not_after > $1",
            now,
            reason.as_str(),
            words,
            id.as_str()
        )
    }
}
