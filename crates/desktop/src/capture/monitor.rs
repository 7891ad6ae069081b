//! Capture where the display server gives its pixels to every program: X11, Windows, macOS.

use xcap::{Monitor, XCapResult};

use super::{CaptureError, Frame, ScreenCapture};
use crate::Point;

pub struct DirectCapture;

impl ScreenCapture for DirectCapture {
    fn capture(&self, at: Option<Point>) -> Result<Frame, CaptureError> {
        let monitors = Monitor::all()?;
        let shows = |m: &&Monitor| at.is_some_and(|point| contains(m, point).unwrap_or(false));
        let primary = |m: &&Monitor| m.is_primary().unwrap_or(false);
        let monitor = monitors
            .iter()
            .find(shows)
            .or_else(|| monitors.iter().find(primary))
            .or_else(|| monitors.first())
            .ok_or(CaptureError::NoMonitor)?;
        Ok(Frame { pixels: monitor.capture_image()?, monitor: monitor.name()? })
    }
}

/// Monitors are told apart by their rectangles: different libraries count and name them differently. The
/// geometry comes divided by one scale for the whole desktop.
fn contains(monitor: &Monitor, point: Point) -> XCapResult<bool> {
    let scale = if cfg!(target_os = "linux") { monitor.scale_factor()? } else { 1.0 };
    let within = |value: i32, start: i32, length: u32| {
        let value = value as f32 / scale;
        value >= start as f32 && value < start as f32 + length as f32
    };
    Ok(within(point.x, monitor.x()?, monitor.width()?) && within(point.y, monitor.y()?, monitor.height()?))
}
