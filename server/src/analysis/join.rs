//! Joining the events of an analysis again: after a lost connection, after a restart, from another machine of its person.

use std::time::Duration;

use domain::analysis::{AnalysisRecord, AnalysisState, Step};
use domain::id::AnalysisId;
use domain::run::RunState;
use futures::StreamExt;
use futures::stream;
use protocol::analysis::{AnalysisEvent, Done, Usage};
use protocol::{Problem, ServiceError};
use tokio::time::Instant;
use web::Rule;

use super::live::{EventStream, RecordedEvents, StreamedEvent, whole_answer};
use super::{Analyses, time_limit};
use crate::native::Person;

/// How often the database is asked for a run of another server.
const INTERVAL: Duration = Duration::from_millis(500);
/// Joins of one person, per minute.
const JOINS_PER_MINUTE: u32 = 120;

impl Analyses {
    /// The events of one's own analysis after the one with the id `last`, or all. An analysis that has ended tells its whole
    /// answer.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.events",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn events(
        &self,
        person: &Person,
        id: &AnalysisId,
        last: Option<String>,
    ) -> Result<EventStream, ServiceError> {
        let rule = Rule::per_minute("events", JOINS_PER_MINUTE);
        self.limits.check_key(rule, person.account.id.as_str()).await?;
        let record = self.one(person, id).await?;
        if let Some(live) = self.live.find(id).filter(|live| live.account_id == person.account.id) {
            return Ok(live.watch(last.as_deref()));
        }
        let run = self.env.store.read().await?.runs().find(id).await?;
        let asked = match run.filter(|run| run.state == RunState::Waiting) {
            Some(run) => self.questions_of(&run)?,
            None => Vec::new(),
        };
        let asked = asked
            .into_iter()
            .map(|question| StreamedEvent { id: None, event: AnalysisEvent::Question(question) });
        let this = self.clone();
        let person = record.account_id;
        let id = id.clone();
        let elsewhere = stream::once(async move { this.wait_for_run(&person, &id, last).await }).flatten();
        Ok(stream::iter(asked).chain(elsewhere).boxed())
    }

    /// Waits until a run that no client watches here comes to this server, or ends elsewhere.
    async fn wait_for_run(
        &self,
        account: &domain::id::AccountId,
        id: &AnalysisId,
        last: Option<String>,
    ) -> EventStream {
        let until = Instant::now() + Duration::from_secs(time_limit().unsigned_abs());
        loop {
            if let Some(live) = self.live.find(id) {
                return live.watch(last.as_deref());
            }
            match self.ended_elsewhere(account, id).await {
                Ok(Some(events)) => return stream::iter(events).boxed(),
                Ok(None) if Instant::now() < until => {}
                Ok(None) => return only(AnalysisEvent::Error(unfinished())),
                Err(error) => return only(AnalysisEvent::Error(error.into_problem())),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                // The stream ends without a last event: its client joins again.
                () = self.drain.begun() => return stream::empty().boxed(),
            }
        }
    }

    /// The events of an analysis that has ended. `None`: it has not.
    async fn ended_elsewhere(
        &self,
        account: &domain::id::AccountId,
        id: &AnalysisId,
    ) -> Result<Option<Vec<StreamedEvent>>, ServiceError> {
        let mut tx = self.env.store.read().await?;
        let record = tx.analyses().find(account, id).await?.ok_or_else(Problem::not_found)?;
        if record.state == AnalysisState::Running {
            return Ok(None);
        }
        let steps = match tx.runs().find(id).await? {
            Some(run) if run.state != RunState::Running => run.steps,
            _ => Vec::new(),
        };
        Ok(Some(events_of(record, steps)))
    }
}

fn only(event: AnalysisEvent) -> EventStream {
    stream::iter([StreamedEvent { id: None, event }]).boxed()
}

fn unfinished() -> Problem {
    Problem::new("unfinished", 503, "The answer was not finished").detail("Ask again.")
}

/// What a client would have seen.
fn events_of(record: AnalysisRecord, steps: Vec<Step>) -> Vec<StreamedEvent> {
    let last = match record.state {
        AnalysisState::Finished => AnalysisEvent::Done(Done {
            analysis_id: record.id.to_string(),
            conversation: record.conversation_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            mode: record.mode_id,
            provider: record.provider,
            model: record.model,
            usage: Usage {
                prompt_tokens: record.prompt_tokens.unsigned_abs(),
                completion_tokens: record.completion_tokens.unsigned_abs(),
            },
            cut: record.cut,
            ms: record.ms.unwrap_or_default().unsigned_abs(),
        }),
        AnalysisState::Cancelled => {
            AnalysisEvent::Error(Problem::new("cancelled", 499, "The analysis was cancelled"))
        }
        AnalysisState::Failed | AnalysisState::Running => AnalysisEvent::Error(match record.failure {
            Some(failure) => unfinished().detail(format!("What happened: {}. Ask again.", failure.words)),
            None => unfinished(),
        }),
    };
    let recorded = RecordedEvents { answer: record.answer, edits: record.edits, steps };
    let events = whole_answer(&record.id, &recorded).chain([last]);
    events.map(|event| StreamedEvent { id: None, event }).collect()
}
