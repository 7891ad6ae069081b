//! The newest revocation list of each authority.

use domain::id::AuthorityId;

use crate::query::{execute, fetch_optional};
use crate::{Authorities, StoreError, Tx};

/// A signed list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredRevocationList {
    /// The CRL number.
    pub number: i64,
    /// SHA-256 over the entries, by which a change is noticed.
    pub entries_hash: Vec<u8>,
    /// Seconds since the Unix epoch.
    pub signed_at: i64,
    /// DER.
    pub list: Vec<u8>,
}

impl Authorities<'_> {
    pub async fn revocation_list(
        &mut self,
        id: &AuthorityId,
    ) -> Result<Option<StoredRevocationList>, StoreError> {
        let sql = "SELECT number, entries_hash, signed_at, list FROM revocation_list WHERE authority_id = $1";
        fetch_optional!(self.0, StoredRevocationList, sql, id.as_str())
    }

    /// Until the transaction ends, no other one makes a list of this authority.
    pub async fn lock_revocation_list(&mut self, id: &AuthorityId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self.0 {
            execute!(self.0, "SELECT id FROM authority WHERE id = $1 FOR NO KEY UPDATE", id.as_str())?;
        }
        Ok(())
    }

    pub async fn put_revocation_list(
        &mut self,
        id: &AuthorityId,
        list: &StoredRevocationList,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO revocation_list (authority_id, number, entries_hash, signed_at, list)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (authority_id) DO UPDATE
             SET number = $2, entries_hash = $3, signed_at = $4, list = $5",
            id.as_str(),
            list.number,
            list.entries_hash.as_slice(),
            list.signed_at,
            list.list.as_slice()
        )?;
        Ok(())
    }
}
