//! For tests: an authority with a machine's package made by OpenSSL, which certifies other keys too, and a server that
//! asks for a client certificate.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::configuration::{Arguments, Configuration};
use crate::link::Fingerprint;
use crate::transport::Transport;

pub const PASSWORD: &str = "a package's password";

/// The certificate that a connection came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub Option<Fingerprint>);

/// Issues a server's and a machine's certificate.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Below the root; certifies what [`Authority::certify`] is given.
    issuing: CertifiedIssuer<'static, KeyPair>,
    machine: (CertificateDer<'static>, KeyPair),
}

impl Authority {
    pub fn new() -> Self {
        let above = |name: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            (params, KeyPair::generate().unwrap())
        };
        let (params, key) = above("Root");
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let (params, key) = above("Issuing");
        let issuing = CertifiedIssuer::signed_by(params, key, &issuer).unwrap();
        let mut params = CertificateParams::new(vec!["desk.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self { machine: (certificate.der().clone(), key), issuer, issuing }
    }

    pub fn machine_certificate(&self) -> CertificateDer<'static> {
        self.machine.0.clone()
    }

    pub fn machine_key(&self) -> &[u8] {
        self.machine.1.serialized_der()
    }

    /// The root certificate, PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.issuer.der())
    }

    /// A certificate for the key of a request, named `desk`, and the issuing one; PEM. `validity`: seconds since the Unix
    /// epoch.
    pub fn certify(&self, csr: &str, validity: (i64, i64)) -> String {
        let mut request = CertificateSigningRequestParams::from_pem(csr).unwrap();
        let instant = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        request.params.not_before = instant(validity.0);
        request.params.not_after = instant(validity.1);
        request.params.distinguished_name.push(DnType::CommonName, "desk");
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = request.signed_by(&self.issuing).unwrap();
        certificate.pem() + &self.issuing.pem()
    }

    /// `ca.crt`, `machine.p12` and `password`.
    pub fn package(&self) -> TempDir {
        self.package_with(&[])
    }

    pub fn package_with(&self, options: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        write("ca.crt", self.issuer.pem().as_bytes());
        write("machine.der", &self.machine.0);
        write("machine.key", self.machine.1.serialize_pem().as_bytes());
        write("password", format!("{PASSWORD}\n").as_bytes());
        let openssl = |arguments: &[&str]| {
            let output = Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        openssl(&["x509", "-inform", "der", "-in", "machine.der", "-out", "machine.crt"]);
        let export =
            ["pkcs12", "-export", "-inkey", "machine.key", "-in", "machine.crt", "-certfile", "ca.crt"];
        let to = ["-name", "desk", "-out", "machine.p12", "-passout", "file:password"];
        openssl(&[&export[..], &to[..], options].concat());
        folder
    }

    /// Serves `routes` on a free port to machines of this authority; ends with the runtime. Handlers find a [`Peer`].
    pub async fn serve(&self, routes: Router) -> SocketAddr {
        self.serve_to(routes, false).await
    }

    /// The same, also to whoever has no certificate.
    pub async fn serve_with_optional_client_certificate(&self, routes: Router) -> SocketAddr {
        self.serve_to(routes, true).await
    }

    async fn serve_to(&self, routes: Router, anybody: bool) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(self.server_configuration("localhost", anybody)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, routes) = (acceptor.clone(), routes.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                    let peer = Peer(leaf.map(|der| Fingerprint::of(der)));
                    let service = TowerToHyperService::new(routes.layer(Extension(peer)));
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        address
    }

    /// The transport of this authority's machine to a server that `trusted` is the authority of.
    pub fn transport_to(&self, address: SocketAddr, trusted: &Self) -> Transport {
        let (ours, theirs) = (self.package(), trusted.package());
        let arguments = Arguments {
            server: Some(format!("https://localhost:{}", address.port())),
            ca: Some(theirs.path().join("ca.crt")),
            identity: Some(ours.path().join("machine.p12")),
            password_file: Some(ours.path().join("password")),
        };
        Transport::new(Configuration::read(&arguments, |_| None).unwrap()).unwrap()
    }

    fn server_configuration(&self, name: &str, anybody: bool) -> rustls::ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = if anybody { verifier.allow_unauthenticated() } else { verifier };
        let verifier = verifier.build().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialized_der().to_vec()).into(),
            )
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        tls
    }
}
