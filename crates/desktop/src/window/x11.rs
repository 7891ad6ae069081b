//! Whether the X server has a window on the screen.

use std::error::Error;
use std::time::Duration;

use x11rb::protocol::xproto::{ConnectionExt, MapState};

const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// A window manager that has not unmapped the window by then will not do so.
const UNMAP_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits until the X server has unmapped the window, or for [`UNMAP_TIMEOUT`].
pub(super) async fn unmapped(id: u32) {
    let waited = tokio::task::spawn_blocking(move || wait_until_unmapped(id)).await;
    if !matches!(waited, Ok(Ok(true))) {
        tracing::warn!("the window manager did not confirm that the window is hidden");
    }
}

fn wait_until_unmapped(id: u32) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let (connection, _) = x11rb::connect(None)?;
    let polls = UNMAP_TIMEOUT.as_millis() / POLL_INTERVAL.as_millis();
    for _ in 0..polls {
        if connection.get_window_attributes(id)?.reply()?.map_state == MapState::UNMAPPED {
            return Ok(true);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(false)
}
