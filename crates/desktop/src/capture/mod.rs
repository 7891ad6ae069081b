//! Screenshots of monitors.

mod cache;
mod monitor;
#[cfg(target_os = "linux")]
mod x11;

use image::RgbaImage;
use protocol::Problem;

use crate::Point;
use crate::session::DisplaySession;
pub use cache::FrameCache;
#[cfg(target_os = "linux")]
pub use x11::X11Capture;

/// What one monitor showed at one moment.
#[derive(Debug, Clone)]
pub struct Frame {
    /// In physical pixels; opaque.
    pub pixels: RgbaImage,
    /// The monitor's name as the system gives it.
    pub monitor: String,
    /// Of the upper left pixel, on the desktop.
    pub origin: Point,
}

/// Takes screenshots of monitors. Blocks while it does.
pub trait ScreenCapture: Send + Sync {
    /// The monitor that shows `at`, or else the primary one.
    fn capture(&self, at: Option<Point>) -> Result<Frame, CaptureError>;

    /// Whether nothing at all was drawn since the last picture, so that another would be the same. `false` where that is not
    /// known without one.
    fn is_unchanged(&self) -> bool {
        false
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("the screen could not be read")]
    Failed(#[from] xcap::XCapError),
    #[cfg(target_os = "linux")]
    #[error("the X server gave no picture")]
    Display(#[from] crate::x11::DisplayError),
    #[error("no monitor is connected")]
    NoMonitor,
    #[error("there is no graphical session")]
    NoSession,
    #[error("a Wayland session shows its screen only through its portal")]
    Wayland,
}

impl CaptureError {
    pub fn problem(&self) -> Problem {
        let (name, title, detail) = match self {
            #[cfg(target_os = "linux")]
            Self::Display(_) => (
                "capture-failed",
                "The screen could not be read",
                "The display server gave no picture. The program's log says more.",
            ),
            Self::Failed(_) => (
                "capture-failed",
                "The screen could not be read",
                "The system refused the picture. The program's log says more.",
            ),
            Self::NoMonitor => ("capture-failed", "The screen could not be read", "No monitor is connected."),
            Self::NoSession => (
                "capture-unavailable",
                "The screen cannot be read here",
                "There is no graphical session: neither DISPLAY nor WAYLAND_DISPLAY is set.",
            ),
            Self::Wayland => (
                "capture-unavailable",
                "The screen cannot be read in a Wayland session yet",
                "Wayland gives its screen out only through the desktop's ScreenCast portal \
                 (xdg-desktop-portal and PipeWire), which this version does not speak. Until then: log out, \
                 choose \u{201c}Ubuntu on Xorg\u{201d} at the login screen's gear, and log in again; or pick or \
                 paste a picture instead.",
            ),
        };
        Problem::new(name, 500, title).detail(detail)
    }
}

/// The implementation that fits the session.
pub fn for_session(session: DisplaySession) -> Box<dyn ScreenCapture> {
    match session {
        #[cfg(target_os = "linux")]
        DisplaySession::Direct => Box::<X11Capture>::default(),
        #[cfg(not(target_os = "linux"))]
        DisplaySession::Direct => Box::new(monitor::DirectCapture),
        DisplaySession::None => Box::new(Unavailable(|| CaptureError::NoSession)),
        DisplaySession::Wayland => Box::new(Unavailable(|| CaptureError::Wayland)),
    }
}

/// Fails each time, and says what is missing.
struct Unavailable(fn() -> CaptureError);

impl ScreenCapture for Unavailable {
    fn capture(&self, _: Option<Point>) -> Result<Frame, CaptureError> {
        Err(self.0())
    }
}

#[cfg(test)]
mod tests;
