//! A model server that plays a part: it notes what it was asked, says what it was told to say, and knows when
//! its client is gone.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use analysis::provider::{self, Kind, PromptPicture, PromptRequest, Provider, ProviderConfig, ProviderError};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use protocol::analysis::Usage;
use serde_json::Value;
use tokio::sync::{Notify, mpsc};

/// What the double does with a request.
#[derive(Clone)]
pub enum Part {
    /// Sends nothing, not even a head.
    Hang,
    Redirect(String),
    Reply(u16, &'static str),
    /// Sends the pieces, each after the pause, and then ends as said.
    Stream {
        pieces: Vec<String>,
        pause: Duration,
        end: End,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Clean,
    Cut,
    /// Begins again with the last piece, for ever.
    Never,
    /// Keeps the connection open and says nothing.
    Silent,
}

/// What was asked.
#[derive(Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Clone)]
struct Stage {
    part: Part,
    asked: Arc<Mutex<Vec<Asked>>>,
    gone: Arc<Notify>,
}

pub struct Double {
    pub url: String,
    stage: Stage,
    task: tokio::task::JoinHandle<()>,
}

/// Tells when a reply was let go of: sent whole, or nobody there to take it.
struct Notice(Arc<Notify>);

impl Drop for Notice {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Double {
    pub async fn start(part: Part) -> Self {
        let stage = Stage { part, asked: Arc::default(), gone: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(play).with_state(stage.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, stage, task }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.stage.asked.lock().unwrap().clone()
    }

    /// Returns once a reply was let go of.
    pub async fn gone(&self) {
        tokio::time::timeout(Duration::from_secs(5), self.stage.gone.notified())
            .await
            .expect("the client stays");
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(State(stage): State<Stage>, request: Request) -> Response {
    let notice = Notice(Arc::clone(&stage.gone));
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    stage.asked.lock().unwrap().push(Asked {
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    match stage.part {
        Part::Hang => {
            std::future::pending::<Infallible>().await;
            drop(notice);
            StatusCode::OK.into_response()
        }
        Part::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Part::Reply(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Part::Stream { pieces, pause, end } => {
            let again = if end == End::Never { pieces.last().cloned() } else { None };
            let said = futures::stream::iter(
                pieces.into_iter().chain(std::iter::repeat_with(move || again.clone()).map_while(|p| p)),
            );
            let said = said.then(move |piece| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, io::Error>(Bytes::from(piece))
            });
            let last = futures::stream::once(async move {
                match end {
                    End::Cut => {
                        // Lets what was said leave first.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        Err(io::Error::other("cut"))
                    }
                    End::Silent => std::future::pending().await,
                    End::Clean | End::Never => Ok(Bytes::new()),
                }
            });
            let body = said.chain(last).map(move |piece| {
                let _held = &notice;
                piece
            });
            Body::from_stream(body).into_response()
        }
    }
}

/// The pieces at once, then the end.
pub fn stream(pieces: &[&str], end: End) -> Part {
    Part::Stream { pieces: pieces.iter().map(|p| (*p).to_owned()).collect(), pause: Duration::ZERO, end }
}

pub fn client() -> reqwest::Client {
    static RING: Once = Once::new();
    RING.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    provider::http_client().unwrap()
}

pub fn config(kind: Kind, url: &str) -> ProviderConfig {
    let kind = if kind == Kind::OpenAi { "openai" } else { "ollama" };
    serde_json::from_value(serde_json::json!({
        "name": "double", "kind": kind, "base_url": url, "model": "tiny",
        "first_word_seconds": 1, "next_word_seconds": 1, "answer_seconds": 3,
    }))
    .unwrap()
}

pub fn provider(kind: Kind, url: &str) -> Arc<dyn Provider> {
    provider::connect(config(kind, url), client()).unwrap()
}

pub fn prompt() -> PromptRequest {
    PromptRequest {
        system: "Be brief.".into(),
        user: "What is this?".into(),
        picture: None,
        model: "tiny".into(),
        temperature: 0.5,
    }
}

pub fn picture() -> PromptPicture {
    PromptPicture { mime: "image/png", bytes: Bytes::from_static(b"\x01\x02\x03") }
}

/// Asks and collects: all text that came, and how it ended.
pub async fn ask(provider: &dyn Provider, request: PromptRequest) -> (String, Result<Usage, ProviderError>) {
    let (sink, mut pieces) = mpsc::channel::<String>(4);
    let collect = async {
        let mut text = String::new();
        while let Some(piece) = pieces.recv().await {
            text.push_str(&piece);
        }
        text
    };
    let (result, text) = tokio::join!(provider.answer(request, sink), collect);
    (text, result)
}

/// An address where nobody listens.
pub async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
