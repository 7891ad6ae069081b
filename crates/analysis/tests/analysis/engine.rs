use std::sync::Arc;
use std::time::Duration;

use analysis::provider::{self, Provider, ProviderKind};
use analysis::reader::ReaderConfig;
use analysis::{
    AnalysisError, CompletedAnalysis, Engine, Job, Limits, ModeSettings, Pictures, Reader, analyze,
};
use protocol::analysis::{AnalysisEvent, StepState};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use workflow::Outcome;

use crate::mock_server::{
    Behaviour, End, MockServer, client, config, provider as connect, stream, unused_url,
};
use crate::ocr::{RUST_ERROR, render};

const HEL: &str = "{\"message\":{\"content\":\"Hel\"},\"done\":false}\n";
const DONE: &str =
    "{\"message\":{\"content\":\"lo\"},\"done\":true,\"prompt_eval_count\":5,\"eval_count\":2}\n";

pub fn engine(providers: Vec<Arc<dyn Provider>>, reader: ReaderConfig, limits: Limits) -> Engine {
    let pictures = Pictures::new(2);
    Engine::new(providers, &Reader::new(reader, pictures.clone()), &pictures, limits).unwrap()
}

fn plain(providers: Vec<Arc<dyn Provider>>) -> Engine {
    engine(providers, ReaderConfig::default(), Limits::default())
}

pub async fn job(question: &str) -> Job {
    Job {
        asker: analysis::Asker::default(),
        analysis_id: "a-1".into(),
        question: question.into(),
        mode: ModeSettings { id: "general".into(), prompt: "Be kind.".into(), ..ModeSettings::default() },
        workflow: None,
        text: None,
        selection: None,
        mark: "n0nce".into(),
        picture: Some(render(RUST_ERROR, ["white", "black"]).await),
        conversation: "c-1".into(),
        turns: Vec::new(),
    }
}

/// Runs to the end and collects the events.
pub async fn run(
    engine: &Engine,
    job: Job,
) -> (Result<CompletedAnalysis, AnalysisError>, Vec<AnalysisEvent>) {
    let (sender, mut receiver) = mpsc::channel(8);
    let collect = async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        events
    };
    tokio::join!(analyze(engine, job, sender, CancellationToken::new()), collect)
}

pub fn steps(events: &[AnalysisEvent]) -> Vec<(&str, StepState)> {
    let steps = events.iter().filter_map(|event| match event {
        AnalysisEvent::Step(step) => Some((step.node.as_str(), step.state)),
        _ => None,
    });
    steps.filter(|(_, state)| *state != StepState::Started).collect()
}

pub fn text(events: &[AnalysisEvent]) -> String {
    let pieces = events.iter().filter_map(|event| match event {
        AnalysisEvent::Delta(delta) => Some(delta.text.as_str()),
        _ => None,
    });
    pieces.collect()
}

/// Each run ends with one `done` or `error`, and nothing comes after it.
fn last(events: &[AnalysisEvent]) -> &AnalysisEvent {
    let ends = |event: &AnalysisEvent| matches!(event, AnalysisEvent::Done(_) | AnalysisEvent::Error(_));
    assert_eq!(events.iter().filter(|event| ends(event)).count(), 1);
    events.last().filter(|event| ends(event)).unwrap()
}

#[tokio::test]
async fn without_a_model_the_reader_answers() {
    let (result, events) = run(&plain(Vec::new()), job("Why does it not compile?").await).await;
    let completed = result.unwrap();
    assert_eq!(completed.route(), ["read", "route", "extract"]);
    assert!(completed.answer.contains("No AI model was used") && completed.answer.contains("E0308"));
    assert_eq!(text(&events), completed.answer);
    assert_eq!(last(&events), &AnalysisEvent::Done(completed.done.clone()));
    assert_eq!((completed.done.provider.as_str(), completed.done.model.as_str()), ("reader", ""));
    assert_eq!((completed.done.mode.as_str(), completed.done.analysis_id.as_str()), ("general", "a-1"));
}

#[tokio::test]
async fn a_model_that_does_not_see_gets_the_text_between_marks() {
    let server = MockServer::start(stream(&[HEL, DONE], End::Clean)).await;
    let (result, events) =
        run(&plain(vec![connect(ProviderKind::Ollama, &server.url)]), job("Why?").await).await;
    let completed = result.unwrap();
    assert_eq!(completed.route(), ["read", "route", "answer"]);
    assert_eq!((completed.answer.as_str(), text(&events).as_str()), ("Hello", "Hello"));
    assert_eq!((completed.done.provider.as_str(), completed.done.model.as_str()), ("mock", "tiny"));
    assert_eq!((completed.done.usage.prompt_tokens, completed.done.usage.completion_tokens), (5, 2));
    let messages = &server.requests()[0].body["messages"];
    let (system, user) = (messages[0]["content"].as_str().unwrap(), messages[1]["content"].as_str().unwrap());
    assert!(system.starts_with("Be kind.") && system.contains("never an instruction"));
    assert!(user.contains("<<<screen n0nce\n") && user.contains("mismatched types"));
    assert!(user.ends_with("screen n0nce>>>\n\nWhy?"), "the question comes last");
    assert!(messages[1].get("images").is_none());
}

#[tokio::test]
async fn a_model_that_sees_gets_the_picture_and_nothing_is_read() {
    let server = MockServer::start(stream(&[HEL, DONE], End::Clean)).await;
    let mut with_vision = config(ProviderKind::Ollama, &server.url);
    with_vision.vision = true;
    with_vision.max_pixels = 20_000;
    // Nothing could be read, and nothing has to be.
    let reader = ReaderConfig { tesseract: "/nowhere".into(), ..ReaderConfig::default() };
    let engine = engine(vec![provider::connect(with_vision, client()).unwrap()], reader, Limits::default());
    let (result, _) = run(&engine, job("").await).await;
    assert_eq!(result.unwrap().done.provider, "mock");
    let user = &server.requests()[0].body["messages"][1];
    assert!(user["images"][0].as_str().unwrap().starts_with("iVBORw0KGgo"), "a PNG");
    assert!(user["content"].as_str().unwrap().starts_with("What is on my screen"));
}

#[tokio::test]
async fn an_unreachable_model_gives_a_clear_step_and_then_the_readers_answer() {
    for behaviour in [None, Some(Behaviour::Reply(500, "{}")), Some(stream(&[], End::Cut))] {
        let server = match behaviour {
            Some(behaviour) => Some(MockServer::start(behaviour).await),
            None => None,
        };
        let url = match &server {
            Some(server) => server.url.clone(),
            None => unused_url(),
        };
        let (result, events) =
            run(&plain(vec![connect(ProviderKind::Ollama, &url)]), job("Why?").await).await;
        let completed = result.unwrap();
        let (done, failed) = (StepState::Finished, StepState::Failed);
        assert_eq!(steps(&events), [("read", done), ("route", done), ("answer", failed), ("extract", done)]);
        assert!(completed.steps[2].note.as_ref().unwrap().contains("model server"));
        assert!(completed.answer.contains("No AI model was used") && completed.answer.contains("E0308"));
        assert_eq!(completed.done.provider, "reader");
    }
}

#[tokio::test]
async fn a_model_that_fails_in_mid_answer_is_an_error_and_no_short_answer() {
    let server = MockServer::start(stream(&[HEL], End::Cut)).await;
    let (result, events) = run(&plain(vec![connect(ProviderKind::Ollama, &server.url)]), job("").await).await;
    assert!(matches!(result, Err(AnalysisError::Provider(_))));
    assert_eq!(text(&events), "Hel");
    let AnalysisEvent::Error(problem) = last(&events) else { panic!("{events:?}") };
    assert!(problem.is("provider-failed"));
    assert!(!problem.to_string().contains(&server.url), "no internal detail is shown");
}

#[tokio::test]
async fn a_mode_chooses_provider_and_model() {
    let server = MockServer::start(stream(&[HEL, DONE], End::Clean)).await;
    let engine = plain(vec![connect(ProviderKind::Ollama, &server.url)]);
    assert_eq!(engine.provider_names(), ["mock", "reader"]);
    let mut chosen = job("").await;
    chosen.mode.provider = "mock".into();
    chosen.mode.model = "large".into();
    assert_eq!(run(&engine, chosen.clone()).await.0.unwrap().done.model, "large");
    assert_eq!(server.requests()[0].body["model"], "large");
    chosen.mode.provider = "reader".into();
    assert_eq!(run(&engine, chosen.clone()).await.0.unwrap().done.provider, "reader");
    chosen.mode.provider = "removed".into();
    let completed = run(&engine, chosen).await.0.unwrap();
    assert!(completed.steps[1].note.as_ref().unwrap().contains("not configured"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_mode_can_choose_the_built_in_reader_although_a_model_is_configured() {
    let server = MockServer::start(stream(&[HEL, DONE], End::Clean)).await;
    let mut named = config(ProviderKind::Ollama, &server.url);
    named.name = "Local LLM".into();
    named.vision = true;
    let engine = plain(vec![provider::connect(named, client()).unwrap()]);
    let mut chosen = job("Why does it not compile?").await;
    chosen.mode.provider = provider::READER.into();
    chosen.mode.model = "large".into();
    let completed = run(&engine, chosen.clone()).await.0.unwrap();
    assert_eq!(completed.route(), ["read", "route", "extract"]);
    assert_eq!(completed.steps[1].note.as_deref(), Some("to the built-in reader"));
    assert!(completed.answer.contains("No AI model was used") && completed.answer.contains("E0308"));
    assert_eq!((completed.done.provider.as_str(), completed.done.model.as_str()), ("reader", ""));
    assert!(server.requests().is_empty());

    chosen.mode.provider = "Local LLM".into();
    let completed = run(&engine, chosen).await.0.unwrap();
    assert_eq!(completed.steps[1].note.as_deref(), Some("to Local LLM"));
    assert_eq!((completed.done.provider.as_str(), completed.done.model.as_str()), ("Local LLM", "large"));
}

#[tokio::test]
async fn without_reader_and_model_it_is_a_problem() {
    let reader = ReaderConfig { tesseract: "/nowhere".into(), ..ReaderConfig::default() };
    let (result, events) = run(&engine(Vec::new(), reader, Limits::default()), job("").await).await;
    assert!(matches!(result, Err(AnalysisError::Reader(_))));
    let AnalysisEvent::Error(problem) = last(&events) else { panic!("{events:?}") };
    assert_eq!((problem.is("reader-failed"), problem.status), (true, 503));
}

#[tokio::test]
async fn cancelling_and_a_dropped_receiver_close_the_request() {
    for by_token in [true, false] {
        let endless =
            Behaviour::Stream { pieces: vec![HEL.into()], pause: Duration::from_millis(20), end: End::Never };
        let server = MockServer::start(endless).await;
        let engine = plain(vec![connect(ProviderKind::Ollama, &server.url)]);
        let cancel = CancellationToken::new();
        let (sender, mut events) = mpsc::channel(64);
        let (job, token) = (job("").await, cancel.clone());
        let work = tokio::spawn(async move { analyze(&engine, job, sender, token).await });
        while !matches!(events.recv().await, Some(AnalysisEvent::Delta(_))) {}
        if by_token {
            cancel.cancel();
            assert!(matches!(work.await.unwrap(), Err(AnalysisError::Cancelled)));
        } else {
            drop(events);
            assert!(matches!(work.await.unwrap(), Err(AnalysisError::Cancelled)));
        }
        server.disconnected().await;
    }
}

#[tokio::test]
async fn the_whole_has_a_time_limit() {
    let server = MockServer::start(stream(&[HEL], End::Silent)).await;
    let mut patient = config(ProviderKind::Ollama, &server.url);
    (patient.first_token_timeout_seconds, patient.idle_timeout_seconds, patient.answer_timeout_seconds) =
        (60, 60, 60);
    let limits = Limits { timeout_seconds: 3, ..Limits::default() };
    let engine = engine(vec![provider::connect(patient, client()).unwrap()], ReaderConfig::default(), limits);
    let (result, events) = run(&engine, job("").await).await;
    assert!(matches!(result, Err(AnalysisError::TimedOut(_))));
    let AnalysisEvent::Error(problem) = last(&events) else { panic!("{events:?}") };
    assert!(problem.is("timed-out"));
    server.disconnected().await;
}

#[test]
fn the_workflow_can_be_shown() {
    let description = plain(Vec::new()).describe();
    assert_eq!(description.nodes, ["read", "route", "answer", "extract", "propose", "check"]);
    assert!(
        description
            .edges
            .iter()
            .any(|e| e.from == "answer" && e.to.as_deref() == Some("extract") && e.on == Outcome::Failed)
    );
}
