//! All requests of the sidebar, as one trait with two implementations: the browser's speaks HTTP to its own origin, the
//! shim's invokes commands of the desktop program around the page, which has the key and can capture the screen.
//!
//! Every error is a [`Problem`] that the user may see; a network failure is the one named `unreachable`. Dropping the
//! future of an analysis cancels it, on the server too.

use futures::future::LocalBoxFuture;
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::mode::ModeSummary;
use protocol::native::{Challenge, Login, Session};
use serde::{Deserialize, Serialize};

use super::history::RecordedAnalysis;
use super::picture::PictureSource;

#[cfg(feature = "hydrate")]
mod browser;
pub mod event_stream;
pub mod reorder;
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
    /// One's own analyses that contain `search`, the newest first; `None` if this transport cannot read them.
    fn history(&self, search: String) -> Option<TransportFuture<'_, Vec<RecordedAnalysis>>> {
        drop(search);
        None
    }
    /// Captures the screen and keeps the pixels; `None` if this transport cannot.
    fn capture(&self) -> Option<TransportFuture<'_, Captured>> {
        None
    }
    fn can_capture(&self) -> bool {
        false
    }
}

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
    pub picture: PictureSource,
    pub context: String,
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
}

/// The transport of the window that this page runs in.
#[cfg(feature = "hydrate")]
pub fn of_this_window() -> std::rc::Rc<dyn Transport> {
    match shim::Shim::of_this_window() {
        Some(shim) => std::rc::Rc::new(shim),
        None => std::rc::Rc::new(browser::Browser::default()),
    }
}
