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
//! told or the person confirmed, or, where that authority does not speak for the server's certificate, as this system
//! judges servers. The key never leaves.

mod error;
mod first_contact;
mod pages;
mod wizard;

use std::sync::Arc;

use http::header::{ACCEPT, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use keys::{Answer, KeyError, MachineKey};
use protocol::Problem;
use protocol::access::{DownloadOffer, DownloadState};
use serde_json::json;
use tauri::Url;

use crate::clock::Random;
use crate::configuration::Server;
use crate::enrolled::{Enrolled, EnrolledError, Machine, Record, Trusted};
use crate::identity::new_key;
use crate::keystore::Place;
use crate::link::{Fingerprint, Link};
use crate::transport::{Failure, Transport, Trust};
pub use error::EnrolmentError;
use first_contact::Authorities;
pub use pages::ENROL;
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

    /// Asks the server for its authority. It must be the one that the link tells of, if it does.
    pub async fn meet(&self, link: &Link) -> Result<Met, EnrolmentError> {
        let told = first_contact::ask(&link.server).await?;
        let authorities = match link.authority {
            Some(expected) => told.only(expected).ok_or(EnrolmentError::OtherAuthority)?,
            None => told,
        };
        Ok(Met { link: link.clone(), authorities })
    }

    /// The person confirmed it: has the server prove itself, and looks at what the link gives.
    pub async fn open(&self, met: Met) -> Result<Opened, EnrolmentError> {
        let Met { link, authorities } = met;
        let (transport, mut trusted, mut told) = self.prove(&link.server, &authorities).await?;
        let offer = look(&transport, &link).await?;
        let machines = machines_of(&offer)?;
        // The proven server names the other one, which has to prove itself alike.
        if machines != link.server {
            (_, trusted, told) = self.prove(&machines, &authorities).await?;
        }
        Ok(Opened { link, transport, machines, trusted, authorities: told, offer })
    }

    /// Makes the key, fetches its certificate, and keeps both.
    pub async fn redeem(&self, opened: &Opened, match_code: &str) -> Result<Done, EnrolmentError> {
        let (token, random) = (opened.link.token.clone(), self.random);
        let key = self.enrolled.run(move |enrolled| {
            enrolled.key_of_link(token.expose(), || new_key(random).map_err(|_| EnrolledError::NoRandom))
        });
        let key = key.await?;
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
        authorities: &Authorities,
    ) -> Result<(Transport, Trusted, Authorities), EnrolmentError> {
        let by_authority = Transport::anonymous(server.clone(), &authorities.trust()?)?;
        let (transport, trusted, told) = match first_contact::told(&by_authority).await {
            Ok(told) => (by_authority, Trusted::Authority, told),
            Err(EnrolmentError::Contact(Failure::ServerUntrusted(reason))) => {
                let untrusted = EnrolmentError::Contact(Failure::ServerUntrusted(reason));
                let Some(system) = &self.system else { return Err(untrusted) };
                let by_system = Transport::anonymous(server.clone(), system)?;
                let told = first_contact::told(&by_system).await.map_err(|error| match error {
                    EnrolmentError::Contact(Failure::ServerUntrusted(_)) => untrusted,
                    other => other,
                })?;
                (by_system, Trusted::System, told)
            }
            Err(error) => return Err(error),
        };
        // Others may stand beside the confirmed one, which a proven server vouches for; but it must be there.
        let same = authorities.fingerprints.iter().any(|known| told.fingerprints.contains(known));
        if same { Ok((transport, trusted, told)) } else { Err(EnrolmentError::OtherAuthority) }
    }
}

/// What the link gives. Spends nothing.
async fn look(transport: &Transport, link: &Link) -> Result<DownloadOffer, EnrolmentError> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let url = transport.server().at(&path(link, ""), None);
    let answer = transport.exchange(Method::GET, url, headers, Vec::new()).await?;
    if !answer.status.is_success() {
        return Err(refused(answer.status, &answer.body));
    }
    let offer: DownloadOffer =
        serde_json::from_slice(&answer.body).map_err(|_| EnrolmentError::Unexpected(answer.status))?;
    if offer.needs_certificate {
        return Err(EnrolmentError::Renewal);
    }
    match offer.state {
        DownloadState::Ready => Ok(offer),
        // Maybe by this machine, whose answer was lost: the same key gets the same certificate again.
        DownloadState::Redeemed => Ok(offer),
        DownloadState::Expired => Err(EnrolmentError::Expired),
    }
}

async fn certify(opened: &Opened, key: &MachineKey, match_code: &str) -> Result<String, EnrolmentError> {
    let code = Some(match_code.trim()).filter(|code| !code.is_empty());
    let body = json!({ "csr": key.request(), "match_code": code }).to_string();
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/pem-certificate-chain")),
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        // No page sends this: it counts as the server's own.
        (http::HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin")),
    ]);
    let transport = &opened.transport;
    let url = transport.server().at(&path(&opened.link, "/csr"), None);
    let answer = transport.exchange(Method::POST, url, headers, body.into_bytes()).await?;
    if !answer.status.is_success() {
        return Err(refused(answer.status, &answer.body));
    }
    String::from_utf8(answer.body).map_err(|_| EnrolmentError::Key(KeyError::Answer))
}

/// The page on which the person sets up the sign-in. Whoever fetched the certificate is led there by a cookie; without
/// one, the person finds it where the link came from.
async fn setup(opened: &Opened) -> Option<Url> {
    opened.offer.setup_url.as_ref()?;
    let transport = &opened.transport;
    let url = transport.server().at(&path(&opened.link, "/setup"), None);
    let answer = transport.exchange(Method::GET, url, HeaderMap::new(), Vec::new()).await.ok()?;
    let location = answer.headers.get(LOCATION)?.to_str().ok()?;
    let target = Url::parse(&pages_of(opened)).ok()?.join(location).ok()?;
    (matches!(target.scheme(), "http" | "https") && target.path().starts_with("/setup/")).then_some(target)
}

fn path(link: &Link, end: &str) -> String {
    format!("/public/download-certs/{}{end}", link.token.expose())
}

fn machines_of(offer: &DownloadOffer) -> Result<Server, EnrolmentError> {
    let url = Url::parse(&offer.machines_url).map_err(|_| EnrolmentError::NoMachines)?;
    url.origin().ascii_serialization().parse().map_err(|_| EnrolmentError::NoMachines)
}

/// Where people ask for access: where the proven server says, if that is an address.
fn pages_of(opened: &Opened) -> String {
    Url::parse(&opened.offer.pages_url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .map_or_else(|| opened.link.server.origin(), |url| url.origin().ascii_serialization())
}

fn refused(status: StatusCode, body: &[u8]) -> EnrolmentError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => EnrolmentError::Refused(problem),
        Err(_) => EnrolmentError::Unexpected(status),
    }
}

#[cfg(test)]
mod tests;
