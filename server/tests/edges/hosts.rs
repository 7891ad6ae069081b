//! The public and the machines' host stay separate.

use protocol::Problem;

use crate::caddy::{Caddy, MACHINES_HOST, PAGES_HOST};
use crate::certificates::Kind;
use crate::connection::requested_authorities;
use crate::curl::Curl;
use crate::fixture::{Edge, Fixture};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_host_never_offers_the_machines_api() {
    let fixture = Fixture::start(&[Kind::Valid], &[]).await;
    let [rustls, caddy] = fixture.edges();
    assert_eq!(
        requested_authorities(&caddy, PAGES_HOST).await,
        None,
        "the public host asks for a certificate"
    );
    assert!(requested_authorities(&caddy, MACHINES_HOST).await.is_some());
    assert!(requested_authorities(&rustls, MACHINES_HOST).await.is_some());

    let valid = &fixture.packages.get(Kind::Valid).unwrap().file;
    let through_caddy = |path: &str| {
        let url = format!("https://{PAGES_HOST}:{}{path}", fixture.caddy.https);
        Curl::to(&url).authority(&fixture.caddy.authority).identity(valid)
    };
    let plain = |path: &str| Curl::to(&format!("http://{}{path}", fixture.direct.pages));
    for version in ["--http1.1", "--http2"] {
        for (curl, expected) in [
            (through_caddy("/native/modes"), "403 urn:aiwe:problem:client-certificate:missing"),
            (through_caddy("/native/login").json(&()), "403 urn:aiwe:problem:client-certificate:missing"),
            (through_caddy("/sidebar").navigation(), "303 https://localhost:8443/sidebar"),
            (through_caddy("/request-access").navigation(), "200 text/html"),
            (plain("/native/modes"), "403 urn:aiwe:problem:client-certificate:missing"),
            (
                plain("/native/modes").header("Host", MACHINES_HOST),
                "403 urn:aiwe:problem:client-certificate:missing",
            ),
            (plain("/sidebar").navigation(), "303 https://localhost:8443/sidebar"),
        ] {
            assert_eq!(curl.with(&[version]).send().await.unwrap().summary(), expected);
        }
    }
}

/// Browsers do not present a client certificate over HTTP/3, and `Alt-Svc` (RFC 7838) is what leads them there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_host_leads_browsers_to_http3() {
    let fixture = Fixture::start(&[], &[]).await;
    for host in [MACHINES_HOST, PAGES_HOST] {
        for version in ["--http1.1", "--http2"] {
            let url = format!("https://{host}:{}/ca.pem", fixture.caddy.https);
            let curl = Curl::to(&url).authority(&fixture.caddy.authority);
            let answer = curl.with(&[version]).send().await.unwrap();
            assert_eq!((answer.status, answer.header("alt-svc")), (200, ""), "{host} {version}");
        }
    }
    let udp = std::net::UdpSocket::bind(("127.0.0.1", fixture.caddy.https));
    assert!(udp.is_ok(), "Caddy listens for HTTP/3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_one_host_does_not_serve_the_other() {
    let fixture = Fixture::start(&[Kind::Valid], &[]).await;
    let port = fixture.caddy.https;
    let valid = &fixture.packages.get(Kind::Valid).unwrap().file;
    let misdirected = |to: &str, host: &str, version: &str| {
        Curl::to(&format!("https://{to}:{port}/native/modes"))
            .authority(&fixture.caddy.authority)
            .identity(valid)
            .header("Host", &format!("{host}:{port}"))
            .with(&[version])
    };
    for version in ["--http1.1", "--http2"] {
        for (to, host) in [(PAGES_HOST, MACHINES_HOST), (MACHINES_HOST, PAGES_HOST)] {
            let answer = misdirected(to, host, version).send().await.unwrap();
            assert_eq!(answer.status, 421, "{to} for {host}, {version}: {}", answer.body);
        }
        let same = misdirected(MACHINES_HOST, MACHINES_HOST, version).send().await.unwrap();
        assert_eq!((same.status, same.version.as_str()), (401, version.trim_start_matches("--http")));
    }
    // An unknown host or none at all fails the handshake.
    for url in [format!("https://other.localhost:{port}/"), format!("https://127.0.0.1:{port}/")] {
        let error = Curl::to(&url).with(&["--insecure"]).send().await.unwrap_err();
        assert!(error.contains("alert"), "{error}");
    }
    // Without TLS there is only a redirect, to port 443, which an operator would forward to this one.
    let plain =
        Curl::to(&format!("http://{PAGES_HOST}:{}/login?x=1", fixture.caddy.http)).send().await.unwrap();
    assert_eq!(plain.summary(), format!("308 https://{PAGES_HOST}/login?x=1"));
}

/// With the authority's certificate configured, Caddy tells browsers which certificates are accepted, and still forwards
/// every other one to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn naming_the_authority_rejects_no_certificate() {
    let fixture = Fixture::start(&Kind::ALL, &[]).await;
    let [rustls, caddy] = fixture.edges();
    assert_eq!(requested_authorities(&caddy, MACHINES_HOST).await, Some(Vec::new()));
    let ours = |names: Option<Vec<Vec<u8>>>| {
        names.unwrap().iter().any(|name| name.windows(19).any(|part| part == b"Example Ltd Root CA"))
    };
    assert!(ours(requested_authorities(&rustls, MACHINES_HOST).await));

    let setting = format!("trust_pool file {}", rustls.authority.display());
    let more = [("EDGE_MACHINES_AUTHORITY", setting.as_str())];
    let naming =
        Caddy::start(fixture.folder.path(), fixture.proxied.pages, fixture.proxied.machines, &more).await;
    let edge =
        Edge { name: "Caddy with the authority", port: naming.https, authority: &naming.authority, ..caddy };
    assert!(ours(requested_authorities(&edge, MACHINES_HOST).await));
    for kind in Kind::ALL {
        let mut curl = edge.curl("/native/modes");
        if let Some(package) = fixture.packages.get(kind) {
            curl = curl.identity(&package.file);
        }
        let problem: Problem = serde_json::from_str(&curl.send().await.unwrap().body).unwrap();
        let expected = kind.reason().map_or("sign-in-required".to_owned(), |reason| {
            format!("client-certificate:{}", reason.as_str())
        });
        assert!(problem.is(&expected), "{kind:?}: expected {expected}, got {problem:?}");
    }
}
