//! Who waits, and how long.

use std::sync::{Arc, Mutex};

use analysis::provider::{
    AnswerPiece, Completion, PromptRequest, Provider, ProviderConfig, ProviderError, ProviderKind,
};
use analysis::{AnalysisError, Engine, Job, Limits, analyze};
use async_trait::async_trait;
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
