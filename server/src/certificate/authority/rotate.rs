//! One authority after another: in use → superseded → retired. An operator's commands; a running server notices.

use ::certificate::{Authority, AuthorityMaterial, KeyPem};
use protocol::Problem;
use protocol::certificate::RevocationReason;

use super::{CREATED, key_context, material};
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::store::{AuthorityState, StoreError, StoredAuthority};

/// An authority as the operator sees it.
#[derive(Debug, Clone)]
pub struct AuthorityReport {
    pub stored: StoredAuthority,
    /// SHA-256 over the root certificate, hexadecimal.
    pub root_fingerprint: String,
    /// When the issuing certificate ends; seconds since the Unix epoch.
    pub not_after: i64,
    /// Machines that have no certificate in force but this one's.
    pub machines: u64,
}

/// The first authority of a new server.
pub(super) async fn first(env: &Environment) -> Result<StoredAuthority, Refusal> {
    let (_, material) = new_root(env)?;
    let made = seal(env, &material)?;
    let mut tx = env.store.begin().await?;
    match tx.insert_authority(&made).await {
        Err(StoreError::Duplicate) => {
            return Err(Failure::Other("another server has just made the authority: start again").into());
        }
        done => done?,
    }
    tx.audit(env.now(), "server", CREATED, &made.id, "").await?;
    tx.commit().await?;
    Ok(made)
}

/// Puts a new authority into use: a new issuing key below the same root, or all new. The one before it is trusted on.
pub async fn rotate(env: &Environment, with_new_root: bool) -> Result<StoredAuthority, Refusal> {
    let mut tx = env.store.begin().await?;
    let stored = tx.authorities().await?;
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
    // The update waits for another rotation and then changes nothing; the index would refuse a second one in any case.
    if !tx.supersede_authority(&current.id, now).await? {
        return Err(Problem::conflict("Somebody else has just done so: look at `ca status`.").into());
    }
    tx.insert_authority(&made).await?;
    let detail = format!("after {}{}", current.id, if with_new_root { ", with a new root" } else { "" });
    tx.audit(now, "server", "authority.rotated", &made.id, &detail).await?;
    tx.commit().await?;
    Ok(made)
}

/// Ends the trust in a superseded authority. Refused while it would shut machines out, unless `force`; gives how many.
pub async fn retire(env: &Environment, id: &str, force: bool) -> Result<u64, Refusal> {
    let now = env.now();
    let mut tx = env.store.begin().await?;
    let machines = tx.count_machines_of_authority(id, now).await?;
    if machines > 0 && !force {
        let detail = format!(
            "{machines} machines have no other certificate and would be shut out: wait until they have renewed theirs, or \
             shut them out with --force."
        );
        return Err(Problem::conflict(detail).into());
    }
    if !tx.retire_authority(id, now).await? {
        let detail = "Only an authority that another one has superseded can be retired: look at `ca status`.";
        return Err(Problem::conflict(detail).into());
    }
    let revoked = tx
        .revoke_certificates_of_authority(id, RevocationReason::Superseded, "its authority was retired", now)
        .await?;
    let detail = format!("{revoked} certificates revoked, {machines} machines shut out");
    tx.audit(now, "server", "authority.retired", id, &detail).await?;
    tx.commit().await?;
    Ok(machines)
}

/// Every authority there has been, the one in use first.
pub async fn report(env: &Environment) -> Result<Vec<AuthorityReport>, Refusal> {
    let mut tx = env.store.read().await?;
    let mut all = Vec::new();
    for stored in tx.authorities().await? {
        let described = |pem: &str| {
            ::certificate::describe_pem(pem).ok_or(Failure::Other("a certificate of an authority"))
        };
        all.push(AuthorityReport {
            root_fingerprint: described(&stored.root_certificate)?.fingerprint,
            not_after: described(&stored.issuing_certificate)?.not_after,
            machines: tx.count_machines_of_authority(&stored.id, env.now()).await?,
            stored,
        });
    }
    Ok(all)
}

fn new_root(env: &Environment) -> Result<(Authority, AuthorityMaterial), Failure> {
    let organisation = &env.config.organisation;
    Ok(Authority::create(env.clock.now(), organisation, &mut |bytes| env.random.fill(bytes))?)
}

/// As it is stored: its keys encrypted, and tied to its id.
fn seal(env: &Environment, material: &AuthorityMaterial) -> Result<StoredAuthority, Failure> {
    let id = env.new_id();
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
