//! The next certificate of a machine whose certificate ends, for people without the desktop program: reminders by mail, with
//! a link to a new package.
//!
//! Behind the link is a request that nobody made, approved from the start. What proves that its holder is the one to get
//! the package is the machine's certificate, which must still be good: the link alone is worth as little as every other.

mod remind;

use app::visit::Visit;
use protocol::Problem;

use super::AccessRequest;
use super::redeem::{handed_out, link_over};
use crate::failure::Refusal;
use crate::store::Tx;

/// Whether the server asked, for a machine whose certificate ends, and no person.
pub(super) async fn renews(tx: &mut Tx, request: &AccessRequest) -> Result<bool, Refusal> {
    Ok(tx.certificate_behind_renewal_link(&request.id).await?.is_some())
}

/// Whether the visitor is on the machine that the request is about: it shows a certificate of this machine, in force.
pub(super) async fn is_the_machine(
    tx: &mut Tx,
    visit: &Visit,
    request: &AccessRequest,
) -> Result<bool, Refusal> {
    let Some(former) = tx.certificate_behind_renewal_link(&request.id).await? else { return Ok(false) };
    let Some(presented) =
        visit.certificate.presented.as_ref().filter(|_| visit.certificate.rejection.is_none())
    else {
        return Ok(false);
    };
    let shown = tx.certificate_by_fingerprint(&presented.fingerprint).await?;
    Ok(shown.is_some_and(|shown| shown.machine_id == former.machine_id))
}

/// Lets nobody record a certificate in the place of one that was revoked or renewed in the meantime.
pub(super) async fn check(tx: &mut Tx, former: &str) -> Result<(), Refusal> {
    let former = tx.certificate(former).await?.ok_or_else(Problem::not_found)?;
    tx.lock_machines_of(&former.account_id).await?;
    // Read again now that nobody else writes.
    let former = tx.certificate(&former.id).await?.ok_or_else(Problem::not_found)?;
    if former.revoked_at.is_some() {
        return Err(link_over().into());
    }
    if tx.successor_of(&former.id).await?.is_some() {
        return Err(handed_out().into());
    }
    Ok(())
}
