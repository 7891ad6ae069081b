//! `kill -9` in the middle of runs with effects: each run ends once, and no effect takes place twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use futures::StreamExt;
use futures::future::join_all;
use image::{GrayImage, ImageFormat, Luma};
use protocol::analysis::AnalysisEvent;
use protocol::event_stream::EventStreamParser;
use protocol::mode::Mode;
use protocol::native::{AccessToken, Challenge};
use protocol::workflow::WorkflowDraft;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::client::machine;
use crate::kill::postgres_program;
use crate::process::{Process, Program};
use crate::seed::{Machine, PASSWORD, Seed};

const ANNA: &str = "anna@example.org";
/// Questions that are asked before each kill.
const QUESTIONS: u64 = 4;
/// The nodes that have an effect, in their order.
const EFFECTS: [&str; 3] = ["first", "second", "third"];
/// Until all runs have ended, after the last start.
const END_TIMEOUT: Duration = Duration::from_mins(1);

/// The number of kills; `AIWE_SOAK=1` runs all of them.
fn kills() -> u64 {
    if std::env::var_os("AIWE_SOAK").is_some() { 200 } else { 10 }
}

/// How often each effect took place, by question and node.
type Effects = Arc<Mutex<BTreeMap<(String, String), u32>>>;

async fn effect(State(effects): State<Effects>, Path(node): Path<String>, question: String) -> String {
    *effects.lock().unwrap().entry((question, node)).or_default() += 1;
    // A kill often comes between the effect and its answer.
    tokio::time::sleep(Duration::from_millis(4)).await;
    "done".to_owned()
}

fn document(host: &str) -> Value {
    let send = |id: &str| {
        json!({ "id": id, "type": "http_request", "config": {
            "method": "POST", "url": format!("http://{host}/{id}"), "body": "{{question}}", "channel": "note" } })
    };
    let say = |id: &str, text: &str| json!({ "id": id, "type": "transform", "config": { "template": text, "channel": "answer" } });
    let edge = |from: &str, to: &str| json!({ "from": from, "to": [to] });
    let failed = |from: &str| json!({ "from": from, "to": ["doubt"], "on": "failed" });
    let [first, second, third] = EFFECTS;
    json!({
        "name": "Effects",
        "version": 1,
        "channels": { "question": "last", "answer": "last", "note": "last" },
        "nodes": [send(first), send(second), send(third), say("all", "all done"), say("doubt", "in doubt")],
        "edges": [
            edge(first, second), edge(second, third), edge(third, "all"), edge("all", "__end__"),
            failed(first), failed(second), failed(third), edge("doubt", "__end__"),
        ],
    })
}

/// Anna on her machine. Her session outlives the processes.
struct Anna {
    client: Client,
    token: String,
}

impl Anna {
    async fn sign_in(process: &Process, of: &Machine, authority: &str) -> Self {
        let client = machine(&of.certificate, &of.key, authority);
        let url = format!("https://localhost:{}/native", process.machines);
        let login = json!({ "username": ANNA, "password": PASSWORD });
        let answer = client.post(format!("{url}/login")).json(&login).send().await.unwrap();
        let challenge: Challenge = answer.error_for_status().unwrap().json().await.unwrap();
        let code = json!({ "challenge": challenge.challenge, "code": of.codes[0] });
        let answer = client.post(format!("{url}/verify-2fa")).json(&code).send().await.unwrap();
        let token: AccessToken = answer.error_for_status().unwrap().json().await.unwrap();
        Self { client, token: token.access_token.expose().to_owned() }
    }

    async fn ask(&self, process_port: u16, question: &str) -> reqwest::Result<Response> {
        let mut picture = std::io::Cursor::new(Vec::new());
        GrayImage::from_pixel(8, 8, Luma([255])).write_to(&mut picture, ImageFormat::Png).unwrap();
        let form = Form::new().part("image", Part::bytes(picture.into_inner()));
        let form = form.text("context", question.to_owned());
        let url = format!("https://localhost:{process_port}/native/analyze");
        let request = self.client.post(url).bearer_auth(&self.token).multipart(form);
        let request = request.header("accept", "text/event-stream").header("on-disconnect", "continue");
        request.send().await?.error_for_status()
    }

    /// The states of the newest analyses, by question.
    async fn states(&self, process: &Process) -> BTreeMap<String, (String, String)> {
        let url = format!("https://localhost:{}/native/analyses", process.machines);
        let mut states = BTreeMap::new();
        for page in 0.. {
            let request = self.client.get(format!("{url}?page={page}")).bearer_auth(&self.token);
            let rows: Vec<Value> = request.send().await.unwrap().json().await.unwrap();
            for row in &rows {
                let text = |field: &str| row[field].as_str().unwrap().to_owned();
                assert!(states.insert(text("context"), (text("state"), text("answer"))).is_none());
            }
            if rows.len() < 50 {
                break;
            }
        }
        states
    }
}

/// Counts the events of a stream until it ends or breaks off.
async fn read(answer: Response, count: &Semaphore) -> Vec<AnalysisEvent> {
    let (mut parser, mut events) = (EventStreamParser::default(), Vec::new());
    let mut bytes = answer.bytes_stream();
    while let Some(Ok(chunk)) = bytes.next().await {
        parser.push(&chunk);
        while let Some(Ok(event)) = parser.next_event() {
            count.add_permits(1);
            events.extend(AnalysisEvent::from_sse(&event.name, &event.data).unwrap());
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_ends_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    each_ends_once(Program::new(&folder.path().join("data"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_ends_once_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    each_ends_once(postgres_program(&folder.path().join("data"), "runs").await).await;
}

async fn each_ends_once(program: Program) {
    let effects = Effects::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let routes = Router::new().route("/{node}", post(effect)).with_state(Arc::clone(&effects));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let program = program
        .with("AIWE_WORKFLOWS__HTTP_HOSTS", &host)
        .with("AIWE_WORKFLOWS__LEASE_SECONDS", "1")
        .with("AIWE_LIMITS__ANALYSES_PER_MINUTE", "100000")
        .with("AIWE_LIMITS__ANALYSES_PER_PERSON", "200");
    let seed = Seed::open(&program).await;
    seed.administrator().await;
    let of_anna = seed.machine(ANNA).await;
    answer_by(&seed, &document(&host)).await;
    seed.close().await;
    let authority = program.must(&["ca", "show"]);

    let mut process = program.serve().await;
    let anna = Anna::sign_in(&process, &of_anna, &authority).await;
    let mut begun = BTreeSet::new();
    for kill in 0..kills() {
        let count = Semaphore::new(0);
        let (port, count) = (process.machines, &count);
        let asking = (0..QUESTIONS).map(|number| {
            let (question, anna) = (format!("{kill}-{number}"), &anna);
            async move {
                let answer = anna.ask(port, &question).await.ok()?;
                // What was acknowledged is to be found later.
                let _ = read(answer, count).await;
                Some(question)
            }
        });
        let after = u32::try_from(1 + kill * 7 % (QUESTIONS * 8)).unwrap();
        let killing = async {
            let _ = tokio::time::timeout(Duration::from_secs(10), count.acquire_many(after)).await;
            tokio::time::sleep(Duration::from_micros(kill * 1_700 % 5_000)).await;
            process.kill();
        };
        let (asked, ()) = tokio::join!(join_all(asking), killing);
        begun.extend(asked.into_iter().flatten());
        process = program.serve().await;
    }
    check(&anna, &process, &begun, &effects).await;
}

/// Waits until nothing runs, and checks what came of it.
async fn check(anna: &Anna, process: &Process, begun: &BTreeSet<String>, effects: &Effects) {
    let since = Instant::now();
    let states = loop {
        let states = anna.states(process).await;
        if states.values().all(|(state, _)| state != "running") {
            break states;
        }
        assert!(since.elapsed() < END_TIMEOUT, "still running: {states:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let effects = effects.lock().unwrap().clone();
    for (effect, times) in &effects {
        assert_eq!(*times, 1, "{effect:?} took place {times} times");
    }
    let (mut finished, mut doubtful) = (0, 0);
    for question in begun {
        let (state, answer) = states.get(question).unwrap_or_else(|| panic!("{question} is lost"));
        assert_eq!(state, "finished", "{question}: {answer}");
        if answer == "all done" {
            finished += 1;
            let missing =
                EFFECTS.iter().find(|node| !effects.contains_key(&(question.clone(), (**node).to_owned())));
            assert_eq!(missing, None, "{question}");
        } else {
            assert_eq!(answer, "in doubt", "{question}");
            doubtful += 1;
        }
    }
    println!("killed {} times: {finished} runs finished, {doubtful} ended in doubt", kills());
    assert!(finished > 0 && begun.len() as u64 >= kills(), "{} were begun", begun.len());
}

/// Makes the workflow the one of the first mode.
async fn answer_by(seed: &Seed, document: &Value) {
    let admin = seed.proof().await;
    let draft = WorkflowDraft { document: document.to_string(), ..WorkflowDraft::default() };
    let services = &seed.0.services;
    let workflow = services.workflows.save(&admin, draft).await.unwrap();
    let mode: Mode = services.modes.list(&admin).await.unwrap().remove(0);
    services.modes.save(&admin, Mode { workflow, ..mode }).await.unwrap();
}
