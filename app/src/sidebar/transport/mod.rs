//! Everything that the page asks, as one trait with two implementations: [`browser`](self) speaks HTTP to its own
//! origin, the shim's speaks to the program around the page, which holds the key and the screen.
//!
//! Every error is a [`Problem`] that the reader may see; a failing network is one named `unreachable`. Dropping the
//! future of an analysis cancels it, on the server too.

use futures::future::LocalBoxFuture;
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::mode::ModeSummary;
use protocol::native::{Challenge, Login, Session};
use serde::{Deserialize, Serialize};

use super::picture::PictureSource;

pub mod answer;
#[cfg(feature = "hydrate")]
mod browser;
pub mod order;
#[cfg(feature = "hydrate")]
mod shim;

/// A piece of work on the page's one thread.
pub type Later<'a, T> = LocalBoxFuture<'a, Result<T, Problem>>;

pub trait Transport {
    /// Who is signed in, from what was kept; `None`: nobody.
    fn session(&self) -> Later<'_, Option<Session>>;
    /// Step 1. The challenge itself stays in the transport.
    fn login(&self, login: Login) -> Later<'_, ChallengeInfo>;
    /// Step 2: a TOTP or a recovery code.
    fn verify(&self, code: String) -> Later<'_, Session>;
    /// Ends the session here in any case; an error says that the server does not know.
    fn logout(&self) -> Later<'_, ()>;
    fn modes(&self) -> Later<'_, Vec<ModeSummary>>;
    /// Resolves when nothing more comes. What came before an error was handed on already.
    fn analyze(&self, question: Question, on_event: Box<dyn FnMut(AnalysisEvent)>) -> Later<'_, ()>;
    /// Takes a picture of the screen and keeps it; `None` where there is no screen to look at.
    fn capture(&self) -> Option<Later<'_, Captured>> {
        None
    }
    fn can_capture(&self) -> bool {
        false
    }
}

/// What the page may know of a challenge.
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

/// No answer at all: no network, no server, or no agreement on TLS.
pub fn unreachable() -> Problem {
    Problem::new("unreachable", 0, "The server cannot be reached")
        .detail("The server cannot be reached. Check the network connection of this machine.")
}

/// An answer that makes no sense: another program answers at this address, or another version.
pub fn unexpected(what: &str) -> Problem {
    Problem::new("unexpected-answer", 502, "The server gave an unexpected answer")
        .detail(format!("The server gave an unexpected answer ({what})."))
}

/// The transport of the window that this page runs in.
#[cfg(feature = "hydrate")]
pub fn of_this_window() -> std::rc::Rc<dyn Transport> {
    match shim::Shim::of_this_window() {
        Some(shim) => std::rc::Rc::new(shim),
        None => std::rc::Rc::new(browser::Browser::default()),
    }
}
