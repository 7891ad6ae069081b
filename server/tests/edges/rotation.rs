//! Replacing the authority while both servers run: each edge trusts both authorities, then only the new one.

use std::time::{Duration, Instant};

use http::Request;
use server::certificate::{report, retire, rotate};

use crate::caddy::{Caddy, MACHINES_HOST};
use crate::certificates::{Kind, Packages};
use crate::connection::{Connection, Identity, Version, requested_authorities, server_certificate};
use crate::fixture::{Edge, Fixture, store_certificate};

/// Servers poll three times a second; the rest is for a busy host.
const TIMEOUT: Duration = Duration::from_secs(5);
const ACCEPTED: &str = "401 urn:aiwe:problem:sign-in-required";
const UNTRUSTED: &str = "403 urn:aiwe:problem:client-certificate:untrusted";

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < TIMEOUT, "not within {} s: {what}", TIMEOUT.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_edges_trust_both_authorities_and_then_only_the_new_one() {
    let fixture = Fixture::start(&[Kind::Valid], &[]).await;
    let env = &fixture.direct.state.env;
    let old_package = &fixture.packages.get(Kind::Valid).unwrap().file;
    let old_root = fixture.direct.state.certificates.roots_pem();
    // A connection with a certificate of the old authority, opened before the rotation.
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let new = crate::certificates::new_certificate(&fixture.account_id);
    let issued = fixture.direct.state.certificates.issue_for_csr(new, &csr).await.unwrap();
    store_certificate(&fixture.direct.state, &issued).await;
    let identity = Identity::new(&issued.certificate, &key.serialize_pem());
    let mut open = Connection::open(&fixture.edges()[0], &identity, Version::Http2, "").await;
    assert_eq!(open.send(Request::builder(), "/native/session", Vec::new()).await.unwrap().status(), 401);

    rotate(env, true).await.unwrap();
    for server in [&fixture.direct, &fixture.proxied] {
        until("it loads the new authority", async || {
            server.state.certificates.roots_pem().matches("BEGIN CERTIFICATE").count() == 2
        })
        .await;
    }
    let both = fixture.direct.state.certificates.roots_pem();
    assert_eq!(fixture.proxied.state.certificates.roots_pem(), both);
    let mut packages = Packages::new();
    let folder = fixture.folder.path().join("new");
    std::fs::create_dir(&folder).unwrap();
    let issued = packages.issue(Kind::Valid, &fixture.proxied.state, &fixture.account_id, &folder).await;
    store_certificate(&fixture.proxied.state, &issued).await;
    let new_package = &packages.get(Kind::Valid).unwrap().file;

    // Caddy with a CA file from `ca show`: it requests certificates of both authorities.
    let file = fixture.folder.path().join("both.pem");
    std::fs::write(&file, &both).unwrap();
    let setting = format!("trust_pool file {}", file.display());
    let more = [("EDGE_MACHINES_AUTHORITY", setting.as_str())];
    let naming =
        Caddy::start(fixture.folder.path(), fixture.proxied.pages, fixture.proxied.machines, &more).await;
    let [rustls, caddy] = fixture.edges();
    let with_file =
        Edge { name: "Caddy with both", port: naming.https, authority: &naming.authority, ..caddy };
    until("the listener asks for certificates of both", async || {
        requested_authorities(&rustls, MACHINES_HOST).await.unwrap().len() == 4
    })
    .await;
    assert_eq!(requested_authorities(&with_file, MACHINES_HOST).await.unwrap().len(), 2);
    for edge in [&rustls, &caddy, &with_file] {
        // Machines that trust only the old root keep working: the server's own certificate still chains to it.
        for package in [old_package, new_package] {
            let answer = edge.curl("/native/modes").identity(package).send().await.unwrap();
            assert_eq!(answer.summary(), ACCEPTED, "{}", edge.name);
        }
    }

    let old = report(env).await.unwrap()[1].stored.id.clone();
    assert!(retire(env, &old, false).await.is_err(), "machines depend on it");
    retire(env, &old, true).await.unwrap();
    until("connections with a certificate of the old authority are closed", async || {
        open.send(Request::builder(), "/native/session", Vec::new()).await.is_err()
    })
    .await;
    for server in [&fixture.direct, &fixture.proxied] {
        until("it forgets the old authority", async || {
            server.state.certificates.roots_pem().matches("BEGIN CERTIFICATE").count() == 1
        })
        .await;
    }
    let new_root = fixture.folder.path().join("new-root.pem");
    std::fs::write(&new_root, fixture.direct.state.certificates.roots_pem()).unwrap();
    let rustls_now = Edge { authority: &new_root, ..rustls };
    until("the listener's own certificate is the new authority's", async || {
        rustls_now.curl("/native/modes").send().await.is_ok()
    })
    .await;
    for edge in [&rustls_now, &caddy, &with_file] {
        for (package, expected) in [(old_package, UNTRUSTED), (new_package, ACCEPTED)] {
            let answer = edge.curl("/native/modes").identity(package).send().await.unwrap();
            assert_eq!(answer.summary(), expected, "{}", edge.name);
        }
    }
    assert!(
        rustls.curl("/native/modes").send().await.is_err(),
        "a client that trusts only the old root cannot connect"
    );
    assert!(!old_root.contains(&fixture.direct.state.certificates.roots_pem()));
}

/// Certificate files that an operator renews are reloaded in the same way. The test advances tokio's clock by a day.
#[tokio::test]
async fn the_listeners_own_certificate_is_reissued_every_day() {
    let fixture = Fixture::start(&[], &[]).await;
    let edge = &fixture.edges()[0];
    let first = server_certificate(edge).await;
    assert_eq!(server_certificate(edge).await, first);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60 + 1)).await;
    tokio::time::resume();
    until("it shows another certificate", async || server_certificate(edge).await != first).await;
}
