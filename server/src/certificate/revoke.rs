//! Revoking certificates, closing their connections, and publishing revocation lists.

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::time::Duration;

use ::certificate::RevokedEntry;
use domain::audit::{Action, Actor};
use domain::certificate::{MachineCertificate, RevokedSerial};
use domain::id::{AuthorityId, CertificateId};
use protocol::certificate::RevocationReason;
use protocol::{Problem, ServiceError};
use store::Tx;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Certificates;
use crate::failure::Failure;
use crate::job;
use crate::mail::CertificateEnd;

/// How often servers that share a database poll for each other's revocations.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// How far back a poll looks, in seconds: clocks differ, and a revocation is dated before its transaction commits.
const LOOKBACK: i64 = 60;
/// How long a revocation list is valid.
const CRL_LIFETIME: time::Duration = time::Duration::days(7);

impl Certificates {
    /// Revokes a lost certificate and its renewals, in the transaction that records the replacement. Returns the fingerprints
    /// for [`Certificates::close_connections`], to be called after the commit.
    pub async fn replace(&self, tx: &mut Tx, id: &CertificateId) -> Result<Vec<String>, ServiceError> {
        let now = self.0.env.now();
        let mut ended = Vec::new();
        for certificate in tx.certificates().find_of_same_machine(id).await? {
            let words = "replaced by a new link’s";
            if tx.certificates().revoke(&certificate.id, RevocationReason::Superseded, words, now).await? {
                tx.sessions().end_for_certificate(&certificate.id, now).await?;
                tx.audit_log()
                    .append(
                        now,
                        Actor::Server,
                        Action::CertificateRevoked,
                        &certificate.id,
                        &certificate.serial,
                    )
                    .await?;
                ended.push(certificate);
            }
        }
        if let Some(machine) = ended.first() {
            self.notify_owner(tx, machine, &CertificateEnd::Replaced).await?;
        }
        Ok(ended.into_iter().map(|certificate| certificate.fingerprint).collect())
    }

    /// Closes the connections of revoked certificates.
    pub fn close_connections(&self, fingerprints: &[String]) {
        for fingerprint in fingerprints {
            self.close_once(fingerprint, self.0.env.now());
        }
        self.0.outbox.notify_job();
    }

    pub(super) async fn notify_owner(
        &self,
        tx: &mut Tx,
        certificate: &MachineCertificate,
        end: &CertificateEnd,
    ) -> Result<(), ServiceError> {
        let owner = tx.accounts().find(&certificate.account_id).await?;
        let owner = owner.ok_or(Failure::Other("a certificate belongs to nobody"))?;
        self.0.outbox.certificate_revoked(tx, &owner.email, &certificate.device_name, end).await
    }

    /// An authority's revocation list, DER (RFC 5280 §5); `None` is the authority in use. The CRL number is the time in
    /// milliseconds, so that it always increases.
    #[tracing::instrument(skip_all, level = "debug", name = "certificate.crl")]
    pub async fn crl(&self, authority: Option<&AuthorityId>) -> Result<Vec<u8>, ServiceError> {
        let (now, authorities) = (self.0.env.clock.now(), self.authorities());
        let issuer = match authority {
            Some(id) => authorities.find(id).ok_or_else(Problem::not_found)?,
            None => authorities.in_use()?,
        };
        let mut tx = self.0.env.store.read().await?;
        let revoked = tx.certificates().revoked_serials(&issuer.id, now.unix_timestamp()).await?;
        let entry = |RevokedSerial { serial, revoked_at, reason }| RevokedEntry {
            serial,
            revoked_at: OffsetDateTime::from_unix_timestamp(revoked_at).unwrap_or(now),
            reason,
        };
        let entries: Vec<_> = revoked.into_iter().map(entry).collect();
        let number = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        Ok(issuer.authority.crl(now, &entries, number, now + CRL_LIFETIME).map_err(Failure::from)?)
    }

    /// Closes the connections of certificates that another server revoked, until `shutdown`.
    pub async fn watch_revocations(self, shutdown: CancellationToken) {
        job::every(POLL_INTERVAL, &shutdown, "watching for revocations", || async {
            let now = self.0.env.now();
            let fingerprints = self.revoked_since(now - LOOKBACK).await?;
            for fingerprint in &fingerprints {
                self.close_once(fingerprint, now);
            }
            // Kept for as long as the query finds them.
            self.0
                .closed
                .lock()
                .retain(|fingerprint, at| now - *at <= LOOKBACK || fingerprints.contains(fingerprint));
            Ok(())
        })
        .await;
    }

    /// Closes a revoked certificate's connections, only once: later connections are answered that the certificate is revoked,
    /// and closing them would cut off that answer. Returns how many were open.
    pub(super) fn close_once(&self, fingerprint: &str, now: i64) -> usize {
        match self.0.closed.lock().entry(fingerprint.to_owned()) {
            Entry::Occupied(_) => 0,
            Entry::Vacant(entry) => {
                entry.insert(now);
                self.0.connections.close(fingerprint)
            }
        }
    }

    async fn revoked_since(&self, since: i64) -> Result<HashSet<String>, ServiceError> {
        let fingerprints =
            self.0.env.store.read().await?.certificates().fingerprints_revoked_since(since).await?;
        Ok(fingerprints.into_iter().collect())
    }
}
