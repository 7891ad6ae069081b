//! Tests with real TLS over real sockets.

mod limits;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use domain::secret::Secret;
use futures::StreamExt;
use http::HeaderMap;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::{
    ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme, SupportedProtocolVersion, version,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use web::{Listener, Peer, PeerCertificate};

use super::*;
use crate::certificate::Connections;
use crate::config::Proxy;
use crate::tls;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

struct Running {
    address: SocketAddr,
    connections: Arc<Connections>,
    shutdown: CancellationToken,
    stopped: tokio::task::JoinHandle<()>,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

type Client = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn client(issuer: &CertifiedIssuer<'static, KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Client {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "a machine");
    change(&mut params);
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// Responds with the peer and the number of proxy headers that were not removed.
async fn who(peer: Peer, headers: HeaderMap) -> String {
    let certificate =
        peer.certificate.as_ref().map_or_else(|| "none".to_owned(), PeerCertificate::fingerprint);
    let left = headers.keys().filter(|name| name.as_str().starts_with("x-")).count();
    format!("{} {:?} {} {certificate} {left}", peer.address, peer.listener, peer.tls)
}

/// Sends a line every 10 ms, forever.
async fn endless(Extension(_): Extension<Peer>) -> Body {
    let lines = futures::stream::repeat(()).then(|()| tokio::time::sleep(Duration::from_millis(10)));
    Body::from_stream(lines.map(|()| Ok::<_, std::convert::Infallible>("line\n")))
}

fn edge(tls: Option<&CertifiedIssuer<'static, KeyPair>>, proxied: bool, max_connections: usize) -> Edge {
    let tls = tls.map(|authority| {
        let key = KeyPair::generate().unwrap();
        let server =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
        let identity = tls::Identity::from_pem(&server.pem(), &key.serialize_pem()).unwrap();
        tls::machines(identity, &[authority.der().to_vec()]).unwrap()
    });
    Edge {
        listener: Listener::Machines,
        tls: tls.map(tls::ReloadableConfig::new),
        proxy: Proxy {
            secret: proxied.then(|| Secret::new(SECRET)),
            trusted: vec!["127.0.0.0/8".parse().unwrap()],
        },
        connections: Arc::default(),
        max_connections,
        networks: Arc::new(NetworkLimit::new(max_connections)),
        shutdown: CancellationToken::new(),
    }
}

fn routes() -> Router {
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    };
    // A line each minute.
    let minutes = || async {
        let lines = futures::stream::iter(0..10).then(|_| tokio::time::sleep(Duration::from_mins(1)));
        Body::from_stream(lines.map(|()| Ok::<_, std::convert::Infallible>("line\n")))
    };
    Router::new()
        .route("/who", get(who))
        .route("/endless", get(endless))
        .route("/large", get(|| async { vec![0; 20_000_000] }))
        .route("/minutes", get(minutes))
        .route("/slow", get(slow))
}

async fn serve(edge: Edge, routes: Router) -> Running {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, shutdown) = (Arc::clone(&edge.connections), edge.shutdown.clone());
    let stopped = tokio::spawn(edge.serve(listener, routes));
    Running { address, connections, shutdown, stopped }
}

async fn start(
    tls: Option<&CertifiedIssuer<'static, KeyPair>>,
    proxied: bool,
    max_connections: usize,
) -> Running {
    serve(edge(tls, proxied, max_connections), routes()).await
}

/// Trusts any server: these tests are about client certificates.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn tls_client(client: Option<Client>, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    Arc::new(match client {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

/// A client that does not validate its own certificate before it sends it.
fn unchecked_client(
    (certificate, key): Client,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let pair = rustls::sign::CertifiedKey::new(vec![certificate], key);
    let mut config = Arc::unwrap_or_clone(tls_client(None, version));
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(pair));
    Arc::new(config)
}

async fn connect(server: &Running, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    TlsConnector::from(Arc::clone(config)).connect("localhost".try_into().unwrap(), stream).await
}

async fn get_raw<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    stream: &mut S,
    path: &str,
    headers: &str,
) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // The peer may close the connection without close_notify.
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8(response).unwrap()
}

fn fingerprint(client: &Client) -> String {
    PeerCertificate { leaf: client.0.to_vec(), intermediates: Vec::new() }.fingerprint()
}

#[tokio::test]
async fn every_certificate_passes_the_handshake_and_reaches_the_router() {
    let (own, foreign) = (authority("Own"), authority("Foreign"));
    let server = start(Some(&own), true, 10).await;
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    };
    let odd = |params: &mut CertificateParams| {
        let mut extension =
            rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    for version in [&version::TLS12, &version::TLS13] {
        let mut stream = connect(&server, &tls_client(None, version)).await.unwrap();
        let answer = get_raw(&mut stream, "/who", "").await;
        assert!(answer.ends_with("127.0.0.1 Machines true none 0"), "{answer}");
        for client in [client(&own, |_| {}), client(&own, expired), client(&foreign, |_| {})] {
            let expected = format!("127.0.0.1 Machines true {} 0", fingerprint(&client));
            let mut stream =
                connect(&server, &tls_client(Some((client.0, client.1)), version)).await.unwrap();
            assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
            let answer = get_raw(&mut stream, "/who", "").await;
            assert!(answer.ends_with(&expected), "{answer}");
        }
    }
    let client = client(&foreign, odd);
    let expected = fingerprint(&client);
    let mut stream = connect(&server, &unchecked_client(client, &version::TLS13)).await.unwrap();
    assert!(
        get_raw(&mut stream, "/who", "").await.contains(&expected),
        "an unknown critical extension is no TLS alert"
    );
}

/// A peer must hold the key of the certificate that it presents.
#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let own = authority("Own");
    let server = start(Some(&own), false, 10).await;
    for version in [&version::TLS12, &version::TLS13] {
        let (certificate, _) = client(&own, |_| {});
        let (_, other_key) = client(&own, |_| {});
        let answer = match connect(&server, &unchecked_client((certificate, other_key), version)).await {
            Ok(mut stream) => get_raw(&mut stream, "/who", "").await,
            Err(_) => String::new(),
        };
        assert_eq!(answer, "", "{version:?}");
    }
}

#[tokio::test]
async fn a_resumed_session_keeps_its_certificate() {
    let own = authority("Own");
    let server = start(Some(&own), false, 10).await;
    for version in [&version::TLS12, &version::TLS13] {
        let client = client(&own, |_| {});
        let expected = fingerprint(&client);
        let config = tls_client(Some(client), version);
        let mut kinds = Vec::new();
        for _ in 0..3 {
            let mut stream = connect(&server, &config).await.unwrap();
            assert!(get_raw(&mut stream, "/who", "").await.contains(&expected));
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds[0], rustls::HandshakeKind::Full);
        assert_eq!(kinds[2], rustls::HandshakeKind::Resumed, "{version:?}: nothing was tested");
    }
    assert_eq!(ProtocolVersion::TLSv1_3, version::TLS13.version);
}

#[tokio::test]
async fn the_client_receives_the_names_of_our_authorities() {
    #[derive(Debug, Default)]
    struct Hints(std::sync::Mutex<Vec<Vec<u8>>>);
    impl rustls::client::ResolvesClientCert for Hints {
        fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            self.0.lock().unwrap().extend(hints.iter().map(|hint| hint.to_vec()));
            None
        }

        fn has_certs(&self) -> bool {
            true
        }
    }
    let own = authority("Very Own");
    let server = start(Some(&own), false, 10).await;
    let hints = Arc::new(Hints::default());
    let mut config = Arc::unwrap_or_clone(tls_client(None, &version::TLS13));
    config.client_auth_cert_resolver = hints.clone();
    let mut stream = connect(&server, &Arc::new(config)).await.unwrap();
    get_raw(&mut stream, "/who", "").await;
    let hints = hints.0.lock().unwrap();
    assert_eq!(hints.len(), 1);
    assert!(hints[0].windows(8).any(|w| w == b"Very Own"));
}

#[tokio::test]
async fn forged_proxy_headers_are_ignored() {
    let own = authority("Own");
    let forged =
        "x-client-cert: AAAA\r\nx-forwarded-for: 6.6.6.6\r\nx-real-ip: 6.6.6.6\r\nx-proxy-auth: guess\r\n";
    let server = start(Some(&own), true, 10).await;
    let mut stream = connect(&server, &tls_client(None, &version::TLS13)).await.unwrap();
    let answer = get_raw(&mut stream, "/who", forged).await;
    assert!(answer.ends_with("127.0.0.1 Machines true none 0"), "{answer}");
    // A client with a certificate keeps that one.
    let client = client(&own, |_| {});
    let expected = fingerprint(&client);
    let mut stream = connect(&server, &tls_client(Some(client), &version::TLS13)).await.unwrap();
    assert!(get_raw(&mut stream, "/who", forged).await.contains(&expected));
    // The right secret on a plain connection from the proxy's address.
    let server = start(None, true, 10).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let true_headers = format!(
        "x-client-cert: AAAA\r\nx-forwarded-for: 6.6.6.6, 192.0.2.9\r\nx-forwarded-proto: https\r\nx-proxy-auth: {SECRET}\r\n"
    );
    let answer = get_raw(&mut stream, "/who", &true_headers).await;
    let forwarded = PeerCertificate { leaf: vec![0; 3], intermediates: Vec::new() }.fingerprint();
    assert!(answer.ends_with(&format!("192.0.2.9 Machines true {forwarded} 0")), "{answer}");
}

#[tokio::test]
async fn http2_requests_carry_the_certificate() {
    let own = authority("Own");
    let server = start(Some(&own), false, 10).await;
    let client = client(&own, |_| {});
    let expected = fingerprint(&client);
    let mut config = Arc::unwrap_or_clone(tls_client(Some(client), &version::TLS13));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let http = reqwest::Client::builder().tls_backend_preconfigured(config).build().unwrap();
    let answer = http.get(format!("https://{}/who", server.address)).send().await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert!(answer.text().await.unwrap().contains(&expected));
    assert_eq!(server.connections.count(&expected), 1, "the connection stays open and known");
    let endless = http.get(format!("https://{}/endless", server.address)).send().await.unwrap();
    let ended = tokio::spawn(endless.bytes());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.connections.close(&expected), 1);
    let ended = tokio::time::timeout(Duration::from_secs(1), ended).await.expect("within a second").unwrap();
    assert!(ended.is_err(), "an aborted stream is an error");
}

#[tokio::test]
async fn a_revocation_ends_running_streams() {
    let own = authority("Own");
    let server = start(Some(&own), true, 10).await;
    let client = client(&own, |_| {});
    let named = fingerprint(&client);
    let mut direct = connect(&server, &tls_client(Some(client), &version::TLS13)).await.unwrap();
    let direct = tokio::spawn(async move { get_raw(&mut direct, "/endless", "").await });

    let behind = start(None, true, 10).await;
    let mut proxied = TcpStream::connect(behind.address).await.unwrap();
    let headers = format!("x-client-cert: AAAA\r\nx-proxy-auth: {SECRET}\r\n");
    let proxied = tokio::spawn(async move { get_raw(&mut proxied, "/endless", &headers).await });
    let forwarded = PeerCertificate { leaf: vec![0; 3], intermediates: Vec::new() }.fingerprint();

    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.connections.close(&named), 1);
    assert_eq!(behind.connections.close(&forwarded), 1);
    for ended in [direct, proxied] {
        let answer =
            tokio::time::timeout(Duration::from_secs(1), ended).await.expect("within a second").unwrap();
        assert!(answer.contains("line"), "it had started");
        assert!(!answer.ends_with("0\r\n\r\n"), "an aborted stream does not look complete");
    }
    assert_eq!((server.connections.count(&named), behind.connections.count(&forwarded)), (0, 0));
}

#[tokio::test]
async fn a_running_request_behind_a_proxy_gets_the_rejection() {
    let server = start(None, true, 10).await;
    let fingerprint = PeerCertificate { leaf: vec![0; 3], intermediates: Vec::new() }.fingerprint();
    for (more, expected) in [
        ("", "urn:aiwe:problem:client-certificate:revoked"),
        ("accept: text/html\r\n", "location: /request-access?reason=revoked"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let headers = format!("x-client-cert: AAAA\r\nx-proxy-auth: {SECRET}\r\n{more}");
        let waiting = tokio::spawn(async move { get_raw(&mut stream, "/slow", &headers).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(server.connections.close(&fingerprint), 1);
        let answer = waiting.await.unwrap();
        assert!(answer.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn stopping_lets_running_requests_end() {
    let server = start(None, false, 10).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let running = tokio::spawn(async move { get_raw(&mut stream, "/slow", "").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.shutdown.cancel();
    assert!(running.await.unwrap().ends_with("slow"));
    tokio::time::timeout(Duration::from_secs(2), server.stopped).await.expect("stops").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let server = start(None, false, 1).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    let waiting = tokio::spawn(async move { get_raw(&mut second, "/who", "").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    drop(first);
    assert!(waiting.await.unwrap().contains("200 OK"));
}

/// A connection without a request is closed.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let own = authority("Own");
    for tls in [None, Some(&own)] {
        let server = start(tls, false, 10).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "an idle connection stayed open");
    }
}

/// HTTP/2 has no time limit of its own for the first request.
#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let own = authority("Own");
    let server = start(Some(&own), false, 10).await;
    let mut config = Arc::unwrap_or_clone(tls_client(None, &version::TLS13));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut stream = connect(&server, &Arc::new(config)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::pause();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "an idle connection stayed open");
}
