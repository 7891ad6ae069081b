//! Runs of workflows that are stored as they go on: they survive the end of their process, and wait for people.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use protocol::analysis::{AnalysisEvent, WindowText};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use workflow::{CheckpointStore, Interrupt, ThreadId};

use super::custom::{self, Begin, CustomWorkflow};
use super::error::AnalysisError;
use super::job::ModeSettings;
use super::queue::Asker;
use super::run::{CompletedAnalysis, Engine, milliseconds};
use super::services::ChannelSink;
use super::turns::EarlierTurn;
use crate::picture::Picture;

/// A question that a workflow answers in a stored run.
#[derive(Debug, Clone)]
pub struct StoredJob {
    /// The name of the run in the store, repeated in the `done` event.
    pub id: String,
    pub asker: Asker,
    /// Repeated in the `done` event; the caller's own.
    pub conversation: String,
    /// What was asked and answered in it before, the oldest first.
    pub turns: Vec<EarlierTurn>,
    pub question: String,
    pub mode: ModeSettings,
    /// Marks the screen's text in a prompt.
    pub mark: String,
    /// `None`: the run goes on after a restart, and the picture was not kept.
    pub picture: Option<Picture>,
    /// The accessible text of the window.
    pub text: Option<WindowText>,
    pub workflow: Arc<CustomWorkflow>,
}

/// Why a stored run has stopped.
#[derive(Debug)]
pub enum StoredOutcome {
    /// It goes on in another process.
    Drained,
    Finished(Box<CompletedAnalysis>),
    /// It goes on once one of the questions is answered.
    Waiting(Vec<Interrupt>),
}

/// Runs a workflow until it ends, waits for a person, or `drain` is set. Unlike [`analyze`](super::analyze), it does not send the
/// last event: the caller records the end first.
///
/// # Errors
/// What the `error` event is to report. After [`AnalysisError::Cancelled`] and [`AnalysisError::TimedOut`] the store has the run
/// as still running.
pub async fn run_stored(
    engine: &Engine,
    job: &StoredJob,
    begin: Begin,
    store: &dyn CheckpointStore,
    drain: &AtomicBool,
    events: mpsc::Sender<AnalysisEvent>,
    cancel: &CancellationToken,
) -> Result<StoredOutcome, AnalysisError> {
    let since = Instant::now();
    let work = async {
        let sink = ChannelSink::new(events.clone());
        let _slot = engine.queue.acquire(&job.asker, &sink).await?;
        let begun = Instant::now();
        let mut services =
            engine.services(&job.mode, job.mark.clone(), job.picture.clone(), job.text.clone(), sink);
        services.turns.clone_from(&job.turns);
        let thread = ThreadId::new(job.id.clone());
        let stored = custom::Stored { store, thread, drain, begin };
        let ended = custom::run(&job.workflow, &job.question, &services, Some(stored)).await?;
        Ok(match ended {
            custom::Ended::Drained => StoredOutcome::Drained,
            custom::Ended::Waiting(questions) => StoredOutcome::Waiting(questions),
            custom::Ended::Finished(finished) => {
                engine.queue.record_duration(milliseconds(begun.elapsed()));
                let ms = milliseconds(since.elapsed());
                let ids = (job.id.clone(), job.conversation.clone());
                let completed = finished.into_completed(ids, job.mode.id.clone(), ms);
                StoredOutcome::Finished(Box::new(completed))
            }
        })
    };
    let limit = engine.time_limit();
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(AnalysisError::Cancelled),
        () = events.closed() => Err(AnalysisError::Cancelled),
        result = timeout_at(since + limit, work) => result.unwrap_or(Err(AnalysisError::TimedOut(limit))),
    }
}
