//! Publishing revocation lists (RFC 5280 §5).

use ::certificate::RevokedEntry;
use domain::certificate::RevokedSerial;
use domain::id::AuthorityId;
use protocol::{Problem, ServiceError};
use sha2::{Digest, Sha256};
use store::StoredRevocationList;
use time::OffsetDateTime;

use super::Certificates;
use crate::failure::Failure;

/// How long a list is valid.
const LIFETIME: time::Duration = time::Duration::days(7);
/// From this age on, in seconds, a list is signed anew though nothing was revoked: long before its end, since clients keep
/// what they have.
const REFRESH_AFTER: i64 = 2 * 24 * 3600;

impl Certificates {
    /// An authority's revocation list, DER; `None` is the authority in use. A list is signed once and stored until something
    /// changes, and each has a higher number than the one before (RFC 5280 §5.2.3), also when the clock was set back.
    #[tracing::instrument(skip_all, level = "debug", name = "certificate.crl")]
    pub async fn crl(&self, authority: Option<&AuthorityId>) -> Result<Vec<u8>, ServiceError> {
        let (env, authorities) = (&self.0.env, self.authorities());
        let issuer = match authority {
            Some(id) => authorities.find(id).ok_or_else(Problem::not_found)?,
            None => authorities.in_use()?,
        };
        let now = env.clock.now();
        let mut tx = env.store.read().await?;
        let revoked = tx.certificates().revoked_serials(&issuer.id, now.unix_timestamp()).await?;
        if let Some(stored) = tx.authorities().revocation_list(&issuer.id).await?
            && is_current(&stored, &revoked, now.unix_timestamp())
        {
            return Ok(stored.list);
        }
        drop(tx);

        // Revocations are published on a full disk too.
        let mut tx = env.store.begin_urgent().await?;
        tx.authorities().lock_revocation_list(&issuer.id).await?;
        let revoked = tx.certificates().revoked_serials(&issuer.id, now.unix_timestamp()).await?;
        let stored = tx.authorities().revocation_list(&issuer.id).await?;
        if let Some(stored) = &stored
            && is_current(stored, &revoked, now.unix_timestamp())
        {
            return Ok(stored.list.clone());
        }
        // Earlier versions numbered lists by the time in milliseconds, and a restored backup does not know the last ones.
        let time = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let number = stored.map_or(time, |stored| time.max(stored.number + 1));
        let entries_hash = hash(&revoked);
        let entries: Vec<_> = revoked.into_iter().map(|serial| entry(serial, now)).collect();
        let list = issuer.authority.crl(now, &entries, number.unsigned_abs(), now + LIFETIME);
        let signed = StoredRevocationList {
            number,
            entries_hash,
            signed_at: now.unix_timestamp(),
            list: list.map_err(Failure::from)?,
        };
        tx.authorities().put_revocation_list(&issuer.id, &signed).await?;
        tx.commit().await?;
        Ok(signed.list)
    }
}

fn is_current(stored: &StoredRevocationList, revoked: &[RevokedSerial], now: i64) -> bool {
    // One from the future was signed before the clock was set back.
    (0..REFRESH_AFTER).contains(&(now - stored.signed_at)) && stored.entries_hash == hash(revoked)
}

fn hash(revoked: &[RevokedSerial]) -> Vec<u8> {
    let mut lines: Vec<_> = revoked
        .iter()
        .map(|entry| format!("{} {} {}\n", entry.serial, entry.revoked_at, entry.reason.as_str()))
        .collect();
    lines.sort();
    let mut hasher = Sha256::new();
    for line in &lines {
        hasher.update(line);
    }
    hasher.finalize().to_vec()
}

fn entry(revoked: RevokedSerial, now: OffsetDateTime) -> RevokedEntry {
    let RevokedSerial { serial, revoked_at, reason } = revoked;
    let revoked_at = OffsetDateTime::from_unix_timestamp(revoked_at).unwrap_or(now);
    RevokedEntry { serial, revoked_at, reason }
}
