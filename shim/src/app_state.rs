//! What the commands share: the connection, the last screenshots, the running analyses.

use std::sync::Arc;

use desktop::Point;
use desktop::capture::{CaptureError, Frame, FrameCache, ScreenCapture};
use desktop::encoded_image::EncodedImage;
use parking_lot::{Mutex, MutexGuard};
use protocol::Problem;

use crate::analyses::Analyses;
use crate::connection::Connection;
use crate::native_api::NativeApiClient;

pub struct AppState {
    connection: Arc<Connection>,
    screen: Arc<dyn ScreenCapture>,
    frames: Mutex<FrameCache>,
    pub analyses: Analyses,
}

impl AppState {
    pub fn new(connection: Arc<Connection>, screen: Arc<dyn ScreenCapture>) -> Self {
        Self { connection, screen, frames: Mutex::default(), analyses: Analyses::default() }
    }

    /// Waits until the connection is known.
    pub async fn native_api(&self) -> Result<Arc<NativeApiClient>, Problem> {
        Ok(self.connection.connected().await?.native_api)
    }

    /// Captures the monitor at a point. Returns the frame with the id that it is cached under.
    pub async fn capture(&self, at: Option<Point>) -> Result<(String, Arc<Frame>), Problem> {
        let screen = Arc::clone(&self.screen);
        let captured = blocking(move || screen.capture(at)).await?;
        let frame = captured.map_err(|error: CaptureError| {
            tracing::warn!(%error, source = ?std::error::Error::source(&error), "capture failed");
            error.problem()
        })?;
        self.keep(frame)
    }

    /// Caches a frame.
    pub fn keep(&self, frame: Frame) -> Result<(String, Arc<Frame>), Problem> {
        let mut frames = self.frames();
        let id = frames.insert(frame);
        let frame = frames.get(&id).ok_or_else(Problem::internal)?;
        Ok((id, frame))
    }

    /// A small JPEG of a cached frame.
    pub async fn preview(&self, id: &str) -> Result<Vec<u8>, Problem> {
        let frame = self.frame(id)?;
        blocking(move || frame.preview()).await?.map_err(|_| Problem::internal())
    }

    /// A cached frame, encoded to be sent.
    pub async fn image(&self, id: &str) -> Result<EncodedImage, Problem> {
        let frame = self.frame(id)?;
        blocking(move || EncodedImage::from_frame(&frame)).await?.map_err(|_| Problem::internal())
    }

    fn frame(&self, id: &str) -> Result<Arc<Frame>, Problem> {
        let gone = || Problem::not_found().detail("This picture is no longer kept. Take a new one.");
        self.frames().get(id).ok_or_else(gone)
    }

    fn frames(&self) -> MutexGuard<'_, FrameCache> {
        self.frames.lock()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct GreyScreen;

    impl ScreenCapture for GreyScreen {
        fn capture(&self, at: Option<Point>) -> Result<Frame, CaptureError> {
            at.ok_or(CaptureError::Wayland)?;
            Ok(Frame {
                pixels: image::RgbaImage::new(4, 3),
                monitor: "grey".into(),
                origin: Point { x: 0, y: 0 },
            })
        }
    }

    #[tokio::test]
    async fn a_frame_is_cached_by_its_id() {
        let connection = Arc::new(Connection::failed(Problem::internal()));
        let state = AppState::new(connection, Arc::new(GreyScreen));
        let (id, frame) = state.capture(Some(Point { x: 0, y: 0 })).await.unwrap();
        assert_eq!(frame.pixels.dimensions(), (4, 3));
        assert!(!state.preview(&id).await.unwrap().is_empty());
        assert!(state.image("frame-99").await.unwrap_err().is("not-found"));
        let problem = state.capture(None).await.unwrap_err();
        assert!(problem.is("capture-unavailable") && problem.detail.contains("ScreenCast"));
    }
}
