//! All requests of the sidebar, as one trait with two implementations: the browser's speaks HTTP to its own origin, the
//! shim's invokes commands of the desktop program around the page, which has the key and can capture the screen.
//!
//! Every error is a [`Problem`] that the user may see; a network failure is the one named `unreachable`. Dropping the
//! future of an analysis cancels it, on the server too.

use futures::future::LocalBoxFuture;
use protocol::Problem;
use protocol::analysis::{AnalysisEvent, PersonAnswer};
use protocol::conversation::ConversationSummary;
use protocol::desktop::{HotkeyStatus, LookedAt, PolicyNotice, ReviewEdits, ReviewedEdits};
use protocol::mode::ModeSummary;
use protocol::native::{Challenge, Login, Session};
use serde::{Deserialize, Serialize};

use super::history::{ExportFormat, RecordedConversation};
use super::picture::PictureSource;

#[cfg(feature = "hydrate")]
mod browser;
pub mod event_stream;
pub mod reorder;
#[cfg(feature = "hydrate")]
mod shared_token;
#[cfg(feature = "hydrate")]
mod shim;

/// A future on the page's single thread.
pub type TransportFuture<'a, T> = LocalBoxFuture<'a, Result<T, Problem>>;

pub trait Transport {
    /// The stored session; `None`: nobody is signed in.
    fn session(&self) -> TransportFuture<'_, Option<Session>>;
    /// Step 1. The challenge itself stays in the transport.
    fn login(&self, login: Login) -> TransportFuture<'_, ChallengeInfo>;
    /// Step 2: a TOTP or a recovery code.
    fn verify(&self, code: String) -> TransportFuture<'_, Session>;
    /// Always ends the session here; an error means that the server could not be notified.
    fn logout(&self) -> TransportFuture<'_, ()>;
    fn modes(&self) -> TransportFuture<'_, Vec<ModeSummary>>;
    /// Resolves after the last event. Events before an error have been passed on already.
    fn analyze(&self, question: Question, on_event: Box<dyn FnMut(AnalysisEvent)>)
    -> TransportFuture<'_, ()>;
    /// One's own conversations on the server; `None` if this transport cannot reach them.
    fn conversations(&self) -> Option<&dyn Conversations> {
        None
    }
    /// Answers what an analysis asks. 409: it was answered before, or is no longer asked.
    fn answer(&self, analysis_id: String, answer: PersonAnswer) -> TransportFuture<'_, ()>;
    /// Captures the screen and keeps the pixels; `None` if this transport cannot.
    fn capture(&self) -> Option<TransportFuture<'_, Captured>> {
        None
    }
    fn can_capture(&self) -> bool {
        false
    }
    /// Whether this window saves files that the page offers.
    fn saves_files(&self) -> bool {
        true
    }
    /// Has the program show its dialog for edits, and type what is confirmed; `None` if this transport cannot.
    fn review(&self, _: ReviewEdits) -> Option<TransportFuture<'_, ReviewedEdits>> {
        None
    }
    fn can_review(&self) -> bool {
        false
    }
    /// The fleet policy that the program keeps to; `None` if this transport has none.
    fn policy(&self) -> Option<TransportFuture<'_, PolicyNotice>> {
        None
    }
    /// Calls `pressed` each time that the hotkey is pressed; `None` if this transport has none.
    fn watch_hotkey(&self, _pressed: Box<dyn Fn()>) -> Option<TransportFuture<'_, HotkeyStatus>> {
        None
    }
}

/// One's own conversations.
pub trait Conversations {
    /// Those that contain `search`, the one with the newest question first, [`PAGE`] at once. Pages are counted from 0.
    fn list(&self, search: String, page: u32) -> TransportFuture<'_, Vec<ConversationSummary>>;
    fn open(&self, id: String) -> TransportFuture<'_, RecordedConversation>;
    fn rename(&self, id: String, title: String) -> TransportFuture<'_, ()>;
    fn delete(&self, id: String) -> TransportFuture<'_, ()>;
    fn export(&self, id: String, format: ExportFormat) -> TransportFuture<'_, String>;
}

/// Conversations per page.
pub const PAGE: usize = 50;

/// The part of a challenge that the page may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeInfo {
    /// `totp`, `recovery`.
    pub methods: Vec<String>,
    /// Seconds.
    pub expires_in: u64,
}

impl From<&Challenge> for ChallengeInfo {
    fn from(challenge: &Challenge) -> Self {
        Self { methods: challenge.methods.clone(), expires_in: challenge.expires_in }
    }
}

#[derive(Debug, Clone)]
pub struct Question {
    /// `None`: the question follows another one, and is answered without the screen.
    pub picture: Option<PictureSource>,
    pub context: String,
    /// The conversation that it follows; `None`: a new one.
    pub conversation: Option<String>,
    /// A mode's id; `None`: the server's first.
    pub mode: Option<String>,
}

/// A picture of the screen that the shim keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    pub id: String,
    pub width: u32,
    pub height: u32,
    pub monitor: String,
    /// A small JPEG.
    pub preview: Vec<u8>,
    /// What is in front there; `None`: the program is of an earlier version.
    pub front: Option<LookedAt>,
}

/// The transport of the window that this page runs in.
#[cfg(feature = "hydrate")]
pub fn of_this_window() -> std::rc::Rc<dyn Transport> {
    match shim::Shim::of_this_window() {
        Some(shim) => std::rc::Rc::new(shim),
        None => std::rc::Rc::new(browser::Browser::default()),
    }
}
