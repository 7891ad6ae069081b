//! What the desktop program does with the user's desktop, without the program around it: no webview, no network.
//!
//! | module | what it does |
//! |---|---|
//! | [`accessibility`] | reads the text of a window from what its program tells assistive technology |
//! | [`capture`] | takes screenshots of monitors and holds the last few |
//! | [`clipboard`] | reads and owns the clipboard, and gives it back with everything in it (X11) |
//! | [`doctor`] | what works in this session, and what is missing |
//! | [`edit`] | changes text in other programs: proposal, confirmation, paste |
//! | [`encoded_image`] | PNG and JPEG files from screenshots, within the size that is sent |
//! | [`environment`] | settings of the window system that must be there before the first window (Linux) |
//! | [`exclusion`] | leaves out windows that nobody is to see |
//! | [`geometry`] | rectangles |
//! | [`hotkey`] | one combination of keys that works in every program (X11) |
//! | [`keyboard`] | presses the keys of a few commands (X11) |
//! | [`look`] | what the assistant sees when it is asked: picture, text, selection |
//! | [`policy`] | what the fleet policy and own settings allow |
//! | [`selected_text`] | finds the selected text of the window in front (X11) |
//! | [`session`] | finds out which kind of graphical session this is |
//! | [`terminal`] | which windows are terminals |
//! | [`window`] | hides the program's own window while a screenshot is taken |
//! | [`windows`] | lists the windows of all programs, and says what changes |
//!
//! What differs between systems stands behind a trait: [`accessibility::Accessibility`], [`capture::ScreenCapture`],
//! [`edit::TextInput`] and [`windows::Windows`] have an implementation per kind of session, [`window::Window`] is
//! implemented by whoever owns the window. So everything here runs on a virtual display (Xvfb), and the tests do, with real
//! programs beside them. All of it blocks: call it from threads that may.

pub mod accessibility;
pub mod capture;
#[cfg(target_os = "linux")]
pub mod clipboard;
pub mod doctor;
pub mod edit;
pub mod encoded_image;
#[cfg(target_os = "linux")]
pub mod environment;
pub mod exclusion;
pub mod geometry;
#[cfg(target_os = "linux")]
pub mod hotkey;
#[cfg(target_os = "linux")]
pub mod keyboard;
pub mod look;
pub mod policy;
#[cfg(target_os = "linux")]
pub mod selected_text;
pub mod session;
pub mod terminal;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod test_display;
pub mod window;
pub mod windows;
#[cfg(target_os = "linux")]
mod x11;

/// A point on the desktop in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}
