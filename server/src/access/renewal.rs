//! Renewal for people without the desktop program: mails before a certificate expires, with a link to a new package.
//!
//! The link belongs to a request that the server itself made, approved from the start. The proof is the machine's present
//! certificate, which must still be valid: like any other link, this one is not enough on its own.

mod remind;

use app::request_context::RequestContext;
use domain::access::AccessRequest;
use domain::id::CertificateId;
use protocol::{Problem, ServiceError};
use store::Tx;

use super::redeem::{handed_out, link_expired};

/// Whether the server made this request, to renew a machine's certificate.
pub(super) async fn renews(tx: &mut Tx, request: &AccessRequest) -> Result<bool, ServiceError> {
    Ok(tx.renewals().certificate_to_renew(&request.id).await?.is_some())
}

/// Whether the client is the machine that the request is for: it presents a valid certificate of this machine.
pub(super) async fn is_the_machine(
    tx: &mut Tx,
    context: &RequestContext,
    request: &AccessRequest,
) -> Result<bool, ServiceError> {
    let Some(former) = tx.renewals().certificate_to_renew(&request.id).await? else { return Ok(false) };
    let Some(presented) =
        context.certificate.presented.as_ref().filter(|_| context.certificate.rejection.is_none())
    else {
        return Ok(false);
    };
    let shown = tx.certificates().find_by_fingerprint(&presented.fingerprint).await?;
    Ok(shown.is_some_and(|shown| shown.machine_id == former.machine_id))
}

/// Refuses to replace a certificate that was revoked or renewed in the meantime.
pub(super) async fn check(tx: &mut Tx, former: &CertificateId) -> Result<(), ServiceError> {
    let former = tx.certificates().find(former).await?.ok_or_else(Problem::not_found)?;
    tx.certificates().lock_machines_of(&former.account_id).await?;
    // Read again now that the lock is held.
    let former = tx.certificates().find(&former.id).await?.ok_or_else(Problem::not_found)?;
    if former.revoked_at.is_some() {
        return Err(link_expired().into());
    }
    if tx.certificates().successor_of(&former.id).await?.is_some() {
        return Err(handed_out().into());
    }
    Ok(())
}
