//! An authority's lifecycle: in use → superseded → retired. Operators' commands, which running servers notice.

use ::certificate::{Authority, AuthorityMaterial, KeyPem};
use domain::audit::{Action, Actor};
use domain::certificate::{AuthorityState, StoredAuthority};
use domain::id::AuthorityId;
use protocol::certificate::RevocationReason;
use protocol::{Problem, ServiceError};
use store::StoreError;

use super::{key_context, material};
use crate::environment::Environment;
use crate::failure::Failure;

/// An authority's entry in `ca status`.
#[derive(Debug, Clone)]
pub struct AuthorityReport {
    pub stored: StoredAuthority,
    /// SHA-256 over the root certificate, hexadecimal.
    pub root_fingerprint: String,
    /// When the issuing certificate expires, in seconds since the Unix epoch.
    pub not_after: i64,
    /// Machines whose only valid certificates are this authority's.
    pub machines: u64,
}

/// Creates the first authority of a new server.
pub(super) async fn first(env: &Environment) -> Result<StoredAuthority, ServiceError> {
    let (_, material) = new_root(env)?;
    let made = seal(env, &material)?;
    let mut tx = env.store.begin().await?;
    match tx.authorities().insert(&made).await {
        Err(StoreError::Duplicate) => {
            return Err(Failure::Other("another server has just created the authority: start again").into());
        }
        done => done?,
    }
    tx.audit_log().append(env.now(), Actor::Server, Action::AuthorityCreated, &made.id, "").await?;
    tx.commit().await?;
    Ok(made)
}

/// Puts a new authority into use: a new issuing key under the same root, or a new root as well. The former one stays
/// trusted.
pub async fn rotate(env: &Environment, with_new_root: bool) -> Result<StoredAuthority, ServiceError> {
    let mut tx = env.store.begin().await?;
    let stored = tx.authorities().list().await?;
    let current = stored
        .first()
        .filter(|current| current.state() == AuthorityState::InUse)
        .ok_or_else(|| Problem::conflict("There is no authority yet: start the server once."))?;
    let former = material(&env.vault, current)?;
    let (_, new) = match &former.root_key {
        _ if with_new_root => new_root(env)?,
        Some(root_key) => {
            let root = &former.root_certificate;
            Authority::create_below(root, root_key, env.clock.now(), &env.config.organisation, &mut |bytes| {
                env.random.fill(bytes);
            })
            .map_err(Failure::from)?
        }
        None => {
            let detail =
                "The root key is kept elsewhere, so it cannot sign here: make a new root (--new-root).";
            return Err(Problem::conflict(detail).into());
        }
    };
    let made = seal(env, &new)?;
    let now = env.now();
    // A concurrent rotation makes this update wait and then match no row; the unique index would reject a second one anyway.
    if !tx.authorities().supersede(&current.id, now).await? {
        return Err(Problem::conflict("Somebody else has just done so: look at `ca status`.").into());
    }
    tx.authorities().insert(&made).await?;
    let detail = format!("after {}{}", current.id, if with_new_root { ", with a new root" } else { "" });
    tx.audit_log().append(now, Actor::Server, Action::AuthorityRotated, &made.id, &detail).await?;
    tx.commit().await?;
    Ok(made)
}

/// Ends the trust in a superseded authority. Fails while machines still depend on it, unless `force`. Returns how many did.
pub async fn retire(env: &Environment, id: &AuthorityId, force: bool) -> Result<u64, ServiceError> {
    match revoke_all_of(env, id, force).await {
        Err(error) if env.release_reserve_after(&error) => revoke_all_of(env, id, force).await,
        done => done,
    }
}

async fn revoke_all_of(env: &Environment, id: &AuthorityId, force: bool) -> Result<u64, ServiceError> {
    let now = env.now();
    let mut tx = env.store.begin_urgent().await?;
    let machines = tx.authorities().count_machines(id, now).await?;
    if machines > 0 && !force {
        let detail = format!(
            "{machines} machines have no other certificate and would be shut out: wait until they have renewed theirs, or \
             shut them out with --force."
        );
        return Err(Problem::conflict(detail).into());
    }
    if !tx.authorities().retire(id, now).await? {
        let detail = "Only an authority that another one has superseded can be retired: look at `ca status`.";
        return Err(Problem::conflict(detail).into());
    }
    let revoked = tx
        .authorities()
        .revoke_certificates(id, RevocationReason::Superseded, "its authority was retired", now)
        .await?;
    let detail = format!("{revoked} certificates revoked, {machines} machines shut out");
    tx.audit_log().append(now, Actor::Server, Action::AuthorityRetired, id, &detail).await?;
    tx.commit().await?;
    Ok(machines)
}

/// All authorities, the one in use first.
pub async fn report(env: &Environment) -> Result<Vec<AuthorityReport>, ServiceError> {
    let mut tx = env.store.read().await?;
    let mut all = Vec::new();
    for stored in tx.authorities().list().await? {
        let described = |pem: &str| {
            ::certificate::describe_pem(pem).ok_or(Failure::Other("a certificate of an authority"))
        };
        all.push(AuthorityReport {
            root_fingerprint: described(&stored.root_certificate)?.fingerprint,
            not_after: described(&stored.issuing_certificate)?.not_after,
            machines: tx.authorities().count_machines(&stored.id, env.now()).await?,
            stored,
        });
    }
    Ok(all)
}

fn new_root(env: &Environment) -> Result<(Authority, AuthorityMaterial), Failure> {
    let organisation = &env.config.organisation;
    Ok(Authority::create(env.clock.now(), organisation, &mut |bytes| env.random.fill(bytes))?)
}

/// Encrypts the keys and binds them to the authority's id.
fn seal(env: &Environment, material: &AuthorityMaterial) -> Result<StoredAuthority, Failure> {
    let id: AuthorityId = env.new_id();
    let seal = |which: &str, key: &KeyPem| {
        env.vault.seal(&key_context(&id, which), key.expose().as_bytes(), env.random.as_ref())
    };
    Ok(StoredAuthority {
        root_key_sealed: material.root_key.as_ref().map(|key| seal("root", key)).transpose()?,
        issuing_key_sealed: seal("issuing", &material.issuing_key)?,
        root_certificate: material.root_certificate.clone(),
        issuing_certificate: material.issuing_certificate.clone(),
        created_at: env.now(),
        superseded_at: None,
        retired_at: None,
        id,
    })
}
