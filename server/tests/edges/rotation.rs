//! The authority is replaced while both servers run: each edge trusts both, then the new one alone.

use std::time::{Duration, Instant};

use http::Request;
use server::certificate::{report, retire, rotate};

use crate::caddy::{Caddy, MACHINES_HOST};
use crate::certificates::{Kind, Packages};
use crate::connection::{Connection, Identity, Version, asked_for, server_certificate};
use crate::world::{Edge, World, remember};

/// Servers look three times a second; the rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
const TAKEN: &str = "401 urn:aiwe:problem:sign-in-required";
const UNTRUSTED: &str = "403 urn:aiwe:problem:client-certificate:untrusted";

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_edges_trust_both_and_then_the_new_one_alone() {
    let world = World::start(&[Kind::Valid], &[]).await;
    let env = &world.direct.state.env;
    let old_package = &world.packages.get(Kind::Valid).unwrap().file;
    let old_root = world.direct.state.certificates.roots_pem();
    // A connection with a certificate of the old authority, opened before anything happens.
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let new = crate::certificates::new_certificate(&world.account_id);
    let issued = world.direct.state.certificates.issue_for_csr(new, &csr).await.unwrap();
    remember(&world.direct.state, &issued).await;
    let identity = Identity::new(&issued.certificate, &key.serialize_pem());
    let mut open = Connection::open(&world.edges()[0], &identity, Version::Http2, "").await;
    assert_eq!(open.send(Request::builder(), "/native/session", Vec::new()).await.unwrap().status(), 401);

    rotate(env, true).await.unwrap();
    for server in [&world.direct, &world.behind] {
        until("it takes the new authority over", async || {
            server.state.certificates.roots_pem().matches("BEGIN CERTIFICATE").count() == 2
        })
        .await;
    }
    let both = world.direct.state.certificates.roots_pem();
    assert_eq!(world.behind.state.certificates.roots_pem(), both);
    let mut packages = Packages::new();
    let folder = world.folder.path().join("new");
    std::fs::create_dir(&folder).unwrap();
    let issued = packages.issue(Kind::Valid, &world.behind.state, &world.account_id, &folder).await;
    remember(&world.behind.state, &issued).await;
    let new_package = &packages.get(Kind::Valid).unwrap().file;

    // Caddy with the CA file that operators make of `ca show`: both names are told.
    let file = world.folder.path().join("both.pem");
    std::fs::write(&file, &both).unwrap();
    let setting = format!("trust_pool file {}", file.display());
    let more = [("EDGE_MACHINES_AUTHORITY", setting.as_str())];
    let naming = Caddy::start(world.folder.path(), world.behind.pages, world.behind.machines, &more).await;
    let [rustls, caddy] = world.edges();
    let with_file =
        Edge { name: "Caddy with both", port: naming.https, authority: &naming.authority, ..caddy };
    until("the listener asks for certificates of both", async || {
        asked_for(&rustls, MACHINES_HOST).await.unwrap().len() == 4
    })
    .await;
    assert_eq!(asked_for(&with_file, MACHINES_HOST).await.unwrap().len(), 2);
    for edge in [&rustls, &caddy, &with_file] {
        // Machines that know the old root alone go on: the server's own certificate is still of that one.
        for package in [old_package, new_package] {
            let answer = edge.curl("/native/modes").identity(package).send().await.unwrap();
            assert_eq!(answer.summary(), TAKEN, "{}", edge.name);
        }
    }

    let old = report(env).await.unwrap()[1].stored.id.clone();
    assert!(retire(env, &old, false).await.is_err(), "machines depend on it");
    retire(env, &old, true).await.unwrap();
    until("what is open with a certificate of the old authority ends", async || {
        open.send(Request::builder(), "/native/session", Vec::new()).await.is_err()
    })
    .await;
    for server in [&world.direct, &world.behind] {
        until("it forgets the old authority", async || {
            server.state.certificates.roots_pem().matches("BEGIN CERTIFICATE").count() == 1
        })
        .await;
    }
    let new_root = world.folder.path().join("new-root.pem");
    std::fs::write(&new_root, world.direct.state.certificates.roots_pem()).unwrap();
    let rustls_now = Edge { authority: &new_root, ..rustls };
    until("the listener's own certificate is the new authority's", async || {
        rustls_now.curl("/native/modes").send().await.is_ok()
    })
    .await;
    for edge in [&rustls_now, &caddy, &with_file] {
        for (package, expected) in [(old_package, UNTRUSTED), (new_package, TAKEN)] {
            let answer = edge.curl("/native/modes").identity(package).send().await.unwrap();
            assert_eq!(answer.summary(), expected, "{}", edge.name);
        }
    }
    assert!(
        rustls.curl("/native/modes").send().await.is_err(),
        "who trusts the old root alone does not connect"
    );
    assert!(!old_root.contains(&world.direct.state.certificates.roots_pem()));
}

/// Files that something else renews are read again the same way. Time is the test's own for a moment: a day passes.
#[tokio::test]
async fn the_listeners_own_certificate_is_made_anew_every_day() {
    let world = World::start(&[], &[]).await;
    let edge = &world.edges()[0];
    let first = server_certificate(edge).await;
    assert_eq!(server_certificate(edge).await, first);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60 + 1)).await;
    tokio::time::resume();
    until("it shows another certificate", async || server_certificate(edge).await != first).await;
}
