//! What the log says about a request. A test binary of its own: the subscriber is global, and tracing caches each callsite's
//! interest across all tests of a process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Once};

use axum::Router;
use axum::body::Body;
use axum::extract::Path as PathParameter;
use axum::routing::get;
use domain::clock::ManualClock;
use domain::random::SeededRandom;
use http::{Request, StatusCode};
use serde_json::Value;
use server::certificate::Connections;
use server::config::{Config, Log, LogFormat};
use server::environment::Environment;
use server::state::AppState;
use server::vault::Vault;
use store::Store;
use tower::ServiceExt;
use tracing_subscriber::util::SubscriberInitExt;
use web::{HttpLayers, Listener, Peer, not_found};

thread_local! {
    /// The log of one test: each runs on a thread of its own.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts the log as docs/operating.md recommends it for tracing.
fn start_log() {
    static STARTED: Once = Once::new();
    let log = Log { format: LogFormat::Json, level: "info,server=debug,store=debug".to_owned() };
    STARTED.call_once(|| server::log::subscriber(&log, || Lines).init());
}

fn logged() -> String {
    String::from_utf8(LINES.take()).unwrap()
}

#[tokio::test]
async fn a_line_names_the_route_and_not_the_path() {
    start_log();
    let config = Config::load(None, Path::new("/data"), std::iter::empty()).unwrap();
    let number = |PathParameter(n): PathParameter<u32>| async move { n.to_string() };
    let routes = Router::new().route("/path/{n}", get(number));
    let router = HttpLayers::new(config.origins(), config.hsts_hosts(), Arc::new(SeededRandom::new(1)))
        .apply(routes.fallback(not_found));
    for path in ["/path/4711", "/nowhere-secret"] {
        router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    }
    let log = logged();
    assert!(log.contains("\"route\":\"/path/{n}\"") && log.contains("\"status\":200"), "{log}");
    assert!(log.contains("\"id\":\""), "{log}");
    assert!(!log.contains("4711") && !log.contains("secret"), "{log}");
}

#[tokio::test]
async fn a_statement_is_below_its_action_and_its_request() {
    start_log();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let env = Arc::new(Environment {
        store: Store::open_sqlite(&folder.path().join("aiwe.db")).await.unwrap(),
        config: Config::load(None, folder.path(), std::iter::empty()).unwrap(),
        clock: Arc::new(ManualClock::at(1_795_348_815)),
        random: Arc::new(SeededRandom::new(1)),
        vault: Vault::new([9; 32]),
    });
    let state = AppState::assemble(env, Arc::new(Connections::default()), None).await.unwrap();
    let peer =
        Peer { address: [192, 0, 2, 7].into(), listener: Listener::Pages, tls: false, certificate: None };
    let request = Request::post("/public/request-access")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .extension(peer)
        .body(Body::from("{\"email\":\"anna@example.org\",\"name\":\"Anna Lund\"}"))
        .unwrap();
    let response = server::routes::router(&state).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);

    let log = logged();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let insert = lines.iter().find(|line| {
        let statement = line["span"]["db.query.text"].as_str().unwrap_or_default();
        line["message"] == "close" && statement.contains("INSERT INTO access_request")
    });
    let insert = insert.unwrap_or_else(|| panic!("no INSERT in {log}"));
    assert!(insert["span"]["elapsed_us"].is_u64() && insert["span"]["name"] == "statement", "{insert}");
    let parents: Vec<_> = insert["spans"].as_array().unwrap().iter().map(|span| &span["name"]).collect();
    assert_eq!(parents[..2], ["request", "requester.submit"], "{insert}");
    assert!(!log.contains("anna@") && !log.contains("Anna") && !log.contains("192.0.2.7"), "{log}");
}
