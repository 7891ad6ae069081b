//! Running the draft of a workflow once, for the administrator who makes it. Nothing of it is stored.

use std::sync::Arc;

use ::analysis::{AnalysisError, CustomWorkflow, Job, ModeSettings, analyze_since};
use bytes::Bytes;
use domain::id::{AccountId, AnalysisId};
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS, StepState};
use protocol::workflow::TriedWorkflow;
use protocol::{Problem, ServiceError};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use web::Rule;

use super::{Admission, Analyses, BUFFERED_EVENTS, prompt_mark};

/// What is tried.
#[derive(Debug)]
pub struct Trial {
    pub workflow: CustomWorkflow,
    pub question: String,
    pub picture: Bytes,
    /// A mode's id; empty: the first one.
    pub mode: String,
}

impl Analyses {
    /// Permits an account one more run, before anything of it is received. It counts as one of the account's analyses.
    pub async fn admit_trial(&self, account: &AccountId) -> Result<Admission, ServiceError> {
        let per_minute = self.env.config.limits.analyses_per_minute;
        let admission = self.admissions.admit(account)?;
        self.limits.check_key(Rule::per_minute("analyze", per_minute), account.as_str()).await?;
        Ok(admission)
    }

    /// Runs it. Dropping the future ends the run.
    #[tracing::instrument(skip_all, level = "debug", name = "analysis.try")]
    pub async fn try_workflow(
        &self,
        admission: Admission,
        trial: Trial,
    ) -> Result<TriedWorkflow, ServiceError> {
        let since = Instant::now();
        if trial.question.chars().count() > MAX_CONTEXT_CHARS {
            return Err(Problem::invalid_input().field("context", "Use at most 4,000 characters.").into());
        }
        let mode = self.modes.choose(Some(trial.mode.as_str()).filter(|mode| !mode.is_empty())).await?;
        let limit = self.engine.time_limit();
        let accepted = timeout_at(since + limit, self.pictures.accept(trial.picture)).await;
        let picture =
            accepted.map_err(|_| AnalysisError::TimedOut(limit).problem())?.map_err(Problem::from)?;
        let id: AnalysisId = self.env.new_id();
        let mark = prompt_mark(&self.env.vault, &mode.id, self.env.now());
        let job = Job {
            analysis_id: id.into_string(),
            question: trial.question,
            mode: ModeSettings {
                id: mode.id,
                prompt: mode.prompt,
                provider: mode.provider,
                model: mode.model,
                temperature: mode.temperature,
                edits_allowed: false,
            },
            mark,
            picture,
            text: None,
            selection: None,
            workflow: Some(Arc::new(trial.workflow)),
        };
        let (sender, receiver) = mpsc::channel(BUFFERED_EVENTS);
        // What comes of it is in the events.
        let running = analyze_since(since, &self.engine, job, sender, CancellationToken::new());
        let (_, tried) = tokio::join!(running, collect(receiver));
        drop(admission);
        Ok(tried)
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
            AnalysisEvent::Edit(_) | AnalysisEvent::Reasoning(_) | AnalysisEvent::Step(_) => {}
            AnalysisEvent::Done(done) => {
                (tried.provider, tried.model) = (done.provider, done.model);
                (tried.usage, tried.ms) = (done.usage, done.ms);
            }
            AnalysisEvent::Error(problem) => tried.problem = Some(problem),
        }
    }
    tried
}
