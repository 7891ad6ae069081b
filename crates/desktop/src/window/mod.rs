//! Hides the program's own window while a screenshot is taken.
//!
//! Hiding is only a request. The window is off the screen once the display server has unmapped it, which can be asked of
//! the server; what it covered is back once the programs there have repainted, which can only be waited for.

#[cfg(target_os = "linux")]
mod x11;

use std::error::Error;
use std::time::Duration;

use crate::Point;

/// For other programs to repaint what the window had covered, and for a compositor's fade.
const REPAINT_DELAY: Duration = Duration::from_millis(150);

/// The program's own window, as far as a screenshot needs it.
pub trait Window: Send + Sync {
    type Error: Error + Send + Sync + 'static;

    fn hide(&self) -> Result<(), Self::Error>;
    fn show(&self) -> Result<(), Self::Error>;
    /// Of the upper left corner of its frame; `None` where the system does not say.
    fn position(&self) -> Option<Point>;
    fn set_position(&self, position: Point) -> Result<(), Self::Error>;
    /// The window's id on the X server; `None` on other display servers.
    fn x11_id(&self) -> Option<u32>;
}

/// Keeps a window off the screen. When this is dropped, the window is shown again where it was, whatever happened
/// meanwhile.
#[derive(Debug)]
pub struct HiddenWindow<W: Window> {
    window: W,
    position: Option<Point>,
}

impl<W: Window> HiddenWindow<W> {
    /// Returns when the screen shows what was behind the window.
    pub async fn hide(window: W) -> Result<Self, W::Error> {
        let position = window.position();
        window.hide()?;
        let hidden = Self { window, position };
        #[cfg(target_os = "linux")]
        if let Some(id) = hidden.window.x11_id() {
            x11::unmapped(id).await;
        }
        tokio::time::sleep(REPAINT_DELAY).await;
        Ok(hidden)
    }
}

impl<W: Window> Drop for HiddenWindow<W> {
    fn drop(&mut self) {
        let shown = self.window.show();
        // Some window managers place a window anew each time it is shown.
        let placed = self.position.map_or(Ok(()), |position| self.window.set_position(position));
        if let Err(error) = shown.and(placed) {
            tracing::error!(%error, "the window could not be shown again");
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
