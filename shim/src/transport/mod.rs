//! The HTTP client for the one server: mutual TLS with this machine's identity, the server's certificate verified by what
//! was decided once ([`Trust`]).
//!
//! Redirects are never followed here: the caller decides about them. Cookies are stored
//! here, since a webview stores none on an app scheme. No proxy is used: the connection proves this machine to
//! the server itself.

mod error;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use parking_lot::RwLock;
use reqwest::cookie::Jar;
use reqwest::{Client, RequestBuilder, Response, redirect};
use rustls::ClientConfig;
use tauri::Url;

pub use error::TransportError;

use crate::configuration::{Configuration, Server};
use crate::identity::Identity;
use crate::trust::{Trust, provider};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two parts of a response. A model may think for a while; the server sends comments meanwhile.
const READ_TIMEOUT: Duration = Duration::from_mins(2);
/// For a whole request, unless its response is a stream.
pub const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// The largest page or file that is passed to the webview.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub struct Transport {
    /// Replaced when the machine's certificate is renewed.
    client: RwLock<Client>,
    cookies: Arc<Jar>,
    server: Server,
}

/// The transport cannot be built from the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TransportSetupError {
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    #[error("--identity: expected a certificate with the key that belongs to it")]
    Identity(#[source] rustls::Error),
    #[error("servers' certificates cannot be judged here")]
    Trust(#[source] rustls::Error),
}

/// A response with its whole body.
#[derive(Debug)]
pub struct BufferedResponse {
    pub status: http::StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Transport {
    pub fn new(configuration: Configuration) -> Result<Self, TransportSetupError> {
        let Configuration { server, trust, identity } = configuration;
        Self::of(server, &trust, Some(&identity), Arc::default())
    }

    /// Without a certificate: for a machine that has none yet.
    pub fn anonymous(server: Server, trust: &Trust) -> Result<Self, TransportSetupError> {
        Self::of(server, trust, None, Arc::default())
    }

    /// To the same server with another identity, the cookies being the same.
    pub fn with(&self, trust: &Trust, identity: &Identity) -> Result<Self, TransportSetupError> {
        Self::of(self.server.clone(), trust, Some(identity), Arc::clone(&self.cookies))
    }

    fn of(
        server: Server,
        trust: &Trust,
        identity: Option<&Identity>,
        cookies: Arc<Jar>,
    ) -> Result<Self, TransportSetupError> {
        let verifier = trust.verifier().map_err(TransportSetupError::Trust)?;
        let tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TransportSetupError::Identity)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let tls = match identity {
            Some(identity) => tls
                .with_client_auth_cert(identity.certificates(), identity.key())
                .map_err(TransportSetupError::Identity)?,
            None => tls.with_no_client_auth(),
        };
        let client = client(tls, &cookies).map_err(TransportSetupError::Client)?;
        Ok(Self { client: RwLock::new(client), cookies, server })
    }

    /// From now on requests are sent by the client of `other`. Those already sent go on.
    pub fn replace_client(&self, other: &Self) {
        let client = other.client();
        *self.client.write() = client;
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A request for a path on the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client().request(method, self.server.at(path, None))
    }

    /// Sends a request and returns the response as soon as its headers are there.
    pub async fn start(&self, request: RequestBuilder) -> Result<Response, TransportError> {
        request.send().await.map_err(|error| TransportError::from_reqwest(&error))
    }

    /// Sends a request to an address of the server and reads the whole response.
    pub async fn exchange(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<BufferedResponse, TransportError> {
        if !self.server.is_origin_of(&url) {
            return Err(TransportError::ForeignOrigin);
        }
        let request = self.client().request(method, url).headers(headers).body(body).timeout(REQUEST_TIMEOUT);
        let mut response = self.start(request).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| TransportError::from_reqwest(&error))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(BufferedResponse { status, headers, body })
    }

    fn client(&self) -> Client {
        self.client.read().clone()
    }
}

/// The HTTP client over `tls`, as all connections of this program have it.
pub fn client(mut tls: ClientConfig, cookies: &Arc<Jar>) -> reqwest::Result<Client> {
    // A preconfigured TLS backend is used as it is, so ALPN must be in it.
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(redirect::Policy::none())
        .cookie_provider(Arc::clone(cookies))
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
}

#[cfg(test)]
mod tests;
