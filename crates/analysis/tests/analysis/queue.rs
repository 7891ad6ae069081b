//! Who waits, and how long.

use std::sync::{Arc, Mutex};

use analysis::provider::{
    AnswerPiece, Completion, PromptRequest, Provider, ProviderConfig, ProviderError, ProviderKind,
};
use analysis::{AnalysisError, Asker, Engine, Job, Limits, analyze};
use async_trait::async_trait;
use protocol::analysis::AnalysisEvent;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::engine::{engine, job};
use crate::mock_server::config;

/// Answers one question for each permit that the test adds, and notes who was served.
#[derive(Debug)]
struct Gate {
    config: ProviderConfig,
    open: Semaphore,
    served: Mutex<Vec<String>>,
}

#[async_trait]
impl Provider for Gate {
    fn config(&self) -> &ProviderConfig {
        &self.config
    }

    async fn answer(
        &self,
        request: PromptRequest,
        pieces: mpsc::Sender<AnswerPiece>,
    ) -> Result<Completion, ProviderError> {
        let who = request.user.lines().next().unwrap_or_default().to_owned();
        self.served.lock().unwrap().push(who);
        self.open.acquire().await.unwrap().forget();
        pieces.send(AnswerPiece::Text("ok".into())).await.map_err(|_| ProviderError::ReceiverClosed)?;
        Ok(Completion::default())
    }
}

fn gated(limits: Limits) -> (Arc<Gate>, Arc<Engine>) {
    let mut config = config(ProviderKind::Ollama, "http://localhost:1");
    config.vision = true;
    let gate = Arc::new(Gate { config, open: Semaphore::new(0), served: Mutex::default() });
    let engine = engine(vec![gate.clone()], analysis::ReaderConfig::default(), limits);
    (gate, Arc::new(engine))
}

/// As [`begin`], with the places that were told.
fn begin_as(engine: &Arc<Engine>, job: Job, person: &str, ambient: bool) -> (Ended, Places) {
    let (engine, places) = (Arc::clone(engine), Places::default());
    let job = Job { asker: Asker { person: person.into(), ambient }, ..job };
    let told = Arc::clone(&places);
    let ended = tokio::spawn(async move {
        let (sender, mut events) = mpsc::channel(64);
        let drain = async {
            while let Some(event) = events.recv().await {
                if let AnalysisEvent::Queued(queued) = event {
                    told.lock().unwrap().push(queued.place);
                }
            }
        };
        tokio::join!(analyze(&engine, job, sender, CancellationToken::new()), drain).0
    });
    (ended, places)
}

type Places = Arc<Mutex<Vec<u32>>>;
type Ended = tokio::task::JoinHandle<Result<analysis::CompletedAnalysis, AnalysisError>>;

fn begin(engine: &Arc<Engine>, job: Job) -> Ended {
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        let (sender, mut events) = mpsc::channel(64);
        let drain = async { while events.recv().await.is_some() {} };
        tokio::join!(analyze(&engine, job, sender, CancellationToken::new()), drain).0
    })
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn first_come_first_served_and_too_many_are_turned_away() {
    let (gate, engine) = gated(Limits { concurrency: 1, queue: 3, timeout_seconds: 60 });
    let template = job("").await;
    let mut tasks = Vec::new();
    for who in 0..4 {
        tasks.push(begin(&engine, Job { question: format!("user {who}"), ..template.clone() }));
        settle().await;
    }
    let refused = begin(&engine, template.clone()).await.unwrap().unwrap_err();
    let problem = refused.problem();
    assert!(matches!(refused, AnalysisError::Busy { waiting: 3, .. }), "{refused:?}");
    assert!(problem.is("unavailable") && problem.retry_after.unwrap() >= 1);

    // One of those who wait gives up; the others keep their order.
    tasks.remove(2).abort();
    settle().await;
    gate.open.add_permits(10);
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(*gate.served.lock().unwrap(), ["user 0", "user 1", "user 3"]);
    // The queue is empty again.
    assert!(begin(&engine, template).await.unwrap().is_ok());
}

#[tokio::test]
async fn as_many_run_at_once_as_are_allowed() {
    let (gate, engine) = gated(Limits { concurrency: 2, queue: 10, timeout_seconds: 60 });
    let template = job("").await;
    let tasks: Vec<_> = (0..5).map(|_| begin(&engine, template.clone())).collect();
    while gate.served.lock().unwrap().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(gate.served.lock().unwrap().len(), 2);
    gate.open.add_permits(5);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn people_take_turns_and_each_knows_the_place() {
    let (gate, engine) = gated(Limits { concurrency: 1, queue: 9, timeout_seconds: 60 });
    let template = job("").await;
    let mut tasks = Vec::new();
    for (person, question) in [("anna", "a1"), ("anna", "a2"), ("anna", "a3"), ("ben", "b1"), ("carl", "c1")]
    {
        let asked = Job { question: question.into(), ..template.clone() };
        tasks.push(begin_as(&engine, asked, person, false));
        settle().await;
    }
    let places = |index: usize| tasks[index].1.lock().unwrap().clone();
    assert_eq!(places(0), Vec::<u32>::new(), "who does not wait has no place");
    assert_eq!((places(1), places(2)), (vec![1, 2, 3], vec![2, 3, 4]), "each change is told");
    assert_eq!((places(3), places(4)), (vec![1], vec![2]));
    let served = || gate.served.lock().unwrap().clone();
    for expected in [&["a1", "b1"][..], &["a1", "b1", "c1"], &["a1", "b1", "c1", "a2"]] {
        gate.open.add_permits(1);
        while served().len() < expected.len() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        assert_eq!(served(), expected);
    }
    gate.open.add_permits(9);
    for (task, _) in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(served(), ["a1", "b1", "c1", "a2", "a3"]);
}

#[tokio::test]
async fn what_the_desktop_asks_by_itself_gives_way() {
    let (gate, engine) = gated(Limits { concurrency: 2, queue: 9, timeout_seconds: 60 });
    let template = job("").await;
    engine.check_ambient().unwrap();
    let (ambient, _) = begin_as(&engine, template.clone(), "anna", true);
    while gate.served.lock().unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    // The other slot is for people, and one of them gets it at once.
    let refused = begin_as(&engine, template.clone(), "ben", true).0.await.unwrap().unwrap_err();
    assert!(matches!(refused, AnalysisError::Busy { .. }), "{refused:?}");
    let not_before = engine.check_ambient().unwrap_err().problem().retry_after;
    assert!(not_before.is_some_and(|seconds| seconds >= 1), "{not_before:?}");
    let (asked, places) = begin_as(&engine, template.clone(), "ben", false);
    while gate.served.lock().unwrap().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(places.lock().unwrap().is_empty());
    gate.open.add_permits(9);
    for task in [ambient, asked] {
        task.await.unwrap().unwrap();
    }
    engine.check_ambient().unwrap();
}

#[tokio::test]
async fn who_leaves_the_queue_leaves_no_slot_behind() {
    let (gate, engine) = gated(Limits { concurrency: 1, queue: 9, timeout_seconds: 60 });
    let template = job("").await;
    let (first, _) = begin_as(&engine, template.clone(), "anna", false);
    settle().await;
    let waiting: Vec<_> = (0..5).map(|_| begin_as(&engine, template.clone(), "ben", false).0).collect();
    settle().await;
    gate.open.add_permits(1);
    for task in &waiting {
        task.abort();
    }
    first.await.unwrap().unwrap();
    for task in waiting {
        let _ = task.await;
    }
    gate.open.add_permits(9);
    begin_as(&engine, template, "carl", false).0.await.unwrap().unwrap();
}
