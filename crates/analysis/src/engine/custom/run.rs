//! One run of a workflow, from its beginning or from where it was stored.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use protocol::analysis::{Done, Step, StepState, Usage};
use workflow::document::{ChannelKind, DocumentState, DocumentUpdate};
use workflow::{
    CheckpointStore, Durability, Interrupt, Run, RunError, Status, StepRecord, ThreadId, WorkflowState,
    steps_taken,
};

use super::super::error::AnalysisError;
use super::super::run::CompletedAnalysis;
use super::super::services::{Services, ended};
use super::{ANSWER, CustomWorkflow, MODEL_CALLS, ModelCall, PIECES, QUESTION, limits, text_of};
use crate::provider::READER;

/// How a stored run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It goes on in the process that has run it so far.
    Continued,
    New,
    /// It goes on in another process: what was sent before is sent once more.
    Restarted,
}

/// Where a run is stored.
pub(in crate::engine) struct Stored<'a> {
    pub store: &'a dyn CheckpointStore,
    pub thread: ThreadId,
    pub drain: &'a AtomicBool,
    pub begin: Begin,
}

/// How a run ended, or why it stopped.
pub(in crate::engine) enum Ended {
    Drained,
    Finished(Finished),
    Waiting(Vec<Interrupt>),
}

/// What came of a run.
pub(in crate::engine) struct Finished {
    answer: String,
    steps: Vec<StepRecord>,
    calls: Vec<ModelCall>,
}

impl Finished {
    pub fn into_completed(
        self,
        (analysis_id, conversation): (String, String),
        mode: String,
        ms: u64,
    ) -> CompletedAnalysis {
        let usage = self.calls.iter().fold(Usage::default(), |sum, call| Usage {
            prompt_tokens: sum.prompt_tokens.saturating_add(call.usage.prompt_tokens),
            completion_tokens: sum.completion_tokens.saturating_add(call.usage.completion_tokens),
        });
        let last = self.calls.last();
        let done = Done {
            analysis_id,
            conversation,
            mode,
            provider: last.map_or_else(|| READER.to_owned(), |call| call.provider.clone()),
            model: last.map(|call| call.model.clone()).unwrap_or_default(),
            usage,
            cut: last.and_then(|call| call.cut),
            ms,
        };
        let steps = self.steps.into_iter().map(ended).collect();
        CompletedAnalysis { answer: self.answer, edits: Vec::new(), steps, done, failure: None }
    }
}

/// Answers a question by a workflow. The answer is what was streamed, or what stands in its channel in the end.
pub(in crate::engine) async fn run(
    workflow: &CustomWorkflow,
    question: &str,
    services: &Services,
    stored: Option<Stored<'_>>,
) -> Result<Ended, RunError<AnalysisError>> {
    let run = Run::new(&workflow.graph, services)
        .events(&services.events)
        .limits(workflow.document.limits.within(limits()));
    let report = match stored {
        None => run.start(&ThreadId::new("analysis"), begin(workflow, question)).await?,
        Some(stored) => {
            let run = run.checkpoints(stored.store, Durability::Always).drain(stored.drain);
            // A process may end between the run's record and its first checkpoint.
            if stored.begin == Begin::New || stored.store.status(&stored.thread).await?.is_none() {
                run.start(&stored.thread, begin(workflow, question)).await?
            } else {
                restore(workflow, services, &stored).await?;
                run.resume(&stored.thread).await?
            }
        }
    };
    match report.status {
        Status::Drained => return Ok(Ended::Drained),
        Status::Interrupted(questions) => return Ok(Ended::Waiting(questions)),
        Status::Finished => {}
    }
    let (state, steps) = (report.state, report.steps);
    let streamed = services.streamed.lock().clone();
    let answer = if streamed.is_empty() {
        let answer = text_of(state.get(ANSWER));
        services.events.delta(answer.clone()).await.map_err(RunError::SinkClosed)?;
        answer
    } else {
        streamed
    };
    let calls = serde_json::from_value(state.get(MODEL_CALLS).clone()).unwrap_or_default();
    Ok(Ended::Finished(Finished { answer, steps, calls }))
}

/// The state that a run begins with.
pub(super) fn begin(workflow: &CustomWorkflow, question: &str) -> DocumentState {
    state_of(&workflow.document.channels, question)
}

pub(super) fn state_of(channels: &BTreeMap<String, ChannelKind>, question: &str) -> DocumentState {
    let mut channels = channels.clone();
    channels.insert(MODEL_CALLS.to_owned(), ChannelKind::Append);
    channels.insert(PIECES.to_owned(), ChannelKind::Append);
    let mut state = DocumentState::new(channels);
    state.apply(DocumentUpdate::of(QUESTION, question));
    state
}

/// What of the answer was sent before, by the nodes that have finished.
async fn restore(
    workflow: &CustomWorkflow,
    services: &Services,
    stored: &Stored<'_>,
) -> Result<(), RunError<AnalysisError>> {
    let checkpoint = workflow.graph.state_at(stored.store, &stored.thread, None).await?;
    let pieces: Vec<String> =
        checkpoint.state.get(PIECES).as_array().into_iter().flatten().map(text_of).collect();
    let sent = pieces.join("\n\n");
    if stored.begin == Begin::Restarted {
        for node in steps_taken(stored.store, &stored.thread).await? {
            let note = Some("before the server was restarted".to_owned());
            let step = Step { node, state: StepState::Finished, ms: None, note };
            services.events.step(step).await.map_err(RunError::SinkClosed)?;
        }
        if !sent.is_empty() {
            services.events.delta(sent.clone()).await.map_err(RunError::SinkClosed)?;
        }
    }
    *services.streamed.lock() = sent;
    Ok(())
}
