//! The log line of a request. A test binary of its own: the subscriber is global, and tracing caches each callsite's interest
//! across all tests of a process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use domain::random::SeededRandom;
use http::Request;
use server::config::Config;
use tower::ServiceExt;
use web::{HttpLayers, not_found};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_names_the_route_and_not_the_path() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().json().with_writer(move || writer.clone()).init();
    let config = Config::load(None, std::path::Path::new("/data"), std::iter::empty()).unwrap();
    let routes = Router::new().route("/path/{n}", get(|Path(n): Path<u32>| async move { n.to_string() }));
    let router = HttpLayers::new(config.origins(), config.hsts_hosts(), Arc::new(SeededRandom::new(1)))
        .apply(routes.fallback(not_found));
    for path in ["/path/4711", "/nowhere-secret"] {
        router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("\"route\":\"/path/{n}\"") && log.contains("\"status\":200"), "{log}");
    assert!(log.contains("\"id\":\""), "{log}");
    assert!(!log.contains("4711") && !log.contains("secret"), "{log}");
}
