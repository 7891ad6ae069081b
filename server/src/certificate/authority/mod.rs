//! The authorities: the one that issues, and those before it whose certificates still count.
//!
//! Made once on a new server, loaded afterwards. With material that is missing, corrupt or does not open with the data
//! key the server does not start: nobody is trusted by accident.

mod rotate;
mod watch;

use ::certificate::{Authority, AuthorityError, AuthorityMaterial, KeyPem, TrustAnchors};
use time::Duration;

pub use rotate::{AuthorityReport, report, retire, rotate};

use crate::edge::tls::Identity;
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::store::{AuthorityState, StoredAuthority};
use crate::vault::Vault;

/// The built-in server certificate’s life. It is issued anew at each start, and every day.
const SERVER_LIFETIME: Duration = Duration::days(397);
/// The audit log's word for a new authority.
const CREATED: &str = "authority.created";
const LOST: &str = "the database (table authority) has no certificate authority in use, though one was made: restore \
                    the database from a backup";

/// An authority that is trusted.
#[derive(Debug)]
pub(super) struct Trusted {
    pub id: String,
    pub authority: Authority,
}

/// All that are trusted at the moment.
#[derive(Debug)]
pub(super) struct Authorities {
    /// The one in use first, then the newest. Never empty.
    trusted: Vec<Trusted>,
    /// Their ids and those of the expired ones, as the database gave them.
    stored: Vec<String>,
    pub anchors: TrustAnchors,
}

impl Authorities {
    /// Loads them, or makes one on a new server.
    pub async fn open(env: &Environment) -> Result<Self, Refusal> {
        let mut tx = env.store.read().await?;
        let (stored, is_new) = (tx.authorities().await?, !tx.was_audited(CREATED).await?);
        drop(tx);
        match stored.first() {
            Some(current) if current.state() == AuthorityState::InUse => Self::load(env, &stored),
            None if is_new => {
                let made = rotate::first(env).await?;
                Self::load(env, &[made])
            }
            // A new one in its place would lock every machine out, and nobody would know why.
            _ => Err(Failure::Other(LOST).into()),
        }
    }

    fn load(env: &Environment, stored: &[StoredAuthority]) -> Result<Self, Refusal> {
        let stored: Vec<_> = stored.iter().filter(|a| a.state() != AuthorityState::Retired).collect();
        let mut trusted = Vec::new();
        for one in &stored {
            match load(env, one) {
                Ok(authority) => trusted.push(Trusted { id: one.id.clone(), authority }),
                // Machines of an earlier authority stay welcome until it expires.
                Err(Failure::Authority(AuthorityError::Expired(_)))
                    if one.state() == AuthorityState::Superseded =>
                {
                    tracing::info!(authority = one.id, "an earlier authority has expired");
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        let mut anchors: Option<TrustAnchors> = None;
        for one in &trusted {
            let more = one.authority.trust_anchors().map_err(Failure::from)?;
            anchors = Some(match anchors {
                Some(anchors) => anchors.and(more),
                None => more,
            });
        }
        let anchors = anchors.ok_or(Failure::Other(LOST))?;
        Ok(Self { trusted, stored: stored.iter().map(|a| a.id.clone()).collect(), anchors })
    }

    /// The one that issues.
    pub fn in_use(&self) -> Result<&Trusted, Failure> {
        self.trusted.first().ok_or(Failure::Other(LOST))
    }

    /// Those that issue nothing more.
    pub fn superseded(&self) -> impl Iterator<Item = &Trusted> {
        self.trusted.iter().skip(1)
    }

    pub fn find(&self, id: &str) -> Option<&Trusted> {
        self.trusted.iter().find(|one| one.id == id)
    }

    /// The root certificates, PEM, each once.
    pub fn roots_pem(&self) -> String {
        each_once(self.trusted.iter().map(|one| one.authority.root_pem())).concat()
    }

    /// The root certificates but this one, DER.
    pub fn roots_beside(&self, root: &[u8]) -> Vec<Vec<u8>> {
        let roots = self.trusted.iter().map(|one| one.authority.root_der());
        each_once(roots.filter(|other| *other != root).map(<[u8]>::to_vec))
    }

    /// Issuing and root certificates, by whose names a client picks its own. DER, each once.
    pub fn names(&self) -> Vec<Vec<u8>> {
        each_once(self.trusted.iter().flat_map(|one| one.authority.chain()))
    }

    /// The one for the server's own certificate: below the oldest root, since a machine may know no other yet; and below
    /// that the newest.
    pub fn for_the_server(&self) -> Result<&Authority, Failure> {
        let oldest = self.trusted.last().ok_or(Failure::Other(LOST))?.authority.root_der();
        let mut below = self.trusted.iter().filter(|one| one.authority.root_der() == oldest);
        below.next().map(|one| &one.authority).ok_or(Failure::Other(LOST))
    }

    /// A server certificate for the built-in TLS.
    pub fn server_identity(&self, env: &Environment, names: &[String]) -> Result<Identity, Refusal> {
        let (authority, random) = (self.for_the_server()?, &env.random);
        let issued = authority
            .issue_server(names, SERVER_LIFETIME, env.clock.now(), &mut |bytes| random.fill(bytes))
            .map_err(Failure::from)?;
        let chain = format!("{}{}", issued.certificate.pem, authority.issuing_pem());
        Identity::from_pem(&chain, issued.key.pem().expose())
            .map_err(|_| Failure::Other("the server's own certificate cannot be used").into())
    }
}

fn key_context(id: &str, which: &str) -> String {
    format!("authority.{which}-key:{id}")
}

fn load(env: &Environment, stored: &StoredAuthority) -> Result<Authority, Failure> {
    Ok(Authority::load(&material(&env.vault, stored)?, env.clock.now())?)
}

fn each_once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut once, one| {
        if !once.contains(&one) {
            once.push(one);
        }
        once
    })
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
