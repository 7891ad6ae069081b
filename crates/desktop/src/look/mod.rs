//! What the assistant gets to see when its user asks: the picture, and the text and selection of the window in front.
//!
//! Nothing of an excluded window leaves: its pixels are masked, and if it is the window in front, its text, its selection
//! and its title are not read. If that cannot be decided, there is nothing at all.

#[cfg(target_os = "linux")]
mod x11;

use std::sync::Arc;

use crate::Point;
use crate::capture::{Frame, ScreenCapture};
use crate::edit::{Target, TextInput};
use crate::exclusion::{ExclusionError, Exclusions};
use crate::session::DisplaySession;
use crate::windows::WindowInfo;
#[cfg(target_os = "linux")]
pub use x11::X11Observer;

#[derive(Debug)]
pub struct Sight {
    pub frame: Frame,
    pub front: Front,
}

/// The window that the user works in.
#[derive(Debug)]
pub enum Front {
    /// It is excluded.
    LeftOut,
    None,
    Window(Box<Seen>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub window: WindowInfo,
    /// `None` where the program does not describe its windows.
    pub text: Option<SeenText>,
    /// Where a change of the selection goes, with the selection.
    pub target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenText {
    pub text: String,
    /// False if there was more than could be read in time, or than is sent.
    pub complete: bool,
}

/// Looks at the desktop. Blocks.
pub trait Observer: Send + Sync {
    /// The window in front, if it is not one of this program's own.
    fn front(&self) -> Option<u32>;

    /// `window`: the one that was in front; `None`: the one that is, or the topmost one. `at`: on the monitor to be shown.
    fn look(
        &self,
        exclusions: &Exclusions,
        window: Option<u32>,
        at: Option<Point>,
    ) -> Result<Sight, ExclusionError>;

    /// Brings a window to the front, with the keyboard. Returns whether it came.
    fn bring_to_front(&self, window: u32) -> bool;
}

/// What this session offers beside pictures.
#[derive(Clone)]
pub struct Hands {
    pub observer: Arc<dyn Observer>,
    pub input: Arc<dyn TextInput>,
}

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hands").finish_non_exhaustive()
    }
}

/// `None` where windows cannot be told apart yet: everywhere but on X11.
#[cfg(target_os = "linux")]
pub fn for_session(session: DisplaySession, screen: &Arc<dyn ScreenCapture>) -> Option<Hands> {
    if session != DisplaySession::Direct {
        return None;
    }
    match X11Observer::connect(Arc::clone(screen)) {
        Ok((observer, input)) => Some(Hands { observer: Arc::new(observer), input: Arc::new(input) }),
        Err(error) => {
            tracing::warn!(%error, "windows cannot be looked at");
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn for_session(_: DisplaySession, _: &Arc<dyn ScreenCapture>) -> Option<Hands> {
    None
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
