//! The sidebar's state as signals, and its actions as futures over a [`Transport`].
//!
//! Always holds: question, mode and picture survive the end of the session, failed questions and answers, so whoever signs
//! in again can go on. One capture or analysis runs at a time, and [`SidebarState::cancel`] ends it at once.

use std::rc::Rc;

use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use protocol::Problem;
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS};
use protocol::desktop::HotkeyStatus;
use protocol::image::MediaType;
use protocol::mode::ModeSummary;
use protocol::native::{Login, Session};

use super::access::{Access, AccessEvent};
use super::edit::Review;
use super::history::Earlier;
use super::picture::{Picture, PictureSource};
use super::run::{CaptureState, Run, RunEvent};
use super::transport::{Captured, Question, Transport};

mod answers;
mod conversation;
mod policy;
mod recovery;
mod review;

pub use conversation::HistoryList;

/// What asks a model to go on with an answer.
const GO_ON: &str = "Continue where you stopped.";

/// The modes that the user may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modes {
    Loading,
    Failed(Problem),
    Ready(Vec<ModeSummary>),
}

#[derive(Clone, Copy)]
pub struct SidebarState {
    transport: StoredValue<Rc<dyn Transport>, LocalStorage>,
    abort: StoredValue<Option<AbortHandle>>,
    pub access: RwSignal<Access>,
    pub capture: RwSignal<CaptureState>,
    /// What the picture of the last question was, while this page is open.
    pub asked_about: RwSignal<Option<Picture>>,
    /// The conversation that is shown; empty: a new one.
    pub conversation: RwSignal<String>,
    /// Its title, as far as it is known.
    pub title: RwSignal<String>,
    /// Its earlier questions, the oldest first; without the one that `run` shows.
    pub earlier: RwSignal<Vec<Earlier>>,
    /// Why the conversation could not be opened.
    pub open_problem: RwSignal<Option<Problem>>,
    /// The list of one's own conversations; `None`: it is not shown.
    pub history: RwSignal<Option<HistoryList>>,
    /// Counts the conversations that were opened or begun, so that one that arrives late is not shown.
    opened: StoredValue<u64>,
    /// The conversation that this tab showed before it was reloaded; empty: a new one.
    remembered: StoredValue<Option<String>>,
    /// The chosen mode's id; empty while none is known.
    pub mode: RwSignal<String>,
    pub modes: RwSignal<Modes>,
    pub picture: RwSignal<Option<Picture>>,
    pub question: RwSignal<String>,
    /// The errors to correct before anything is sent.
    pub refused: RwSignal<Option<Problem>>,
    pub run: RwSignal<Run>,
    /// The review of the edits that `run` proposes.
    pub review: RwSignal<Review>,
    pub hotkey: RwSignal<HotkeyStatus>,
}

impl std::fmt::Debug for SidebarState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SidebarState")
    }
}

impl SidebarState {
    /// `mode`: the one that was chosen last time. `conversation`: the one that this tab showed; `None`: it is new.
    pub fn new(transport: Rc<dyn Transport>, mode: Option<String>, conversation: Option<String>) -> Self {
        Self {
            transport: StoredValue::new_local(transport),
            abort: StoredValue::new(None),
            access: RwSignal::new(Access::Checking),
            capture: RwSignal::new(CaptureState::Idle),
            asked_about: RwSignal::new(None),
            conversation: RwSignal::new(String::new()),
            title: RwSignal::new(String::new()),
            earlier: RwSignal::new(Vec::new()),
            open_problem: RwSignal::new(None),
            history: RwSignal::new(None),
            opened: StoredValue::new(0),
            remembered: StoredValue::new(conversation),
            mode: RwSignal::new(mode.unwrap_or_default()),
            modes: RwSignal::new(Modes::Loading),
            picture: RwSignal::new(None),
            question: RwSignal::new(String::new()),
            refused: RwSignal::new(None),
            run: RwSignal::new(Run::Idle),
            review: RwSignal::new(Review::None),
            hotkey: RwSignal::new(HotkeyStatus::default()),
        }
    }

    /// Checks whether somebody is still signed in.
    pub async fn start(self) {
        self.apply_access(AccessEvent::CheckRepeated);
        let Some(transport) = self.transport() else { return };
        let found = transport.session().await;
        self.enter(found).await;
    }

    async fn enter(self, session: Result<Option<Session>, Problem>) {
        match session {
            Ok(Some(session)) => {
                self.apply_access(AccessEvent::SignedIn(session));
                self.load_modes().await;
                self.reopen().await;
            }
            Ok(None) => self.apply_access(AccessEvent::NobodySignedIn),
            Err(problem) if problem.status == 401 => self.apply_access(AccessEvent::NobodySignedIn),
            Err(problem) => self.apply_access(AccessEvent::CheckFailed(problem)),
        }
    }

    pub async fn sign_in(self, login: Login) {
        let Some(transport) = self.begin_attempt() else { return };
        match transport.login(login).await {
            Ok(challenge) => self.apply_access(AccessEvent::PasswordAccepted(challenge)),
            Err(problem) => self.apply_access(AccessEvent::Refused(problem)),
        }
    }

    pub async fn verify(self, code: String) {
        let Some(transport) = self.begin_attempt() else { return };
        match transport.verify(code).await {
            Ok(session) => self.enter(Ok(Some(session))).await,
            Err(problem) => self.apply_access(AccessEvent::Refused(problem)),
        }
    }

    /// Clears the picture too: the next person at this machine must not see it.
    pub async fn sign_out(self) {
        self.cancel();
        let Some(transport) = self.transport() else { return };
        let notified = transport.logout().await;
        self.apply_access(AccessEvent::SignedOut { server_notified: notified.is_ok() });
        self.apply_run(RunEvent::SessionEnded);
        self.picture.set(None);
        self.asked_about.set(None);
        self.question.set(String::new());
        self.refused.set(None);
        self.new_conversation();
        self.remembered.set_value(None);
    }

    pub async fn load_modes(self) {
        self.modes.set(Modes::Loading);
        let Some(transport) = self.transport() else { return };
        let found = transport.modes().await;
        self.take_modes(found);
    }

    fn take_modes(self, found: Result<Vec<ModeSummary>, Problem>) {
        match found {
            Ok(modes) => {
                let known = self.mode.with_untracked(|id| modes.iter().any(|mode| mode.id == *id));
                if !known {
                    self.mode.set(modes.first().map(|mode| mode.id.clone()).unwrap_or_default());
                }
                self.modes.set(Modes::Ready(modes));
            }
            Err(problem) => {
                self.end_session_if_unauthorized(&problem);
                self.modes.set(Modes::Failed(problem));
            }
        }
    }

    /// Makes a file the picture, or sets the error of the field `image`.
    pub fn accept_file(self, name: &str, bytes: Vec<u8>) {
        match Picture::upload(name, bytes) {
            Ok(picture) => self.set_picture(picture),
            Err(problem) => self.refused.set(Some(problem)),
        }
    }

    pub fn remove_picture(self) {
        self.picture.set(None);
        self.refused.set(None);
    }

    /// Captures the screen, if the transport can.
    pub async fn capture_screen(self) {
        let Some(transport) = self.transport().filter(|_| !self.is_busy()) else { return };
        let Some(capture) = transport.capture() else { return };
        self.capture.set(CaptureState::Capturing);
        match self.cancellable(capture).await {
            // Cancelled: `cancel` has reset the state.
            None => {}
            Some(Ok(captured)) => {
                self.capture.set(CaptureState::Idle);
                self.set_picture(captured.into());
            }
            Some(Err(problem)) => {
                self.end_session_if_unauthorized(&problem);
                self.capture.set(CaptureState::Failed(problem));
            }
        }
    }

    /// Sends the question in the field. The picture stays for the next one; so does the question if it is not answered.
    pub async fn ask(self) {
        let text = self.question.get_untracked().trim().to_owned();
        self.send(text, true).await;
    }

    /// Asks the question that is shown once more, in the same conversation, with the picture that is there now.
    pub async fn retry(self) {
        let question = self.run.with_untracked(|run| run.answer().map(|answer| answer.question.clone()));
        if let Some(question) = question {
            self.send(question, false).await;
        }
    }

    /// Lets an answer go on that has reached the model's limit.
    pub async fn go_on(self) {
        self.send(GO_ON.to_owned(), false).await;
    }

    /// `typed`: the text stands in the field.
    async fn send(self, text: String, typed: bool) {
        let Some(transport) = self.transport().filter(|_| !self.is_busy()) else { return };
        let question = match self.validated(text) {
            Ok(question) => question,
            Err(problem) => return self.refused.set(Some(problem)),
        };
        self.refused.set(None);
        self.open_problem.set(None);
        self.opened.update_value(|opened| *opened += 1);
        if let Some(earlier) = self.run.with_untracked(Earlier::of) {
            self.earlier.update(|all| all.push(earlier));
        }
        let text = question.context.clone();
        if typed {
            self.question.set(String::new());
        }
        self.asked_about.set(self.picture.get_untracked());
        let shares_picture = question.picture.is_some();
        self.apply_run(RunEvent::Asked { question: text.clone(), shares_picture });
        let on_event = Box::new(move |event| self.receive(event));
        if let Some(ended) = self.cancellable(transport.analyze(question, on_event)).await {
            if let Err(problem) = &ended {
                self.end_session_if_unauthorized(problem);
            }
            self.apply_run(RunEvent::Ended(ended));
            self.leave_lost_conversation();
            let answered = self.run.with_untracked(|run| matches!(run, Run::Answered(..)));
            if typed && !answered {
                self.give_back(text);
            }
        }
    }

    /// Puts a question that was not answered back into the field, unless another one is being typed.
    fn give_back(self, text: String) {
        if self.question.try_with_untracked(|typed| typed.trim().is_empty()).unwrap_or_default() {
            self.question.set(text);
        }
    }

    /// Cancels the running capture or analysis.
    pub fn cancel(self) {
        if let Some(handle) = self.abort.try_update_value(Option::take).flatten() {
            handle.abort();
        }
        let unanswered = self.run.try_with_untracked(|run| match run {
            Run::Sending(answer) | Run::Answering(answer) if answer.text.is_empty() => {
                Some(answer.question.clone())
            }
            _ => None,
        });
        if let Some(question) = unanswered.flatten() {
            self.give_back(question);
        }
        self.capture.set(CaptureState::Idle);
        self.apply_run(RunEvent::Cancelled);
    }

    pub fn is_busy(self) -> bool {
        self.run.with_untracked(Run::is_running) || self.capture.get_untracked() == CaptureState::Capturing
    }

    pub fn can_capture(self) -> bool {
        self.transport().is_some_and(|transport| transport.can_capture())
    }

    /// A field's error, found here or by the server.
    pub fn error_of(self, field: &'static str) -> Signal<Option<String>> {
        let find =
            move |problem: Option<&Problem>| problem.and_then(|p| p.error_of(field)).map(str::to_owned);
        Signal::derive(move || {
            self.refused
                .with(|refused| find(refused.as_ref()))
                .or_else(|| self.run.with(|run| find(run.problem())))
        })
    }

    pub fn apply_access(self, event: AccessEvent) {
        self.access.update(|access| *access = std::mem::replace(access, Access::Checking).after(event));
    }

    /// `None` once the page has been unmounted.
    fn transport(self) -> Option<Rc<dyn Transport>> {
        self.transport.try_get_value()
    }

    fn begin_attempt(self) -> Option<Rc<dyn Transport>> {
        if self.access.with_untracked(Access::is_waiting) {
            return None;
        }
        self.apply_access(AccessEvent::Submitted);
        self.transport()
    }

    fn validated(self, context: String) -> Result<Question, Problem> {
        let mut problem = Problem::invalid_input();
        let picture = self.picture.get_untracked();
        let conversation = Some(self.conversation.get_untracked()).filter(|id| !id.is_empty());
        if picture.is_none() && conversation.is_none() {
            let message = if self.can_capture() {
                "Look at your screen first, or add a picture."
            } else {
                "Add a picture first."
            };
            problem = problem.field("image", message);
        }
        if picture.is_none() && conversation.is_some() && context.is_empty() {
            problem = problem.field("context", "Type a question, or add a picture.");
        }
        let length = context.chars().count();
        if length > MAX_CONTEXT_CHARS {
            let message = format!("Use at most {MAX_CONTEXT_CHARS} characters; these are {length}.");
            problem = problem.field("context", message);
        }
        if !problem.errors.is_empty() {
            return Err(problem);
        }
        let mode = Some(self.mode.get_untracked()).filter(|id| !id.is_empty());
        Ok(Question { picture: picture.map(|picture| picture.source), context, conversation, mode })
    }

    async fn cancellable<T>(self, work: impl Future<Output = T>) -> Option<T> {
        let (handle, registration) = AbortHandle::new_pair();
        self.abort.set_value(Some(handle));
        Abortable::new(work, registration).await.ok()
    }

    fn receive(self, event: AnalysisEvent) {
        if let AnalysisEvent::Error(problem) = &event
            && self.end_session_if_unauthorized(problem)
        {
            return;
        }
        match &event {
            AnalysisEvent::Done(done) => self.continue_in(&done.conversation),
            // So that a question that fails is tried again in the same one.
            AnalysisEvent::Started(started) => self.continue_in(&started.conversation),
            _ => {}
        }
        self.apply_run(RunEvent::Received(event));
    }

    fn end_session_if_unauthorized(self, problem: &Problem) -> bool {
        let ended = problem.status == 401;
        if ended {
            self.apply_access(AccessEvent::SessionEnded);
            self.apply_run(RunEvent::SessionEnded);
        }
        ended
    }

    fn set_picture(self, picture: Picture) {
        self.picture.set(Some(picture));
        self.refused.set(None);
        self.capture.set(CaptureState::Idle);
    }

    fn apply_run(self, event: RunEvent) {
        self.run.update(|run| *run = std::mem::take(run).after(event));
    }
}

impl From<Captured> for Picture {
    fn from(captured: Captured) -> Self {
        Self {
            source: PictureSource::Capture { id: captured.id },
            name: captured.monitor,
            size: Some((captured.width, captured.height)),
            preview: captured.preview.into(),
            preview_type: MediaType::Jpeg,
            front: captured.front,
        }
    }
}

#[cfg(test)]
mod tests;
