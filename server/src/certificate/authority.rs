//! The authority at start-up: made once on a new server, loaded afterwards. With material that is missing, corrupt or
//! does not open with the data key the server does not start: nobody is trusted by accident.

use std::sync::{Arc, Mutex};

use ::certificate::{Authority, AuthorityError, AuthorityMaterial, KeyPem};
use time::Duration;

use super::{Certificates, Inner};
use crate::edge::Connections;
use crate::edge::tls::Identity;
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::store::StoredAuthority;
use crate::vault::Vault;

/// The built-in server certificate's life. It is issued anew at each start.
const SERVER_LIFETIME: Duration = Duration::days(397);
/// Packages at once.
const PACKING: usize = 2;
/// The audit log's word for a new authority.
const CREATED: &str = "authority.created";
const LOST: &str = "the database (table authority) has no certificate authority in use, though one was made: restore \
                    the database from a backup";

fn key_context(id: &str, which: &str) -> String {
    format!("authority.{which}-key:{id}")
}

impl Certificates {
    /// Loads the authority, or makes one on a new server.
    pub async fn open(env: Arc<Environment>, connections: Arc<Connections>) -> Result<Self, Refusal> {
        let (stored, is_new) = {
            let mut tx = env.store.read().await?;
            (tx.authorities().await?, !tx.was_audited(CREATED).await?)
        };
        let authority = match stored.first() {
            Some(current) if current.retired_at.is_none() => load(&env, current)?,
            None if is_new => create(&env).await?,
            // A new one in its place would lock every machine out, and nobody would know why.
            _ => return Err(Failure::Other(LOST).into()),
        };
        let mut anchors = authority.trust_anchors().map_err(Failure::from)?;
        // Machines of an earlier authority stay welcome until it expires.
        for retired in stored.iter().skip(1) {
            match load(&env, retired) {
                Ok(earlier) => anchors = anchors.and(earlier.trust_anchors().map_err(Failure::from)?),
                Err(Failure::Authority(AuthorityError::Expired(_))) => {
                    tracing::info!(authority = retired.id, "a retired authority has expired");
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(Self(Arc::new(Inner {
            env,
            authority,
            anchors,
            connections,
            judged: Mutex::default(),
            packing: Arc::new(tokio::sync::Semaphore::new(PACKING)),
        })))
    }

    /// A server certificate of this authority for the built-in TLS.
    pub fn server_identity(&self, names: &[String]) -> Result<Identity, Refusal> {
        let inner = &self.0;
        let random = &inner.env.random;
        let issued = inner
            .authority
            .issue_server(names, SERVER_LIFETIME, inner.env.clock.now(), &mut |bytes| random.fill(bytes))
            .map_err(Failure::from)?;
        let chain = format!("{}{}", issued.certificate.pem, inner.authority.issuing_pem());
        Identity::from_pem(&chain, issued.key.pem().expose())
            .map_err(|_| Failure::Other("the server's own certificate cannot be used").into())
    }
}

fn load(env: &Environment, stored: &StoredAuthority) -> Result<Authority, Failure> {
    Ok(Authority::load(&material(&env.vault, stored)?, env.clock.now())?)
}

/// Whether an authority's keys open with this data key.
pub fn opens(vault: &Vault, stored: &StoredAuthority) -> Result<(), Failure> {
    material(vault, stored).map(drop)
}

fn material(vault: &Vault, stored: &StoredAuthority) -> Result<AuthorityMaterial, Failure> {
    let open = |part: &'static str, sealed: &[u8]| -> Result<KeyPem, Failure> {
        let key = vault.open(&key_context(&stored.id, part), sealed);
        let key = key.map_err(|source| Failure::AuthorityKey { part, source })?;
        let text = std::str::from_utf8(&key).map_err(|_| Failure::Other("the authority's key is not PEM"))?;
        Ok(KeyPem::new(text))
    };
    Ok(AuthorityMaterial {
        root_certificate: stored.root_certificate.clone(),
        root_key: stored.root_key_sealed.as_deref().map(|sealed| open("root", sealed)).transpose()?,
        issuing_certificate: stored.issuing_certificate.clone(),
        issuing_key: open("issuing", &stored.issuing_key_sealed)?,
    })
}

async fn create(env: &Environment) -> Result<Authority, Refusal> {
    let id = env.new_id();
    let (authority, material) =
        Authority::create(env.clock.now(), &env.config.organisation, &mut |bytes| env.random.fill(bytes))
            .map_err(Failure::from)?;
    let seal = |which: &str, key: &KeyPem| {
        env.vault.seal(&key_context(&id, which), key.expose().as_bytes(), env.random.as_ref())
    };
    let stored = StoredAuthority {
        root_key_sealed: material.root_key.as_ref().map(|key| seal("root", key)).transpose()?,
        issuing_key_sealed: seal("issuing", &material.issuing_key)?,
        root_certificate: material.root_certificate,
        issuing_certificate: material.issuing_certificate,
        retired_at: None,
        id,
    };
    let mut tx = env.store.begin().await?;
    if !tx.authorities().await?.is_empty() {
        return Err(Failure::Other("another server has just made the authority: start again").into());
    }
    tx.insert_authority(&stored, env.now()).await?;
    tx.audit(env.now(), "server", CREATED, &stored.id, "").await?;
    tx.commit().await?;
    Ok(authority)
}
