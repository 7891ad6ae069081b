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
        let origin = Point { x: physical(monitor, monitor.x()?)?, y: physical(monitor, monitor.y()?)? };
        Ok(Frame { pixels: monitor.capture_image()?, monitor: monitor.name()?, origin })
    }
}

/// What the geometry says, in physical pixels.
fn physical(monitor: &Monitor, value: i32) -> XCapResult<i32> {
    let scale = if cfg!(target_os = "linux") { monitor.scale_factor()? } else { 1.0 };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "coordinates of screens are small, and casts saturate"
    )]
    let physical = (value as f32 * scale).round() as i32;
    Ok(physical)
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
