//! A mock model server: records requests, replies as the test says, and notices when its client disconnects.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use analysis::provider::{
    self, AnswerPiece, Completion, PromptPicture, PromptRequest, Provider, ProviderConfig, ProviderError,
    ProviderKind,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use protocol::analysis::{NoticeCode, Usage};
use serde_json::Value;
use tokio::sync::{Notify, mpsc};

/// What the server does with a request.
#[derive(Clone)]
pub enum Behaviour {
    /// Sends nothing, not even a head.
    Hang,
    Redirect(String),
    Reply(u16, &'static str),
    /// The first requests get this status and body, with `Retry-After` if there is one; the next get the other behaviour.
    First {
        times: usize,
        status: u16,
        body: &'static str,
        retry_after: Option<&'static str>,
        then: Box<Behaviour>,
    },
    /// Refuses every request whose body has this text in it; the others get the other behaviour.
    Refuse {
        part: &'static str,
        status: u16,
        body: &'static str,
        then: Box<Behaviour>,
    },
    /// Sends the pieces, each after the pause, and then ends like this.
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
    /// Repeats the last piece for ever.
    Never,
    /// Keeps the connection open and sends nothing.
    Silent,
}

/// A request as it arrived.
#[derive(Clone)]
pub struct ReceivedRequest {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Clone)]
struct MockState {
    behaviour: Behaviour,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    released: Arc<Notify>,
}

pub struct MockServer {
    pub url: String,
    state: MockState,
    task: tokio::task::JoinHandle<()>,
}

/// Notifies when a reply is dropped: it was sent completely, or the client has disconnected.
struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl MockServer {
    pub async fn start(behaviour: Behaviour) -> Self {
        let state = MockState { behaviour, requests: Arc::default(), released: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(reply).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, task }
    }

    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Returns once a reply was dropped.
    pub async fn disconnected(&self) {
        tokio::time::timeout(Duration::from_secs(5), self.state.released.notified())
            .await
            .expect("the client stays connected");
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reply(State(state): State<MockState>, request: Request) -> Response {
    let guard = NotifyOnDrop(Arc::clone(&state.released));
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let number = {
        let mut requests = state.requests.lock().unwrap();
        requests.push(ReceivedRequest {
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        });
        requests.len()
    };
    let text = String::from_utf8_lossy(&body);
    let mut behaviour = state.behaviour;
    loop {
        behaviour = match behaviour {
            Behaviour::First { times, status, body, retry_after, .. } if number <= times => {
                let status = StatusCode::from_u16(status).unwrap();
                let headers = retry_after.map(|seconds| [("retry-after", seconds)]);
                return headers.map_or((status, body).into_response(), |headers| {
                    (status, headers, body).into_response()
                });
            }
            Behaviour::Refuse { part, status, body, .. } if text.contains(part) => {
                return (StatusCode::from_u16(status).unwrap(), body).into_response();
            }
            Behaviour::First { then, .. } | Behaviour::Refuse { then, .. } => *then,
            behaviour => break perform(behaviour, guard).await,
        };
    }
}

async fn perform(behaviour: Behaviour, guard: NotifyOnDrop) -> Response {
    match behaviour {
        Behaviour::First { .. } | Behaviour::Refuse { .. } => unreachable!("they were resolved"),
        Behaviour::Hang => {
            std::future::pending::<Infallible>().await;
            drop(guard);
            StatusCode::OK.into_response()
        }
        Behaviour::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Behaviour::Reply(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Behaviour::Stream { pieces, pause, end } => {
            let again = if end == End::Never { pieces.last().cloned() } else { None };
            let pieces = futures::stream::iter(
                pieces.into_iter().chain(std::iter::repeat_with(move || again.clone()).map_while(|p| p)),
            );
            let pieces = pieces.then(move |piece| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, io::Error>(Bytes::from(piece))
            });
            let last = futures::stream::once(async move {
                match end {
                    End::Cut => {
                        // Lets the pieces arrive first.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        Err(io::Error::other("cut"))
                    }
                    End::Silent => std::future::pending().await,
                    End::Clean | End::Never => Ok(Bytes::new()),
                }
            });
            let body = pieces.chain(last).map(move |piece| {
                let _held = &guard;
                piece
            });
            Body::from_stream(body).into_response()
        }
    }
}

/// The pieces at once, then the end.
pub fn stream(pieces: &[&str], end: End) -> Behaviour {
    Behaviour::Stream { pieces: pieces.iter().map(|p| (*p).to_owned()).collect(), pause: Duration::ZERO, end }
}

pub fn client() -> reqwest::Client {
    static RING: Once = Once::new();
    RING.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    provider::http_client().unwrap()
}

pub fn config(kind: ProviderKind, url: &str) -> ProviderConfig {
    let kind = if kind == ProviderKind::OpenAi { "openai" } else { "ollama" };
    serde_json::from_value(serde_json::json!({
        "name": "mock", "kind": kind, "base_url": url, "model": "tiny",
        "first_token_timeout_seconds": 1, "idle_timeout_seconds": 1, "answer_timeout_seconds": 3, "load_timeout_seconds": 2,
    }))
    .unwrap()
}

pub fn provider(kind: ProviderKind, url: &str) -> Arc<dyn Provider> {
    provider::connect(config(kind, url), client()).unwrap()
}

pub fn prompt() -> PromptRequest {
    PromptRequest {
        system: "Be brief.".into(),
        user: "What is this?".into(),
        turns: Vec::new(),
        picture: None,
        model: "tiny".into(),
        temperature: 0.5,
    }
}

pub fn picture() -> PromptPicture {
    PromptPicture { mime: "image/png", bytes: Bytes::from_static(b"\x01\x02\x03"), pixels: 3 }
}

/// Asks and collects: all text that came, and how it ended.
pub async fn ask(provider: &dyn Provider, request: PromptRequest) -> (String, Result<Usage, ProviderError>) {
    let (asked, result) = ask_for_all(provider, request).await;
    (asked.text, result.map(|completion| completion.usage))
}

/// All that came.
#[derive(Debug, Default)]
pub struct Asked {
    pub text: String,
    pub reasoning: String,
    pub notices: Vec<NoticeCode>,
}

/// Like [`ask`], with what came beside the text.
pub async fn ask_for_all(
    provider: &dyn Provider,
    request: PromptRequest,
) -> (Asked, Result<Completion, ProviderError>) {
    let (sink, mut pieces) = mpsc::channel(4);
    let collect = async {
        let mut asked = Asked::default();
        while let Some(piece) = pieces.recv().await {
            match piece {
                AnswerPiece::Notice(notice) => asked.notices.push(notice.code),
                AnswerPiece::Reasoning(text) => asked.reasoning.push_str(&text),
                AnswerPiece::Text(text) => asked.text.push_str(&text),
                AnswerPiece::TextWasReasoning => asked.reasoning.push_str(&std::mem::take(&mut asked.text)),
            }
        }
        asked
    };
    let (result, asked) = tokio::join!(provider.answer(request, sink), collect);
    (asked, result)
}

/// An address where nobody listens. Its port stays taken, so that no server of another test gets it.
pub fn unused_url() -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    std::mem::forget(socket);
    url
}
