//! Connections that stay open, one at a time and under the test's control, as no ordinary client leaves them.

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

use crate::world::Edge;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Presents an identity, if there is one, and notes what the server asked for.
#[derive(Debug, Default)]
struct Presents {
    identity: Option<Identity>,
    asked: Mutex<Option<Vec<Vec<u8>>>>,
}

impl ResolvesClientCert for Presents {
    fn resolve(&self, names: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.asked.lock().unwrap() = Some(names.iter().map(|name| name.to_vec()).collect());
        self.identity.as_ref().map(|identity| Arc::clone(&identity.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What the machines' listener shows of itself, DER.
pub async fn server_certificate(edge: &Edge<'_>) -> Vec<u8> {
    let stream = handshake(edge, crate::caddy::MACHINES_HOST, Arc::default(), Version::Http2).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn handshake(
    edge: &Edge<'_>,
    host: &str,
    presents: Arc<Presents>,
    version: Version,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(edge.authority).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut tls = ClientConfig::builder().with_root_certificates(roots).with_client_cert_resolver(presents);
    tls.alpn_protocols = vec![match version {
        Version::Http1 => b"http/1.1".to_vec(),
        Version::Http2 => b"h2".to_vec(),
    }];
    let stream = TcpStream::connect(("127.0.0.1", edge.port)).await?;
    TlsConnector::from(Arc::new(tls)).connect(host.to_owned().try_into().unwrap(), stream).await
}

/// The names of the authorities whose certificates are asked for under a host's name. `None`: no certificate is.
pub async fn asked_for(edge: &Edge<'_>, host: &str) -> Option<Vec<Vec<u8>>> {
    let presents = Arc::new(Presents::default());
    handshake(edge, host, Arc::clone(&presents), Version::Http2).await.unwrap();
    presents.asked.lock().unwrap().clone()
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
    /// `token` goes along with every request.
    pub async fn open(edge: &Edge<'_>, identity: &Identity, version: Version, token: &str) -> Self {
        let presents = Presents { identity: Some(identity.clone()), ..Presents::default() };
        let stream = handshake(edge, crate::caddy::MACHINES_HOST, Arc::new(presents), version).await.unwrap();
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

    /// The answer as soon as its head is there. An error: the connection has ended.
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
        tokio::time::timeout(PATIENCE, answer).await.expect("an answer, or the connection's end")
    }

    /// Whether the server takes this machine and person. Its answer must be whole and one of the two.
    pub async fn is_taken(&mut self) -> hyper::Result<bool> {
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
