//! One analysis, from the question to the end of the answer; and the signal light, which says whether the screen is being
//! captured or a picture is leaving the machine.

use protocol::Problem;
use protocol::analysis::{
    AnalysisEvent, CutReason, Done, Notice, NoticeCode, PersonQuestion, Step, StepState, TextEdit,
};

mod words;

pub use words::{attribution, duration, elapsed, next_announcement, step_label};

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
    /// Whether a picture was sent with it.
    pub shares_picture: bool,
    /// In the order in which they started.
    pub steps: Vec<ShownStep>,
    /// Markdown.
    pub text: String,
    pub edits: Vec<TextEdit>,
    /// What the model thought before it answered, if its server tells.
    pub reasoning: String,
    /// What one should know about the answer, each once.
    pub notices: Vec<Notice>,
    /// What the answer waits for.
    pub questions: Vec<PersonQuestion>,
    /// The place in the queue, while others are served first.
    pub place: Option<u32>,
}

/// A step as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownStep {
    pub node: String,
    pub status: StepStatus,
    /// The duration in milliseconds, once the step has ended.
    pub ms: Option<u64>,
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepStatus {
    Failed,
    Finished,
    Running,
    /// Under way when the analysis was cancelled or lost.
    Stopped,
}

impl ShownStep {
    /// Which way a question takes concerns people only when there is none.
    pub fn is_shown(&self) -> bool {
        self.node != "route" || self.status == StepStatus::Failed
    }
}

impl From<Step> for ShownStep {
    fn from(step: Step) -> Self {
        let status = match step.state {
            StepState::Failed => StepStatus::Failed,
            StepState::Finished => StepStatus::Finished,
            StepState::Started => StepStatus::Running,
        };
        Self { node: step.node, status, ms: step.ms, note: step.note }
    }
}

#[derive(Debug, Clone)]
pub enum RunEvent {
    Asked {
        question: String,
        shares_picture: bool,
    },
    Cancelled,
    /// A question of the run is no longer open.
    QuestionClosed {
        id: String,
    },
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
            (idle, RunEvent::Asked { question, shares_picture }) if !idle.is_running() => {
                Self::Sending(Answer { question, shares_picture, ..Answer::default() })
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Received(event)) => {
                answer.after(event)
            }
            (Self::Answering(mut answer), RunEvent::QuestionClosed { id }) => {
                answer.questions.retain(|question| question.id != id);
                Self::Answering(answer)
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Cancelled) => {
                Self::Cancelled(answer.stopped())
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Ended(Err(problem))) => {
                Self::Failed(answer.stopped(), problem)
            }
            (Self::Sending(answer) | Self::Answering(answer), RunEvent::Ended(Ok(()))) => {
                Self::Failed(answer.stopped(), interrupted())
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

    /// Whether the answer has reached the model's limit, and may go on.
    pub fn can_go_on(&self) -> bool {
        matches!(self, Self::Answered(_, done) if done.cut == Some(CutReason::Length))
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
        self.place = None;
        match event {
            AnalysisEvent::Queued(queued) => self.place = Some(queued.place),
            AnalysisEvent::Delta(delta) => self.text.push_str(&delta.text),
            AnalysisEvent::Edit(edit) => self.edits.push(edit),
            AnalysisEvent::Notice(notice) => self.add_notice(notice),
            AnalysisEvent::Reasoning(reasoning) => {
                if reasoning.retracts {
                    self.text.clear();
                }
                self.reasoning.push_str(&reasoning.text);
            }
            AnalysisEvent::Step(step) => self.record_step(step),
            AnalysisEvent::Question(question) => self.add_question(question),
            AnalysisEvent::Started(_) => self.begin_anew(),
            AnalysisEvent::Done(done) => {
                done.cut.into_iter().for_each(|cut| self.add_notice(Notice::new(cut.into())));
                return Run::Answered(self.stopped(), done);
            }
            AnalysisEvent::Error(problem) => return Run::Failed(self.stopped(), problem),
        }
        Run::Answering(self)
    }

    /// All that was received before is void: it follows again.
    fn begin_anew(&mut self) {
        self.steps.clear();
        self.text.clear();
        self.edits.clear();
        self.reasoning.clear();
        self.notices.clear();
        self.questions.clear();
    }

    fn add_question(&mut self, question: PersonQuestion) {
        if !self.questions.iter().any(|known| known.id == question.id) {
            self.questions.push(question);
        }
    }

    fn add_notice(&mut self, notice: Notice) {
        if !notice.text.is_empty() && !self.notices.iter().any(|known| known.text == notice.text) {
            self.notices.push(notice);
        }
    }

    /// The notices to show now: those about waiting only until the answer begins.
    pub fn shown_notices(&self, running: bool) -> Vec<Notice> {
        let waiting = running && self.text.is_empty();
        let about_waiting = |notice: &&Notice| {
            matches!(
                notice.code,
                NoticeCode::ModelLoading
                    | NoticeCode::ServerBusy
                    | NoticeCode::ServerSwitched
                    | NoticeCode::Waiting
            )
        };
        self.notices.iter().filter(|notice| waiting || !about_waiting(notice)).cloned().collect()
    }

    /// A node that starts again after it ended gets a new line.
    fn record_step(&mut self, step: Step) {
        let is_open = |known: &&mut ShownStep| known.node == step.node && known.status == StepStatus::Running;
        match self.steps.iter_mut().rev().find(is_open) {
            Some(known) => *known = step.into(),
            None => self.steps.push(step.into()),
        }
    }

    /// No step goes on after the end.
    fn stopped(mut self) -> Self {
        for step in self.steps.iter_mut().filter(|step| step.status == StepStatus::Running) {
            step.status = StepStatus::Stopped;
        }
        self.questions.clear();
        self
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

/// The signal light: amber while the screen is captured, and while a picture of it is sent or used for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    Off,
    Capturing,
    Sending,
    /// The server has the picture, and the answer is not complete.
    Reading,
}

impl Light {
    pub fn of(capture: &CaptureState, run: &Run) -> Self {
        match (capture, run) {
            (CaptureState::Capturing, _) => Self::Capturing,
            (_, Run::Sending(answer)) if answer.shares_picture => Self::Sending,
            (_, Run::Answering(answer)) if answer.shares_picture => Self::Reading,
            _ => Self::Off,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "Screen not shared",
            Self::Capturing => "Capturing the screen",
            Self::Sending => "Sending the picture",
            Self::Reading => "Picture shared for this answer",
        }
    }

    /// Whether a picture has left, or is leaving, this machine.
    pub fn shows_picture(self) -> bool {
        matches!(self, Self::Sending | Self::Reading)
    }
}

#[cfg(test)]
mod tests;
