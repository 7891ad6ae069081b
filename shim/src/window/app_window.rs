//! The program's window, as [`desktop::window`] hides it.

use desktop::Point;
use desktop::window::Window;
use tauri::{PhysicalPosition, WebviewWindow};

#[derive(Debug, Clone)]
pub struct AppWindow(pub WebviewWindow);

impl AppWindow {
    /// The middle of the window: on the monitor that shows most of it.
    pub fn middle(&self) -> Option<Point> {
        let (position, size) = (self.position()?, self.0.outer_size().ok()?);
        let half = |length: u32| i32::try_from(length / 2).unwrap_or(0);
        Some(Point { x: position.x + half(size.width), y: position.y + half(size.height) })
    }
}

impl Window for AppWindow {
    type Error = tauri::Error;

    fn hide(&self) -> tauri::Result<()> {
        self.0.hide()
    }

    fn show(&self) -> tauri::Result<()> {
        self.0.show()
    }

    fn position(&self) -> Option<Point> {
        let PhysicalPosition { x, y } = self.0.outer_position().ok()?;
        Some(Point { x, y })
    }

    fn set_position(&self, Point { x, y }: Point) -> tauri::Result<()> {
        self.0.set_position(PhysicalPosition { x, y })
    }

    #[cfg(target_os = "linux")]
    fn x11_id(&self) -> Option<u32> {
        use raw_window_handle::{HasWindowHandle, RawWindowHandle};

        match self.0.window_handle().ok()?.as_raw() {
            RawWindowHandle::Xlib(handle) => u32::try_from(handle.window).ok(),
            RawWindowHandle::Xcb(handle) => Some(handle.window.get()),
            _ => None,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn x11_id(&self) -> Option<u32> {
        None
    }
}
