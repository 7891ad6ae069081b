//! Takes the sidebar off the screen for the moment of a shot.
//!
//! Hiding is a request: the window is gone when the display server has unmapped it, and what lay beneath it
//! is back when the programs there have painted it again. The first is asked of the server, the second can
//! only be waited for.

use std::time::Duration;

use tauri::{PhysicalPosition, WebviewWindow};

/// For other programs to paint what the sidebar had covered, and for a compositor's fade.
const REPAINT: Duration = Duration::from_millis(150);
#[cfg(target_os = "linux")]
const STEP: Duration = Duration::from_millis(10);
/// A window manager that has not unmapped the window by then will not do so.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_secs(1);

/// The window is off the screen as long as this lives, and back where it was afterwards, whatever happened
/// meanwhile.
#[derive(Debug)]
pub struct Hidden {
    window: WebviewWindow,
    position: Option<PhysicalPosition<i32>>,
}

impl Hidden {
    pub async fn hide(window: &WebviewWindow) -> tauri::Result<Self> {
        let position = window.outer_position().ok();
        window.hide()?;
        let hidden = Self { window: window.clone(), position };
        #[cfg(target_os = "linux")]
        unmapped(window).await;
        tokio::time::sleep(REPAINT).await;
        Ok(hidden)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let shown = self.window.show();
        // Some window managers place a window anew each time it appears.
        let placed = self.position.map_or(Ok(()), |position| self.window.set_position(position));
        if let Err(error) = shown.and(placed) {
            tracing::error!(%error, "the sidebar could not be brought back");
        }
    }
}

/// Waits until the X server says that the window is not on the screen.
#[cfg(target_os = "linux")]
async fn unmapped(window: &WebviewWindow) {
    use raw_window_handle::{HasWindowHandle, RawWindowHandle};

    let id = match window.window_handle().map(|handle| handle.as_raw()) {
        Ok(RawWindowHandle::Xlib(handle)) => u32::try_from(handle.window).ok(),
        Ok(RawWindowHandle::Xcb(handle)) => Some(handle.window.get()),
        _ => None,
    };
    let Some(id) = id else { return };
    let waited = tokio::task::spawn_blocking(move || wait_until_unmapped(id)).await;
    if !matches!(waited, Ok(Ok(true))) {
        tracing::warn!("the window manager did not confirm that the sidebar is hidden");
    }
}

#[cfg(target_os = "linux")]
fn wait_until_unmapped(id: u32) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    use x11rb::protocol::xproto::{ConnectionExt, MapState};

    let (connection, _) = x11rb::connect(None)?;
    let tries = PATIENCE.as_millis() / STEP.as_millis();
    for _ in 0..tries {
        if connection.get_window_attributes(id)?.reply()?.map_state == MapState::UNMAPPED {
            return Ok(true);
        }
        std::thread::sleep(STEP);
    }
    Ok(false)
}
