//! Running the draft of a workflow once, for the administrator who makes it. Nothing of it is stored.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ::analysis::{Begin, CustomWorkflow, ModeSettings, Picture, StoredJob, StoredOutcome, run_stored};
use bytes::Bytes;
use domain::id::{AccountId, AnalysisId};
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS, PersonAnswer, PersonQuestion, StepState};
use protocol::mode::Mode;
use protocol::workflow::TriedWorkflow;
use protocol::{Problem, ServiceError};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use web::Rule;
use workflow::{MemoryCheckpoints, answer};

use super::answers::person_question;
use super::job::{prompt_mark, settings};
use super::{Admission, Analyses, BUFFERED_EVENTS};

/// As many questions as a person has patience for, several times over.
const MAX_ANSWERS: usize = 20;

/// What is tried.
#[derive(Debug)]
pub struct Trial {
    pub question: String,
    pub picture: Bytes,
    /// A mode's id; empty: the first one.
    pub mode: String,
    /// What the administrator answers in place of a person.
    pub answers: Vec<PersonAnswer>,
}

/// A trial whose parts are all right.
#[derive(Debug)]
pub struct CheckedTrial {
    question: String,
    picture: Picture,
    mode: Mode,
    answers: Vec<PersonAnswer>,
}

impl Analyses {
    /// Permits an account one more run, before anything of it is received. It counts as one of the account's analyses.
    pub async fn admit_trial(&self, account: &AccountId) -> Result<Admission, ServiceError> {
        let per_minute = self.env.config.limits.analyses_per_minute;
        let admission = self.admissions.admit(account)?;
        self.limits.check_key(Rule::per_minute("analyze", per_minute), account.as_str()).await?;
        Ok(admission)
    }

    pub async fn check_trial(&self, trial: Trial) -> Result<CheckedTrial, ServiceError> {
        let Trial { question, picture, mode, answers } = trial;
        if question.chars().count() > MAX_CONTEXT_CHARS {
            return Err(Problem::invalid_input().field("context", "Use at most 4,000 characters.").into());
        }
        if answers.len() > MAX_ANSWERS {
            return Err(Problem::invalid_input().field("answers", "Send at most 20 answers.").into());
        }
        let mode = self.modes.choose(Some(mode.as_str()).filter(|mode| !mode.is_empty()), None).await?;
        let picture = self.accept(picture, Instant::now()).await?;
        Ok(CheckedTrial { question, picture, mode, answers })
    }

    /// Runs it until it ends or asks what has no answer. Dropping the future ends the run.
    #[tracing::instrument(skip_all, level = "debug", name = "analysis.try")]
    pub async fn try_workflow(
        &self,
        admission: Admission,
        workflow: CustomWorkflow,
        trial: CheckedTrial,
    ) -> Result<TriedWorkflow, ServiceError> {
        let id: AnalysisId = self.env.new_id();
        let job = StoredJob {
            id: id.to_string(),
            asker: ::analysis::Asker::default(),
            conversation: String::new(),
            turns: Vec::new(),
            question: trial.question,
            mark: prompt_mark(&self.env.vault, &trial.mode.id, self.env.now()),
            mode: ModeSettings { edits_allowed: false, ..settings(&trial.mode) },
            picture: Some(trial.picture),
            text: None,
            workflow: Arc::new(workflow),
        };
        let (sender, receiver) = mpsc::channel(BUFFERED_EVENTS);
        // What comes of it is in the events.
        let running = self.run_trial(&id, &job, &trial.answers, sender);
        let (questions, tried) = tokio::join!(running, collect(receiver));
        drop(admission);
        Ok(TriedWorkflow { questions, ..tried })
    }

    /// Returns what nobody has answered.
    async fn run_trial(
        &self,
        id: &AnalysisId,
        job: &StoredJob,
        answers: &[PersonAnswer],
        events: mpsc::Sender<AnalysisEvent>,
    ) -> Vec<PersonQuestion> {
        let (store, drain, cancel) =
            (MemoryCheckpoints::default(), AtomicBool::new(false), CancellationToken::new());
        let mut begin = Begin::New;
        let last = loop {
            let sender = events.clone();
            match run_stored(&self.engine, job, begin, &store, &drain, sender, &cancel).await {
                Ok(StoredOutcome::Finished(completed)) => break AnalysisEvent::Done(completed.done),
                Ok(StoredOutcome::Drained) => break AnalysisEvent::Error(Problem::internal()),
                Err(error) => break AnalysisEvent::Error(error.problem()),
                Ok(StoredOutcome::Waiting(asked)) => {
                    let mut open = Vec::new();
                    for interrupt in &asked {
                        let question = person_question(id, interrupt, self.env.now());
                        let given = answers.iter().find(|given| given.question == question.id);
                        let Some(given) = given else {
                            open.push(question);
                            continue;
                        };
                        let value = given.answer.clone().into();
                        if answer(&store, &interrupt.thread, &interrupt.id, value).await.is_err() {
                            return open;
                        }
                    }
                    if open.len() == asked.len() {
                        return open;
                    }
                    begin = Begin::Continued;
                }
            }
        };
        let _ = events.send(last).await;
        Vec::new()
    }
}

async fn collect(mut events: mpsc::Receiver<AnalysisEvent>) -> TriedWorkflow {
    let mut tried = TriedWorkflow::default();
    while let Some(event) = events.recv().await {
        match event {
            AnalysisEvent::Delta(delta) => tried.answer.push_str(&delta.text),
            AnalysisEvent::Step(step) if step.state != StepState::Started => tried.steps.push(step),
            AnalysisEvent::Notice(notice) => tried.notices.push(notice),
            AnalysisEvent::Reasoning(reasoning) if reasoning.retracts => tried.answer.clear(),
            AnalysisEvent::Edit(_)
            | AnalysisEvent::Question(_)
            | AnalysisEvent::Queued(_)
            | AnalysisEvent::Reasoning(_)
            | AnalysisEvent::Started(_)
            | AnalysisEvent::Step(_) => {}
            AnalysisEvent::Done(done) => {
                (tried.provider, tried.model) = (done.provider, done.model);
                (tried.usage, tried.ms) = (done.usage, done.ms);
            }
            AnalysisEvent::Error(problem) => tried.problem = Some(problem),
        }
    }
    tried
}
