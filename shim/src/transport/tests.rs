use axum::Router;
use axum::http::{HeaderMap as Headers, HeaderValue, Version, header};
use axum::response::{AppendHeaders, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;
use crate::test_server::Authority;

async fn fetch(transport: &Transport, path: &str) -> Result<BufferedResponse, TransportError> {
    transport.exchange(Method::GET, transport.server().at(path, None), HeaderMap::new(), Vec::new()).await
}

#[tokio::test]
async fn speaks_http_2_with_the_machines_certificate() {
    let authority = Authority::new();
    let routes =
        Router::new().route("/version", get(|version: Version| async move { format!("{version:?}") }));
    let address = authority.serve(routes).await;
    let answer = fetch(&authority.transport_to(address, &authority), "/version").await.unwrap();
    assert_eq!(answer.body, b"HTTP/2.0");
}

#[tokio::test]
async fn a_server_of_another_authority_gets_nothing() {
    let (ours, other) = (Authority::new(), Authority::new());
    let address = ours.serve(Router::new()).await;
    let failure = fetch(&ours.transport_to(address, &other), "/").await.unwrap_err();
    assert!(
        matches!(failure, TransportError::ServerUntrusted(reason) if reason.contains("authority")),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_refused_certificate_has_an_error_of_its_own() {
    let (ours, other) = (Authority::new(), Authority::new());
    let address = other.serve(Router::new()).await;
    let failure = fetch(&ours.transport_to(address, &other), "/").await.unwrap_err();
    assert!(matches!(failure, TransportError::CertificateRefused(_)), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_unreachable() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = authority.transport_to(address, &authority);
    let failure = fetch(&transport, "/").await.unwrap_err();
    assert_eq!(failure, TransportError::Unreachable);
    assert!(failure.problem(transport.server()).detail.contains(&address.port().to_string()));
}

#[tokio::test]
async fn cookies_are_stored_and_redirects_are_not_followed() {
    let authority = Authority::new();
    let sent = |headers: Headers| async move {
        headers.get(header::COOKIE).and_then(|v| v.to_str().ok()).unwrap_or("none").to_owned()
    };
    let set = || async {
        let cookie =
            HeaderValue::from_static("__Host-session=s3cret; Path=/; Secure; HttpOnly; SameSite=Strict");
        (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/cookie"))
    };
    let address = authority.serve(Router::new().route("/cookie", get(sent)).route("/set", get(set))).await;
    let transport = authority.transport_to(address, &authority);
    assert_eq!(fetch(&transport, "/cookie").await.unwrap().body, b"none");
    assert_eq!(fetch(&transport, "/set").await.unwrap().status, 303);
    assert_eq!(fetch(&transport, "/cookie").await.unwrap().body, b"__Host-session=s3cret");
}

#[tokio::test]
async fn no_request_leaves_for_another_host() {
    let authority = Authority::new();
    let address = authority.serve(Router::new()).await;
    let transport = authority.transport_to(address, &authority);
    let url = Url::parse("https://elsewhere.example/").unwrap();
    let result = transport.exchange(Method::GET, url, HeaderMap::new(), Vec::new()).await;
    assert_eq!(result.unwrap_err(), TransportError::ForeignOrigin);
}
