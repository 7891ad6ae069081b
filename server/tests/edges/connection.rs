//! Single connections that stay open under the test's control, which no ordinary client offers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use protocol::Problem;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fixture::Edge;

const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    pub fn new(der: &[u8], key_pem: &str) -> Self {
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        Self(Arc::new(CertifiedKey::new(vec![CertificateDer::from(der.to_vec())], key)))
    }
}

/// Presents an identity, if there is one, and records the authorities that the server requests.
#[derive(Debug, Default)]
struct RecordingResolver {
    identity: Option<Identity>,
    requested: Mutex<Option<Vec<Vec<u8>>>>,
}

impl ResolvesClientCert for RecordingResolver {
    fn resolve(&self, names: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.requested.lock().unwrap() = Some(names.iter().map(|name| name.to_vec()).collect());
        self.identity.as_ref().map(|identity| Arc::clone(&identity.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The server certificate of the machines' listener, DER.
pub async fn server_certificate(edge: &Edge<'_>) -> Vec<u8> {
    let stream = handshake(edge, crate::caddy::MACHINES_HOST, Arc::default(), Version::Http2).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn handshake(
    edge: &Edge<'_>,
    host: &str,
    resolver: Arc<RecordingResolver>,
    version: Version,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(edge.authority).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut tls = ClientConfig::builder().with_root_certificates(roots).with_client_cert_resolver(resolver);
    tls.alpn_protocols = vec![match version {
        Version::Http1 => b"http/1.1".to_vec(),
        Version::Http2 => b"h2".to_vec(),
    }];
    let stream = TcpStream::connect(("127.0.0.1", edge.port)).await?;
    TlsConnector::from(Arc::new(tls)).connect(host.to_owned().try_into().unwrap(), stream).await
}

/// The names of the authorities whose certificates a host requests. `None`: it requests no client certificate.
pub async fn requested_authorities(edge: &Edge<'_>, host: &str) -> Option<Vec<Vec<u8>>> {
    let resolver = Arc::new(RecordingResolver::default());
    handshake(edge, host, Arc::clone(&resolver), Version::Http2).await.unwrap();
    resolver.requested.lock().unwrap().clone()
}

/// An open connection to the machines' host.
pub struct Connection {
    host: String,
    token: String,
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Every request carries `token`.
    pub async fn open(edge: &Edge<'_>, identity: &Identity, version: Version, token: &str) -> Self {
        let resolver = RecordingResolver { identity: Some(identity.clone()), ..RecordingResolver::default() };
        let stream = handshake(edge, crate::caddy::MACHINES_HOST, Arc::new(resolver), version).await.unwrap();
        let stream = TokioIo::new(stream);
        let sender = match version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Version::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Self { host: edge.host(), token: token.to_owned(), sender }
    }

    /// Returns as soon as the response's head has arrived. An error means that the connection was closed.
    pub async fn send(
        &mut self,
        request: http::request::Builder,
        path: &str,
        body: Vec<u8>,
    ) -> hyper::Result<Response<Incoming>> {
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let body = Full::new(Bytes::from(body));
        let answer = async {
            match &mut self.sender {
                Sender::Http1(sender) => {
                    sender.ready().await?;
                    let request = request.uri(path).header(header::HOST, &self.host);
                    sender.send_request(request.body(body).unwrap()).await
                }
                Sender::Http2(sender) => {
                    sender.ready().await?;
                    let request = request.uri(format!("https://{}{path}", self.host));
                    sender.send_request(request.body(body).unwrap()).await
                }
            }
        };
        tokio::time::timeout(TIMEOUT, answer).await.expect("an answer, or the connection's end")
    }

    /// Whether the server accepts this machine and user. Any other answer than these two fails the test.
    pub async fn is_accepted(&mut self) -> hyper::Result<bool> {
        let answer = self.send(Request::builder(), "/native/session", Vec::new()).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status == StatusCode::OK {
            return Ok(true);
        }
        let problem: Problem = serde_json::from_slice(&body).expect("a problem document");
        assert!(
            status == StatusCode::FORBIDDEN && problem.is("client-certificate:revoked"),
            "{status} {problem:?}"
        );
        Ok(false)
    }
}
