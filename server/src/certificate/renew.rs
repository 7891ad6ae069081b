//! Renewing: the next certificate of a machine that still has a good one.
//!
//! A certificate is renewed once. So a stolen key and token make one certificate more at most, and its machine's own
//! renewal then fails, which somebody notices. Why the old certificate stays good: `docs/decisions/renewal.md`.

use ::certificate::{CertificateRequest, key_fingerprint_hex};
use protocol::Problem;
use protocol::access::EmailAddress;
use protocol::certificate::RejectionReason;

use super::judge::rejected;
use super::{Certificates, NewCertificate};
use crate::failure::Refusal;
use crate::http::refusals::Refuses;
use crate::store::{MachineCertificate, Tx};

/// What only a renewal is refused with.
#[derive(Debug)]
pub struct Renewal;

impl Certificates {
    /// The certificate that takes the place of `current`, recorded in this transaction: a new one, or the one that this
    /// key got before.
    pub async fn renew(
        &self,
        tx: &mut Tx,
        current: &MachineCertificate,
        owner: &EmailAddress,
        request: &CertificateRequest,
    ) -> Result<MachineCertificate, Refusal> {
        let (inner, now) = (&self.0, self.0.env.now());
        tx.lock_machines_of(&current.account_id).await?;
        // It was judged before the lock was held: somebody may have revoked it since.
        let current = tx.certificate(&current.id).await?.ok_or_else(Problem::not_found)?;
        if current.revoked_at.is_some() {
            return Err(rejected(RejectionReason::Revoked).into());
        }
        if let Some(successor) = tx.successor_of(&current.id).await? {
            let same_key = key_fingerprint_hex(&successor.certificate) == Some(request.key_fingerprint_hex());
            return if same_key { Ok(successor) } else { Err(renewed_already().into()) };
        }
        if now < renewable_from(&current) {
            return Err(too_early(renewable_from(&current) - now).into());
        }
        let new = NewCertificate {
            account_id: current.account_id.clone(),
            owner: owner.clone(),
            device_name: current.device_name.clone(),
        };
        let issued = inner.issue(&new, current.machine_id.clone(), |profile, random| {
            inner.authority.issue_client_for(request, profile, inner.env.clock.now(), random)
        })?;
        let issued = MachineCertificate { renewed_from: Some(current.id.clone()), ..issued };
        tx.insert_certificate(&issued, now).await?;
        let detail = format!("serial {}, after {}", issued.serial, current.serial);
        tx.audit(now, &current.account_id, "certificate.renewed", &issued.id, &detail).await?;
        Ok(issued)
    }
}

/// Half of the life: machines renew at two thirds of it, and clocks differ.
fn renewable_from(certificate: &MachineCertificate) -> i64 {
    certificate.not_before + (certificate.not_after - certificate.not_before) / 2
}

/// 409: this certificate has its successor, and another key wants one.
fn renewed_already() -> Problem {
    Problem::new("renewed-already", 409, "This certificate has been renewed")
        .detail("Use the certificate that took its place. If its key is lost, ask for access again.")
}

/// 409: the certificate is too new.
fn too_early(seconds: i64) -> Problem {
    let days = seconds.unsigned_abs().div_ceil(24 * 3600);
    Problem::new("too-early", 409, "This certificate need not be renewed yet")
        .detail(format!("It can be renewed in {days} {}.", if days == 1 { "day" } else { "days" }))
}

impl Refuses for Renewal {
    fn problems() -> Vec<Problem> {
        vec![renewed_already(), too_early(24 * 3600)]
    }
}
