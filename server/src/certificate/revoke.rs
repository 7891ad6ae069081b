//! Revoking certificates and closing their connections.

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::time::Duration;

use domain::audit::{Action, Actor};
use domain::certificate::MachineCertificate;
use domain::id::CertificateId;
use protocol::ServiceError;
use protocol::certificate::RevocationReason;
use store::Tx;
use tokio_util::sync::CancellationToken;

use super::Certificates;
use crate::failure::Failure;
use crate::job;
use crate::mail::CertificateEnd;

/// How often servers that share a database poll for each other's revocations.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// How far back a poll looks, in seconds: clocks differ, and a revocation is dated before its transaction commits.
const LOOKBACK: i64 = 60;
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

    /// Closes the connections of certificates that another server revoked, until `shutdown`.
    pub async fn watch_revocations(self, shutdown: CancellationToken) {
        job::every(POLL_INTERVAL, &shutdown, "watching for revocations", || async {
            let now = self.0.env.now();
            let fingerprints = self.revoked_since(now - LOOKBACK).await?;
            for fingerprint in &fingerprints {
                self.close_once(fingerprint, now);
            }
            self.close_accounts_since(now - LOOKBACK).await?;
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

    /// Closes the connections of an account's certificates, since all that it had open was ended at `at`. Later ones stay: the
    /// certificates are still valid. Returns how many were open.
    pub fn close_account(&self, fingerprints: &[String], at: i64) -> usize {
        let close = |fingerprint: &String| {
            self.0.closed_accounts.lock().insert((fingerprint.clone(), at));
            self.0.connections.close(fingerprint)
        };
        fingerprints.iter().map(close).sum()
    }

    /// Closes the connections of accounts that another server ended.
    async fn close_accounts_since(&self, since: i64) -> Result<(), ServiceError> {
        let ended = self.0.env.store.read().await?.accounts().closed_since(since).await?;
        let mut closed = self.0.closed_accounts.lock();
        for (fingerprint, at) in &ended {
            if closed.insert((fingerprint.clone(), *at)) {
                self.0.connections.close(fingerprint);
            }
        }
        // By time, and not by what the query found: it may have run before `close_account`, and would have it closed again.
        closed.retain(|(_, at)| *at >= since - LOOKBACK);
        Ok(())
    }

    async fn revoked_since(&self, since: i64) -> Result<HashSet<String>, ServiceError> {
        let fingerprints =
            self.0.env.store.read().await?.certificates().fingerprints_revoked_since(since).await?;
        Ok(fingerprints.into_iter().collect())
    }
}
