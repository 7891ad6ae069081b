//! For tests: an authority with a machine's package made by OpenSSL, and a server that asks for a client
//! certificate.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::configuration::{Arguments, Configuration};
use crate::transport::Transport;

pub const PASSWORD: &str = "a package's password";

/// Issues a server's and a machine's certificate.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    machine: (CertificateDer<'static>, KeyPair),
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut params = CertificateParams::new(vec!["desk.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self { machine: (certificate.der().clone(), key), issuer }
    }

    pub fn machine_certificate(&self) -> CertificateDer<'static> {
        self.machine.0.clone()
    }

    pub fn machine_key(&self) -> &[u8] {
        self.machine.1.serialized_der()
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

    /// Serves `routes` on a free port to machines of this authority; ends with the runtime.
    pub async fn serve(&self, routes: Router) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(self.server_configuration("localhost")));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, routes) = (acceptor.clone(), routes.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = TowerToHyperService::new(routes);
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

    fn server_configuration(&self, name: &str) -> rustls::ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
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
