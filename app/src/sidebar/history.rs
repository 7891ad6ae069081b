//! One's own earlier questions and answers: those of this page, and the conversations that the server keeps.

use protocol::Problem;
use protocol::analysis::{CutReason, Done, Notice, Usage};
use protocol::conversation::ConversationSummary;
use serde::Deserialize;

use super::run::{Answer, Run, attribution};

/// A conversation as `GET /native/conversations/{id}` describes it, its oldest question first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedConversation {
    #[serde(flatten)]
    pub summary: ConversationSummary,
    pub analyses: Vec<RecordedAnalysis>,
}

/// A file of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Json,
    Markdown,
}

impl ExportFormat {
    /// As the server names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "markdown",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Markdown => "text/markdown",
        }
    }
}

/// The title of a conversation in a list.
pub fn shown_title(title: &str) -> &str {
    if title.is_empty() { "Without a question" } else { title }
}

/// An analysis as `GET /native/analyses` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedAnalysis {
    pub id: String,
    #[serde(default)]
    pub conversation: Option<String>,
    pub mode: String,
    /// The question.
    pub context: String,
    pub answer: String,
    /// `running`, `finished`, `failed` or `cancelled`.
    pub state: String,
    pub provider: String,
    pub model: String,
    /// Seconds since the Unix epoch.
    pub started_at: i64,
    pub ms: Option<u64>,
    /// Why the answer stops before its natural end.
    #[serde(default)]
    pub cut: Option<CutReason>,
}

/// An earlier question with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Empty for what ended before the server told it.
    pub id: String,
    pub question: String,
    /// Markdown.
    pub answer: String,
    /// How it ended, in one line.
    pub ending: String,
    /// Seconds since the Unix epoch. `None`: asked on this page.
    pub asked_at: Option<i64>,
}

impl RecordedAnalysis {
    /// As if it had just been answered. `None`: it has no complete answer.
    pub fn reopened(&self) -> Option<Run> {
        let answer = Answer {
            question: self.context.clone(),
            text: self.answer.clone(),
            notices: self.cut.map(|cut| Notice::new(cut.into())).into_iter().collect(),
            ..Answer::default()
        };
        (self.state == "finished").then(|| Run::Answered(answer, self.done()))
    }

    fn done(&self) -> Done {
        Done {
            analysis_id: self.id.clone(),
            conversation: self.conversation.clone().unwrap_or_default(),
            mode: self.mode.clone(),
            provider: self.provider.clone(),
            model: self.model.clone(),
            usage: Usage::default(),
            ms: self.ms.unwrap_or_default(),
            cut: self.cut,
        }
    }
}

impl From<RecordedAnalysis> for Earlier {
    fn from(record: RecordedAnalysis) -> Self {
        let ending = match record.state.as_str() {
            "cancelled" => "Cancelled.".to_owned(),
            "failed" => "Failed.".to_owned(),
            "running" => "Still running.".to_owned(),
            _ => attribution(&record.done()),
        };
        Self {
            id: record.id,
            question: record.context,
            answer: record.answer,
            ending,
            asked_at: Some(record.started_at),
        }
    }
}

impl Earlier {
    /// `None` while it runs.
    pub fn of(run: &Run) -> Option<Self> {
        let (id, answer, ending) = match run {
            Run::Idle | Run::Sending(_) | Run::Answering(_) => return None,
            Run::Answered(answer, done) => (done.analysis_id.clone(), answer, attribution(done)),
            Run::Cancelled(answer) => (String::new(), answer, "Cancelled.".to_owned()),
            Run::Failed(answer, problem) => (String::new(), answer, failed(problem)),
        };
        Some(Self {
            id,
            question: answer.question.clone(),
            answer: answer.text.clone(),
            ending,
            asked_at: None,
        })
    }
}

fn failed(problem: &Problem) -> String {
    format!("Failed: {}.", problem.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: &str) -> RecordedAnalysis {
        let record = format!(
            r#"{{"id":"7","mode":"general","context":"\nwhy?","answer":"Because","state":"{state}","provider":"talker",
                "model":"talker-1","started_at":9,"ms":2100,"image_kept":false}}"#
        );
        serde_json::from_str(&record).unwrap()
    }

    #[test]
    fn a_finished_analysis_can_be_reopened() {
        let run = record("finished").reopened().unwrap();
        assert!(matches!(&run, Run::Answered(answer, _) if answer.text == "Because"), "{run:?}");
        for state in ["failed", "cancelled", "running"] {
            assert_eq!(record(state).reopened(), None, "{state}");
        }
    }

    #[test]
    fn an_earlier_question_says_how_it_ended() {
        let ending = |state| Earlier::from(record(state)).ending;
        assert_eq!(ending("finished"), "talker-1 · talker · 2 s");
        assert_eq!(ending("cancelled"), "Cancelled.");
        let earlier = Earlier::from(record("finished"));
        assert_eq!(earlier.question.trim(), "why?");
        let here = Earlier::of(&record("finished").reopened().unwrap()).unwrap();
        assert_eq!(here, Earlier { asked_at: None, ..earlier });
        assert_eq!(Earlier::of(&Run::Sending(Answer::default())), None);
    }
}
