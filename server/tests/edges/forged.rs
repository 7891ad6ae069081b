//! The proxy's headers from a client have no effect, neither through Caddy nor directly on the server's ports.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::access::RequestAccess;

use crate::caddy::{PAGES_HOST, SECRET};
use crate::certificates::Kind;
use crate::curl::Curl;
use crate::fixture::Fixture;

const MISSING: &str = "403 urn:aiwe:problem:client-certificate:missing";
const ACCEPTED: &str = "401 urn:aiwe:problem:sign-in-required";
/// A loopback address that is not in `proxy.trusted`.
const ELSEWHERE: [&str; 2] = ["--interface", "127.0.0.2"];

/// A valid certificate, encoded as the proxy forwards it.
fn forwarded(fixture: &Fixture) -> String {
    STANDARD.encode(&fixture.packages.get(Kind::Valid).unwrap().der)
}

/// Attempts to impersonate the proxy: a name and the headers.
fn forgeries(certificate: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let with = |more: &[(&'static str, &str)]| {
        let certificate = ("X-Client-Cert", certificate.to_owned());
        std::iter::once(certificate).chain(more.iter().map(|(k, v)| (*k, (*v).to_owned()))).collect()
    };
    vec![
        ("the certificate alone", with(&[])),
        ("with a guess", with(&[("X-Proxy-Auth", "guess")])),
        ("with an empty secret", with(&[("X-Proxy-Auth", "")])),
        ("twice", with(&[("X-Client-Cert", certificate), ("X-Proxy-Auth", "guess")])),
        ("with another case", vec![("x-client-CERT", certificate.to_owned())]),
        (
            "with underscores",
            vec![("X_Client_Cert", certificate.to_owned()), ("X_Proxy_Auth", SECRET.to_owned())],
        ),
        (
            "as headers of this hop",
            with(&[
                ("Connection", "X-Client-Cert, X-Proxy-Auth, X-Forwarded-For"),
                ("X-Proxy-Auth", "guess"),
            ]),
        ),
    ]
}

fn send_all(mut curl: Curl, headers: &[(&'static str, String)]) -> Curl {
    for (name, value) in headers {
        curl = curl.header(name, value);
    }
    curl
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_certificates_are_ignored() {
    let fixture = Fixture::start(&[Kind::Revoked, Kind::Valid], &[]).await;
    let certificate = forwarded(&fixture);
    let direct = |address: SocketAddr, path: &str| Curl::to(&format!("http://{address}{path}"));
    let through_pages = || {
        let url = format!("https://{PAGES_HOST}:{}/native/modes", fixture.caddy.https);
        Curl::to(&url).authority(&fixture.caddy.authority)
    };
    let mut wrong = Vec::new();
    let mut expect = async |what: String, curl: Curl, expected: &str| {
        let got = curl.send().await.map_or_else(|error| error, |answer| answer.summary());
        if got != expected {
            wrong.push(format!("{what}: expected {expected}, got {got}"));
        }
    };

    let mut all = forgeries(&certificate);
    // Even with the right secret: Caddy overwrites the header with its own.
    let with_the_secret = vec![("X-Client-Cert", certificate.clone()), ("X-Proxy-Auth", SECRET.to_owned())];
    all.push(("with the secret itself", with_the_secret.clone()));
    let revoked = &fixture.packages.get(Kind::Revoked).unwrap().file;
    for (name, headers) in &all {
        for version in ["--http1.1", "--http2"] {
            for edge in fixture.edges() {
                let what = format!("{name}, {version}, {}", edge.name);
                let curl = || send_all(edge.curl("/native/modes").with(&[version]), headers);
                expect(what.clone(), curl(), MISSING).await;
                let over = "403 urn:aiwe:problem:client-certificate:revoked";
                expect(format!("{what}, over a revoked one"), curl().identity(revoked), over).await;
            }
            let curl = send_all(through_pages().with(&[version]), headers);
            expect(format!("{name}, {version}, Caddy's pages"), curl, MISSING).await;
        }
    }
    // Directly to the ports that only Caddy should reach.
    for (name, headers) in forgeries(&certificate) {
        for address in [fixture.proxied.machines, fixture.proxied.pages, fixture.direct.pages] {
            let curl = send_all(direct(address, "/native/modes"), &headers);
            expect(format!("{name}, straight to {address}"), curl, MISSING).await;
        }
    }
    // The secret is accepted only from the proxy's address, and never on the pages' port.
    let straight = || send_all(direct(fixture.proxied.machines, "/native/modes"), &with_the_secret);
    expect("the proxy's own word".to_owned(), straight(), ACCEPTED).await;
    expect("the secret from elsewhere".to_owned(), straight().with(&ELSEWHERE), MISSING).await;
    let pages = || send_all(direct(fixture.proxied.pages, "/native/modes"), &with_the_secret);
    expect("the secret to the pages' port".to_owned(), pages(), MISSING).await;
    let sidebar = send_all(direct(fixture.proxied.pages, "/sidebar"), &with_the_secret).navigation();
    expect("the same as a navigation".to_owned(), sidebar, "303 https://localhost:8443/sidebar").await;
    // The server with the built-in TLS has no secret configured, so it trusts no proxy.
    let pages = send_all(direct(fixture.direct.pages, "/native/modes"), &with_the_secret);
    expect("a secret to a server without one".to_owned(), pages, MISSING).await;

    assert!(wrong.is_empty(), "{} forgeries:\n{}", wrong.len(), wrong.join("\n"));
    assert!(!fixture.caddy.log().contains(SECRET), "the secret is in Caddy's log");
}

fn ask(curl: Curl, number: u32) -> Curl {
    curl.json(&RequestAccess {
        email: format!("person{number}@example.org"),
        platform: Some("linux".to_owned()),
        device_name: Some("Test machine".to_owned()),
        message: None,
    })
}

/// The limit is three requests per address and hour: forged addresses must count as the real one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_addresses_count_as_the_real_one() {
    let fixture = Fixture::start(&[], &[]).await;
    let path = "/public/request-access";
    let pages = format!("https://{PAGES_HOST}:{}{path}", fixture.caddy.https);
    let through_caddy = || Curl::to(&pages).authority(&fixture.caddy.authority);
    let to_rustls = || fixture.edges()[0].curl(path);
    let to_plain = || Curl::to(&format!("http://{}{path}", fixture.direct.pages));
    let from = |curl: Curl, number: u32| {
        let forged = format!("198.51.100.{number}");
        let curl = curl.header("X-Forwarded-For", &forged).header("X-Real-IP", &forged);
        ask(curl.header("Forwarded", &format!("for={forged}")).header("X-Proxy-Auth", SECRET), number)
    };
    let status = async |curl: Curl| curl.send().await.unwrap().status;

    for number in 0..3 {
        assert_eq!(status(from(through_caddy(), number)).await, 202);
    }
    assert_eq!(status(from(through_caddy(), 3)).await, 429, "a forged address was believed");
    // Caddy forwards the real addresses: another client has its own limit.
    assert_eq!(status(ask(through_caddy().with(&ELSEWHERE), 4)).await, 202);

    for number in 5..8 {
        assert_eq!(status(from(if number == 6 { to_plain() } else { to_rustls() }, number)).await, 202);
    }
    assert_eq!(status(from(to_rustls(), 8)).await, 429, "a forged address was believed");
}

/// `X-Forwarded-Proto` decides the cookies' names. Only Caddy's header is trusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_are_secure_where_the_browser_speaks_tls() {
    let fixture = Fixture::start(&[], &[]).await;
    let path = "/public/request-access";
    let url = format!("https://{PAGES_HOST}:{}{path}", fixture.caddy.https);
    let through_caddy =
        Curl::to(&url).authority(&fixture.caddy.authority).header("X-Forwarded-Proto", "http");
    let answer = ask(through_caddy, 1).send().await.unwrap();
    let cookie = cookie::Cookie::parse(answer.header("set-cookie")).unwrap();
    assert_eq!((cookie.name(), cookie.secure()), ("__Host-aiwe_asked", Some(true)));
    let plain =
        Curl::to(&format!("http://{}{path}", fixture.proxied.pages)).header("X-Forwarded-Proto", "https");
    let answer = ask(plain, 2).send().await.unwrap();
    assert!(answer.header("set-cookie").starts_with("aiwe_asked="), "{}", answer.header("set-cookie"));
}
