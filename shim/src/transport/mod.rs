//! The one way to the server: mutual TLS with this machine's identity, the given authority as the only
//! trusted one, the configured server as the only destination.
//!
//! Redirects are never followed here: where a redirect leads is for its reader to judge. Cookies are kept
//! here, since a webview keeps none on an app scheme. No proxy is used: the connection proves this machine to
//! the server itself.

mod failure;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use reqwest::{Client, RequestBuilder, Response, redirect};
use rustls::ClientConfig;
use tauri::Url;

pub use failure::Failure;

use crate::configuration::{Configuration, Server};

const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence in an answer. A model may think for a while; the server sends comments meanwhile.
const SILENCE: Duration = Duration::from_secs(120);
/// The longest that anything takes which is not a stream.
pub const WHOLE: Duration = Duration::from_secs(60);
/// The largest page or file that is passed to the webview.
const MAX_BODY: usize = 64 * 1024 * 1024;

#[derive(Debug, Clone)]
pub struct Transport {
    client: Client,
    server: Server,
}

/// The transport cannot be made from what was configured.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    #[error("--identity: expected a certificate with the key that belongs to it")]
    Identity(#[source] rustls::Error),
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
        let Configuration { server, roots, identity } = configuration;
        let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(SetUpError::Identity)?
            .with_root_certificates(roots)
            .with_client_auth_cert(identity.certificates(), identity.key())
            .map_err(SetUpError::Identity)?;
        // A ready-made configuration is taken as it is, so the protocols to offer have to be in it.
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(redirect::Policy::none())
            .cookie_store(true)
            .no_proxy()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build()
            .map_err(SetUpError::Client)?;
        Ok(Self { client, server })
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A request for a path on the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.server.at(path, None))
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
        let request = self.client.request(method, url).headers(headers).body(body).timeout(WHOLE);
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
}

#[cfg(test)]
mod tests;
