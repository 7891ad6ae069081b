//! Starting an analysis: what is checked and stored before the answer.

use std::sync::Arc;

use ::analysis::{AnalysisError, Begin, Picture, StoredJob};
use bytes::Bytes;
use domain::analysis::AnalysisRecord;
use domain::ledger::Trigger;
use domain::run::{RunRecord, RunState};
use futures::StreamExt;
use futures::stream;
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS, Started};
use protocol::mode::Mode;
use protocol::{Problem, ServiceError};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::conversation::Place;
use super::departure::Departure;
use super::events::Listener;
use super::live::{EventStream, LiveRun, StreamedEvent};
use super::run::BuiltInRun;
use super::stored_run::StoredRun;
use super::take_over::StoredInput;
use super::{Admission, Analyses, BUFFERED_EVENTS, OnDisconnect, Question, job};
use crate::native::Person;
use crate::workflow::RunnableWorkflow;

/// The attempt of the server that a run begins on.
const FIRST_ATTEMPT: i64 = 1;

impl Analyses {
    /// Starts an analysis and returns its events. Dropping them cancels it, unless the question says that it is to go on.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.start",
        fields(account_id = %person.account.id)
    )]
    pub async fn start(
        &self,
        person: &Person,
        admission: Admission,
        question: Question,
        on_disconnect: OnDisconnect,
    ) -> Result<EventStream, ServiceError> {
        let since = Instant::now();
        if question.context.chars().count() > MAX_CONTEXT_CHARS {
            return Err(Problem::invalid_input().field("context", "Use at most 4,000 characters.").into());
        }
        question.check_window()?;
        let place = self.place(person, &question).await?;
        let chosen = question.mode.as_deref().filter(|m| !m.is_empty());
        let mode = self.modes.choose(chosen, Some(&person.account.id)).await?;
        let policy = self.policies.of(&person.account.id).await?;
        self.check_policy(person, &question, &policy).await?;
        let mode = Mode { edits_allowed: mode.edits_allowed && policy.edits_allowed, ..mode };
        let departure = self.departure(person, &question, &policy);
        let ambient = question.window().trigger == Trigger::Ambient;
        if ambient {
            self.engine.check_ambient().map_err(|error| error.problem())?;
        }
        let workflow = self.workflows.of_mode(&mode).await?;
        let picture = if let Some(image) = question.image {
            Some(self.accept(image, since).await?)
        } else {
            self.check_without_picture(&place, &mode, workflow.is_some())?;
            None
        };
        let record = self.record(person, &mode, &question.context, picture.as_ref(), place.id());
        let turns = self.turns(record.conversation_id.as_ref(), &record.id).await?;
        let detached = on_disconnect == OnDisconnect::Continue;
        let graph = workflow.as_ref().map(|workflow| Arc::clone(&workflow.graph));
        let mut job = self.job(&record, &mode, graph, (picture, question.text, question.selection), turns);
        job.asker.ambient = ambient;
        let run = self.run_record(&record, workflow.as_ref(), &job, detached)?;
        let departure = departure.of(&record);
        self.store_start(person, &place, &record, &run, job.picture.as_ref(), departure).await?;
        Ok(self.spawn(since, admission, job, record, detached))
    }

    async fn store_start(
        &self,
        person: &Person,
        place: &Place,
        record: &AnalysisRecord,
        run: &RunRecord,
        picture: Option<&Picture>,
        departure: Option<Departure>,
    ) -> Result<(), ServiceError> {
        let screenshot = match picture {
            Some(picture) if record.screenshot_stored => {
                Some(self.screenshots.seal(&record.id, picture).await?)
            }
            _ => None,
        };
        let mut tx = self.env.store.begin().await?;
        place.store(&mut tx, person, record.started_at).await?;
        tx.analyses().insert(record).await?;
        tx.runs().insert(run).await?;
        if let Some(departure) = departure {
            departure.store(&mut tx).await?;
        }
        if let Some(sealed) = &screenshot {
            tx.analyses().insert_screenshot(&record.id, sealed).await?;
        }
        Ok(tx.commit().await?)
    }

    fn run_record(
        &self,
        record: &AnalysisRecord,
        workflow: Option<&RunnableWorkflow>,
        job: &::analysis::Job,
        detached: bool,
    ) -> Result<RunRecord, ServiceError> {
        let input = StoredInput {
            question: job.question.clone(),
            mode: job.mode.clone(),
            conversation: job.conversation.clone(),
            text: job.text.clone(),
        };
        let input = workflow.map(|_| self.seal_input(&record.id, &input)).transpose()?;
        Ok(RunRecord {
            id: record.id.clone(),
            is_analysis: true,
            account_id: record.account_id.clone(),
            mode_id: record.mode_id.clone(),
            workflow_id: workflow.map(|workflow| workflow.id.clone()).unwrap_or_default(),
            workflow_version: workflow.map_or(0, |workflow| workflow.version),
            origin: None,
            state: RunState::Running,
            detached,
            started_at: record.started_at,
            ms: None,
            tokens: 0,
            steps: Vec::new(),
            input,
            questions: None,
            waits_until: None,
            attempt: FIRST_ATTEMPT,
            lease: self.lease(),
        })
    }

    fn spawn(
        &self,
        since: Instant,
        admission: Admission,
        job: ::analysis::Job,
        record: AnalysisRecord,
        detached: bool,
    ) -> EventStream {
        let live = LiveRun::new(record.id.clone(), record.account_id.clone(), FIRST_ATTEMPT);
        let entry = self.live.insert(live);
        let (listener, events) = if detached {
            let (analysis_id, conversation) = (record.id.to_string(), job.conversation.clone());
            entry.run.push(AnalysisEvent::Started(Started { analysis_id, conversation }));
            (Listener::Detached, entry.run.watch(None))
        } else {
            let (sender, receiver) = mpsc::channel(BUFFERED_EVENTS);
            (Listener::Attached(sender), received(receiver))
        };
        // At the level of the request's span, so that the nodes' log lines name their analysis at any level.
        let span = tracing::info_span!("analysis", analysis_id = %record.id);
        if let Some(workflow) = job.workflow.clone() {
            let started_at = record.started_at;
            let job = StoredJob {
                id: job.analysis_id,
                asker: job.asker,
                conversation: job.conversation,
                turns: job.turns,
                question: job.question,
                mode: job.mode,
                mark: job.mark,
                picture: job.picture,
                text: job.text,
                workflow,
            };
            let (begin, admission, record) = (Begin::New, Some(admission), Some(record));
            let waits_until = None;
            let run = StoredRun { entry, job, begin, record, listener, admission, waits_until, started_at };
            self.running.spawn(self.clone().run_workflow(run).instrument(span));
        } else {
            let run = BuiltInRun { since, entry, admission, job, record, listener };
            self.running.spawn(self.clone().run_built_in(run).instrument(span));
        }
        events
    }

    pub(super) async fn accept(&self, image: Bytes, since: Instant) -> Result<Picture, Problem> {
        let limit = self.engine.time_limit();
        let accepted = timeout_at(since + limit, self.pictures.accept(image)).await;
        accepted.map_err(|_| AnalysisError::TimedOut(limit).problem())?.map_err(Problem::from)
    }

    /// A model can answer a further question from the conversation alone; nobody else can answer without a picture.
    fn check_without_picture(&self, place: &Place, mode: &Mode, by_workflow: bool) -> Result<(), Problem> {
        let message = match place {
            Place::New(_) => "Send a PNG, JPEG or WebP picture.",
            Place::Follows(_)
                if by_workflow || self.engine.asked_provider(&job::settings(mode)).is_none() =>
            {
                "This mode needs the picture for each question. Add it again."
            }
            Place::Follows(_) => return Ok(()),
        };
        Err(Problem::invalid_input().field("image", message))
    }
}

fn received(receiver: mpsc::Receiver<AnalysisEvent>) -> EventStream {
    stream::unfold(receiver, |mut receiver| async move {
        let event = receiver.recv().await?;
        Some((StreamedEvent { id: None, event }, receiver))
    })
    .boxed()
}
