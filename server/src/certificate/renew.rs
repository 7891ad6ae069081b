//! Renewing the certificate of a machine while it is still valid.
//!
//! A certificate can be renewed only once. A stolen key and token thus yield one more certificate at most, and the machine's
//! own renewal then fails, which gets noticed. Why the old certificate stays valid: `docs/decisions/renewal.md`.

use ::certificate::{CertificateRequest, key_fingerprint_hex};
use domain::audit::Action;
use domain::certificate::MachineCertificate;
use protocol::access::EmailAddress;
use protocol::certificate::RejectionReason;
use protocol::{Problem, ServiceError};
use store::Tx;
use web::documented_errors::DocumentedErrors;

use super::verify::rejected;
use super::{Certificates, NewCertificate};

/// The errors of [`Certificates::renew`].
#[derive(Debug)]
pub struct RenewalErrors;

impl Certificates {
    /// Issues the successor of `current` and records it in this transaction. A repetition with the same key returns the same
    /// certificate.
    pub async fn renew(
        &self,
        tx: &mut Tx,
        current: &MachineCertificate,
        owner: &EmailAddress,
        request: &CertificateRequest,
    ) -> Result<MachineCertificate, ServiceError> {
        let (inner, now) = (&self.0, self.0.env.now());
        tx.certificates().lock_machines_of(&current.account_id).await?;
        // It was verified before the lock was taken and may have been revoked since.
        let current = tx.certificates().find(&current.id).await?.ok_or_else(Problem::not_found)?;
        if current.revoked_at.is_some() {
            return Err(rejected(RejectionReason::Revoked).into());
        }
        if let Some(successor) = tx.certificates().successor_of(&current.id).await? {
            let same_key = key_fingerprint_hex(&successor.certificate) == Some(request.key_fingerprint_hex());
            return if same_key { Ok(successor) } else { Err(renewed_already().into()) };
        }
        let authorities = self.authorities();
        let issuer = authorities.in_use()?;
        // While an authority is being replaced, its certificates can be renewed at any time.
        if current.authority_id.as_ref() == Some(&issuer.id) && now < renewable_from(&current) {
            return Err(too_early(renewable_from(&current) - now).into());
        }
        let new = NewCertificate {
            account_id: current.account_id.clone(),
            owner: owner.clone(),
            device_name: current.device_name.clone(),
            replaces: Some(current.clone()),
        };
        let issued = inner.issue(issuer, &new, |profile, random| {
            issuer.authority.issue_client_for(request, profile, inner.env.clock.now(), random)
        })?;
        tx.certificates().insert(&issued, now).await?;
        tx.renewals().end_link(&current.id, now).await?;
        let detail = format!("serial {}, after {}", issued.serial, current.serial);
        tx.audit_log()
            .append(now, &current.account_id, Action::CertificateRenewed, &issued.id, &detail)
            .await?;
        Ok(issued)
    }
}

/// Half of the lifetime: machines renew at two thirds of it, and clocks differ.
fn renewable_from(certificate: &MachineCertificate) -> i64 {
    certificate.not_before + (certificate.not_after - certificate.not_before) / 2
}

/// 409: the certificate was renewed for another key.
fn renewed_already() -> Problem {
    Problem::new("renewed-already", 409, "This certificate has been renewed")
        .detail("Use the certificate that replaced it. If its key is lost, request access again.")
}

/// 409: the certificate is too new.
fn too_early(seconds: i64) -> Problem {
    let days = seconds.unsigned_abs().div_ceil(24 * 3600);
    Problem::new("too-early", 409, "This certificate can’t be renewed yet")
        .detail(format!("It can be renewed in {days} {}.", if days == 1 { "day" } else { "days" }))
}

impl DocumentedErrors for RenewalErrors {
    fn problems() -> Vec<Problem> {
        vec![renewed_already(), too_early(24 * 3600)]
    }
}
