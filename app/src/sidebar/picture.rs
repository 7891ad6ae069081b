//! The picture of a question. Checked by its content before anything is sent, against the protocol's limits; the server
//! checks again, and may have lower limits, which it then names in the error of the field `image`.

use std::sync::Arc;

use protocol::Problem;
use protocol::analysis::{MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS};
use protocol::desktop::LookedAt;
use protocol::image::{HeaderError, MediaType};

/// A picture that is ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub source: PictureSource,
    /// The file's name, or the monitor's.
    pub name: String,
    /// Width and height in pixels, if the file's header has them.
    pub size: Option<(u32, u32)>,
    /// What the page shows: the file itself, or the shim's small JPEG.
    pub preview: Arc<[u8]>,
    pub preview_type: MediaType,
    /// What is in front there, if the desktop program took it.
    pub front: Option<LookedAt>,
}

/// Where the pixels are.
#[derive(Clone, PartialEq, Eq)]
pub enum PictureSource {
    /// In the shim, under this id; they never reach the page.
    Capture {
        id: String,
    },
    Upload {
        bytes: Arc<[u8]>,
        media_type: MediaType,
    },
}

impl Picture {
    /// Accepts a file that the server would accept: PNG, JPEG or WebP by content, whatever its name.
    pub fn upload(name: &str, bytes: Vec<u8>) -> Result<Self, Problem> {
        check_length(bytes.len() as u64)?;
        let media_type = MediaType::of(&bytes).ok_or_else(|| {
            refusal("This is not a PNG, JPEG or WebP picture. Choose another file or paste a screenshot.")
        })?;
        let size = match media_type.size(&bytes, MAX_IMAGE_PIXELS) {
            Ok(size) if media_type.is_complete(&bytes) => Some(size),
            Ok(_) | Err(HeaderError::Broken) => {
                return Err(refusal("This picture is damaged or incomplete. Choose another one."));
            }
            Err(HeaderError::TooManyPixels { .. }) => {
                return Err(refusal("The picture has more than 64 megapixels. Choose a smaller one."));
            }
            Err(HeaderError::TooLong { .. }) => {
                return Err(refusal(
                    "A side of the picture has more than 16,384 pixels. Choose a smaller one.",
                ));
            }
        };
        let bytes: Arc<[u8]> = bytes.into();
        Ok(Self {
            source: PictureSource::Upload { bytes: bytes.clone(), media_type },
            name: match protocol::text::visible(name).trim() {
                "" => "Pasted picture".to_owned(),
                name => name.to_owned(),
            },
            size,
            preview: bytes,
            preview_type: media_type,
            front: None,
        })
    }

    /// Name and dimensions.
    pub fn caption(&self) -> String {
        match self.dimensions() {
            dimensions if dimensions.is_empty() => self.name.clone(),
            dimensions => format!("{}, {dimensions}", self.name),
        }
    }

    /// Size in pixels, and size of the file if the page has it.
    pub fn dimensions(&self) -> String {
        let pixels = self.size.map(|(width, height)| format!("{width} × {height}"));
        let bytes = match &self.source {
            PictureSource::Upload { bytes, .. } => Some(file_size(bytes.len())),
            PictureSource::Capture { .. } => None,
        };
        pixels.into_iter().chain(bytes).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Debug for Picture {
    /// Without the pixels.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({})", self.caption())
    }
}

impl std::fmt::Debug for PictureSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Capture { .. } => "Capture",
            Self::Upload { .. } => "Upload",
        })
    }
}

/// Can be checked before the file is read.
pub fn check_length(bytes: u64) -> Result<(), Problem> {
    match bytes {
        0 => Err(refusal("This file is empty. Choose another one.")),
        _ if bytes > MAX_IMAGE_BYTES as u64 => {
            Err(refusal("The picture has more than 20 MB. Choose a smaller one, or save it as JPEG."))
        }
        _ => Ok(()),
    }
}

pub fn refusal(message: &str) -> Problem {
    Problem::invalid_input().field("image", message)
}

fn file_size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 0, 0, 0, 0]);
        bytes.extend(crc(&bytes[12..]).to_be_bytes());
        bytes.extend(b"\0\0\0\0IDAT....\0\0\0\0IEND....");
        bytes
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8)
                .fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
        })
    }

    fn refused(bytes: Vec<u8>) -> String {
        Picture::upload("x", bytes).unwrap_err().error_of("image").unwrap().to_owned()
    }

    #[test]
    fn a_picture_is_recognised_by_its_content() {
        let picture = Picture::upload("notes.txt", png(800, 600)).unwrap();
        assert_eq!(picture.caption(), "notes.txt, 800 × 600, 57 bytes");
        assert!(refused(b"<svg onload=alert(1)>".to_vec()).contains("PNG, JPEG or WebP"));
        assert!(refused(b"GIF89a".to_vec()).contains("PNG, JPEG or WebP"));
    }

    #[test]
    fn a_broken_picture_is_refused_at_its_field_before_it_is_sent() {
        let whole = png(8, 8);
        assert!(Picture::upload("x", whole.clone()).is_ok());
        for broken in [whole[..24].to_vec(), whole[..whole.len() - 5].to_vec(), b"\xff\xd8\xff\xe0".to_vec()]
        {
            assert!(refused(broken).contains("damaged"));
        }
        let mut changed = whole;
        changed[18] ^= 1;
        assert!(refused(changed).contains("damaged"));
    }

    #[test]
    fn what_the_server_would_refuse_is_not_sent() {
        assert!(refused(png(60_000, 60_000)).contains("64 megapixels"));
        assert!(refused(png(20_000, 100)).contains("16,384 pixels"));
        assert!(refused(Vec::new()).contains("empty"));
        let mut large = png(10, 10);
        large.resize(MAX_IMAGE_BYTES, 0);
        assert!(Picture::upload("x", large.clone()).is_ok());
        large.push(0);
        assert!(refused(large).contains("20 MB"));
    }
}
