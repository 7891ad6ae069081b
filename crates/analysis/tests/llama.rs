//! A real llama.cpp server with a tiny model of noise: streaming, usage, cancelling, and the whole workflow.
//!
//! Needs `AIWE_LLAMA_PYTHON` (an interpreter with `xllamacpp`) and `AIWE_TINY_GGUF` (the model file, made by
//! `end2end/tools/tiny_gguf.py`), and fails without them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use analysis::provider::{self, AnswerPiece, Completion, PromptRequest, Provider, ProviderError};
use analysis::{Engine, Job, Limits, ModeSettings, Pictures, Reader, ReaderConfig, analyze};
use protocol::analysis::AnalysisEvent;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

struct Llama {
    _process: Child,
    url: String,
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    provider::http_client().unwrap()
}

impl Llama {
    async fn start() -> Self {
        let needed = |name| std::env::var(name).unwrap_or_else(|_| panic!("set {name}"));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(needed("AIWE_LLAMA_PYTHON"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../end2end/tools/llama_server.py"))
            .args([&needed("AIWE_TINY_GGUF"), &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}/v1");
        let (client, begun) = (client(), Instant::now());
        while client.get(format!("{url}/models")).send().await.is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the server does not start");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Self { _process: process, url }
    }

    fn provider(&self, max_tokens: u32) -> Arc<dyn Provider> {
        let config = serde_json::json!({
            "name": "llama", "kind": "openai", "base_url": self.url, "model": "tiny", "max_tokens": max_tokens,
            "max_text_chars": 1_000,
        });
        provider::connect(serde_json::from_value(config).unwrap(), client()).unwrap()
    }
}

fn prompt() -> PromptRequest {
    PromptRequest {
        system: "Be brief.".into(),
        user: "the screen shows an error in your code".into(),
        turns: Vec::new(),
        picture: None,
        model: "tiny".into(),
        temperature: 0.7,
    }
}

async fn ask(provider: &dyn Provider) -> (Vec<String>, Result<Completion, ProviderError>) {
    let (sink, mut pieces) = mpsc::channel(16);
    let collect = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            if let AnswerPiece::Text(text) = piece {
                all.push(text);
            }
        }
        all
    };
    let (result, pieces) = tokio::join!(provider.answer(prompt(), sink), collect);
    (pieces, result)
}

#[tokio::test]
#[ignore = "needs a llama.cpp server; `cargo xtask test model` brings it"]
async fn a_real_server_streams_is_cancelled_and_serves_the_workflow() {
    let llama = Llama::start().await;

    let (pieces, usage) = ask(llama.provider(40).as_ref()).await;
    usage.unwrap();
    assert!(pieces.len() > 5, "it streams: {pieces:?}");

    // The server makes one answer at a time, so the next one comes soon only when the one before was really
    // given up.
    let begun = Instant::now();
    ask(llama.provider(1_500).as_ref()).await.1.unwrap();
    let quarter = begun.elapsed();
    let endless = llama.provider(6_000);
    let (sink, mut pieces) = mpsc::channel(1);
    let asking = tokio::spawn(async move { endless.answer(prompt(), sink).await });
    pieces.recv().await.unwrap();
    asking.abort();
    let begun = Instant::now();
    let (pieces, usage) = ask(llama.provider(10).as_ref()).await;
    usage.unwrap();
    assert!(!pieces.is_empty());
    let waited = begun.elapsed();
    assert!(waited < quarter * 2, "{waited:?} for 10 words, {quarter:?} for 1,500: the first answer went on");

    workflow(&llama).await;
}

async fn workflow(llama: &Llama) {
    let rendered = std::process::Command::new("convert")
        .args(["-font", "DejaVu-Sans-Mono", "-pointsize", "18", "label:error: it does not work", "png:-"])
        .output()
        .unwrap();
    let pictures = Pictures::new(1);
    let reader = Reader::new(ReaderConfig::default(), pictures.clone());
    let engine = Engine::new(vec![llama.provider(30)], &reader, &pictures, Limits::default()).unwrap();
    let job = Job {
        asker: analysis::Asker::default(),
        analysis_id: "real".into(),
        question: "What is wrong?".into(),
        mode: ModeSettings { prompt: "Be brief.".into(), temperature: 0.7, ..ModeSettings::default() },
        workflow: None,
        text: None,
        selection: None,
        mark: "5f2c".into(),
        picture: Some(pictures.accept(rendered.stdout.into()).await.unwrap()),
        conversation: String::new(),
        turns: Vec::new(),
    };
    let (sender, mut events) = mpsc::channel(1_000);
    let completed = analyze(&engine, job, sender, CancellationToken::new()).await.unwrap();
    assert_eq!(completed.done.provider, "llama");
    assert_eq!(completed.route(), ["read", "route", "answer"]);
    let mut deltas = 0;
    while let Some(event) = events.recv().await {
        deltas += usize::from(matches!(event, AnalysisEvent::Delta(_)));
    }
    assert!(deltas > 3, "{deltas}");
}
