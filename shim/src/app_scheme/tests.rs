use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap as Headers, HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get};
use http::{StatusCode, header};

use protocol::Problem;

use super::*;
use crate::clock::system_random;
use crate::configuration::Server;
use crate::enrolment::Enrolment;
use crate::enrolment_store::EnrolmentStore;
use crate::keystore::{Keys, MemoryStore};
use crate::test_server::Authority;

fn server() -> Server {
    "https://localhost:8443".parse().unwrap()
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(format!("assistant://localhost{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(b"body".to_vec()).unwrap()
}

const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[test]
fn a_posts_origin_becomes_the_servers() {
    let headers = [
        ("origin", "assistant://localhost"),
        ("referer", "assistant://localhost/sidebar?a=1"),
        ("content-type", "application/json"),
        ("sec-fetch-site", "cross-site"),
    ];
    let sent = request::forward(&server(), request("POST", "/api/mode?x=1", &headers)).unwrap();
    assert_eq!(sent.url.as_str(), "https://localhost:8443/api/mode?x=1");
    assert_eq!(sent.headers["origin"], "https://localhost:8443");
    assert_eq!(sent.headers["referer"], "https://localhost:8443/sidebar?a=1");
    assert_eq!(sent.headers["sec-fetch-site"], "same-origin");
    assert_eq!(sent.headers["sec-fetch-mode"], "cors");
    assert_eq!(sent.headers["content-type"], "application/json");
    assert_eq!(sent.body, b"body");
}

#[test]
fn headers_that_the_page_must_not_send_are_removed() {
    let headers = [
        ("cookie", "session=stolen"),
        ("authorization", "Bearer x"),
        ("host", "elsewhere.example"),
        ("accept-encoding", "br"),
        ("x-client-cert", "x"),
        ("x-forwarded-for", "10.0.0.1"),
        PAGE,
    ];
    let sent = request::forward(&server(), request("GET", "/sidebar", &headers)).unwrap();
    let names: Vec<_> = sent.headers.keys().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(names, ["accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"]);
    assert_eq!(sent.headers["sec-fetch-mode"], "navigate");
}

#[test]
fn other_pages_and_methods_are_refused() {
    for origin in ["null", "https://elsewhere.example", "assistant://elsewhere", "https://localhost:8443"] {
        let refused = request::forward(&server(), request("POST", "/", &[("origin", origin)]));
        assert_eq!(refused.unwrap_err(), request::ServiceError::ForeignOrigin, "{origin}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT"] {
        assert_eq!(
            request::forward(&server(), request(method, "/", &[])).unwrap_err(),
            request::ServiceError::Method
        );
    }
}

#[test]
fn a_path_that_looks_like_a_host_stays_a_path() {
    let sent = request::forward(&server(), request("GET", "//elsewhere.example/x", &[])).unwrap();
    assert!(server().is_origin_of(&sent.url), "{}", sent.url);
}

/// A server that says what it got, over the real transport.
async fn scheme() -> (AppScheme, String) {
    let authority = Authority::new();
    let echo = |method: Method, uri: Uri, headers: Headers, body: Bytes| async move {
        let origin = headers.get("origin").map(|v| v.to_str().unwrap().to_owned());
        format!(
            "{method} {} {} {}",
            uri.path_and_query().unwrap(),
            origin.as_deref().unwrap_or("-"),
            String::from_utf8_lossy(&body)
        )
    };
    let page = || async {
        let mut response = "<h1>Sidebar</h1>".into_response();
        for (name, value) in [
            ("content-security-policy", "default-src 'self'; connect-src 'self'"),
            ("set-cookie", "a=b; Secure"),
            ("strict-transport-security", "max-age=1"),
            ("x-kept", "1"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    };
    let routes = Router::new()
        .route("/sidebar", get(page))
        .route("/echo", any(echo))
        .route("/old", any(|| async { Redirect::to("/request-access?reason=expired&x=\"") }))
        .route("/away", get(|| async { Redirect::to("https://elsewhere.example/<b>") }));
    let address = authority.serve(routes).await;
    let transport = authority.transport_to(address, &authority);
    let origin = transport.server().origin();
    (AppScheme::new(Arc::new(Connection::to(transport)), None), origin)
}

fn text(response: &Response<Vec<u8>>) -> String {
    String::from_utf8(response.body().clone()).unwrap()
}

#[tokio::test]
async fn the_servers_page_arrives_with_its_policy_widened() {
    let (scheme, _) = scheme().await;
    let response = scheme.handle(request("GET", "/sidebar", &[PAGE])).await;
    assert_eq!((response.status(), text(&response).as_str()), (StatusCode::OK, "<h1>Sidebar</h1>"));
    let headers = response.headers();
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'self'; connect-src 'self' ipc: http://ipc.localhost"
    );
    assert_eq!(headers["x-kept"], "1");
    for gone in ["set-cookie", "content-length", "strict-transport-security"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn a_post_arrives_whole_and_as_the_servers_own() {
    let (scheme, origin) = scheme().await;
    let response = scheme.handle(request("POST", "/echo?q=1", &[("origin", "assistant://localhost")])).await;
    assert_eq!(text(&response), format!("POST /echo?q=1 {origin} body"));
}

#[tokio::test]
async fn a_page_is_redirected_by_html_and_a_script_sees_the_redirect() {
    let (scheme, _) = scheme().await;
    let page = scheme.handle(request("GET", "/old", &[PAGE])).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(
        text(&page).contains("content=\"0; url=/request-access?reason=expired&amp;x=%22\""),
        "{}",
        text(&page)
    );
    let script = scheme.handle(request("POST", "/old", &[("accept", "application/json")])).await;
    assert_eq!(script.status(), StatusCode::SEE_OTHER);
    assert_eq!(script.headers()[header::LOCATION], "/request-access?reason=expired&x=%22");
}

#[tokio::test]
async fn a_redirect_to_another_host_asks_the_person() {
    let (scheme, _) = scheme().await;
    let page = text(&scheme.handle(request("GET", "/away", &[PAGE])).await);
    assert!(!page.contains("http-equiv"), "{page}");
    assert!(page.contains("href=\"https://elsewhere.example/%3Cb%3E\""), "{page}");
}

#[tokio::test]
async fn without_a_transport_each_page_says_why() {
    let problem =
        Problem::new("configuration", 500, "A <setting> is wrong").field("--ca", "expected a PEM file");
    let scheme = AppScheme::new(Arc::new(Connection::failed(problem.clone())), None);
    let page = scheme.handle(request("GET", WELCOME, &[PAGE])).await;
    assert!(text(&page).contains("A &lt;setting&gt; is wrong") && text(&page).contains("--ca"));
    assert!(!text(&page).contains("Try again"), "only a new start reads the configuration again");
    let script = scheme.handle(request("GET", "/x", &[])).await;
    assert_eq!(serde_json::from_slice::<Problem>(script.body()).unwrap(), problem);
}

#[tokio::test]
async fn an_unreachable_server_gives_a_page_to_try_again() {
    let authority = Authority::new();
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let connection = Connection::to(authority.transport_to(nowhere, &authority));
    let scheme = AppScheme::new(Arc::new(connection), None);
    let welcome = text(&scheme.handle(request("GET", WELCOME, &[PAGE])).await);
    assert!(welcome.contains("url=/sidebar"));
    let page = scheme.handle(request("GET", SIDEBAR, &[PAGE])).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(&page).contains("The server cannot be reached") && text(&page).contains("Try again"));
}

#[tokio::test]
async fn a_refused_certificate_shows_a_link_for_the_systems_browser() {
    let (scheme, origin) = scheme().await;
    for (query, words) in [
        ("?reason=expired&x=%22", "This machine&#x27;s certificate has expired."),
        ("?reason=revoked", "This machine&#x27;s certificate has been revoked."),
        ("?reason=untrusted", "This machine presented a certificate that this server did not issue."),
        ("?reason=made-up", "Ask for access in your browser"),
        ("", "Ask for access in your browser"),
    ] {
        let page = scheme.handle(request("GET", &format!("/request-access{query}"), &[PAGE])).await;
        let page = text(&page);
        assert!(page.contains(&format!("<h1>{words}</h1>")), "{page}");
        let address = format!("href=\"{origin}/request-access?");
        let links: Vec<_> = page.split("href=").filter(|part| part.contains("/request-access?")).collect();
        assert!(page.contains(&address) && links.len() == 1, "{page}");
        assert_eq!(links[0].contains("reason="), query.contains("reason=") && !query.contains("made-up"));
        #[cfg(target_os = "linux")]
        assert!(links[0].contains("platform=linux"), "{page}");
    }
}

#[tokio::test]
async fn an_alert_about_the_certificate_shows_it_too() {
    let (ours, other) = (Authority::new(), Authority::new());
    let address = other.serve(Router::new()).await;
    let connection = Connection::to(ours.transport_to(address, &other));
    let scheme = AppScheme::new(Arc::new(connection), None);
    let page = text(&scheme.handle(request("GET", SIDEBAR, &[PAGE])).await);
    assert!(page.contains("did not issue") && page.contains("reason=untrusted"), "{page}");
    let script = scheme.handle(request("GET", SIDEBAR, &[])).await;
    assert!(serde_json::from_slice::<Problem>(script.body()).unwrap().is("certificate-refused"));
}

/// With the pages that enrol a machine; the folder is theirs.
fn with_wizard(connection: Connection) -> (AppScheme, tempfile::TempDir) {
    let (connection, folder) = (Arc::new(connection), tempfile::tempdir().unwrap());
    let store = EnrolmentStore::new(folder.path(), Keys::of(Arc::new(MemoryStore::default()), folder.path()));
    let enrolment = Enrolment::new(Arc::new(store), None, system_random);
    let wizard = Wizard::new(enrolment, Box::new(|_| Ok(())), Arc::clone(&connection));
    (AppScheme::new(connection, Some(Arc::new(wizard))), folder)
}

#[tokio::test]
async fn only_the_servers_refusal_opens_the_pages_that_enrol() {
    let authority = Authority::new();
    let answer = Arc::new(std::sync::Mutex::new(Problem::sign_in_required()));
    let current = Arc::clone(&answer);
    let session = move || async move {
        let problem = current.lock().unwrap().clone();
        (StatusCode::from_u16(problem.status).unwrap(), axum::Json(problem))
    };
    let address = authority.serve(Router::new().route("/native/session", get(session))).await;
    let (scheme, _folder) = with_wizard(Connection::to(authority.transport_to(address, &authority)));
    let refused = |name: &str| Problem::new(&format!("client-certificate:{name}"), 403, "Refused");
    // A page of the server navigates here, but the server refuses nothing.
    for problem in
        [Problem::sign_in_required(), Problem::internal(), Problem::forbidden(), refused("made-up")]
    {
        *answer.lock().unwrap() = problem;
        let page = text(&scheme.handle(request("GET", "/request-access?reason=revoked", &[PAGE])).await);
        assert!(!page.contains(ENROL), "{page}");
        let page = text(&scheme.handle(request("GET", ENROL, &[PAGE])).await);
        assert!(page.contains("url=/sidebar"), "{page}");
    }
    *answer.lock().unwrap() = refused("revoked");
    let page = text(&scheme.handle(request("GET", "/request-access?reason=revoked", &[PAGE])).await);
    assert!(page.contains(&format!("href=\"{ENROL}\"")), "{page}");
    assert!(text(&scheme.handle(request("GET", ENROL, &[PAGE])).await).contains("Set up this machine"));
}

#[tokio::test]
async fn an_alert_about_the_certificate_opens_the_pages_that_enrol() {
    let (ours, other) = (Authority::new(), Authority::new());
    let address = other.serve(Router::new()).await;
    let (scheme, _folder) = with_wizard(Connection::to(ours.transport_to(address, &other)));
    assert!(text(&scheme.handle(request("GET", ENROL, &[PAGE])).await).contains("url=/sidebar"));
    let page = text(&scheme.handle(request("GET", SIDEBAR, &[PAGE])).await);
    assert!(page.contains(&format!("href=\"{ENROL}\"")), "{page}");
    assert!(text(&scheme.handle(request("GET", ENROL, &[PAGE])).await).contains("Set up this machine"));
}

#[tokio::test]
async fn other_pages_do_not_reach_the_pages_that_enrol() {
    let (scheme, _folder) = with_wizard(Connection::opening());
    scheme.unlock().await;
    let form = format!("{ENROL}/link");
    for origin in ["null", "https://elsewhere.example", "assistant://elsewhere"] {
        for (method, path) in [("GET", ENROL), ("POST", &form)] {
            let answer = scheme.handle(request(method, path, &[PAGE, ("origin", origin)])).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{origin}");
            assert!(!text(&answer).contains("name=\"number\""));
        }
    }
    let answer = scheme.handle(request("POST", &form, &[PAGE, ("origin", "assistant://localhost")])).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn while_the_key_store_opens_the_window_says_so_and_scripts_wait() {
    let connection = Arc::new(Connection::opening());
    let scheme = AppScheme::new(Arc::clone(&connection), None);
    let page = text(&scheme.handle(request("GET", WELCOME, &[PAGE])).await);
    assert!(page.contains("key store") && page.contains("url=/sidebar"), "{page}");
    let waiting = tokio::spawn({
        let scheme = scheme.clone();
        async move { scheme.handle(request("GET", SIDEBAR, &[])).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    connection.set_state(ConnectionState::Unenrolled);
    let answer = waiting.await.unwrap();
    assert!(serde_json::from_slice::<Problem>(answer.body()).unwrap().is("not-enrolled"));
}

#[test]
fn the_window_starts_on_its_own_origin() {
    assert!(is_ours(&start().unwrap()) && is_ours(&enrol().unwrap()));
}
