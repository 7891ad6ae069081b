//! The administrators' side of certificates: the list, revoking one, and the state of a change of authorities.

use app::request_context::Administrator;
use app::services::CertificateService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::certificate::MachineCertificate;
use domain::id::CertificateId;
use protocol::access::{Invalid, Message, Page};
use protocol::certificate::{AuthorityChange, CertificateRow, RevocationReason};
use protocol::{Problem, ServiceError};

use super::Certificates;
use crate::mail::CertificateEnd;

/// Rows per page of the list.
const PAGE_SIZE: u32 = 50;

#[async_trait]
impl CertificateService for Certificates {
    #[tracing::instrument(skip_all, level = "debug", name = "certificate.list")]
    async fn list(
        &self,
        _: &Administrator,
        search: &str,
        page: u32,
    ) -> Result<Page<CertificateRow>, ServiceError> {
        crate::search::check(search)?;
        Ok(self.0.env.store.read().await?.certificates().list(search, page, PAGE_SIZE).await?)
    }

    /// Revokes all of the machine's certificates and ends their sessions in one transaction, then closes their connections.
    /// All of them, since a renewal may have issued others, and revoking one is meant for the machine.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "certificate.revoke",
        fields(account_id = %admin.account_id, certificate_id = id)
    )]
    async fn revoke(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
        words: &str,
    ) -> Result<(), ServiceError> {
        let id: &CertificateId = &id.parse().map_err(|_| Problem::not_found())?;
        let reason = match reason {
            "" => RevocationReason::default(),
            named => named.parse().map_err(|e: Invalid| Problem::invalid_input().field("reason", e.0))?,
        };
        let words: Message =
            words.parse().map_err(|e: Invalid| Problem::invalid_input().field("words", e.0))?;
        let ended = match self.revoke_machine(admin, id, reason, &words).await {
            Err(error) if self.0.env.release_reserve_after(&error) => {
                self.revoke_machine(admin, id, reason, &words).await?
            }
            done => done?,
        };
        self.0.outbox.notify_job();
        let closed: usize = ended.iter().map(|c| self.close_once(&c.fingerprint, self.0.env.now())).sum();
        tracing::info!(certificate = %id, certificates = ended.len(), closed, "a machine's certificates were revoked");
        Ok(())
    }

    #[tracing::instrument(skip_all, level = "debug", name = "certificate.replacement")]
    async fn replacement(&self, _: &Administrator) -> Result<Option<AuthorityChange>, ServiceError> {
        let (authorities, now) = (self.authorities(), self.0.env.now());
        let mut earlier = authorities.superseded().peekable();
        if earlier.peek().is_none() {
            return Ok(None);
        }
        let (mut tx, mut machines_left) = (self.0.env.store.read().await?, 0);
        for authority in earlier {
            machines_left += tx.authorities().count_machines(&authority.id, now).await?;
        }
        Ok(Some(AuthorityChange { machines_left }))
    }
}

impl Certificates {
    /// Returns the machine's certificates that were revoked.
    async fn revoke_machine(
        &self,
        admin: &Administrator,
        id: &CertificateId,
        reason: RevocationReason,
        words: &Message,
    ) -> Result<Vec<MachineCertificate>, ServiceError> {
        let (env, now) = (&self.0.env, self.0.env.now());
        let mut tx = env.store.begin_urgent().await?;
        let certificate = tx.certificates().find(id).await?.ok_or_else(Problem::not_found)?;
        tx.certificates().lock_machines_of(&certificate.account_id).await?;
        if !tx.certificates().revoke(id, reason, words.as_str(), now).await? {
            return Err(Problem::conflict("This certificate is already revoked.").into());
        }
        let mut ended = vec![certificate];
        for other in tx.certificates().find_of_same_machine(id).await? {
            if other.not_after >= now
                && tx.certificates().revoke(&other.id, reason, words.as_str(), now).await?
            {
                ended.push(other);
            }
        }
        for certificate in &ended {
            tx.sessions().end_for_certificate(&certificate.id, now).await?;
            let serial = &certificate.serial;
            tx.audit_log()
                .append(now, &admin.account_id, Action::CertificateRevoked, &certificate.id, serial)
                .await?;
        }
        if let Some(machine) = ended.first() {
            let end = CertificateEnd::Revoked { reason, words: words.clone() };
            self.notify_owner(&mut tx, machine, &end).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}
