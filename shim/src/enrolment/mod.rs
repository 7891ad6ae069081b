//! From a link to an identity, step by step. Each step consumes the one before, and needs what the person confirmed:
//!
//! | step | what was contacted |
//! |---|---|
//! | [`Link`] | nothing |
//! | [`Contacted`] | the server was asked for its authority; it got nothing, and is not trusted yet |
//! | [`Verified`] | the server proved its identity, and was asked what the link offers |
//! | [`Completed`] | the certificate was issued and stored |
//!
//! The token is sent only to a server that proved its identity: by the authority whose fingerprint was in the link or was
//! confirmed by the person. Only where the program's link says so, and the server's certificate is not from that authority,
//! the system's own trust store decides. The key never leaves this machine.

mod authorities;
mod error;
mod pages;
mod requests;
mod wizard;

use std::sync::Arc;

use keys::Answer;
use protocol::access::DownloadOffer;
use tauri::Url;

use crate::clock::Random;
use crate::configuration::Server;
use crate::enrolment_store::{EnrolmentStore, EnrolmentStoreError, Machine, Record, Trusted};
use crate::identity::new_key;
use crate::keystore::KeyLocation;
use crate::link::{Fingerprint, Link};
use crate::transport::{Transport, TransportError};
use crate::trust::Trust;
use authorities::Authorities;
pub use error::{EnrolmentError, EnrolmentFailed, LinkUse, TrustSource};
pub use pages::ENROL;
use requests::{certify, machines_of, pages_of, read_offer, setup};
pub use wizard::Wizard;

#[derive(Debug)]
pub struct Enrolment {
    store: Arc<EnrolmentStore>,
    /// The system's trust store; `None` where it cannot be read.
    system: Option<Trust>,
    random: Random,
}

/// The server named its authority. Whether it is the right one, the link says or the person confirms.
#[derive(Debug, Clone)]
pub struct Contacted {
    link: Link,
    authorities: Authorities,
}

/// The server proved its identity.
#[derive(Debug)]
pub struct Verified {
    link: Link,
    transport: Transport,
    /// The machines listener, which the certificate is for.
    machines: Server,
    trusted: Trusted,
    authorities: Authorities,
    pub offer: DownloadOffer,
}

/// This machine is enrolled.
#[derive(Debug)]
pub struct Completed {
    pub machine: Machine,
    /// Where the person sets up the sign-in, if that is still to be done.
    pub setup: Option<Url>,
}

/// The enrolment that a new one would replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExistingEnrolment {
    /// With this server.
    Of(String),
    Unreadable,
}

impl Contacted {
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.authorities.fingerprints
    }

    pub fn server(&self) -> &Server {
        &self.link.server
    }
}

impl Verified {
    pub fn server(&self) -> &Server {
        &self.link.server
    }
}

impl Enrolment {
    pub fn new(store: Arc<EnrolmentStore>, system: Option<Trust>, random: Random) -> Self {
        Self { store, system, random }
    }

    /// What a new enrolment would replace.
    pub async fn existing(&self) -> Option<ExistingEnrolment> {
        match self.store.run(EnrolmentStore::record).await {
            Ok(record) => record.map(|record| ExistingEnrolment::Of(record.server)),
            Err(_) => Some(ExistingEnrolment::Unreadable),
        }
    }

    /// Asks the server for its authority. It must be the one in the link, if the link has one.
    pub async fn contact(&self, link: &Link) -> Result<Contacted, EnrolmentFailed> {
        self.contacted(link).await.map_err(|cause| EnrolmentFailed { cause, link: LinkUse::NotSent })
    }

    /// Verifies the server's identity, and asks it what the link offers. `confirmed` is the authority in the link, or the one
    /// that the person compared: no other one that the server named is trusted.
    pub async fn verify(
        &self,
        contacted: Contacted,
        confirmed: Fingerprint,
    ) -> Result<Verified, EnrolmentFailed> {
        let mut used = LinkUse::NotSent;
        self.verified(contacted, confirmed, &mut used)
            .await
            .map_err(|cause| EnrolmentFailed { cause, link: used })
    }

    /// Makes the key, fetches its certificate, and stores both.
    pub async fn redeem(&self, verified: &Verified, match_code: &str) -> Result<Completed, EnrolmentFailed> {
        let mut used = LinkUse::Sent;
        self.redeem_link(verified, match_code, &mut used)
            .await
            .map_err(|cause| EnrolmentFailed { cause, link: used })
    }

    async fn contacted(&self, link: &Link) -> Result<Contacted, EnrolmentError> {
        let received = authorities::fetch_unverified(&link.server).await?;
        let authorities = match link.authority {
            Some(expected) => received.only(expected).ok_or(EnrolmentError::OtherAuthority)?,
            None => received,
        };
        Ok(Contacted { link: link.clone(), authorities })
    }

    async fn verified(
        &self,
        contacted: Contacted,
        confirmed: Fingerprint,
        used: &mut LinkUse,
    ) -> Result<Verified, EnrolmentError> {
        let Contacted { link, authorities } = contacted;
        let authorities = authorities.only(confirmed).ok_or(EnrolmentError::OtherAuthority)?;
        let (transport, mut trusted, mut received) =
            self.verify_server(&link.server, &link, &authorities).await?;
        *used = LinkUse::Sent;
        let offer = read_offer(&transport, &link).await?;
        let machines = machines_of(&offer)?;
        // The verified server names the machines listener, which has to prove its identity as well.
        if machines != link.server {
            (_, trusted, received) = self.verify_server(&machines, &link, &authorities).await?;
        }
        Ok(Verified { link, transport, machines, trusted, authorities: received, offer })
    }

    async fn redeem_link(
        &self,
        verified: &Verified,
        match_code: &str,
        used: &mut LinkUse,
    ) -> Result<Completed, EnrolmentError> {
        let (token, random) = (verified.link.token.clone(), self.random);
        let key = self.store.run(move |store| {
            store.key_for_link(token.expose(), || new_key(random).map_err(|_| EnrolmentStoreError::NoRandom))
        });
        let key = key.await?;
        *used = LinkUse::CertificateRequested;
        let certificates = certify(verified, &key, match_code).await?;
        let answer = Answer { certificates: &certificates, roots: &verified.authorities.pem };
        let chain = key.chain(answer)?;
        let setup = setup(verified).await;
        let record = Record {
            version: 0,
            server: verified.machines.origin(),
            pages: pages_of(verified),
            trusted: verified.trusted,
            authorities: verified.authorities.pem.clone(),
            // The store sets both.
            key_location: KeyLocation::System,
            current: String::new(),
            next: None,
            obsolete: None,
        };
        let machine = self.store.run(move |store| store.enrol(record, key.key(), &chain)).await?;
        Ok(Completed { machine, setup })
    }

    /// Returns a transport to a server that proved its identity, what verified it, and the authorities that it then named.
    async fn verify_server(
        &self,
        server: &Server,
        link: &Link,
        authorities: &Authorities,
    ) -> Result<(Transport, Trusted, Authorities), EnrolmentError> {
        let by_authority = Transport::anonymous(server.clone(), &authorities.trust()?)?;
        let (transport, trusted, received) = match authorities::fetch(&by_authority).await {
            Ok(received) => (by_authority, Trusted::Authority, received),
            Err(EnrolmentError::Contact(TransportError::ServerUntrusted(reason))) => {
                let (transport, received) = self.verify_by_system(server, link, reason).await?;
                (transport, Trusted::System, received)
            }
            Err(error) => return Err(error),
        };
        // A verified server may name others beside the confirmed one, but that one must be among them.
        let same = authorities.fingerprints.iter().any(|known| received.fingerprints.contains(known));
        if same { Ok((transport, trusted, received)) } else { Err(EnrolmentError::OtherAuthority) }
    }

    /// The weaker check, by the system, where the link allows it. The check by the authority failed for `reason`.
    async fn verify_by_system(
        &self,
        server: &Server,
        link: &Link,
        reason: &'static str,
    ) -> Result<(Transport, Authorities), EnrolmentError> {
        let by = match (link.system_trust, link.authority) {
            (true, _) => TrustSource::System,
            (false, Some(_)) => TrustSource::Authority,
            (false, None) => TrustSource::Person,
        };
        let unverified = EnrolmentError::Unverified { by, reason };
        let (TrustSource::System, Some(system)) = (by, &self.system) else { return Err(unverified) };
        let transport = Transport::anonymous(server.clone(), system)?;
        match authorities::fetch(&transport).await {
            Ok(received) => Ok((transport, received)),
            Err(EnrolmentError::Contact(TransportError::ServerUntrusted(_))) => Err(unverified),
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests;
