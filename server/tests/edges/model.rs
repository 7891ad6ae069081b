//! A model server whose answers never end, and which knows how many are under way.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use futures::StreamExt;

const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"word \"}}]}\n\n";

#[derive(Clone, Default)]
pub struct Model {
    pub url: String,
    running: Arc<AtomicUsize>,
}

/// Counts for as long as it lives.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Model {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let model = Self { url, running: Arc::default() };
        let routes = Router::new().route("/v1/chat/completions", post(talk)).with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        model
    }

    /// What the server's configuration says of it. It sees pictures, so that nothing else has to read them first.
    pub fn settings(&self) -> [(&str, &str); 5] {
        [
            ("AIWE_PROVIDERS__0__NAME", "endless"),
            ("AIWE_PROVIDERS__0__KIND", "openai"),
            ("AIWE_PROVIDERS__0__BASE_URL", &self.url),
            ("AIWE_PROVIDERS__0__MODEL", "endless"),
            ("AIWE_PROVIDERS__0__VISION", "true"),
        ]
    }

    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Waits until nobody wants an answer any more; gives the time that it took.
    pub async fn left(&self, since: Instant) -> Duration {
        while self.running() > 0 {
            assert!(since.elapsed() < Duration::from_secs(20), "the model still answers");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        since.elapsed()
    }
}

async fn talk(State(model): State<Model>) -> Body {
    model.running.fetch_add(1, Ordering::SeqCst);
    let running = Running(model.running);
    let words = futures::stream::unfold(running, |running| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, Infallible>(WORD), running))
    });
    Body::from_stream(words.boxed())
}
