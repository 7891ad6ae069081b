//! Runs of workflows that administrators make: stored as they go on, waiting for their person, and handed over to the next server.
//!
//! Always holds: of all servers that have had a run, one records its end, and then tells it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::analysis::{AnalysisError, Begin, CompletedAnalysis, StoredJob, StoredOutcome, run_stored};
use domain::analysis::AnalysisRecord;
use domain::id::AnalysisId;
use domain::run::RunState;
use protocol::ServiceError;
use protocol::analysis::{AnalysisEvent, Done, PersonQuestion, Step};
use store::RunEnd;
use tracing::Instrument;
use workflow::{CheckpointStore, Interrupt, RunStatus, ThreadId, open_questions};

use super::answers::person_question;
use super::events::{self, Listener};
use super::live::LiveEntry;
use super::run::{Guard, conclude, tell};
use super::{Admission, Analyses};
use crate::failure::Failure;

/// How often a waiting run looks for an answer that another server has recorded.
const ANSWER_INTERVAL: Duration = Duration::from_millis(500);
/// How often another server may be faster with a step before the run fails.
const MAX_OVERTAKEN: u32 = 10;
/// How long a run that goes on waits when too many others do.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// A run that this server has.
pub(super) struct StoredRun {
    pub entry: LiveEntry,
    pub job: StoredJob,
    pub begin: Begin,
    /// `None`: a replay.
    pub record: Option<AnalysisRecord>,
    pub listener: Listener,
    pub admission: Option<Admission>,
    /// Until when another server has let it wait.
    pub waits_until: Option<i64>,
    /// When the run began; seconds since the Unix epoch.
    pub started_at: i64,
}

/// Why a run waits no longer.
enum Waited {
    Answered,
    Ended(AnalysisError),
    /// For the next server.
    HandedOver,
    /// Another server has it, or it was deleted.
    Lost,
}

impl StoredRun {
    fn id(&self) -> &AnalysisId {
        &self.entry.run.id
    }

    fn thread(&self) -> ThreadId {
        ThreadId::new(self.id().as_str())
    }
}

impl Analyses {
    pub(super) async fn run_workflow(self, mut run: StoredRun) {
        let (mut asked, mut overtaken) = (BTreeSet::new(), 0);
        let result = loop {
            match self.run_until_it_stops(&run).await {
                Ok(StoredOutcome::Finished(completed)) => break Ok(*completed),
                Ok(StoredOutcome::Drained) => return self.hand_over(&run).await,
                Ok(StoredOutcome::Waiting(questions)) => {
                    // What a person was asked is not lost with the connection.
                    run.listener = run.listener.following();
                    match self.wait_for_answer(&run, &questions, &mut asked).await {
                        Ok(Waited::Answered) => (run.begin, run.waits_until) = (Begin::Continued, None),
                        Ok(Waited::Ended(error)) => break Err(error),
                        Ok(Waited::HandedOver) => return self.hand_over(&run).await,
                        Ok(Waited::Lost) => return self.forget(&run).await,
                        Err(error) => {
                            error.log("waiting for an answer");
                            break Err(AnalysisError::Task);
                        }
                    }
                }
                Err(AnalysisError::Busy { .. }) if run.begin != Begin::New => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                // A server that only seemed to be gone has stored the same step first: this one goes on after it.
                Err(AnalysisError::Overtaken) if overtaken < MAX_OVERTAKEN => {
                    overtaken += 1;
                    run.begin = Begin::Continued;
                }
                Err(error) => break Err(error),
            }
        };
        self.end(run, result).await;
    }

    /// Runs it in a task of its own, so that a panic is only a failure.
    async fn run_until_it_stops(&self, run: &StoredRun) -> Result<StoredOutcome, AnalysisError> {
        let (events, recording) = events::tee(run.listener.clone(), Arc::clone(&run.entry.run));
        let attached = matches!(run.listener, Listener::Attached(_));
        let (engine, job, begin) = (Arc::clone(&self.engine), run.job.clone(), run.begin);
        let (store, cancel) = (self.checkpoints.clone(), run.entry.run.cancel.clone());
        let drain = Arc::clone(&self.drain);
        let work = async move {
            // Nobody can join a run whose client is gone with it: it has until the connection is closed.
            let flag = if attached { drain.never() } else { drain.flag() };
            let running = run_stored(&engine, &job, begin, &store, flag, events, &cancel);
            tokio::select! {
                biased;
                outcome = running => outcome,
                () = drain.cut(), if !attached => Ok(StoredOutcome::Drained),
            }
        };
        let outcome = match tokio::spawn(work.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) => {
                ServiceError::from(Failure::Task(error)).log("a run of a workflow");
                Err(AnalysisError::Task)
            }
        };
        if let Err(error) = recording.await {
            ServiceError::from(Failure::Task(error)).log("recording an analysis's events");
        }
        outcome
    }

    async fn wait_for_answer(
        &self,
        run: &StoredRun,
        questions: &[Interrupt],
        asked: &mut BTreeSet<String>,
    ) -> Result<Waited, ServiceError> {
        let now = self.env.now();
        let mut shown: Vec<PersonQuestion> =
            questions.iter().map(|question| person_question(run.id(), question, now)).collect();
        let earliest = shown.iter().map(|question| question.expires_at).min().unwrap_or(now);
        let waits_until = run.waits_until.unwrap_or(earliest);
        for question in &mut shown {
            question.expires_at = waits_until;
        }
        let sealed = self.seal_questions(run.id(), &shown)?;
        let mut tx = self.env.store.begin().await?;
        if !tx.runs().wait(run.id(), &self.server_id, waits_until, &sealed).await? {
            return Ok(Waited::Lost);
        }
        tx.commit().await?;
        for question in shown {
            if asked.insert(question.id.clone()) {
                tell(&run.entry, &run.listener, AnalysisEvent::Question(question)).await;
            }
        }
        let waited = self.until_answered(run, questions, waits_until).await?;
        run.entry.run.close_questions();
        if matches!(waited, Waited::Answered) {
            let mut tx = self.env.store.begin().await?;
            if !tx.runs().go_on(run.id(), &self.server_id).await? {
                return Ok(Waited::Lost);
            }
            tx.commit().await?;
        }
        Ok(waited)
    }

    async fn until_answered(
        &self,
        run: &StoredRun,
        questions: &[Interrupt],
        waits_until: i64,
    ) -> Result<Waited, ServiceError> {
        let live = &run.entry.run;
        loop {
            if self.is_any_answered(questions).await? {
                return Ok(Waited::Answered);
            }
            if self.env.now() >= waits_until {
                return Ok(Waited::Ended(AnalysisError::AnswerExpired));
            }
            tokio::select! {
                () = live.cancel.cancelled() => return Ok(Waited::Ended(AnalysisError::Cancelled)),
                () = self.drain.begun() => return Ok(Waited::HandedOver),
                () = live.answered.notified() => {}
                () = tokio::time::sleep(ANSWER_INTERVAL) => {}
            }
        }
    }

    async fn is_any_answered(&self, questions: &[Interrupt]) -> Result<bool, ServiceError> {
        for question in questions {
            let open = open_questions(&self.checkpoints, &question.thread).await;
            let open = open.map_err(Failure::Checkpoints)?;
            if !open.iter().any(|open| open.id == question.id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Leaves the run to the next server. Its watchers' streams end without a last event, so they join again.
    async fn hand_over(&self, run: &StoredRun) {
        let released = async {
            let mut tx = self.env.store.begin().await?;
            tx.runs().release(run.id(), &self.server_id).await?;
            tx.commit().await
        };
        if let Err(error) = released.await {
            ServiceError::from(error).log("handing over a run");
        }
    }

    /// Another server has the run, or it was deleted: then nothing of it stays.
    async fn forget(&self, run: &StoredRun) {
        let gone = async {
            let mut tx = self.env.store.begin().await?;
            if tx.runs().find(run.id()).await?.is_none() {
                tx.checkpoints().delete(&run.thread()).await?;
            }
            tx.commit().await
        };
        if let Err(error) = gone.await {
            ServiceError::from(error).log("removing what is left of a run");
        }
    }

    /// Records the end, then tells it.
    async fn end(&self, mut run: StoredRun, result: Result<CompletedAnalysis, AnalysisError>) {
        drop(run.admission.take());
        let recorded = run.entry.run.recorded();
        // The clock of the records has whole seconds: it counts only where another server has had the run before.
        let earlier = self.env.now().saturating_sub(run.started_at).saturating_sub(1).saturating_mul(1_000);
        let ms = run.entry.run.elapsed_ms().max(earlier);
        let ours = if let Some(record) = &mut run.record {
            record.ms = Some(ms);
            conclude(record, &recorded, self.engine.asked_provider(&run.job.mode), &result);
            self.store_end(record, &recorded.steps, Guard::Own).await
        } else {
            self.end_replay(run.id(), ms, &recorded.steps, &result).await
        };
        if !ours {
            return self.forget(&run).await;
        }
        // A run that was cancelled, or took too long, could not say so itself.
        if result.is_err()
            && let Err(error) = self.checkpoints.set_status(&run.thread(), RunStatus::Failed).await
        {
            ServiceError::from(Failure::Checkpoints(error)).log("ending a run");
        }
        let last = match result {
            Ok(completed) => {
                let ms = u64::try_from(ms).unwrap_or_default();
                AnalysisEvent::Done(Done { ms, ..completed.done })
            }
            Err(error) => AnalysisEvent::Error(error.problem()),
        };
        tell(&run.entry, &run.listener, last).await;
    }

    pub(super) async fn end_replay(
        &self,
        id: &AnalysisId,
        ms: i64,
        steps: &[Step],
        result: &Result<CompletedAnalysis, AnalysisError>,
    ) -> bool {
        let (state, tokens) = match result {
            Ok(completed) => {
                let usage = completed.done.usage;
                (RunState::Finished, usage.prompt_tokens.saturating_add(usage.completion_tokens))
            }
            Err(AnalysisError::Cancelled) => (RunState::Cancelled, 0),
            Err(_) => (RunState::Failed, 0),
        };
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX);
        let end = RunEnd { state, ended_at: self.env.now(), ms: Some(ms), tokens, steps };
        let stored = async {
            let mut tx = self.env.store.begin().await?;
            let ours = tx.runs().end(id, &self.server_id, &end).await?;
            tx.commit().await?;
            Ok::<_, store::StoreError>(ours)
        };
        stored.await.unwrap_or_else(|error| {
            ServiceError::from(error).log("recording a replay");
            false
        })
    }
}
