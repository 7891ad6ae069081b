//! Revoking, and telling the world of it.

use std::collections::HashSet;
use std::time::Duration;

use ::certificate::RevokedEntry;
use app::visit::Administrator;
use protocol::Problem;
use protocol::access::{Invalid, Message};
use protocol::certificate::RevocationReason;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Certificates;
use crate::failure::{Failure, Refusal};
use crate::mail::CertificateEnd;
use crate::store::{MachineCertificate, RevokedSerial, Tx};

/// How often servers that share a database look for each other's revocations.
const WATCH: Duration = Duration::from_millis(300);
/// How far back they look: their clocks differ, and a revocation is dated before its transaction got its turn.
const LOOK_BACK: i64 = 60;
/// A list is good for this long, unless a new one replaces it.
const CRL_LIFETIME: time::Duration = time::Duration::days(7);

impl Certificates {
    /// Revokes: the machine's certificates and their sessions end in one transaction, and what is open with them right
    /// after. All of them, since whoever revokes one means the machine: a renewal may have given it another.
    pub(super) async fn revoke_certificate(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
        words: &str,
    ) -> Result<(), Refusal> {
        let reason = match reason {
            "" => RevocationReason::default(),
            named => named.parse().map_err(|e: Invalid| Problem::invalid_input().field("reason", e.0))?,
        };
        let words: Message =
            words.parse().map_err(|e: Invalid| Problem::invalid_input().field("words", e.0))?;
        let (env, now) = (&self.0.env, self.0.env.now());
        let mut tx = env.store.begin().await?;
        let certificate = tx.certificate(id).await?.ok_or_else(Problem::not_found)?;
        tx.lock_machines_of(&certificate.account_id).await?;
        if !tx.revoke_certificate(id, reason, words.as_str(), now).await? {
            return Err(Problem::conflict("This certificate is revoked already.").into());
        }
        let mut ended = vec![certificate];
        for other in tx.certificates_of_same_machine(id).await? {
            if other.not_after >= now && tx.revoke_certificate(&other.id, reason, words.as_str(), now).await?
            {
                ended.push(other);
            }
        }
        for certificate in &ended {
            tx.end_sessions_of_certificate(&certificate.id, now).await?;
            let serial = &certificate.serial;
            tx.audit(now, &admin.account_id, "certificate.revoked", &certificate.id, serial).await?;
        }
        if let Some(machine) = ended.first() {
            self.tell_owner(&mut tx, machine, &CertificateEnd::Revoked { reason, words }).await?;
        }
        tx.commit().await?;
        self.0.outbox.wake();
        let closed: usize = ended.iter().map(|c| self.0.connections.close(&c.fingerprint)).sum();
        tracing::info!(certificate = id, certificates = ended.len(), closed, "a machine was shut out");
        Ok(())
    }

    /// Revokes a certificate that was lost, and those that its machine got by renewing it, in the transaction that
    /// records another one. What it gives is for [`Certificates::shut_out`], once that is committed.
    pub async fn replace(&self, tx: &mut Tx, id: &str) -> Result<Vec<String>, Refusal> {
        let now = self.0.env.now();
        let mut ended = Vec::new();
        for certificate in tx.certificates_of_same_machine(id).await? {
            let words = "replaced by a new link’s";
            if tx.revoke_certificate(&certificate.id, RevocationReason::Superseded, words, now).await? {
                tx.end_sessions_of_certificate(&certificate.id, now).await?;
                tx.audit(now, "server", "certificate.revoked", &certificate.id, &certificate.serial).await?;
                ended.push(certificate);
            }
        }
        if let Some(machine) = ended.first() {
            self.tell_owner(tx, machine, &CertificateEnd::Replaced).await?;
        }
        Ok(ended.into_iter().map(|certificate| certificate.fingerprint).collect())
    }

    /// Ends what is open with certificates that were revoked.
    pub fn shut_out(&self, fingerprints: &[String]) {
        for fingerprint in fingerprints {
            self.0.connections.close(fingerprint);
        }
        self.0.outbox.wake();
    }

    async fn tell_owner(
        &self,
        tx: &mut Tx,
        certificate: &MachineCertificate,
        end: &CertificateEnd,
    ) -> Result<(), Refusal> {
        let owner = tx.account(&certificate.account_id).await?;
        let owner = owner.ok_or(Failure::Other("a certificate belongs to nobody"))?;
        self.0.outbox.certificate_revoked(tx, &owner.email, &certificate.device_name, end).await
    }

    /// An authority's revocation list, DER (RFC 5280 §5); `None` is the authority in use. Its number is the instant in
    /// milliseconds, so that it always grows.
    pub async fn crl(&self, authority: Option<&str>) -> Result<Vec<u8>, Refusal> {
        let (now, authorities) = (self.0.env.clock.now(), self.authorities());
        let issuer = match authority {
            Some(id) => authorities.find(id).ok_or_else(Problem::not_found)?,
            None => authorities.in_use()?,
        };
        let mut tx = self.0.env.store.read().await?;
        let revoked = tx.revoked_serials(&issuer.id, now.unix_timestamp()).await?;
        let entry = |RevokedSerial { serial, revoked_at, reason }| RevokedEntry {
            serial,
            revoked_at: OffsetDateTime::from_unix_timestamp(revoked_at).unwrap_or(now),
            reason,
        };
        let entries: Vec<_> = revoked.into_iter().map(entry).collect();
        let number = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        Ok(issuer.authority.crl(now, &entries, number, now + CRL_LIFETIME).map_err(Failure::from)?)
    }

    /// Ends what is open with certificates that another server revoked, until `shutdown`.
    pub async fn watch_revocations(self, shutdown: CancellationToken) {
        let mut closed = HashSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(WATCH) => {}
            }
            match self.revoked_since(self.0.env.now() - LOOK_BACK).await {
                Ok(fingerprints) => {
                    // Not twice: what was opened since then is judged as revoked, and to end it too would cut off the answer
                    // that says so.
                    for fingerprint in fingerprints.difference(&closed) {
                        self.0.connections.close(fingerprint);
                    }
                    closed = fingerprints;
                }
                Err(refusal) => {
                    // Into a problem, and so into the log; the next round tries again.
                    let _: Problem = refusal.into();
                }
            }
        }
    }

    async fn revoked_since(&self, since: i64) -> Result<HashSet<String>, Refusal> {
        let fingerprints = self.0.env.store.read().await?.fingerprints_revoked_since(since).await?;
        Ok(fingerprints.into_iter().collect())
    }
}
