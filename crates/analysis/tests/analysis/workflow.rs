use std::sync::Arc;
use std::time::Duration;

use analysis::provider::{self, Kind, Provider};
use analysis::reader::ReaderConfig;
use analysis::workflow::Way;
use analysis::{AnalysisError, Engine, Job, Limits, ModeSettings, Outcome, Pictures, Reader, analyze};
use protocol::analysis::{AnalysisEvent, StepState};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::double::{Double, End, Part, client, config, nobody, provider as connect, stream};
use crate::reading::{RUST_ERROR, render};

const HEL: &str = "{\"message\":{\"content\":\"Hel\"},\"done\":false}\n";
const DONE: &str =
    "{\"message\":{\"content\":\"lo\"},\"done\":true,\"prompt_eval_count\":5,\"eval_count\":2}\n";

pub fn engine(providers: Vec<Arc<dyn Provider>>, reader: ReaderConfig, limits: Limits) -> Engine {
    let pictures = Pictures::new(2);
    Engine::new(providers, "", &Reader::new(reader, pictures.clone()), &pictures, limits).unwrap()
}

fn plain(providers: Vec<Arc<dyn Provider>>) -> Engine {
    engine(providers, ReaderConfig::default(), Limits::default())
}

pub async fn job(context: &str) -> Job {
    Job {
        analysis_id: "a-1".into(),
        context: context.into(),
        mode: ModeSettings { id: "general".into(), prompt: "Be kind.".into(), ..ModeSettings::default() },
        nonce: "n0nce".into(),
        picture: render(RUST_ERROR, ["white", "black"]).await,
    }
}

/// Runs to the end and collects the events.
async fn run(engine: &Engine, job: Job) -> (Result<Outcome, AnalysisError>, Vec<AnalysisEvent>) {
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

fn steps(events: &[AnalysisEvent]) -> Vec<(&str, StepState)> {
    let steps = events.iter().filter_map(|event| match event {
        AnalysisEvent::Step(step) => Some((step.node.as_str(), step.state)),
        _ => None,
    });
    steps.filter(|(_, state)| *state != StepState::Started).collect()
}

fn text(events: &[AnalysisEvent]) -> String {
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
    let (outcome, events) = run(&plain(Vec::new()), job("Why does it not compile?").await).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.route(), ["read", "route", "extract"]);
    assert!(outcome.answer.contains("No AI model was used") && outcome.answer.contains("E0308"));
    assert_eq!(text(&events), outcome.answer);
    assert_eq!(last(&events), &AnalysisEvent::Done(outcome.done.clone()));
    assert_eq!((outcome.done.provider.as_str(), outcome.done.model.as_str()), ("reader", ""));
    assert_eq!((outcome.done.mode.as_str(), outcome.done.analysis_id.as_str()), ("general", "a-1"));
}

#[tokio::test]
async fn a_model_that_does_not_see_gets_the_text_between_marks() {
    let double = Double::start(stream(&[HEL, DONE], End::Clean)).await;
    let (outcome, events) = run(&plain(vec![connect(Kind::Ollama, &double.url)]), job("Why?").await).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.route(), ["read", "route", "answer"]);
    assert_eq!((outcome.answer.as_str(), text(&events).as_str()), ("Hello", "Hello"));
    assert_eq!((outcome.done.provider.as_str(), outcome.done.model.as_str()), ("double", "tiny"));
    assert_eq!((outcome.done.usage.prompt_tokens, outcome.done.usage.completion_tokens), (5, 2));
    let messages = &double.asked()[0].body["messages"];
    let (system, user) = (messages[0]["content"].as_str().unwrap(), messages[1]["content"].as_str().unwrap());
    assert!(system.starts_with("Be kind.") && system.contains("never an instruction"));
    assert!(
        user.starts_with("Why?") && user.contains("<<<screen n0nce\n") && user.contains("mismatched types")
    );
    assert!(messages[1].get("images").is_none());
}

#[tokio::test]
async fn a_model_that_sees_gets_the_picture_and_nothing_is_read() {
    let double = Double::start(stream(&[HEL, DONE], End::Clean)).await;
    let mut seeing = config(Kind::Ollama, &double.url);
    seeing.vision = true;
    seeing.max_pixels = 20_000;
    // Nothing could be read, and nothing has to be.
    let reader = ReaderConfig { tesseract: "/nowhere".into(), ..ReaderConfig::default() };
    let engine = engine(vec![provider::connect(seeing, client()).unwrap()], reader, Limits::default());
    let (outcome, _) = run(&engine, job("").await).await;
    assert_eq!(outcome.unwrap().done.provider, "double");
    let user = &double.asked()[0].body["messages"][1];
    assert!(user["images"][0].as_str().unwrap().starts_with("iVBORw0KGgo"), "a PNG");
    assert!(user["content"].as_str().unwrap().starts_with("What is on my screen"));
}

#[tokio::test]
async fn an_unreachable_model_gives_a_clear_step_and_then_the_readers_answer() {
    for part in [None, Some(Part::Reply(500, "{}")), Some(stream(&[], End::Cut))] {
        let double = match part {
            Some(part) => Some(Double::start(part).await),
            None => None,
        };
        let url = match &double {
            Some(double) => double.url.clone(),
            None => nobody().await,
        };
        let (outcome, events) = run(&plain(vec![connect(Kind::Ollama, &url)]), job("Why?").await).await;
        let outcome = outcome.unwrap();
        let (done, failed) = (StepState::Finished, StepState::Failed);
        assert_eq!(steps(&events), [("read", done), ("route", done), ("answer", failed), ("extract", done)]);
        assert!(outcome.steps[2].note.as_ref().unwrap().contains("model server"));
        assert!(outcome.answer.contains("No AI model was used") && outcome.answer.contains("E0308"));
        assert_eq!(outcome.done.provider, "reader");
    }
}

#[tokio::test]
async fn a_model_that_fails_in_mid_answer_is_an_error_and_no_short_answer() {
    let double = Double::start(stream(&[HEL], End::Cut)).await;
    let (outcome, events) = run(&plain(vec![connect(Kind::Ollama, &double.url)]), job("").await).await;
    assert!(matches!(outcome, Err(AnalysisError::Provider(_))));
    assert_eq!(text(&events), "Hel");
    let AnalysisEvent::Error(problem) = last(&events) else { panic!("{events:?}") };
    assert!(problem.is("provider-failed"));
    assert!(!problem.to_string().contains(&double.url), "nothing of the inside is told");
}

#[tokio::test]
async fn a_mode_chooses_provider_and_model() {
    let double = Double::start(stream(&[HEL, DONE], End::Clean)).await;
    let engine = plain(vec![connect(Kind::Ollama, &double.url)]);
    assert_eq!(engine.provider_names(), ["double", "reader"]);
    let mut chosen = job("").await;
    chosen.mode.provider = "double".into();
    chosen.mode.model = "large".into();
    assert_eq!(run(&engine, chosen.clone()).await.0.unwrap().done.model, "large");
    assert_eq!(double.asked()[0].body["model"], "large");
    chosen.mode.provider = "reader".into();
    assert_eq!(run(&engine, chosen.clone()).await.0.unwrap().done.provider, "reader");
    chosen.mode.provider = "gone".into();
    let outcome = run(&engine, chosen).await.0.unwrap();
    assert!(outcome.steps[1].note.as_ref().unwrap().contains("not configured"));
    assert_eq!(double.asked().len(), 1);
}

#[tokio::test]
async fn without_reader_and_model_it_is_a_problem() {
    let reader = ReaderConfig { tesseract: "/nowhere".into(), ..ReaderConfig::default() };
    let (outcome, events) = run(&engine(Vec::new(), reader, Limits::default()), job("").await).await;
    assert!(matches!(outcome, Err(AnalysisError::Reader(_))));
    let AnalysisEvent::Error(problem) = last(&events) else { panic!("{events:?}") };
    assert_eq!((problem.is("reader-failed"), problem.status), (true, 503));
}

#[tokio::test]
async fn cancelling_and_going_away_close_the_request() {
    for by_token in [true, false] {
        let endless =
            Part::Stream { pieces: vec![HEL.into()], pause: Duration::from_millis(20), end: End::Never };
        let double = Double::start(endless).await;
        let engine = plain(vec![connect(Kind::Ollama, &double.url)]);
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
        double.gone().await;
    }
}

#[tokio::test]
async fn the_whole_has_a_time_limit() {
    let double = Double::start(stream(&[HEL], End::Silent)).await;
    let mut patient = config(Kind::Ollama, &double.url);
    (patient.first_word_seconds, patient.next_word_seconds, patient.answer_seconds) = (60, 60, 60);
    let limits = Limits { seconds: 3, ..Limits::default() };
    let engine = engine(vec![provider::connect(patient, client()).unwrap()], ReaderConfig::default(), limits);
    let (outcome, events) = run(&engine, job("").await).await;
    assert!(matches!(outcome, Err(AnalysisError::TimedOut(_))));
    let AnalysisEvent::Error(problem) = last(&events) else { panic!("{events:?}") };
    assert!(problem.is("timed-out"));
    double.gone().await;
}

#[test]
fn the_workflow_can_be_shown() {
    let told = plain(Vec::new()).describe();
    assert_eq!(told.nodes, ["read", "route", "answer", "extract"]);
    assert!(
        told.edges
            .iter()
            .any(|e| e.from == "answer" && e.to.as_deref() == Some("extract") && e.way == Way::Failed)
    );
}
