//! Running an analysis, and recording how it ended.

use std::sync::Arc;
use std::time::Duration;

use ::analysis::{AnalysisError, CompletedAnalysis, Job, analyze_since, provider};
use domain::analysis::{AnalysisRecord, AnalysisState, ProviderFailure};
use domain::run::RunState;
use protocol::analysis::{AnalysisEvent, Step};
use protocol::{Problem, ServiceError};
use store::RunEnd;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument;

use super::events::Listener;
use super::live::{LiveEntry, RecordedEvents};
use super::{Admission, Analyses, events};
use crate::failure::Failure;

/// How long to wait before storing a result is tried again. After the last attempt `cleanup` marks the analysis as failed.
const STORE_BACKOFF: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// How long a client that does not read is waited for with the event of a failed run.
const FINAL_EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A question that the built-in workflow answers. Its run is not stored: a restart ends it.
pub(super) struct BuiltInRun {
    pub since: Instant,
    pub entry: LiveEntry,
    pub admission: Admission,
    pub job: Job,
    pub record: AnalysisRecord,
    pub listener: Listener,
}

impl Analyses {
    /// Runs an analysis and stores its result. However it ends, also by a panic, the client receives one `done` or `error`, and
    /// the record is no longer `running`.
    pub(super) async fn run_built_in(self, run: BuiltInRun) {
        let BuiltInRun { since, entry, admission, job, mut record, listener } = run;
        let (relay, recording) = events::tee(listener.clone(), Arc::clone(&entry.run));
        let (engine, cancel) = (Arc::clone(&self.engine), entry.run.cancel.clone());
        let events = relay.clone();
        let asked = engine.asked_provider(&job.mode);
        let work = async move {
            let _admitted = admission;
            analyze_since(since, &engine, job, events, cancel).await
        };
        let result = ended(work, relay).await;
        if let Err(error) = recording.await {
            ServiceError::from(Failure::Task(error)).log("recording an analysis's events");
            tell(&entry, &listener, AnalysisEvent::Error(Problem::internal())).await;
        }
        drop(listener);
        let recorded = entry.run.recorded();
        record.ms = Some(entry.run.elapsed_ms());
        conclude(&mut record, &recorded, asked, &result);
        self.store_end(&record, &recorded.steps, Guard::None).await;
    }

    /// Stores how an analysis has ended, whatever it takes. `false`: it is not this server's to end.
    pub(super) async fn store_end(&self, record: &AnalysisRecord, steps: &[Step], guard: Guard) -> bool {
        let mut backoff = STORE_BACKOFF.into_iter();
        loop {
            match self.finish_record(record, steps, guard).await {
                Ok(ours) => return ours,
                Err(error) => error.log("recording an analysis"),
            }
            let Some(pause) = backoff.next() else { return false };
            tokio::time::sleep(pause).await;
        }
    }

    async fn finish_record(
        &self,
        record: &AnalysisRecord,
        steps: &[Step],
        guard: Guard,
    ) -> Result<bool, ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let end = RunEnd {
            state: run_state(record.state),
            ended_at: now,
            ms: record.ms,
            tokens: record.prompt_tokens.saturating_add(record.completion_tokens),
            steps,
        };
        let ours = tx.runs().end(&record.id, &self.server_id, &end).await?;
        if guard == Guard::Own && !ours {
            return Ok(false);
        }
        tx.analyses().finish(record, steps).await?;
        match &record.failure {
            Some(failure) => tx.analyses().provider_failed(failure, now).await?,
            None if record.state == AnalysisState::Finished && record.provider != provider::READER => {
                tx.analyses().provider_answered(&record.provider, now).await?;
            }
            None => {}
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Whether an end is stored that another server may have stored too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// The result of a server that was only suspended counts more than the failure that another has stored meanwhile.
    None,
    /// Only the server that has the run ends it.
    Own,
}

fn run_state(state: AnalysisState) -> RunState {
    match state {
        AnalysisState::Cancelled => RunState::Cancelled,
        AnalysisState::Failed => RunState::Failed,
        AnalysisState::Finished => RunState::Finished,
        AnalysisState::Running => RunState::Running,
    }
}

/// What the record says of the end. `asked`: the model server.
pub(super) fn conclude(
    record: &mut AnalysisRecord,
    recorded: &RecordedEvents,
    asked: Option<String>,
    result: &Result<CompletedAnalysis, AnalysisError>,
) {
    record.answer.clone_from(&recorded.answer);
    record.edits.clone_from(&recorded.edits);
    match result {
        Ok(outcome) => {
            let done = &outcome.done;
            let failure = outcome.failure.clone();
            record.cut = done.cut;
            record.failure = asked.zip(failure).map(|(provider, words)| ProviderFailure { provider, words });
            record.state = AnalysisState::Finished;
            record.provider.clone_from(&done.provider);
            record.model.clone_from(&done.model);
            record.prompt_tokens = i64::try_from(done.usage.prompt_tokens).unwrap_or(i64::MAX);
            record.completion_tokens = i64::try_from(done.usage.completion_tokens).unwrap_or(i64::MAX);
        }
        Err(AnalysisError::Cancelled) => record.state = AnalysisState::Cancelled,
        Err(error) => {
            if let AnalysisError::Provider(error) = error {
                let words = error.explanation();
                record.failure = asked.map(|provider| ProviderFailure { provider, words });
            }
            record.state = AnalysisState::Failed;
            let causes = domain::error::causes(error);
            tracing::warn!(analysis = %record.id, causes, "an analysis failed");
        }
    }
}

/// Tells everybody who watches.
pub(super) async fn tell(entry: &LiveEntry, listener: &Listener, event: AnalysisEvent) {
    entry.run.push(event.clone());
    if let Some(client) = listener.client() {
        send_final(client, event).await;
    }
}

/// The result of an analysis, which runs in a task of its own so that a panic in it is only a failure. The task sends the
/// last event; after a panic it is sent here.
async fn ended(
    work: impl Future<Output = Result<CompletedAnalysis, AnalysisError>> + Send + 'static,
    events: mpsc::Sender<AnalysisEvent>,
) -> Result<CompletedAnalysis, AnalysisError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => {
            ServiceError::from(Failure::Task(error)).log("an analysis");
            send_final(&events, AnalysisEvent::Error(AnalysisError::Task.problem())).await;
            Err(AnalysisError::Task)
        }
    }
}

/// A receiver that is open but never read must not block this for ever; one that is gone needs no event.
async fn send_final(events: &mpsc::Sender<AnalysisEvent>, event: AnalysisEvent) {
    let _ = tokio::time::timeout(FINAL_EVENT_TIMEOUT, events.send(event)).await;
}
