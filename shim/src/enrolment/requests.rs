//! Requests to a server that proved its identity.

use http::header::{ACCEPT, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use keys::{KeyError, MachineKey};
use protocol::Problem;
use protocol::access::{DownloadOffer, DownloadState};
use serde_json::json;
use tauri::Url;

use super::{EnrolmentError, Verified};
use crate::configuration::Server;
use crate::link::Link;
use crate::transport::Transport;

/// What the link offers. Does not use it up.
pub async fn read_offer(transport: &Transport, link: &Link) -> Result<DownloadOffer, EnrolmentError> {
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
        // Redeemed maybe by this machine, whose answer was lost: the same key gets the same certificate again.
        DownloadState::Ready | DownloadState::Redeemed => Ok(offer),
        DownloadState::Expired => Err(EnrolmentError::Expired),
    }
}

pub async fn certify(
    verified: &Verified,
    key: &MachineKey,
    match_code: &str,
) -> Result<String, EnrolmentError> {
    let code = Some(match_code.trim()).filter(|code| !code.is_empty());
    let body = json!({ "csr": key.request(), "match_code": code }).to_string();
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/pem-certificate-chain")),
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        // No page sends this request, so it counts as same-origin.
        (http::HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin")),
    ]);
    let transport = &verified.transport;
    let url = transport.server().at(&path(&verified.link, "/csr"), None);
    let answer = transport.exchange(Method::POST, url, headers, body.into_bytes()).await?;
    if !answer.status.is_success() {
        return Err(refused(answer.status, &answer.body));
    }
    String::from_utf8(answer.body).map_err(|_| EnrolmentError::Key(KeyError::Answer))
}

/// The page on which the person sets up the sign-in. Whoever fetched the certificate is redirected there by a cookie; without
/// one, the person finds it where the link came from.
pub async fn setup(verified: &Verified) -> Option<Url> {
    verified.offer.setup_url.as_ref()?;
    let transport = &verified.transport;
    let url = transport.server().at(&path(&verified.link, "/setup"), None);
    let answer = transport.exchange(Method::GET, url, HeaderMap::new(), Vec::new()).await.ok()?;
    let location = answer.headers.get(LOCATION)?.to_str().ok()?;
    let target = Url::parse(&pages_of(verified)).ok()?.join(location).ok()?;
    (matches!(target.scheme(), "http" | "https") && target.path().starts_with("/setup/")).then_some(target)
}

fn path(link: &Link, end: &str) -> String {
    format!("/public/download-certs/{}{end}", link.token.expose())
}

pub fn machines_of(offer: &DownloadOffer) -> Result<Server, EnrolmentError> {
    let url = Url::parse(&offer.machines_url).map_err(|_| EnrolmentError::NoMachines)?;
    url.origin().ascii_serialization().parse().map_err(|_| EnrolmentError::NoMachines)
}

/// Where people ask for access: where the verified server says, if that is an address.
pub fn pages_of(verified: &Verified) -> String {
    Url::parse(&verified.offer.pages_url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .map_or_else(|| verified.link.server.origin(), |url| url.origin().ascii_serialization())
}

fn refused(status: StatusCode, body: &[u8]) -> EnrolmentError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => EnrolmentError::Refused(problem),
        Err(_) => EnrolmentError::Unexpected(status),
    }
}
