//! The one way to the server: mutual TLS with this machine's identity, the server judged by what was settled once
//! ([`Trust`]), the one server as the only destination.
//!
//! Redirects are never followed here: where a redirect leads is for its reader to judge. Cookies are kept
//! here, since a webview keeps none on an app scheme. No proxy is used: the connection proves this machine to
//! the server itself.

mod failure;
mod trust;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, Method};
use reqwest::cookie::Jar;
use reqwest::{Client, RequestBuilder, Response, redirect};
use rustls::ClientConfig;
use tauri::Url;

pub use failure::Failure;
pub use trust::{NotAuthorities, Trust, provider};

use crate::configuration::{Configuration, Server};
use crate::identity::Identity;

const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence in an answer. A model may think for a while; the server sends comments meanwhile.
const SILENCE: Duration = Duration::from_secs(120);
/// The longest that anything takes which is not a stream.
pub const WHOLE: Duration = Duration::from_secs(60);
/// The largest page or file that is passed to the webview.
const MAX_BODY: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub struct Transport {
    /// Another one when the machine's certificate was renewed.
    client: RwLock<Client>,
    cookies: Arc<Jar>,
    server: Server,
}

/// The transport cannot be made from what was configured.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    #[error("--identity: expected a certificate with the key that belongs to it")]
    Identity(#[source] rustls::Error),
    #[error("servers' certificates cannot be judged here")]
    Trust(#[source] rustls::Error),
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: http::StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Transport {
    pub fn new(configuration: Configuration) -> Result<Self, SetUpError> {
        let Configuration { server, trust, identity } = configuration;
        Self::of(server, &trust, Some(&identity), Arc::default())
    }

    /// Without a certificate: for a machine that has none yet.
    pub fn anonymous(server: Server, trust: &Trust) -> Result<Self, SetUpError> {
        Self::of(server, trust, None, Arc::default())
    }

    /// To the same server with another identity, the cookies being the same.
    pub fn with(&self, trust: &Trust, identity: &Identity) -> Result<Self, SetUpError> {
        Self::of(self.server.clone(), trust, Some(identity), Arc::clone(&self.cookies))
    }

    fn of(
        server: Server,
        trust: &Trust,
        identity: Option<&Identity>,
        cookies: Arc<Jar>,
    ) -> Result<Self, SetUpError> {
        let verifier = trust.verifier().map_err(SetUpError::Trust)?;
        let tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(SetUpError::Identity)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let tls = match identity {
            Some(identity) => tls
                .with_client_auth_cert(identity.certificates(), identity.key())
                .map_err(SetUpError::Identity)?,
            None => tls.with_no_client_auth(),
        };
        let client = client(tls, &cookies).map_err(SetUpError::Client)?;
        Ok(Self { client: RwLock::new(client), cookies, server })
    }

    /// From now on requests go out as those of `other` do. Those on their way stay as they are.
    pub fn take_over(&self, other: &Self) {
        let client = other.client();
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A request for a path on the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client().request(method, self.server.at(path, None))
    }

    /// Sends a request and gives the answer as soon as its head is there.
    pub async fn start(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| Failure::of(&error))
    }

    /// Sends a request to an address of the server and reads the whole answer.
    pub async fn exchange(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        if !self.server.is_origin_of(&url) {
            return Err(Failure::Elsewhere);
        }
        let request = self.client().request(method, url).headers(headers).body(body).timeout(WHOLE);
        let mut response = self.start(request).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The HTTP client over `tls`, as all connections of this program have it.
pub fn client(mut tls: ClientConfig, cookies: &Arc<Jar>) -> reqwest::Result<Client> {
    // A ready-made configuration is taken as it is, so the protocols to offer have to be in it.
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(redirect::Policy::none())
        .cookie_provider(Arc::clone(cookies))
        .no_proxy()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .build()
}

#[cfg(test)]
mod tests;
