//! Every certificate × both edges × every client: each combination gets the answer of the API contract.

use std::process::Stdio;

use futures::StreamExt;

use crate::certificates::{Kind, PASSWORD};
use crate::curl::Curl;
use crate::fixture::{Edge, Fixture};

/// Combinations tested concurrently.
const MAX_CONCURRENT: usize = 4;
const SIGN_IN: &str = "401 urn:aiwe:problem:sign-in-required";

/// How a client sends its request. The expected answer depends only on [`Client::is_navigation`] and the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    CurlApi,
    CurlApiOld,
    CurlApiPost,
    CurlNavigation,
    CurlNavigationHead,
    CurlNavigationOfApi,
    CurlNavigationOld,
    CurlScript,
    Shim,
}

impl Client {
    const ALL: [Self; 9] = [
        Self::CurlApi,
        Self::CurlApiOld,
        Self::CurlApiPost,
        Self::CurlNavigation,
        Self::CurlNavigationHead,
        Self::CurlNavigationOfApi,
        Self::CurlNavigationOld,
        Self::CurlScript,
        Self::Shim,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::CurlApi => "curl as API, HTTP/2",
            Self::CurlApiOld => "curl as API, HTTP/1.1 on TLS 1.2",
            Self::CurlApiPost => "curl as API, POST that accepts HTML",
            Self::CurlNavigation => "curl as navigation, HTTP/2",
            Self::CurlNavigationHead => "curl as navigation, HEAD",
            Self::CurlNavigationOfApi => "curl as navigation to the API",
            Self::CurlNavigationOld => "curl as navigation without Sec-Fetch-Mode, HTTP/1.1 on TLS 1.2",
            Self::CurlScript => "curl as a page's script that accepts HTML",
            Self::Shim => "the shim",
        }
    }

    fn curl(self, edge: &Edge<'_>) -> Curl {
        let old = ["--http1.1", "--tls-max", "1.2"];
        match self {
            Self::CurlApi | Self::Shim => edge.curl("/native/modes"),
            Self::CurlApiOld => edge.curl("/native/modes").with(&old),
            Self::CurlApiPost => {
                edge.curl("/native/logout").with(&["--request", "POST"]).header("Accept", "text/html")
            }
            Self::CurlNavigation => edge.curl("/sidebar").navigation(),
            Self::CurlNavigationHead => edge.curl("/sidebar").navigation().with(&["--head"]),
            Self::CurlNavigationOfApi => edge.curl("/native/modes").navigation(),
            Self::CurlNavigationOld => edge.curl("/sidebar").header("Accept", "text/html").with(&old),
            Self::CurlScript => {
                edge.curl("/sidebar").header("Sec-Fetch-Mode", "cors").header("Accept", "text/html")
            }
        }
    }

    fn is_navigation(self) -> bool {
        matches!(
            self,
            Self::CurlNavigation
                | Self::CurlNavigationHead
                | Self::CurlNavigationOfApi
                | Self::CurlNavigationOld
        )
    }

    fn asks_for_a_page(self) -> bool {
        self == Self::CurlScript || (self.is_navigation() && self != Self::CurlNavigationOfApi)
    }
}

fn expected(kind: Kind, client: Client) -> String {
    match (kind.reason(), client) {
        // The shim does not start without an identity.
        (_, Client::Shim) if kind == Kind::Missing => "urn:aiwe:problem:configuration --identity".to_owned(),
        (None, Client::Shim) => "accepted".to_owned(),
        (Some(reason), Client::Shim) => format!("urn:aiwe:problem:client-certificate:{}", reason.as_str()),
        (None, client) if client.asks_for_a_page() => "200 text/html".to_owned(),
        (None, _) => SIGN_IN.to_owned(),
        (Some(reason), client) if client.is_navigation() => {
            format!("303 /request-access?reason={}", reason.as_str())
        }
        (Some(reason), _) => format!("403 urn:aiwe:problem:client-certificate:{}", reason.as_str()),
    }
}

async fn actual(fixture: &Fixture, edge: &Edge<'_>, kind: Kind, client: Client) -> String {
    let package = fixture.packages.get(kind);
    if client == Client::Shim {
        return check_by_shim(edge, package.map(|package| package.file.as_path())).await;
    }
    let mut curl = client.curl(edge);
    if let Some(package) = package {
        curl = curl.identity(&package.file);
    }
    match curl.send().await {
        Ok(answer) if kind != Kind::Valid && answer.header("cache-control") != "no-store" => {
            format!("{} that may be cached: {}", answer.summary(), answer.header("cache-control"))
        }
        Ok(answer) => answer.summary(),
        Err(error) => error,
    }
}

/// The output of `shim --check`: the desktop program's own connection, without its window.
async fn check_by_shim(edge: &Edge<'_>, package: Option<&std::path::Path>) -> String {
    let program = std::env::var_os("AIWE_TEST_SHIM").expect(
        "AIWE_TEST_SHIM names the desktop program for tests; `cargo xtask test integration` builds it",
    );
    let mut shim = tokio::process::Command::new(program);
    shim.arg("--check")
        .arg("--server")
        .arg(format!("https://{}", edge.host()))
        .arg("--ca")
        .arg(edge.authority);
    if let Some(package) = package {
        shim.arg("--identity").arg(package);
    }
    shim.env_remove("AIWE_IDENTITY").env("AIWE_IDENTITY_PASSWORD", PASSWORD).stdin(Stdio::null());
    let output = shim.output().await.expect("AIWE_TEST_SHIM names a program that starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match said.split_once(": ") {
        None if output.status.success() => "accepted".to_owned(),
        Some((kind, detail)) if detail.contains("(--identity: ") => format!("{kind} --identity"),
        Some((kind, _)) => kind.to_owned(),
        None => format!("{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_gets_the_contracts_answer_on_both_edges() {
    let fixture = Fixture::start(&Kind::ALL, &[]).await;
    let edges = fixture.edges();
    let combinations = Kind::ALL.iter().flat_map(|kind| {
        edges.iter().flat_map(move |edge| Client::ALL.iter().map(move |client| (*kind, edge, *client)))
    });
    let results: Vec<_> = futures::stream::iter(combinations)
        .map(async |(kind, edge, client)| {
            let (expected, got) = (expected(kind, client), actual(&fixture, edge, kind, client).await);
            (got != expected).then(|| {
                format!("{kind:?} × {} × {}: expected {expected}, got {got}", edge.name, client.name())
            })
        })
        .buffer_unordered(MAX_CONCURRENT)
        .collect()
        .await;
    let wrong: Vec<_> = results.iter().flatten().cloned().collect();
    println!("{} combinations", results.len());
    assert_eq!(results.len(), 7 * 2 * 9);
    assert!(wrong.is_empty(), "{} combinations are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(!fixture.caddy.log().contains(crate::caddy::SECRET), "the secret is in Caddy's log");
}
