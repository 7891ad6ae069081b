//! A model server with endless answers, which counts those in progress.

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

/// Counts an answer as running until it is dropped.
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
        let routes = Router::new().route("/v1/chat/completions", post(chat)).with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        model
    }

    /// The server's settings for this model. It accepts images, so that no OCR runs first.
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

    /// Waits until no answer is running any more and returns how long that took.
    pub async fn until_idle(&self, since: Instant) -> Duration {
        while self.running() > 0 {
            assert!(since.elapsed() < Duration::from_secs(20), "the model still answers");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        since.elapsed()
    }
}

async fn chat(State(model): State<Model>) -> Body {
    model.running.fetch_add(1, Ordering::SeqCst);
    let running = Running(model.running);
    let words = futures::stream::unfold(running, |running| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, Infallible>(WORD), running))
    });
    Body::from_stream(words.boxed())
}
