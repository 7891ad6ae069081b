//! From a link to an identity, step by step. Each step consumes the one before, and needs what the person confirmed:
//!
//! | step | what was contacted |
//! |---|---|
//! | [`Link`] | nothing |
//! | [`Met`] | the server was asked for its authority; it got nothing, and is not trusted |
//! | [`Opened`] | the server proved itself, and the link was looked at |
//! | [`Done`] | the certificate is there and kept |
//!
//! The token leaves this machine only towards a server that proved itself: by the authority whose fingerprint the link
//! told or the person confirmed. Only where the program's link says so, and that authority does not speak for the server's
//! certificate, as this system judges servers. The key never leaves.

mod error;
mod first_contact;
mod pages;
mod requests;
mod wizard;

use std::sync::Arc;

use keys::Answer;
use protocol::access::DownloadOffer;
use tauri::Url;

use crate::clock::Random;
use crate::configuration::Server;
use crate::enrolled::{Enrolled, EnrolledError, Machine, Record, Trusted};
use crate::identity::new_key;
use crate::keystore::Place;
use crate::link::{Fingerprint, Link};
use crate::transport::{Failure, Transport, Trust};
pub use error::{EnrolmentError, Judge, LinkUse, Stopped};
use first_contact::Authorities;
pub use pages::ENROL;
use requests::{certify, look, machines_of, pages_of, setup};
pub use wizard::Wizard;

#[derive(Debug)]
pub struct Enrolment {
    enrolled: Arc<Enrolled>,
    /// How this system judges servers.
    system: Option<Trust>,
    random: Random,
}

/// The server said who its authority is. Whether that is right, the link or the person knows.
#[derive(Debug, Clone)]
pub struct Met {
    link: Link,
    authorities: Authorities,
}

/// The server proved itself.
#[derive(Debug)]
pub struct Opened {
    link: Link,
    transport: Transport,
    /// Of the server that the certificate opens.
    machines: Server,
    trusted: Trusted,
    authorities: Authorities,
    pub offer: DownloadOffer,
}

/// This machine is enrolled.
#[derive(Debug)]
pub struct Done {
    pub machine: Machine,
    /// Where the person sets up the sign-in, if that is still to be done.
    pub setup: Option<Url>,
}

/// An enrolment that stands already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    /// With this server.
    Of(String),
    Unreadable,
}

impl Met {
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.authorities.fingerprints
    }

    pub fn server(&self) -> &Server {
        &self.link.server
    }
}

impl Opened {
    pub fn server(&self) -> &Server {
        &self.link.server
    }
}

impl Enrolment {
    pub fn new(enrolled: Arc<Enrolled>, system: Option<Trust>, random: Random) -> Self {
        Self { enrolled, system, random }
    }

    /// What this machine stands on already, and what another enrolment would take the place of.
    pub async fn former(&self) -> Option<Former> {
        match self.enrolled.run(Enrolled::record).await {
            Ok(record) => record.map(|record| Former::Of(record.server)),
            Err(_) => Some(Former::Unreadable),
        }
    }

    /// Asks the server for its authority. It must be the one that the link tells of, if it does.
    pub async fn meet(&self, link: &Link) -> Result<Met, Stopped> {
        self.met(link).await.map_err(|why| Stopped { why, link: LinkUse::NotSent })
    }

    /// Has the server prove itself, and looks at what the link gives. `confirmed` is the one authority that the link tells or
    /// the person compared: of all that the server told, no other one is trusted.
    pub async fn open(&self, met: Met, confirmed: Fingerprint) -> Result<Opened, Stopped> {
        let mut used = LinkUse::NotSent;
        self.opened(met, confirmed, &mut used).await.map_err(|why| Stopped { why, link: used })
    }

    /// Makes the key, fetches its certificate, and keeps both.
    pub async fn redeem(&self, opened: &Opened, match_code: &str) -> Result<Done, Stopped> {
        let mut used = LinkUse::Shown;
        self.redeemed(opened, match_code, &mut used).await.map_err(|why| Stopped { why, link: used })
    }

    async fn met(&self, link: &Link) -> Result<Met, EnrolmentError> {
        let told = first_contact::ask(&link.server).await?;
        let authorities = match link.authority {
            Some(expected) => told.only(expected).ok_or(EnrolmentError::OtherAuthority)?,
            None => told,
        };
        Ok(Met { link: link.clone(), authorities })
    }

    async fn opened(
        &self,
        met: Met,
        confirmed: Fingerprint,
        used: &mut LinkUse,
    ) -> Result<Opened, EnrolmentError> {
        let Met { link, authorities } = met;
        let authorities = authorities.only(confirmed).ok_or(EnrolmentError::OtherAuthority)?;
        let (transport, mut trusted, mut told) = self.prove(&link.server, &link, &authorities).await?;
        *used = LinkUse::Shown;
        let offer = look(&transport, &link).await?;
        let machines = machines_of(&offer)?;
        // The proven server names the other one, which has to prove itself alike.
        if machines != link.server {
            (_, trusted, told) = self.prove(&machines, &link, &authorities).await?;
        }
        Ok(Opened { link, transport, machines, trusted, authorities: told, offer })
    }

    async fn redeemed(
        &self,
        opened: &Opened,
        match_code: &str,
        used: &mut LinkUse,
    ) -> Result<Done, EnrolmentError> {
        let (token, random) = (opened.link.token.clone(), self.random);
        let key = self.enrolled.run(move |enrolled| {
            enrolled.key_of_link(token.expose(), || new_key(random).map_err(|_| EnrolledError::NoRandom))
        });
        let key = key.await?;
        *used = LinkUse::Asked;
        let certificates = certify(opened, &key, match_code).await?;
        let answer = Answer { certificates: &certificates, roots: &opened.authorities.pem };
        let chain = key.chain(answer)?;
        let setup = setup(opened).await;
        let record = Record {
            version: 0,
            server: opened.machines.origin(),
            pages: pages_of(opened),
            trusted: opened.trusted,
            authorities: opened.authorities.pem.clone(),
            // Both are settled when it is kept.
            kept_in: Place::System,
            current: String::new(),
            next: None,
            leaving: None,
        };
        let machine = self.enrolled.run(move |enrolled| enrolled.enrol(record, key.key(), &chain)).await?;
        Ok(Done { machine, setup })
    }

    /// A transport to a server that proves itself, by which of the two, and what it then tells of its authorities.
    async fn prove(
        &self,
        server: &Server,
        link: &Link,
        authorities: &Authorities,
    ) -> Result<(Transport, Trusted, Authorities), EnrolmentError> {
        let by_authority = Transport::anonymous(server.clone(), &authorities.trust()?)?;
        let (transport, trusted, told) = match first_contact::told(&by_authority).await {
            Ok(told) => (by_authority, Trusted::Authority, told),
            Err(EnrolmentError::Contact(Failure::ServerUntrusted(reason))) => {
                let (transport, told) = self.prove_by_system(server, link, reason).await?;
                (transport, Trusted::System, told)
            }
            Err(error) => return Err(error),
        };
        // Others may stand beside the confirmed one, which a proven server vouches for; but it must be there.
        let same = authorities.fingerprints.iter().any(|known| told.fingerprints.contains(known));
        if same { Ok((transport, trusted, told)) } else { Err(EnrolmentError::OtherAuthority) }
    }

    /// The weaker judgement, where the link allows it. The authority's failed for `reason`.
    async fn prove_by_system(
        &self,
        server: &Server,
        link: &Link,
        reason: &'static str,
    ) -> Result<(Transport, Authorities), EnrolmentError> {
        let by = match (link.by_system, link.authority) {
            (true, _) => Judge::System,
            (false, Some(_)) => Judge::Authority,
            (false, None) => Judge::Person,
        };
        let unproven = EnrolmentError::Unproven { by, reason };
        let (Judge::System, Some(system)) = (by, &self.system) else { return Err(unproven) };
        let transport = Transport::anonymous(server.clone(), system)?;
        match first_contact::told(&transport).await {
            Ok(told) => Ok((transport, told)),
            Err(EnrolmentError::Contact(Failure::ServerUntrusted(_))) => Err(unproven),
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests;
