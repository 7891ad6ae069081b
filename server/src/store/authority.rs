//! The certificate authority's keys (sealed) and certificates.

use super::query::{execute, fetch_all};
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
    pub retired_at: Option<i64>,
}

impl Tx {
    /// All authorities, the one in use first.
    pub async fn authorities(&mut self) -> Result<Vec<StoredAuthority>, StoreError> {
        fetch_all!(
            self,
            StoredAuthority,
            "SELECT id, root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed, retired_at
             FROM authority ORDER BY CASE WHEN retired_at IS NULL THEN 0 ELSE 1 END, created_at DESC"
        )
    }

    pub async fn insert_authority(
        &mut self,
        authority: &StoredAuthority,
        now: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO authority (id, root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed,
             created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            &authority.id,
            &authority.root_certificate,
            authority.root_key_sealed.as_deref(),
            &authority.issuing_certificate,
            authority.issuing_key_sealed.as_slice(),
            now
        )?;
        Ok(())
    }
}
