//! The windows of all programs: which is in front, where each stands, and what changes.

#[cfg(target_os = "linux")]
mod x11;

use crate::geometry::Rect;
#[cfg(target_os = "linux")]
pub use x11::{X11Changes, X11Windows};

/// A window on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowInfo {
    pub id: u32,
    /// As the display server knows it, else as the program says.
    pub pid: Option<u32>,
    /// The program's name for its kind of window (X11: the class).
    pub program: String,
    /// The file name of the running program; empty if the process cannot be looked at.
    pub executable: String,
    pub title: String,
    /// With the window manager's decorations.
    pub frame: Rect,
    /// Whether the window manager knows it. Menus and tooltips it does not know.
    pub managed: bool,
    /// Whether nothing shows through it: a rectangle without transparency.
    pub opaque: bool,
    /// Whether it belongs to another user, such as root.
    pub foreign: bool,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowChange {
    /// Another window is in front, or none is.
    Front(Option<WindowInfo>),
    /// Windows were opened, closed or reordered.
    Stacking,
    /// The window in front has another title.
    Title(WindowInfo),
}

/// The windows of the session. Every method is a question to the display server: nothing is cached.
pub trait Windows: Send + Sync {
    /// What is on the screen, from the bottom to the top, including menus and tooltips. An error if that cannot be known:
    /// then nothing of the screen may leave.
    fn stacking(&self) -> Result<Vec<WindowInfo>, WindowsError>;

    /// The window that has the user's attention.
    fn front(&self) -> Result<WindowInfo, WindowsError>;

    /// Brings the window to the front and waits until it is there and has the keyboard.
    fn bring_to_front(&self, id: u32) -> Result<(), WindowsError>;
}

#[derive(Debug, thiserror::Error)]
pub enum WindowsError {
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Display(#[from] crate::x11::DisplayError),
    #[error("no window is in front")]
    NoFront,
    #[error("the window did not come to the front")]
    NotBrought,
    #[error("the window manager does not list its windows")]
    NotListed,
}

#[cfg(target_os = "linux")]
macro_rules! from_x11 {
    ($($error:ty),*) => {$(
        impl From<$error> for WindowsError {
            fn from(error: $error) -> Self {
                Self::Display(error.into())
            }
        }
    )*};
}

#[cfg(target_os = "linux")]
from_x11!(
    x11rb::errors::ConnectError,
    x11rb::errors::ConnectionError,
    x11rb::errors::ReplyError,
    x11rb::errors::ReplyOrIdError
);

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
