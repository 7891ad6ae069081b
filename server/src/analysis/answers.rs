//! What a run asks its person.

use domain::id::AnalysisId;
use domain::run::{RunRecord, RunState};
use protocol::analysis::{MAX_CONTEXT_CHARS, PersonAnswer, PersonQuestion};
use protocol::{Problem, ServiceError};
use serde_json::Value;
use web::Rule;
use workflow::document::Question as DocumentQuestion;
use workflow::{Answered, CheckpointStore, Interrupt, ThreadId, answer};

use super::Analyses;
use crate::failure::Failure;
use crate::native::Person;

/// Answers of one person, per minute.
const ANSWERS_PER_MINUTE: u32 = 60;

/// A question as its person sees it.
pub(super) fn person_question(run: &AnalysisId, interrupt: &Interrupt, now: i64) -> PersonQuestion {
    let question = document_question(&interrupt.question);
    PersonQuestion {
        analysis_id: run.to_string(),
        id: question_id(run, interrupt),
        expires_at: now + i64::from(question.minutes) * 60,
        text: question.text,
        choices: question.choices,
        free_text: question.free_text,
    }
}

fn document_question(value: &Value) -> DocumentQuestion {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| DocumentQuestion {
        text: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        choices: Vec::new(),
        free_text: true,
        minutes: 15,
    })
}

/// Unique in the run: before the colon stands the run of a sub-graph, if it asks.
fn question_id(run: &AnalysisId, interrupt: &Interrupt) -> String {
    let thread = interrupt.thread.as_str();
    match thread.strip_prefix(run.as_str()).and_then(|rest| rest.strip_prefix('/')) {
        Some(subgraph) => format!("{subgraph}:{}", interrupt.id),
        None => interrupt.id.clone(),
    }
}

fn named_by(run: &AnalysisId, id: &str) -> (ThreadId, String) {
    match id.rsplit_once(':') {
        Some((subgraph, id)) => (ThreadId::new(format!("{run}/{subgraph}")), id.to_owned()),
        None => (ThreadId::new(run.as_str()), id.to_owned()),
    }
}

fn context(run: &AnalysisId) -> String {
    format!("analysis_run.questions:{run}")
}

impl Analyses {
    pub(super) fn seal_questions(
        &self,
        run: &AnalysisId,
        questions: &[PersonQuestion],
    ) -> Result<Vec<u8>, ServiceError> {
        let json = serde_json::to_vec(questions).map_err(|_| Problem::internal())?;
        let sealed = self.env.vault.seal(&context(run), &json, self.env.random.as_ref());
        Ok(sealed.map_err(Failure::Vault)?)
    }

    /// The open questions of a run.
    pub(super) fn questions_of(&self, run: &RunRecord) -> Result<Vec<PersonQuestion>, ServiceError> {
        let Some(sealed) = &run.questions else { return Ok(Vec::new()) };
        let opened = self.env.vault.open(&context(&run.id), sealed).map_err(Failure::Vault)?;
        Ok(serde_json::from_slice(&opened).map_err(|_| Failure::Other("stored questions of another form"))?)
    }

    /// Answers a question of one's own analysis. The first answer counts: 409 for any other, and once nobody waits for it.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.answer",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn answer(
        &self,
        person: &Person,
        id: &AnalysisId,
        given: PersonAnswer,
    ) -> Result<(), ServiceError> {
        let rule = Rule::per_minute("answers", ANSWERS_PER_MINUTE);
        self.limits.check_key(rule, person.account.id.as_str()).await?;
        let run = self.own_run(person, id).await?;
        let text = given.answer.trim();
        if text.is_empty() || text.chars().count() > MAX_CONTEXT_CHARS || text.contains('\0') {
            return Err(Problem::invalid_input().field("answer", "Use 1 to 4,000 characters.").into());
        }
        let (thread, question) = named_by(id, &given.question);
        let asked = self.question(&thread, &question).await?.ok_or_else(Problem::not_found)?;
        if !document_question(&asked).takes(text) {
            return Err(Problem::invalid_input().field("answer", "Choose one of the answers.").into());
        }
        let waits =
            run.state == RunState::Waiting && run.waits_until.is_some_and(|until| self.env.now() < until);
        if !waits {
            return Err(answered_before().into());
        }
        let recorded = answer(&self.checkpoints, &thread, &question, Value::from(text)).await;
        match recorded.map_err(Failure::Checkpoints)? {
            Answered::Already => Err(answered_before().into()),
            Answered::Unknown => Err(Problem::not_found().into()),
            Answered::Recorded => {
                if let Some(live) = self.live.find(id) {
                    live.answered.notify_one();
                }
                Ok(())
            }
        }
    }

    /// Cancels one's own analysis, if it runs.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.cancel",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn cancel(&self, person: &Person, id: &AnalysisId) -> Result<(), ServiceError> {
        let run = self.own_run(person, id).await?;
        match self.live.find(id) {
            Some(live) => live.cancel.cancel(),
            None if run.state.has_ended() => {}
            None => return Err(runs_elsewhere().into()),
        }
        Ok(())
    }

    /// What a question asks; its id is `sequence.task.number`.
    async fn question(&self, thread: &ThreadId, id: &str) -> Result<Option<Value>, ServiceError> {
        let Some(sequence) = id.split('.').next().and_then(|part| part.parse().ok()) else { return Ok(None) };
        let writes = self.checkpoints.writes(thread, sequence).await.map_err(Failure::Checkpoints)?;
        let mut interrupts =
            writes.into_iter().filter_map(|write| serde_json::from_value::<Interrupt>(write.value).ok());
        Ok(interrupts.find(|asked| asked.id == id && asked.thread == *thread).map(|asked| asked.question))
    }

    /// The run of one's own analysis.
    pub(super) async fn own_run(&self, person: &Person, id: &AnalysisId) -> Result<RunRecord, ServiceError> {
        let found = self.env.store.read().await?.runs().find(id).await?;
        let own = found.filter(|run| run.account_id == person.account.id && run.is_analysis);
        Ok(own.ok_or_else(Problem::not_found)?)
    }
}

pub fn runs_elsewhere() -> Problem {
    Problem::conflict("Another server has this analysis. Try again in a minute.")
}

pub fn answered_before() -> Problem {
    Problem::conflict("This question was answered before, or is no longer asked.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_named_within_its_run() {
        let run: AnalysisId = "a1".parse().unwrap();
        for (thread, id, name) in [("a1", "2.0.0", "2.0.0"), ("a1/3.0/1.2", "0.0.1", "3.0/1.2:0.0.1")] {
            let interrupt = Interrupt {
                thread: ThreadId::new(thread),
                id: id.to_owned(),
                node: "ask".to_owned(),
                question: Value::Null,
            };
            assert_eq!(question_id(&run, &interrupt), name);
            assert_eq!(named_by(&run, name), (ThreadId::new(thread), id.to_owned()));
        }
        assert_eq!(named_by(&run, "../x:1").0, ThreadId::new("a1/../x"), "never another run");
    }
}
