//! The authority at start-up: made once on a new server, loaded afterwards. With material that is missing, corrupt or
//! does not open with the data key the server does not start: nobody is trusted by accident.

use std::sync::{Arc, Mutex};

use ::certificate::{Authority, AuthorityMaterial, KeyPem};
use time::Duration;

use super::{Certificates, Inner};
use crate::edge::Connections;
use crate::edge::tls::Identity;
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::outbox::Outbox;
use crate::store::StoredAuthority;

/// The built-in server certificate's life. It is issued anew at each start.
const SERVER_LIFETIME: Duration = Duration::days(397);
/// Packages at once.
const PACKING: usize = 2;

fn key_context(id: &str, which: &str) -> String {
    format!("authority.{which}-key:{id}")
}

impl Certificates {
    /// Loads the authority, or makes one on a new server.
    pub async fn open(
        env: Arc<Environment>,
        connections: Arc<Connections>,
        outbox: Outbox,
    ) -> Result<Self, Refusal> {
        let stored = env.store.read().await?.authorities().await?;
        let (authority, mut anchors) = match stored.first() {
            Some(current) => {
                let authority = load(&env, current)?;
                let anchors = authority.trust_anchors().map_err(Failure::from)?;
                (authority, anchors)
            }
            None => {
                let authority = create(&env).await?;
                let anchors = authority.trust_anchors().map_err(Failure::from)?;
                (authority, anchors)
            }
        };
        // Machines of an earlier authority stay welcome until it expires.
        for retired in stored.iter().skip(1) {
            if let Ok(earlier) = load(&env, retired) {
                anchors = anchors.and(earlier.trust_anchors().map_err(Failure::from)?);
            } else {
                tracing::warn!(authority = retired.id, "a retired authority is no longer usable");
            }
        }
        Ok(Self(Arc::new(Inner {
            env,
            authority,
            anchors,
            connections,
            outbox,
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
    let open = |which: &str, sealed: &[u8]| -> Result<KeyPem, Failure> {
        let key = env.vault.open(&key_context(&stored.id, which), sealed)?;
        let text = std::str::from_utf8(&key).map_err(|_| Failure::Other("the authority's key is not PEM"))?;
        Ok(KeyPem::new(text))
    };
    let material = AuthorityMaterial {
        root_certificate: stored.root_certificate.clone(),
        root_key: stored.root_key_sealed.as_deref().map(|sealed| open("root", sealed)).transpose()?,
        issuing_certificate: stored.issuing_certificate.clone(),
        issuing_key: open("issuing", &stored.issuing_key_sealed)?,
    };
    Ok(Authority::load(&material, env.clock.now())?)
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
    tx.audit(env.now(), "server", "authority.created", &stored.id, "").await?;
    tx.commit().await?;
    Ok(authority)
}
