//! Analyses: the upload, the answer, and the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::analysis::provider::{AnswerPiece, Completion, PromptRequest, Provider, ProviderConfig, ProviderError};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use domain::analysis::{AnalysisRecord, AnalysisState};
use domain::id::AnalysisId;
use futures::StreamExt;
use protocol::analysis::{AnalysisDocument, AnalysisEvent, CutReason, Step, StepState};
use server::analysis::Analyses;
use server::workflow::Workflows;
use tokio::sync::{Notify, mpsc};
use web::InMemoryRateLimiter;

use crate::on_both;
use crate::support::{Machine, TestServer};

on_both!(
    a_picture_and_a_question_are_answered,
    an_edit_is_sent_stored_and_only_where_the_mode_allows_it,
    the_windows_text_and_the_selection_have_limits,
    an_image_beyond_the_limits_is_rejected_with_the_limit,
    an_analysis_may_be_deleted_while_it_runs,
    an_abandoned_analysis_is_marked_as_failed,
    a_run_that_panics_ends_with_an_error_and_a_failed_record,
    a_byte_order_mark_ends_nothing,
    a_failing_model_stays_visible_until_it_answers,
    the_history_is_private,
    the_answer_is_stored_without_nul_characters,
    invalid_pictures_are_rejected_with_the_reason,
);

/// White, with nothing on it.
pub fn blank_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(width, height, image::Luma([255]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

pub async fn signed_in(server: &TestServer) -> (Machine, String) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    (machine, token)
}

async fn a_picture_and_a_question_are_answered(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let image = blank_png(320, 200);
    let post = || {
        let parts =
            [("image", Some("screen.png"), image.as_slice()), ("context", None, b"What is this?".as_slice())];
        server.post("/native/analyze").certificate(&machine.der).bearer(&token).multipart(&parts)
    };
    let document: AnalysisDocument = post().send().await.json();
    assert_eq!((document.done.provider.as_str(), document.done.model.as_str()), ("reader", ""));
    assert!(document.answer.contains("model"), "it says that no model was used: {}", document.answer);
    assert!(document.steps.iter().any(|s| s.node == "read"), "{:?}", document.steps);

    let reply = post().header("accept", "text/event-stream").send().await;
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let events = events(&reply.text());
    assert!(matches!(events.first(), Some(AnalysisEvent::Step(_))), "{events:?}");
    assert!(matches!(events.last(), Some(AnalysisEvent::Done(_))), "{events:?}");
}

async fn an_image_beyond_the_limits_is_rejected_with_the_limit(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let limits = [("AIWE_LIMITS__UPLOAD_MEGABYTES", "2"), ("AIWE_LIMITS__UPLOAD_MEGAPIXELS", "1")];
    let server = server.restarted_with(&limits).await;
    let post = || server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let image = |bytes: &[u8]| post().multipart(&[("image", Some("x.png"), bytes)]).send();
    assert_eq!(image(&blank_png(1_000, 1_000)).await.status, 200);
    let problem = image(&blank_png(1_001, 1_000)).await.problem();
    assert_eq!(problem.status, 422);
    assert!(problem.error_of("image").is_some_and(|m| m.contains("1 million pixels")), "{problem}");
    // The body's limit leaves room for the other parts, but the image has a limit of its own.
    let mut large = blank_png(64, 64);
    large.resize(2_000_001, 0);
    let problem = image(&large).await.problem();
    assert_eq!(problem.status, 413);
    assert!(problem.error_of("image").is_some_and(|m| m.contains("2 MB")), "{problem}");

    // The same for an upload beyond the body's limit: it is read to its end, so that the client receives the answer.
    let read = Arc::new(AtomicUsize::new(0));
    let upload = || {
        let counted = read.clone();
        let head = "--line\r\ncontent-disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n";
        let picture = std::iter::repeat_n(Bytes::from_static(&[0; 10_000]), 1_500).inspect(move |_| {
            counted.fetch_add(10_000, Ordering::SeqCst);
        });
        let chunks = std::iter::once(Bytes::from_static(head.as_bytes())).chain(picture);
        let chunks = chunks.chain([Bytes::from_static(b"\r\n--line--\r\n")]).map(Ok::<_, std::io::Error>);
        Body::from_stream(futures::stream::iter(chunks))
    };
    let form = "multipart/form-data; boundary=line";
    let problem = post().raw(form, upload()).send().await.problem();
    assert_eq!(problem.status, 413);
    assert!(problem.error_of("image").is_some_and(|m| m.contains("2 MB")), "{problem}");
    assert_eq!(read.swap(0, Ordering::SeqCst), 15_000_000);
    let stranger = server.post("/native/analyze").certificate(&machine.der).bearer("forged");
    assert_eq!(stranger.raw(form, upload()).send().await.problem().status, 401);
    assert_eq!(read.load(Ordering::SeqCst), 15_000_000);
}

async fn the_history_is_private(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let parts =
        [("image", Some("a.png"), &*blank_png(64, 64)), ("context", None, b"a question of mine".as_slice())];
    let reply = server
        .post("/native/analyze")
        .certificate(&machine.der)
        .bearer(&token)
        .multipart(&parts)
        .send()
        .await;
    let id = reply.json::<AnalysisDocument>().done.analysis_id;
    let get = |path: &str| server.get(path).certificate(&machine.der).bearer(&token);
    server.state.analyses.finish().await;
    let shown: serde_json::Value = get(&format!("/native/analyses/{id}")).send().await.json();
    assert_eq!(
        (shown["context"].as_str(), shown["state"].as_str()),
        (Some("a question of mine"), Some("finished"))
    );
    let found: Vec<serde_json::Value> = get("/native/analyses?search=OF%20MINE").send().await.json();
    assert_eq!(found.len(), 1);
    let none: Vec<serde_json::Value> = get("/native/analyses?search=100%25").send().await.json();
    assert!(none.is_empty());

    let mut tx = server.state.env.store.read().await.unwrap();
    assert!(
        tx.analyses().find(&"somebody-else".parse().unwrap(), &id.parse().unwrap()).await.unwrap().is_none()
    );
    drop(tx);
    let delete = || {
        let path = format!("/native/analyses/{id}");
        server.exchange(http::Method::DELETE, &path).certificate(&machine.der).bearer(&token)
    };
    assert_eq!(delete().send().await.status, 204);
    assert_eq!(delete().send().await.problem().status, 404);
}

/// A model server that answers two words, the second one only when `may_end` is notified.
#[derive(Clone)]
pub struct Model {
    url: String,
    pub may_end: Arc<Notify>,
}

impl Model {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let model =
            Self { url: format!("http://{}", listener.local_addr().unwrap()), may_end: Arc::default() };
        let routes = Router::new().route("/api/chat", post(chat)).with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        model
    }

    /// The server's settings for this model. It accepts images, so that no OCR runs first.
    pub fn settings(&self) -> [(&str, &str); 5] {
        [
            ("AIWE_PROVIDERS__0__NAME", "double"),
            ("AIWE_PROVIDERS__0__KIND", "ollama"),
            ("AIWE_PROVIDERS__0__BASE_URL", &self.url),
            ("AIWE_PROVIDERS__0__MODEL", "tiny"),
            ("AIWE_PROVIDERS__0__VISION", "true"),
        ]
    }
}

async fn chat(State(model): State<Model>) -> Body {
    let first = futures::stream::once(async { "{\"message\":{\"content\":\"one\\u0000 \"}}\n" });
    let second = futures::stream::once(async move {
        model.may_end.notified().await;
        "{\"message\":{\"content\":\"\\u0000two\"}}\n{\"message\":{\"content\":\"\\u0000\"},\"done\":true}\n"
    });
    Body::from_stream(first.chain(second).map(Ok::<_, std::convert::Infallible>))
}

async fn the_answer_is_stored_without_nul_characters(server: TestServer) {
    let model = Model::start().await;
    model.may_end.notify_one();
    let (machine, token) = signed_in(&server).await;
    let server = server.restarted_with(&model.settings()).await;
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let reply = post.multipart(&[("image", Some("x.png"), &*blank_png(64, 64))]).send().await;
    let document: AnalysisDocument = reply.json();
    assert_eq!((document.answer.as_str(), document.done.model.as_str()), ("one two", "tiny"));
    server.state.analyses.finish().await;
    let path = format!("/native/analyses/{}", document.done.analysis_id);
    let shown = server.get(&path).certificate(&machine.der).bearer(&token).send().await;
    let shown: serde_json::Value = shown.json();
    assert_eq!((shown["answer"].as_str(), shown["state"].as_str()), (Some("one two"), Some("finished")));
}

/// The newest analysis of a machine's owner, as it is stored.
pub async fn newest(server: &TestServer, machine: &Machine) -> Option<AnalysisRecord> {
    let mut tx = server.state.env.store.read().await.unwrap();
    let owner = tx.accounts().find_by_email(&machine.email.parse().unwrap()).await.unwrap().unwrap();
    tx.analyses().list(&owner.id, "", 1, 0).await.unwrap().pop()
}

async fn an_analysis_may_be_deleted_while_it_runs(server: TestServer) {
    let model = Model::start().await;
    let (machine, token) = signed_in(&server).await;
    let server = server.restarted_with(&model.settings()).await;
    let image = blank_png(64, 64);
    let asking = async {
        let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
        post.multipart(&[("image", Some("x.png"), &*image)]).send().await
    };
    let deleting = async {
        let record = loop {
            if let Some(record) = newest(&server, &machine).await {
                break record;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        let path = format!("/native/analyses/{}", record.id);
        let delete = server.exchange(http::Method::DELETE, &path).certificate(&machine.der).bearer(&token);
        assert_eq!(delete.send().await.status, 204);
        model.may_end.notify_one();
        record
    };
    let (reply, record) = futures::future::join(asking, deleting).await;
    assert_eq!(reply.json::<AnalysisDocument>().answer, "one two", "who asked still gets the answer");
    server.state.analyses.finish().await;
    assert_eq!(newest(&server, &machine).await, None, "it is not recreated");

    // The server only logs a failure to store the result, so this checks the store directly.
    let mut tx = server.state.env.store.begin().await.unwrap();
    let step = Step { node: "answer".to_owned(), state: StepState::Finished, ms: Some(1), note: None };
    assert!(!tx.analyses().finish(&record, &[step]).await.unwrap());
}

/// A model server's client with a fault: it panics, after a part of the answer or before.
#[derive(Debug)]
struct PanickingProvider {
    config: ProviderConfig,
    answer: &'static str,
}

#[async_trait]
impl Provider for PanickingProvider {
    fn config(&self) -> &ProviderConfig {
        &self.config
    }

    async fn answer(
        &self,
        _: PromptRequest,
        pieces: mpsc::Sender<AnswerPiece>,
    ) -> Result<Completion, ProviderError> {
        if !self.answer.is_empty() {
            pieces.send(AnswerPiece::Text(self.answer.to_owned())).await.unwrap();
            // Whoever forwards it is polled before or after this future, by chance: one turn would not be enough.
            while pieces.capacity() < pieces.max_capacity() {
                tokio::task::yield_now().await;
            }
        }
        // Without the panic hook, which another test counts panics with.
        std::panic::resume_unwind(Box::new("a fault"))
    }
}

async fn a_run_that_panics_ends_with_an_error_and_a_failed_record(mut server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    for answer in ["", "half an answer"] {
        let config = serde_json::json!({
            "name": "double", "kind": "openai", "base_url": "http://localhost:1", "model": "tiny", "vision": true,
        });
        let provider = PanickingProvider { config: serde_json::from_value(config).unwrap(), answer };
        let limits = Arc::new(InMemoryRateLimiter::new(server.state.env.clock.clone(), 100));
        let (env, modes) = (server.state.env.clone(), server.state.modes.clone());
        let workflows = Workflows::new(server.state.env.clone());
        server.state.analyses =
            Analyses::with_providers(env, modes, workflows, limits, vec![Arc::new(provider)]).unwrap();
        server.router = server::routes::router(&server.state);

        let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
        let post = post.header("accept", "text/event-stream");
        let reply = post.multipart(&[("image", Some("x.png"), &*blank_png(64, 64))]).send().await;
        let events = events(&reply.text());
        let last = |event: &&AnalysisEvent| matches!(event, AnalysisEvent::Done(_) | AnalysisEvent::Error(_));
        assert_eq!(events.iter().filter(last).count(), 1, "{events:?}");
        let Some(AnalysisEvent::Error(problem)) = events.last() else { panic!("{events:?}") };
        assert_eq!(problem.status, 500);

        server.state.analyses.finish().await;
        let record = newest(&server, &machine).await.unwrap();
        assert_eq!((record.state, record.answer.as_str()), (AnalysisState::Failed, answer));
        assert!(record.ms.is_some());
        server.clock.advance(1);
    }
}

async fn a_byte_order_mark_ends_nothing(server: TestServer) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stream = "\u{FEFF}data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\ndata: [DONE]\n\n";
    let routes = Router::new().route("/chat/completions", post(move || async move { stream }));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let (machine, token) = signed_in(&server).await;
    let settings = [
        ("AIWE_PROVIDERS__0__NAME", "double"),
        ("AIWE_PROVIDERS__0__KIND", "openai"),
        ("AIWE_PROVIDERS__0__BASE_URL", url.as_str()),
        ("AIWE_PROVIDERS__0__MODEL", "tiny"),
        ("AIWE_PROVIDERS__0__VISION", "true"),
    ];
    let server = server.restarted_with(&settings).await;
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let reply = post.multipart(&[("image", Some("x.png"), &*blank_png(64, 64))]).send().await;
    assert_eq!(reply.json::<AnalysisDocument>().answer, "one");
    server.state.analyses.finish().await;
    assert_eq!(newest(&server, &machine).await.unwrap().state, AnalysisState::Finished);
}

async fn an_abandoned_analysis_is_marked_as_failed(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    post.multipart(&[("image", Some("x.png"), &*blank_png(64, 64))]).send().await;
    server.state.analyses.finish().await;
    // The record of an analysis whose server was killed.
    let finished = newest(&server, &machine).await.unwrap();
    let lost = AnalysisRecord {
        id: server.state.env.new_id(),
        answer: String::new(),
        state: AnalysisState::Running,
        ms: None,
        ..finished.clone()
    };
    let mut tx = server.state.env.store.begin().await.unwrap();
    tx.analyses().insert(&lost).await.unwrap();
    tx.commit().await.unwrap();
    let state = async |id: &AnalysisId| {
        let mut tx = server.state.env.store.read().await.unwrap();
        tx.analyses().find(&lost.account_id, id).await.unwrap().unwrap().state
    };
    let clean_up = || server::cleanup::clean_up(&server.state.env);

    server.clock.advance(server::analysis::time_limit() + 60);
    clean_up().await.unwrap();
    assert_eq!(
        state(&lost.id).await,
        AnalysisState::Running,
        "another server may still be storing the result"
    );
    server.clock.advance(10 * 60);
    for result in futures::future::join_all((0..5).map(|_| clean_up())).await {
        result.unwrap();
    }
    assert_eq!(state(&lost.id).await, AnalysisState::Failed);
    assert_eq!(state(&finished.id).await, AnalysisState::Finished);

    // A server that was only suspended still overwrites it with the result.
    let ended = AnalysisRecord { state: AnalysisState::Finished, ..lost.clone() };
    let mut tx = server.state.env.store.begin().await.unwrap();
    assert!(tx.analyses().finish(&ended, &[]).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(state(&lost.id).await, AnalysisState::Finished);
}

async fn invalid_pictures_are_rejected_with_the_reason(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let good = blank_png(64, 64);
    let send = |parts: Vec<(&'static str, Option<&'static str>, Vec<u8>)>| {
        let server = server.clone();
        let (der, token) = (machine.der.clone(), token.clone());
        async move {
            let parts: Vec<_> =
                parts.iter().map(|(name, file, body)| (*name, *file, body.as_slice())).collect();
            server
                .post("/native/analyze")
                .certificate(&der)
                .bearer(&token)
                .multipart(&parts)
                .send()
                .await
                .problem()
        }
    };
    let image = |bytes: Vec<u8>| vec![("image", Some("x.png"), bytes)];
    let problem = send(vec![("context", None, b"no picture".to_vec())]).await;
    assert!(problem.status == 422 && problem.error_of("image").is_some(), "{problem:?}");
    assert_eq!(send(image(vec![0; 30_000_000])).await.status, 413);
    assert_eq!(send(image(b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec())).await.status, 415);
    let problem = send(image(good[..good.len() / 2].to_vec())).await;
    assert!(problem.status == 422 && problem.error_of("image").is_some(), "{problem:?}");
    let mut bomb = good.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let problem = send(image(bomb)).await;
    assert!(problem.status == 422 && problem.error_of("image").is_some(), "{problem:?}");
    let problem =
        send(vec![("image", Some("x.png"), good.clone()), ("mode", None, b"nonsense".to_vec())]).await;
    assert!(problem.status == 422 && problem.error_of("mode").is_some(), "{problem:?}");
    let long = "x".repeat(4_001).into_bytes();
    let problem = send(vec![("image", Some("x.png"), good.clone()), ("context", None, long)]).await;
    assert!(problem.status == 422 && problem.error_of("context").is_some(), "{problem:?}");
    let problem = send(vec![("image", Some("x.png"), good), ("surprise", None, b"1".to_vec())]).await;
    assert!(problem.status == 422 && problem.error_of("surprise").is_some(), "{problem:?}");
    let raw = server
        .post("/native/analyze")
        .certificate(&machine.der)
        .bearer(&token)
        .raw("text/plain", "x")
        .send()
        .await;
    assert_eq!(raw.problem().status, 415);
}

pub fn events(text: &str) -> Vec<AnalysisEvent> {
    let event = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        AnalysisEvent::from_sse(field("event:")?, field("data:")?).unwrap()
    };
    text.split("\n\n").filter_map(event).collect()
}

/// A model server that answers with this status and body.
async fn model_double(status: u16, body: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let status = http::StatusCode::from_u16(status).unwrap();
    let routes = Router::new().fallback(move || async move { (status, body) });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

async fn with_model(server: &TestServer, url: &str) -> TestServer {
    let settings = [
        ("AIWE_PROVIDERS__0__NAME", "double"),
        ("AIWE_PROVIDERS__0__KIND", "openai"),
        ("AIWE_PROVIDERS__0__BASE_URL", url),
        ("AIWE_PROVIDERS__0__MODEL", "tiny"),
        ("AIWE_PROVIDERS__0__VISION", "true"),
    ];
    server.restarted_with(&settings).await
}

async fn analyzed(
    server: &TestServer,
    machine: &Machine,
    token: &str,
) -> (Vec<AnalysisEvent>, AnalysisRecord) {
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(token);
    let post = post.header("accept", "text/event-stream");
    let reply = post.multipart(&[("image", Some("x.png"), &*blank_png(64, 64))]).send().await;
    server.state.analyses.finish().await;
    let record = newest(server, machine).await.unwrap();
    (events(&reply.text()), record)
}

async fn a_failing_model_stays_visible_until_it_answers(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let failing = async |server: &TestServer| {
        server.state.env.store.read().await.unwrap().analyses().failing_providers().await.unwrap()
    };
    let refusing =
        with_model(&server, &model_double(401, r#"{"error":{"message":"no such key"}}"#).await).await;
    let (_, record) = analyzed(&refusing, &machine, &token).await;
    let failure = record.failure.unwrap();
    assert_eq!((record.state, record.provider.as_str()), (AnalysisState::Finished, "reader"));
    let words = "the model server did not accept the key (“no such key”)";
    assert_eq!((failure.provider.as_str(), failure.words.as_str()), ("double", words));
    assert_eq!(failing(&refusing).await[0].0, failure);
    let shown =
        refusing.get(&format!("/native/analyses/{}", record.id)).certificate(&machine.der).bearer(&token);
    let shown = shown.send().await.json::<serde_json::Value>();
    assert_eq!((&shown["failed_provider"], &shown["failure"]), (&"double".into(), &words.into()));
    assert_eq!(refusing.get("/readyz").send().await.status, 200, "the server itself is well");

    server.clock.advance(1);
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\ndata: {\"object\":\"error\",\"message\":\"out of memory\"}\n\n";
    let broken = with_model(&server, &model_double(200, half).await).await;
    let (events, record) = analyzed(&broken, &machine, &token).await;
    let Some(AnalysisEvent::Error(problem)) = events.last() else { panic!("{events:?}") };
    assert!(problem.to_string().contains("out of memory"), "{problem}");
    assert_eq!((record.state, record.answer.as_str()), (AnalysisState::Failed, "Half"));
    assert_eq!(failing(&broken).await[0].0, record.failure.unwrap());

    server.clock.advance(1);
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"<think>hm</think>One\"},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    let well = with_model(&server, &model_double(200, cut).await).await;
    let (events, record) = analyzed(&well, &machine, &token).await;
    assert_eq!((record.answer.as_str(), record.cut, record.failure), ("One", Some(CutReason::Length), None));
    assert!(failing(&well).await.is_empty());
    let Some(AnalysisEvent::Done(done)) = events.last() else { panic!("{events:?}") };
    assert_eq!(done.cut, Some(CutReason::Length));
    let reasoning =
        events.iter().any(|e| matches!(e, AnalysisEvent::Reasoning(r) if r.text == "hm" && !r.retracts));
    assert!(reasoning && events.iter().any(|e| matches!(e, AnalysisEvent::Notice(_))), "{events:?}");
}

async fn the_windows_text_and_the_selection_have_limits(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let image = blank_png(64, 64);
    let send = async |name: &str, content: &[u8]| {
        let parts = [("image", Some("x.png"), image.as_slice()), (name, None, content)];
        server.post("/native/analyze").certificate(&machine.der).bearer(&token).multipart(&parts).send().await
    };
    for (name, content) in [
        ("text", "x".repeat(64_001)),
        ("text", "a\0b".to_owned()),
        ("selection", "x".repeat(16_001)),
        ("selection", "x".repeat(64_001)),
        ("selection", "a\0b".to_owned()),
    ] {
        let problem = send(name, content.as_bytes()).await.problem();
        assert_eq!(problem.status, 422, "{name}");
        assert!(problem.error_of(name).is_some(), "{problem}");
    }
    for (name, content) in [("text", "x".repeat(64_000)), ("selection", "ä".repeat(16_000))] {
        assert_eq!(send(name, content.as_bytes()).await.status, 200, "{name}");
    }
    let document: AnalysisDocument = send("text", b"error: disk full").await.json();
    assert!(document.steps[0].note.as_ref().unwrap().starts_with("the window"), "{:?}", document.steps);
    assert!(document.answer.contains("disk full") && document.edits.is_empty(), "{}", document.answer);
}

/// A model server that proposes an edit, with the mark that it was told.
async fn proposing_model() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reply = |body: String| async move {
        let mark = body.split("```edit ").nth(1).map_or("none", |rest| &rest[..16]);
        let edit = serde_json::json!({"original": "teh", "replacement": "the", "rationale": "Spelling."});
        let text = format!("A typo.\n```edit {mark}\n{edit}\n```\n");
        let chunk = serde_json::json!({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]});
        format!("data: {chunk}\n\ndata: [DONE]\n\n")
    };
    let routes = Router::new().fallback(post(reply));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

async fn an_edit_is_sent_stored_and_only_where_the_mode_allows_it(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let server = with_model(&server, &proposing_model().await).await;
    let image = blank_png(64, 64);
    let ask = async || {
        let parts =
            [("image", Some("x.png"), image.as_slice()), ("selection", None, b"Close teh door.".as_slice())];
        let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
        post.multipart(&parts).send().await.json::<AnalysisDocument>()
    };
    assert!(ask().await.edits.is_empty(), "no mode allows it by default");

    let mut tx = server.state.env.store.begin().await.unwrap();
    for mode in tx.modes().list().await.unwrap() {
        assert!(!mode.edits_allowed);
        assert!(tx.modes().update(&domain::mode::Mode { edits_allowed: true, ..mode }).await.unwrap());
    }
    assert!(tx.modes().list().await.unwrap().iter().all(|mode| mode.edits_allowed));
    tx.commit().await.unwrap();

    // The newest record is the one of the later second.
    server.clock.advance(1);
    let document = ask().await;
    assert_eq!((document.answer.as_str(), document.edits.len()), ("A typo.\n", 1));
    let edit = &document.edits[0];
    assert_eq!((edit.original.as_str(), edit.replacement.as_str()), ("teh", "the"));
    server.state.analyses.finish().await;
    let record = newest(&server, &machine).await.unwrap();
    assert_eq!(record.edits, document.edits);
    let path = format!("/native/analyses/{}", record.id);
    let shown: serde_json::Value =
        server.get(&path).certificate(&machine.der).bearer(&token).send().await.json();
    assert_eq!(shown["edits"][0]["replacement"], "the");
    assert!(shown["edits"][0].get("outcome").is_none(), "nothing is known of it yet");
    what_became_of_an_edit_is_recorded(&server, &path, (&machine.der, &token)).await;
}

async fn what_became_of_an_edit_is_recorded(
    server: &TestServer,
    analysis: &str,
    (machine, token): (&[u8], &str),
) {
    let report = async |edits: &[&str], outcome: serde_json::Value| {
        let body = serde_json::json!({"edits": edits, "program": "Mouse\u{202E}pad", "outcome": outcome});
        let post = server.post(&format!("{analysis}/edits/outcome")).certificate(machine).bearer(token);
        post.json(&body).send().await
    };
    let stopped = serde_json::json!({"result": "stopped", "reason": "selection-changed"});
    let inserted = serde_json::json!({"result": "inserted", "method": "paste", "read_back": "exact", "chosen": 1, "changes": 2});
    for (edits, outcome) in
        [(&["2"][..], &stopped), (&[], &stopped), (&["1"], &serde_json::json!({"result": "typed"}))]
    {
        assert_eq!(report(edits, outcome.clone()).await.status, 422, "{edits:?} {outcome}");
    }
    assert_eq!(report(&["1"], stopped).await.status, 204);
    assert_eq!(report(&["1"], serde_json::json!({"result": "declined"})).await.status, 204);
    assert_eq!(report(&["1"], inserted.clone()).await.status, 204, "what was not typed may be tried again");
    assert_eq!(report(&["1"], inserted.clone()).await.status, 409);
    let shown: serde_json::Value =
        server.get(analysis).certificate(machine).bearer(token).send().await.json();
    assert_eq!(shown["edits"][0]["outcome"], inserted);
    let id = analysis.rsplit('/').next().unwrap();
    let mut tx = server.state.env.store.begin().await.unwrap();
    let entries = tx.audit_log().entries_of(id, 10).await.unwrap();
    drop(tx);
    let mut entries: Vec<_> =
        entries.iter().map(|entry| (entry.action.unwrap().as_str(), entry.detail.as_str())).collect();
    entries.sort_unstable();
    assert_eq!(
        entries,
        [
            ("edit.declined", "Mousepad; edit 1"),
            ("edit.inserted", "Mousepad; edit 1; paste, read back: exact, 1 of 2 changes"),
            ("edit.stopped", "Mousepad; edit 1; selection-changed"),
        ]
    );
    let foreign = server.post("/native/analyses/0199e0c0-0000-7000-8000-000000000000/edits/outcome");
    let body = serde_json::json!({"edits": ["1"], "program": "", "outcome": {"result": "declined"}});
    assert_eq!(foreign.certificate(machine).bearer(token).json(&body).send().await.status, 404);
}
