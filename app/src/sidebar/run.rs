//! One analysis, from the question to the end of the answer; and the signal light, which says whether the screen is being
//! captured or a picture is leaving the machine.

use protocol::Problem;
use protocol::analysis::{AnalysisEvent, Done, Step, StepState, TextEdit};

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Run {
    #[default]
    Idle,
    /// The picture is leaving the machine; ends with the server's first event.
    Sending(Answer),
    Answering(Answer),
    Answered(Answer, Done),
    Cancelled(Answer),
    Failed(Answer, Problem),
}

/// What has been received so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The question as it was sent; the field may contain another one by now.
    pub question: String,
    /// In the order in which they started; each node once.
    pub steps: Vec<Step>,
    /// Markdown.
    pub text: String,
    pub edits: Vec<TextEdit>,
}

#[derive(Debug, Clone)]
pub enum RunEvent {
    Asked {
        question: String,
    },
    Cancelled,
    Received(AnalysisEvent),
    /// The transport has finished.
    Ended(Result<(), Problem>),
    /// The session ended: whoever signs in next has to ask again.
    SessionEnded,
}

impl Run {
    #[must_use]
    pub fn after(self, event: RunEvent) -> Self {
        match (self, event) {
            (idle, RunEvent::Asked { question }) if !idle.is_running() => {
                Self::Sending(Answer { question, ..Answer::default() })
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Received(event)) => {
                answer.after(event)
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Cancelled) => Self::Cancelled(answer),
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Ended(Err(problem))) => {
                Self::Failed(answer, problem)
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Ended(Ok(()))) => {
                Self::Failed(answer, interrupted())
            }
            (_, RunEvent::SessionEnded) => Self::Idle,
            (unchanged, _) => unchanged,
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Sending(_) | Self::Answering(_))
    }

    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Idle => None,
            Self::Sending(answer)
            | Self::Answering(answer)
            | Self::Answered(answer, _)
            | Self::Cancelled(answer)
            | Self::Failed(answer, _) => Some(answer),
        }
    }

    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Failed(_, problem) => Some(problem),
            _ => None,
        }
    }
}

impl Answer {
    fn after(mut self, event: AnalysisEvent) -> Run {
        match event {
            AnalysisEvent::Delta(delta) => self.text.push_str(&delta.text),
            AnalysisEvent::Edit(edit) => self.edits.push(edit),
            AnalysisEvent::Step(step) => self.record_step(step),
            AnalysisEvent::Done(done) => return Run::Answered(self, done),
            AnalysisEvent::Error(problem) => return Run::Failed(self, problem),
        }
        Run::Answering(self)
    }

    /// A node that starts again after it ended gets a new line.
    fn record_step(&mut self, step: Step) {
        let open = self.steps.iter_mut().rev().find(|s| s.node == step.node && s.state == StepState::Started);
        match open {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
    }
}

/// The stream ended before the answer did: the connection was lost, or the server closed it (as after a revocation).
pub fn interrupted() -> Problem {
    Problem::new("interrupted", 502, "The answer stopped before its end")
        .detail("The connection to the server ended. Ask again; your question and picture are kept.")
}

/// The state of a screen capture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CaptureState {
    #[default]
    Idle,
    Capturing,
    Failed(Problem),
}

/// The signal light: amber only while the screen is being captured or a picture is leaving the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    Off,
    Capturing,
    Sending,
}

impl Light {
    pub fn of(capture: &CaptureState, run: &Run) -> Self {
        match (capture, run) {
            (CaptureState::Capturing, _) => Self::Capturing,
            (_, Run::Sending(_)) => Self::Sending,
            _ => Self::Off,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "Not looking",
            Self::Capturing => "Looking at the screen",
            Self::Sending => "Sending the picture",
        }
    }
}

/// Who answered, in one line. Without a model, the answer quotes the text in the picture.
pub fn attribution(done: &Done) -> String {
    let seconds = format!("{}.{} s", done.ms / 1_000, done.ms % 1_000 / 100);
    if done.model.is_empty() {
        return format!("No model was used: read from the screen · {seconds}");
    }
    let tokens = done.usage.prompt_tokens + done.usage.completion_tokens;
    let tokens = if tokens == 0 { String::new() } else { format!(" · {tokens} tokens") };
    format!("{} · {} · {seconds}{tokens}", done.model, done.provider)
}

/// A step's label on the page. A node that this version does not know keeps its own name.
pub fn step_label(node: &str) -> &str {
    match node {
        "answer" => "Answer",
        "check" => "Check",
        "extract" => "Find lines that fit",
        "propose" => "Propose an edit",
        "read" => "Read the screen",
        "recall" => "Recall",
        "route" => "Choose a way",
        other => other,
    }
}

/// The part of a growing answer to announce next to screen readers: whole sentences or lines only, until the answer is
/// `complete`. `announced`: the number of bytes announced before. Returns the new number, and the text.
pub fn next_announcement(text: &str, announced: usize, complete: bool) -> Option<(usize, &str)> {
    let fresh = text.get(announced..)?;
    let end = if complete {
        fresh.len()
    } else {
        let sentence = fresh.rfind(". ").map(|at| at + 2);
        let line = fresh.rfind('\n').map(|at| at + 1);
        sentence.max(line)?
    };
    let words = fresh[..end].trim();
    (!words.is_empty()).then_some((announced + end, words))
}

#[cfg(test)]
mod tests {
    use protocol::analysis::{Delta, Usage};

    use super::*;

    fn asked() -> Run {
        Run::Idle.after(RunEvent::Asked { question: "why?".into() })
    }

    fn delta(text: &str) -> RunEvent {
        RunEvent::Received(AnalysisEvent::Delta(Delta { text: text.into() }))
    }

    fn step(node: &str, state: StepState, ms: Option<u64>) -> RunEvent {
        RunEvent::Received(AnalysisEvent::Step(Step { node: node.into(), state, ms, note: None }))
    }

    fn done(model: &str) -> Done {
        Done {
            analysis_id: "1".into(),
            mode: "general".into(),
            provider: "ollama".into(),
            model: model.into(),
            usage: Usage { prompt_tokens: 40, completion_tokens: 2 },
            ms: 1_950,
        }
    }

    #[test]
    fn a_question_is_sent_and_answered() {
        let run = asked();
        assert_eq!(Light::of(&CaptureState::Idle, &run), Light::Sending);
        let run = run.after(step("read", StepState::Started, None));
        assert_eq!(Light::of(&CaptureState::Idle, &run), Light::Off);
        let run = run.after(step("read", StepState::Finished, Some(12))).after(delta("a")).after(delta("b"));
        let run =
            run.after(RunEvent::Received(AnalysisEvent::Done(done("m")))).after(RunEvent::Ended(Ok(())));
        let Run::Answered(answer, _) = run else { panic!("{run:?}") };
        assert_eq!((answer.text.as_str(), answer.question.as_str()), ("ab", "why?"));
        assert_eq!(answer.steps.len(), 1);
        assert_eq!(answer.steps[0].ms, Some(12));
    }

    #[test]
    fn an_interrupted_stream_is_a_failure_that_keeps_the_text() {
        let run = asked().after(delta("half")).after(RunEvent::Ended(Ok(())));
        assert_eq!(run.problem(), Some(&interrupted()));
        assert_eq!(run.answer().map(|a| a.text.as_str()), Some("half"));
    }

    #[test]
    fn events_after_cancelling_are_ignored() {
        let run = asked().after(delta("a")).after(RunEvent::Cancelled);
        let later = run.clone().after(delta("b")).after(RunEvent::Ended(Ok(())));
        assert_eq!(later, run);
    }

    #[test]
    fn one_question_at_a_time() {
        let run = asked().after(RunEvent::Asked { question: "another".into() });
        assert_eq!(run, asked());
        let again = run.after(RunEvent::Cancelled).after(RunEvent::Asked { question: "another".into() });
        assert_eq!(again.answer().map(|a| a.question.as_str()), Some("another"));
    }

    #[test]
    fn a_repeated_node_is_a_new_line() {
        let run = asked()
            .after(step("answer", StepState::Started, None))
            .after(step("answer", StepState::Failed, Some(3)))
            .after(step("answer", StepState::Started, None));
        let states: Vec<_> = run.answer().unwrap().steps.iter().map(|s| s.state).collect();
        assert_eq!(states, [StepState::Failed, StepState::Started]);
    }

    #[test]
    fn the_light_is_on_while_capturing() {
        assert_eq!(Light::of(&CaptureState::Capturing, &Run::Idle), Light::Capturing);
        assert_eq!(Light::of(&CaptureState::Failed(Problem::internal()), &Run::Idle), Light::Off);
    }

    #[test]
    fn the_attribution_says_when_no_model_was_used() {
        assert_eq!(attribution(&done("")), "No model was used: read from the screen · 1.9 s");
        assert_eq!(attribution(&done("llava")), "llava · ollama · 1.9 s · 42 tokens");
    }

    #[test]
    fn whole_sentences_are_announced_once() {
        let text = "One. Two is lo";
        let (heard, words) = next_announcement(text, 0, false).unwrap();
        assert_eq!(words, "One.");
        assert_eq!(next_announcement(text, heard, false), None);
        let (heard, words) = next_announcement("One. Two is long", heard, true).unwrap();
        assert_eq!((heard, words), (16, "Two is long"));
        assert_eq!(next_announcement("One. Two is long", heard, true), None);
        assert_eq!(next_announcement("", 40, true), None);
    }
}
