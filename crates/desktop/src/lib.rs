//! What the desktop program does with the user's desktop, without the program around it: no webview, no network.
//!
//! | module | what it does |
//! |---|---|
//! | [`capture`] | takes screenshots of monitors and holds the last few |
//! | [`encoded_image`] | PNG and JPEG files from screenshots, within the size that is sent |
//! | [`environment`] | settings of the window system that must be there before the first window (Linux) |
//! | [`session`] | finds out which kind of graphical session this is |
//! | [`window`] | hides the program's own window while a screenshot is taken |
//!
//! What differs between systems stands behind a trait: [`capture::ScreenCapture`] has an implementation per kind of
//! session, [`window::Window`] is implemented by whoever owns the window. So everything here runs on a virtual display
//! (Xvfb), and the tests do. Typing and clicking for the user would be a module `input` of the same shape: a trait, and an
//! implementation per kind of session.

pub mod capture;
pub mod encoded_image;
#[cfg(target_os = "linux")]
pub mod environment;
pub mod session;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod test_display;
pub mod window;

/// A point on the desktop in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}
