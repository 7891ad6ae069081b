//! Uploaded pictures: checking, decoding, scaling.
//!
//! Always holds: a [`Picture`] is a PNG, JPEG or WebP by its content, within the [`PictureLimits`] that were set,
//! and was decoded once from its first to its last byte. Its size was read from the header before anything was
//! decoded, so that a small file cannot ask for much memory. Of an animation, the first picture counts.

mod raster;

use std::sync::Arc;

use bytes::Bytes;
use protocol::Problem;
use protocol::analysis::{MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE};
use protocol::image::{HeaderError, MediaType};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

pub use raster::ModelPicture;
pub(crate) use raster::ReaderPicture;

/// How many pictures may wait per picture that is decoded. Further ones are refused.
const MAX_WAITING_PER_PERMIT: usize = 32;
/// Until it makes sense to send a picture that was refused for that, in seconds.
const BUSY_SECONDS: u64 = 5;

/// A picture that was checked, as it was sent.
#[derive(Clone)]
pub struct Picture {
    bytes: Bytes,
    format: MediaType,
    width: u32,
    height: u32,
    sha256: String,
}

impl Picture {
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn format(&self) -> MediaType {
        self.format
    }

    /// As stored, before any rotation that the metadata asks for.
    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// SHA-256 of the bytes as they were sent, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({:?}, {}×{}, {} bytes)", self.format, self.width, self.height, self.bytes.len())
    }
}

/// How large a picture may be. By default what the protocol allows at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLimits {
    /// Of the file.
    pub bytes: usize,
    pub pixels: u64,
}

impl Default for PictureLimits {
    fn default() -> Self {
        Self { bytes: MAX_IMAGE_BYTES, pixels: MAX_IMAGE_PIXELS }
    }
}

/// Why a picture was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("the picture is broken or cut off")]
    Broken,
    #[error("too many pictures are waiting to be decoded")]
    Busy,
    #[error("the task that decodes the picture ended early")]
    Interrupted,
    #[error("the picture has more than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the picture has {width} × {height} pixels, and {max} are allowed on a side", max = MAX_IMAGE_SIDE)]
    TooLong { width: u32, height: u32 },
    #[error("the picture has {width} × {height} pixels, and {max_pixels} are allowed")]
    TooManyPixels { width: u32, height: u32, max_pixels: u64 },
    #[error("not a PNG, JPEG or WebP picture")]
    UnknownFormat,
}

impl From<HeaderError> for PictureError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Broken => Self::Broken,
            HeaderError::TooLong { width, height } => Self::TooLong { width, height },
            HeaderError::TooManyPixels { width, height, max_pixels } => {
                Self::TooManyPixels { width, height, max_pixels }
            }
        }
    }
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Broken => {
                Self::invalid_input().field("image", "The picture is broken or cut off. Send it again.")
            }
            PictureError::Busy => {
                Self::unavailable("Too many pictures are waiting. Try again a little later.", BUSY_SECONDS)
            }
            PictureError::Interrupted => Self::internal(),
            PictureError::TooLarge { max_bytes } => Self::new("too-large", 413, "The picture is too large")
                .field("image", format!("Send a picture of at most {} MB.", max_bytes / 1_000_000)),
            PictureError::TooLong { .. } => Self::invalid_input()
                .field("image", format!("Send a picture of at most {MAX_IMAGE_SIDE} pixels on a side.")),
            PictureError::TooManyPixels { max_pixels, .. } => Self::invalid_input().field(
                "image",
                format!("Send a picture of at most {} million pixels.", max_pixels / 1_000_000),
            ),
            PictureError::UnknownFormat => {
                Self::new("unsupported-picture", 415, "This kind of file is not taken")
                    .detail("Send a PNG, JPEG or WebP picture.")
            }
        }
    }
}

/// Decodes and scales pictures, a limited number at once. The others wait in the order in which they came.
#[derive(Debug, Clone)]
pub struct Pictures {
    limits: PictureLimits,
    permits: Arc<Semaphore>,
    /// One permit for each picture that is decoded or waits.
    queue: Arc<Semaphore>,
}

impl Pictures {
    /// A picture takes up to 300 MB while it is decoded: `concurrency` bounds the memory of all of them.
    pub fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            limits: PictureLimits::default(),
            permits: Arc::new(Semaphore::new(concurrency)),
            queue: Arc::new(Semaphore::new(concurrency * (1 + MAX_WAITING_PER_PERMIT))),
        }
    }

    #[must_use]
    pub fn with_limits(self, limits: PictureLimits) -> Self {
        Self { limits, ..self }
    }

    pub fn limits(&self) -> PictureLimits {
        self.limits
    }

    /// Checks what was uploaded.
    ///
    /// # Errors
    /// See [`PictureError`]; each becomes a [`Problem`].
    pub async fn accept(&self, bytes: Bytes) -> Result<Picture, PictureError> {
        let limits = self.limits;
        if bytes.len() > limits.bytes {
            return Err(PictureError::TooLarge { max_bytes: limits.bytes });
        }
        // Hashing and even reading the header go through up to 20 MB: not on the async threads.
        self.off_thread(move || {
            let format = MediaType::of(&bytes).ok_or(PictureError::UnknownFormat)?;
            let (width, height) = format.size(&bytes, limits.pixels)?;
            raster::decode(format, &bytes, limits.pixels)?;
            let sha256 = format!("{:x}", Sha256::digest(&bytes));
            Ok(Picture { bytes, format, width, height, sha256 })
        })
        .await
    }

    /// The picture as it is sent to a model: at most `max_pixels`, upright, without metadata or transparency.
    pub async fn for_model(&self, picture: &Picture, max_pixels: u64) -> Result<ModelPicture, PictureError> {
        let (picture, decodable) = (picture.clone(), self.limits.pixels);
        self.off_thread(move || {
            raster::for_model(raster::decode(picture.format, &picture.bytes, decodable)?, max_pixels)
        })
        .await
    }

    /// The picture as text recognition needs it: a page of black text on white.
    pub(crate) async fn for_reader(&self, picture: &Picture) -> Result<ReaderPicture, PictureError> {
        let (picture, decodable) = (picture.clone(), self.limits.pixels);
        self.off_thread(move || {
            Ok(raster::for_reader(raster::decode(picture.format, &picture.bytes, decodable)?))
        })
        .await
    }

    /// Runs `work` on a blocking thread. The permits move there too: the work runs to its end even when the caller is
    /// dropped, and must be counted until then.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PictureError> + Send + 'static,
    ) -> Result<T, PictureError> {
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| PictureError::Busy)?;
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|_| PictureError::Interrupted)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((permit, queued));
            result
        });
        task.await.map_err(|_| PictureError::Interrupted)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_permit_outlives_a_dropped_caller() {
        let pictures = Pictures::new(1);
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (finish, may_finish) = std::sync::mpsc::channel::<()>();
        let slow = pictures.off_thread(move || {
            begun.send(()).unwrap();
            may_finish.recv().ok();
            Ok(())
        });
        let mut slow = Box::pin(slow);
        assert!(futures::poll!(&mut slow).is_pending());
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        drop(slow);
        assert_eq!(pictures.permits.available_permits(), 0);
        finish.send(()).unwrap();
        assert_eq!(pictures.off_thread(|| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn pictures_wait_in_order_and_a_full_queue_refuses() {
        let pictures = Pictures::new(1);
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (finish, may_finish) = std::sync::mpsc::channel::<()>();
        let mut first = Box::pin(pictures.off_thread(move || {
            begun.send(()).unwrap();
            may_finish.recv().ok();
            Ok(0)
        }));
        assert!(futures::poll!(&mut first).is_pending());
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for number in 0..MAX_WAITING_PER_PERMIT {
            let order = Arc::clone(&order);
            let mut work = Box::pin(pictures.off_thread(move || {
                order.lock().unwrap().push(number);
                Ok(number)
            }));
            assert!(futures::poll!(&mut work).is_pending());
            waiting.push(work);
        }
        assert_eq!(pictures.off_thread(|| Ok(7)).await, Err(PictureError::Busy), "the queue is full");
        // Whoever gives up makes room.
        drop(waiting.pop());
        let mut later = Box::pin(pictures.off_thread(|| Ok(7)));
        assert!(futures::poll!(&mut later).is_pending());
        finish.send(()).unwrap();
        assert_eq!(first.await, Ok(0));
        for (number, work) in waiting.into_iter().enumerate() {
            assert_eq!(work.await, Ok(number));
        }
        assert_eq!(later.await, Ok(7));
        assert_eq!(*order.lock().unwrap(), (0..MAX_WAITING_PER_PERMIT - 1).collect::<Vec<_>>());
    }

    #[test]
    fn errors_become_problems() {
        assert_eq!(Problem::from(PictureError::UnknownFormat).status, 415);
        assert_eq!(Problem::from(PictureError::Busy).retry_after, Some(BUSY_SECONDS));
        let (bytes, pixels) = (3_000_000, 2_000_000);
        for (error, status, words) in [
            (PictureError::Broken, 422, "broken"),
            (PictureError::TooLarge { max_bytes: bytes }, 413, "at most 3 MB"),
            (PictureError::TooLong { width: 20_000, height: 1 }, 422, "at most 16384 pixels on a side"),
            (
                PictureError::TooManyPixels { width: 1, height: 1, max_pixels: pixels },
                422,
                "at most 2 million pixels",
            ),
        ] {
            let problem = Problem::from(error);
            assert_eq!(problem.status, status);
            assert!(problem.error_of("image").is_some_and(|message| message.contains(words)), "{problem}");
        }
    }
}
