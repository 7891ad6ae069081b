//! What the page knows and does: its state as signals, its actions as futures over a [`Transport`].
//!
//! Always holds: question, mode and picture outlive the session, every failed question and every answer; whoever
//! signs in again goes on where they were. One thing runs at a time, and [`Desk::cancel`] ends it at once.

use std::rc::Rc;

use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use protocol::Problem;
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS};
use protocol::mode::ModeSummary;
use protocol::native::Login;

use super::access::{Access, AccessEvent};
use super::picture::{MediaType, Picture, PictureSource};
use super::run::{Look, Run, RunEvent};
use super::transport::{Captured, Question, Transport};

/// The modes that this person may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modes {
    Loading,
    Failed(Problem),
    Ready(Vec<ModeSummary>),
}

#[derive(Clone, Copy)]
pub struct Desk {
    transport: StoredValue<Rc<dyn Transport>, LocalStorage>,
    stop: StoredValue<Option<AbortHandle>>,
    pub access: RwSignal<Access>,
    pub look: RwSignal<Look>,
    /// The chosen mode's id; empty as long as none is known.
    pub mode: RwSignal<String>,
    pub modes: RwSignal<Modes>,
    pub picture: RwSignal<Option<Picture>>,
    pub question: RwSignal<String>,
    /// What must be corrected before anything is sent.
    pub refused: RwSignal<Option<Problem>>,
    pub run: RwSignal<Run>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    /// `mode` is the one that was chosen last time.
    pub fn new(transport: Rc<dyn Transport>, mode: Option<String>) -> Self {
        Self {
            transport: StoredValue::new_local(transport),
            stop: StoredValue::new(None),
            access: RwSignal::new(Access::Checking),
            look: RwSignal::new(Look::Idle),
            mode: RwSignal::new(mode.unwrap_or_default()),
            modes: RwSignal::new(Modes::Loading),
            picture: RwSignal::new(None),
            question: RwSignal::new(String::new()),
            refused: RwSignal::new(None),
            run: RwSignal::new(Run::Idle),
        }
    }

    /// Looks whether somebody is signed in still.
    pub async fn start(self) {
        self.enter(AccessEvent::CheckRepeated);
        let Some(transport) = self.transport() else { return };
        match transport.session().await {
            Ok(Some(session)) => {
                self.enter(AccessEvent::SignedIn(session));
                self.load_modes().await;
            }
            Ok(None) => self.enter(AccessEvent::NobodySignedIn),
            Err(problem) if problem.status == 401 => self.enter(AccessEvent::NobodySignedIn),
            Err(problem) => self.enter(AccessEvent::CheckFailed(problem)),
        }
    }

    pub async fn sign_in(self, login: Login) {
        let Some(transport) = self.begin_try() else { return };
        match transport.login(login).await {
            Ok(challenge) => self.enter(AccessEvent::PasswordAccepted(challenge)),
            Err(problem) => self.enter(AccessEvent::Refused(problem)),
        }
    }

    pub async fn verify(self, code: String) {
        let Some(transport) = self.begin_try() else { return };
        match transport.verify(code).await {
            Ok(session) => {
                self.enter(AccessEvent::SignedIn(session));
                self.load_modes().await;
            }
            Err(problem) => self.enter(AccessEvent::Refused(problem)),
        }
    }

    /// The picture goes, too: the next person at this machine must not find it.
    pub async fn sign_out(self) {
        self.cancel();
        let Some(transport) = self.transport() else { return };
        let told = transport.logout().await;
        self.enter(AccessEvent::SignedOut { server_told: told.is_ok() });
        self.follow(RunEvent::SessionEnded);
        self.picture.set(None);
        self.question.set(String::new());
        self.refused.set(None);
    }

    pub async fn load_modes(self) {
        self.modes.set(Modes::Loading);
        let Some(transport) = self.transport() else { return };
        match transport.modes().await {
            Ok(modes) => {
                let known = self.mode.with_untracked(|id| modes.iter().any(|mode| mode.id == *id));
                if !known {
                    self.mode.set(modes.first().map(|mode| mode.id.clone()).unwrap_or_default());
                }
                self.modes.set(Modes::Ready(modes));
            }
            Err(problem) => {
                self.leave_if_signed_out(&problem);
                self.modes.set(Modes::Failed(problem));
            }
        }
    }

    /// Takes a file's bytes as the picture, or says at the picture why not.
    pub fn take(self, name: &str, bytes: Vec<u8>) {
        match Picture::upload(name, bytes) {
            Ok(picture) => self.show(picture),
            Err(problem) => self.refused.set(Some(problem)),
        }
    }

    pub fn drop_picture(self) {
        self.picture.set(None);
        self.refused.set(None);
    }

    /// Takes a picture of the screen, where there is one.
    pub async fn look(self) {
        let Some(transport) = self.transport().filter(|_| !self.is_busy()) else { return };
        let Some(capture) = transport.capture() else { return };
        self.look.set(Look::Capturing);
        match self.stoppable(capture).await {
            // Cancelled: the light is out already.
            None => {}
            Some(Ok(captured)) => {
                self.look.set(Look::Idle);
                self.show(captured.into());
            }
            Some(Err(problem)) => {
                self.leave_if_signed_out(&problem);
                self.look.set(Look::Failed(problem));
            }
        }
    }

    /// Asks the question about the picture. Both stay for the next time.
    pub async fn ask(self) {
        let Some(transport) = self.transport().filter(|_| !self.is_busy()) else { return };
        let question = match self.ready_question() {
            Ok(question) => question,
            Err(problem) => return self.refused.set(Some(problem)),
        };
        self.refused.set(None);
        self.follow(RunEvent::Asked { question: question.context.clone() });
        let on_event = Box::new(move |event| self.came(event));
        if let Some(ended) = self.stoppable(transport.analyze(question, on_event)).await {
            if let Err(problem) = &ended {
                self.leave_if_signed_out(problem);
            }
            self.follow(RunEvent::Ended(ended));
        }
    }

    /// Ends what is under way.
    pub fn cancel(self) {
        if let Some(stop) = self.stop.try_update_value(Option::take).flatten() {
            stop.abort();
        }
        self.look.set(Look::Idle);
        self.follow(RunEvent::Cancelled);
    }

    pub fn is_busy(self) -> bool {
        self.run.with_untracked(Run::is_running) || self.look.get_untracked() == Look::Capturing
    }

    pub fn can_capture(self) -> bool {
        self.transport().is_some_and(|transport| transport.can_capture())
    }

    /// What is wrong with a part of the question, found here or by the server.
    pub fn error_of(self, field: &'static str) -> Signal<Option<String>> {
        let find =
            move |problem: Option<&Problem>| problem.and_then(|p| p.error_of(field)).map(str::to_owned);
        Signal::derive(move || {
            self.refused
                .with(|refused| find(refused.as_ref()))
                .or_else(|| self.run.with(|run| find(run.problem())))
        })
    }

    pub fn enter(self, event: AccessEvent) {
        self.access.update(|access| *access = std::mem::replace(access, Access::Checking).after(event));
    }

    /// `None` once the page is gone.
    fn transport(self) -> Option<Rc<dyn Transport>> {
        self.transport.try_get_value()
    }

    fn begin_try(self) -> Option<Rc<dyn Transport>> {
        if self.access.with_untracked(Access::is_waiting) {
            return None;
        }
        self.enter(AccessEvent::Submitted);
        self.transport()
    }

    fn ready_question(self) -> Result<Question, Problem> {
        let context = self.question.get_untracked().trim().to_owned();
        let mut problem = Problem::invalid_input();
        let picture = self.picture.get_untracked();
        if picture.is_none() {
            let look = if self.can_capture() {
                "Look at your screen first, or add a picture."
            } else {
                "Add a picture first."
            };
            problem = problem.field("image", look);
        }
        let length = context.chars().count();
        if length > MAX_CONTEXT_CHARS {
            let message = format!("Use at most {MAX_CONTEXT_CHARS} characters; these are {length}.");
            problem = problem.field("context", message);
        }
        match picture {
            Some(picture) if problem.errors.is_empty() => {
                let mode = Some(self.mode.get_untracked()).filter(|id| !id.is_empty());
                Ok(Question { picture: picture.source, context, mode })
            }
            _ => Err(problem),
        }
    }

    async fn stoppable<T>(self, work: impl Future<Output = T>) -> Option<T> {
        let (stop, registration) = AbortHandle::new_pair();
        self.stop.set_value(Some(stop));
        Abortable::new(work, registration).await.ok()
    }

    fn came(self, event: AnalysisEvent) {
        if let AnalysisEvent::Error(problem) = &event
            && self.leave_if_signed_out(problem)
        {
            return;
        }
        self.follow(RunEvent::Came(event));
    }

    fn leave_if_signed_out(self, problem: &Problem) -> bool {
        let ended = problem.status == 401;
        if ended {
            self.enter(AccessEvent::SessionEnded);
            self.follow(RunEvent::SessionEnded);
        }
        ended
    }

    fn show(self, picture: Picture) {
        self.picture.set(Some(picture));
        self.refused.set(None);
        self.look.set(Look::Idle);
    }

    fn follow(self, event: RunEvent) {
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
        }
    }
}

#[cfg(test)]
mod tests;
