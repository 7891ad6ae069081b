//! What the commands share: the connection, the last frames, the running analysis.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::Problem;
use tokio_util::sync::CancellationToken;

use crate::capture::{CaptureError, Frame, Frames, Picture, Point, ScreenCapture};
use crate::connection::Connection;
use crate::native::NativeClient;

pub struct Assistant {
    connection: Arc<Connection>,
    screen: Arc<dyn ScreenCapture>,
    frames: Mutex<Frames>,
    running: Mutex<CancellationToken>,
}

impl Assistant {
    pub fn new(connection: Arc<Connection>, screen: Arc<dyn ScreenCapture>) -> Self {
        Self { connection, screen, frames: Mutex::default(), running: Mutex::default() }
    }

    pub async fn native(&self) -> Result<Arc<NativeClient>, Problem> {
        Ok(self.connection.connected().await?.native)
    }

    /// Takes and keeps a picture of the monitor at a point; gives its id.
    pub async fn capture(&self, at: Option<Point>) -> Result<(String, Arc<Frame>), Problem> {
        let screen = Arc::clone(&self.screen);
        let taken = blocking(move || screen.capture(at)).await?;
        let frame = taken.map_err(|error: CaptureError| {
            tracing::warn!(%error, source = ?std::error::Error::source(&error), "capture failed");
            error.problem()
        })?;
        let mut frames = lock(&self.frames);
        let id = frames.keep(frame);
        let frame = frames.find(&id).ok_or_else(Problem::internal)?;
        Ok((id, frame))
    }

    /// A small JPEG of a kept frame.
    pub async fn preview(&self, id: &str) -> Result<Vec<u8>, Problem> {
        let frame = self.frame(id)?;
        blocking(move || frame.preview()).await?.map_err(|_| Problem::internal())
    }

    /// A kept frame, encoded to be sent.
    pub async fn picture(&self, id: &str) -> Result<Picture, Problem> {
        let frame = self.frame(id)?;
        blocking(move || Picture::of_frame(&frame)).await?.map_err(|_| Problem::internal())
    }

    /// There is one analysis at a time: a new one ends the one before.
    pub fn begin_analysis(&self) -> CancellationToken {
        let token = CancellationToken::new();
        std::mem::replace(&mut *lock(&self.running), token.clone()).cancel();
        token
    }

    pub fn cancel_analysis(&self) {
        lock(&self.running).cancel();
    }

    fn frame(&self, id: &str) -> Result<Arc<Frame>, Problem> {
        let gone = || Problem::not_found().detail("This picture is no longer kept. Take a new one.");
        lock(&self.frames).find(id).ok_or_else(gone)
    }
}

/// Both kinds of content stay whole when a holder panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Grey;

    impl ScreenCapture for Grey {
        fn capture(&self, at: Option<Point>) -> Result<Frame, CaptureError> {
            at.ok_or(CaptureError::Wayland)?;
            Ok(Frame { pixels: image::RgbaImage::new(4, 3), monitor: "grey".into() })
        }
    }

    #[tokio::test]
    async fn a_frame_is_kept_by_its_id() {
        let assistant = Assistant::new(Arc::new(Connection::failed(Problem::internal())), Arc::new(Grey));
        let (id, frame) = assistant.capture(Some(Point { x: 0, y: 0 })).await.unwrap();
        assert_eq!(frame.pixels.dimensions(), (4, 3));
        assert!(!assistant.preview(&id).await.unwrap().is_empty());
        assert!(assistant.picture("frame-99").await.unwrap_err().is("not-found"));
        let problem = assistant.capture(None).await.unwrap_err();
        assert!(problem.is("capture-unavailable") && problem.detail.contains("ScreenCast"));
    }

    #[test]
    fn a_new_analysis_ends_the_one_before() {
        let assistant = Assistant::new(Arc::new(Connection::failed(Problem::internal())), Arc::new(Grey));
        let (first, second) = (assistant.begin_analysis(), assistant.begin_analysis());
        assert!(first.is_cancelled() && !second.is_cancelled());
        assistant.cancel_analysis();
        assert!(second.is_cancelled());
    }
}
