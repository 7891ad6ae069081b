//! The certificate authorities: the issuing one, and former ones whose certificates are still trusted.
//!
//! Created once on a new server, loaded afterwards. The server does not start with key material that is missing, corrupt or
//! sealed with another data key, so that it never trusts anybody by accident.

mod rotate;
mod watch;

use ::certificate::{Authority, AuthorityError, AuthorityMaterial, KeyPem, TrustAnchors};
use domain::audit::Action;
use domain::certificate::{AuthorityState, StoredAuthority};
use domain::id::AuthorityId;
use protocol::ServiceError;
use time::Duration;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::tls::Identity;
use crate::vault::Vault;

pub use rotate::{AuthorityReport, report, retire, rotate};

/// The lifetime of the built-in server certificate. It is reissued at each start, and every day.
const SERVER_LIFETIME: Duration = Duration::days(397);
const LOST: &str = "the database (table authority) has no certificate authority in use, though one was made: restore \
                    the database from a backup";

/// A trusted authority.
#[derive(Debug)]
pub(super) struct Trusted {
    pub id: AuthorityId,
    pub authority: Authority,
}

/// All currently trusted authorities.
#[derive(Debug)]
pub(super) struct Authorities {
    /// The one in use first, then the newest. Never empty.
    trusted: Vec<Trusted>,
    /// Their ids and those of expired ones, in the database's order.
    stored: Vec<AuthorityId>,
    pub anchors: TrustAnchors,
}

impl Authorities {
    /// Loads the authorities, or creates one on a new server.
    pub async fn open(env: &Environment) -> Result<Self, ServiceError> {
        let mut tx = env.store.read().await?;
        let (stored, is_new) =
            (tx.authorities().list().await?, !tx.audit_log().contains(Action::AuthorityCreated).await?);
        drop(tx);
        match stored.first() {
            Some(current) if current.state() == AuthorityState::InUse => Self::load(env, &stored),
            None if is_new => {
                let made = rotate::first(env).await?;
                Self::load(env, &[made])
            }
            // Creating a new one instead would lock every machine out without an explanation.
            _ => Err(Failure::Other(LOST).into()),
        }
    }

    fn load(env: &Environment, stored: &[StoredAuthority]) -> Result<Self, ServiceError> {
        let stored: Vec<_> = stored.iter().filter(|a| a.state() != AuthorityState::Retired).collect();
        let mut trusted = Vec::new();
        for one in &stored {
            match load(env, one) {
                Ok(authority) => trusted.push(Trusted { id: one.id.clone(), authority }),
                // An earlier authority stays trusted until it expires.
                Err(Failure::Authority(AuthorityError::Expired(_)))
                    if one.state() == AuthorityState::Superseded =>
                {
                    tracing::info!(authority = %one.id, "an earlier authority has expired");
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

    /// The issuing authority.
    pub fn in_use(&self) -> Result<&Trusted, Failure> {
        self.trusted.first().ok_or(Failure::Other(LOST))
    }

    /// Authorities that no longer issue.
    pub fn superseded(&self) -> impl Iterator<Item = &Trusted> {
        self.trusted.iter().skip(1)
    }

    pub fn find(&self, id: &AuthorityId) -> Option<&Trusted> {
        self.trusted.iter().find(|one| one.id == *id)
    }

    /// The root certificates as PEM, without duplicates.
    pub fn roots_pem(&self) -> String {
        dedup(self.trusted.iter().map(|one| one.authority.root_pem())).concat()
    }

    /// The root certificates except this one, DER.
    pub fn roots_except(&self, root: &[u8]) -> Vec<Vec<u8>> {
        let roots = self.trusted.iter().map(|one| one.authority.root_der());
        dedup(roots.filter(|other| *other != root).map(<[u8]>::to_vec))
    }

    /// Issuing and root certificates, by whose names a client picks its own. DER, without duplicates.
    pub fn names(&self) -> Vec<Vec<u8>> {
        dedup(self.trusted.iter().flat_map(|one| one.authority.chain()))
    }

    /// The issuer of the server's own certificate: the newest authority under the oldest root, since a machine may not know
    /// a newer root yet.
    pub fn for_server(&self) -> Result<&Authority, Failure> {
        let oldest = self.trusted.last().ok_or(Failure::Other(LOST))?.authority.root_der();
        let mut under_oldest = self.trusted.iter().filter(|one| one.authority.root_der() == oldest);
        under_oldest.next().map(|one| &one.authority).ok_or(Failure::Other(LOST))
    }

    /// A server certificate for the built-in TLS.
    pub fn server_identity(&self, env: &Environment, names: &[String]) -> Result<Identity, ServiceError> {
        let (authority, random) = (self.for_server()?, &env.random);
        let issued = authority
            .issue_server(names, SERVER_LIFETIME, env.clock.now(), &mut |bytes| random.fill(bytes))
            .map_err(Failure::from)?;
        let chain = format!("{}{}", issued.certificate.pem, authority.issuing_pem());
        Identity::from_pem(&chain, issued.key.pem().expose())
            .map_err(|_| Failure::Other("the server's own certificate cannot be used").into())
    }
}

fn key_context(id: &AuthorityId, which: &str) -> String {
    format!("authority.{which}-key:{id}")
}

fn load(env: &Environment, stored: &StoredAuthority) -> Result<Authority, Failure> {
    Ok(Authority::load(&material(&env.vault, stored)?, env.clock.now())?)
}

fn dedup<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
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
