//! Revoking certificates, closing their connections, and publishing revocation lists.

use domain::audit::{Action, Actor};
use std::collections::HashSet;
use std::time::Duration;

use ::certificate::RevokedEntry;
use app::request_context::Administrator;
use protocol::Problem;
use protocol::access::{Invalid, Message};
use protocol::certificate::RevocationReason;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Certificates;
use crate::failure::{Failure, ServiceError};
use crate::mail::CertificateEnd;
use domain::certificate::{MachineCertificate, RevokedSerial};
use domain::id::{AuthorityId, CertificateId};
use store::Tx;

/// How often servers that share a database poll for each other's revocations.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// How far back a poll looks, in seconds: clocks differ, and a revocation is dated before its transaction commits.
const LOOKBACK: i64 = 60;
/// How long a revocation list is valid.
const CRL_LIFETIME: time::Duration = time::Duration::days(7);

impl Certificates {
    /// Revokes all of the machine's certificates and ends their sessions in one transaction, then closes their connections.
    /// All of them, since a renewal may have issued others, and revoking one is meant for the machine.
    pub(super) async fn revoke_certificate(
        &self,
        admin: &Administrator,
        id: &CertificateId,
        reason: &str,
        words: &str,
    ) -> Result<(), ServiceError> {
        let reason = match reason {
            "" => RevocationReason::default(),
            named => named.parse().map_err(|e: Invalid| Problem::invalid_input().field("reason", e.0))?,
        };
        let words: Message =
            words.parse().map_err(|e: Invalid| Problem::invalid_input().field("words", e.0))?;
        let (env, now) = (&self.0.env, self.0.env.now());
        let mut tx = env.store.begin().await?;
        let certificate = tx.certificates().find(id).await?.ok_or_else(Problem::not_found)?;
        tx.certificates().lock_machines_of(&certificate.account_id).await?;
        if !tx.certificates().revoke(id, reason, words.as_str(), now).await? {
            return Err(Problem::conflict("This certificate is revoked already.").into());
        }
        let mut ended = vec![certificate];
        for other in tx.certificates().of_same_machine(id).await? {
            if other.not_after >= now
                && tx.certificates().revoke(&other.id, reason, words.as_str(), now).await?
            {
                ended.push(other);
            }
        }
        for certificate in &ended {
            tx.sessions().end_of_certificate(&certificate.id, now).await?;
            let serial = &certificate.serial;
            tx.audit_log()
                .append(now, &admin.account_id, Action::CertificateRevoked, &certificate.id, serial)
                .await?;
        }
        if let Some(machine) = ended.first() {
            self.notify_owner(&mut tx, machine, &CertificateEnd::Revoked { reason, words }).await?;
        }
        tx.commit().await?;
        self.0.outbox.notify_job();
        let closed: usize = ended.iter().map(|c| self.0.connections.close(&c.fingerprint)).sum();
        tracing::info!(certificate = %id, certificates = ended.len(), closed, "a machine's certificates were revoked");
        Ok(())
    }

    /// Revokes a lost certificate and its renewals, in the transaction that records the replacement. Returns the fingerprints
    /// for [`Certificates::close_connections`], to be called after the commit.
    pub async fn replace(&self, tx: &mut Tx, id: &CertificateId) -> Result<Vec<String>, ServiceError> {
        let now = self.0.env.now();
        let mut ended = Vec::new();
        for certificate in tx.certificates().of_same_machine(id).await? {
            let words = "replaced by a new link’s";
            if tx.certificates().revoke(&certificate.id, RevocationReason::Superseded, words, now).await? {
                tx.sessions().end_of_certificate(&certificate.id, now).await?;
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
            self.0.connections.close(fingerprint);
        }
        self.0.outbox.notify_job();
    }

    async fn notify_owner(
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
        let mut closed = HashSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            match self.revoked_since(self.0.env.now() - LOOKBACK).await {
                Ok(fingerprints) => {
                    // Only once: later connections are answered that the certificate is revoked, and closing them would cut off
                    // that answer.
                    for fingerprint in fingerprints.difference(&closed) {
                        self.0.connections.close(fingerprint);
                    }
                    closed = fingerprints;
                }
                Err(error) => {
                    // The conversion logs the error; the next run tries again.
                    let _: Problem = error.into();
                }
            }
        }
    }

    async fn revoked_since(&self, since: i64) -> Result<HashSet<String>, ServiceError> {
        let fingerprints =
            self.0.env.store.read().await?.certificates().fingerprints_revoked_since(since).await?;
        Ok(fingerprints.into_iter().collect())
    }
}
