//! An IPv6 address as the machines' host: URLs have it in brackets, certificates without.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::fixture::Running;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv6_address_is_in_the_built_in_certificate_and_verified_by_clients() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err() {
        println!("skipped: there is no IPv6 on this machine");
        return;
    }
    for host in ["[::1]", "[2001:db8::5]"] {
        let url = format!("https://{host}:8443");
        let settings = [("AIWE_MACHINES_URL", url.as_str()), ("AIWE_MACHINES__LISTEN", "[::1]:0")];
        let (server, _folder) = Running::alone(&settings).await;
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(server.state.certificates.roots_pem().as_bytes()) {
            roots.add(root.unwrap()).unwrap();
        }
        let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
        let connect = async |address: IpAddr| {
            let stream = TcpStream::connect(server.machines).await.unwrap();
            let name = ServerName::IpAddress(address.into());
            TlsConnector::from(Arc::clone(&config)).connect(name, stream).await
        };
        let address: IpAddr = host.trim_matches(['[', ']']).parse().unwrap();
        connect(address).await.unwrap();
        assert!(connect("2001:db8::6".parse().unwrap()).await.is_err(), "another address");
    }
}
