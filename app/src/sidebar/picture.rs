//! The picture of a question. Checked by its content before anything is sent, against the protocol's limits; the server
//! checks again, and may have lower limits, which it then names in the error of the field `image`.

use std::sync::Arc;

use protocol::Problem;
use protocol::analysis::{MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS};

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

/// The formats that the server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    Jpeg,
    Png,
    Webp,
}

impl Picture {
    /// Accepts a file that the server would accept: PNG, JPEG or WebP by content, whatever its name.
    pub fn upload(name: &str, bytes: Vec<u8>) -> Result<Self, Problem> {
        check_length(bytes.len() as u64)?;
        let media_type = MediaType::of(&bytes).ok_or_else(|| {
            refusal("This is not a PNG, JPEG or WebP picture. Choose another file or paste a screenshot.")
        })?;
        let size = media_type.size(&bytes);
        if size.is_some_and(|(width, height)| u64::from(width) * u64::from(height) > MAX_IMAGE_PIXELS) {
            return Err(refusal("The picture has more than 64 megapixels. Choose a smaller one."));
        }
        let bytes: Arc<[u8]> = bytes.into();
        Ok(Self {
            source: PictureSource::Upload { bytes: bytes.clone(), media_type },
            name: if name.is_empty() { "Pasted picture".to_owned() } else { name.to_owned() },
            size,
            preview: bytes,
            preview_type: media_type,
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

impl MediaType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// By the first bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
            Some(Self::Webp)
        } else {
            None
        }
    }

    /// Width and height from the file's header; `None` if it has none or is cut off.
    pub fn size(self, bytes: &[u8]) -> Option<(u32, u32)> {
        match self {
            Self::Jpeg => jpeg_size(bytes),
            Self::Png => Some((big(bytes.get(16..20)?), big(bytes.get(20..24)?))),
            Self::Webp => webp_size(bytes),
        }
    }
}

/// The frame header (SOF0 to SOF15 without the three other markers in between; ITU T.81 B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        if bytes[at] != 0xff {
            return None;
        }
        match marker {
            0xff => at += 1,
            0x01 | 0xd0..=0xd9 => at += 2,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((big(bytes.get(at + 7..at + 9)?), big(bytes.get(at + 5..at + 7)?)));
            }
            _ => at += 2 + usize::try_from(big(bytes.get(at + 2..at + 4)?)).ok()?,
        }
    }
}

/// The three kinds of WebP: lossy, lossless, extended (RFC 9649 §2).
fn webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => {
            let side = |at| Some(little(bytes.get(at..at + 2)?) & 0x3fff);
            Some((side(26)?, side(28)?))
        }
        b"VP8L" => {
            let packed = little(bytes.get(21..25)?);
            Some(((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(bytes.get(24..27)?) + 1, little(bytes.get(27..30)?) + 1)),
        _ => None,
    }
}

fn big(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn little(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
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
        bytes
    }

    fn refused(bytes: Vec<u8>) -> String {
        Picture::upload("x", bytes).unwrap_err().error_of("image").unwrap().to_owned()
    }

    #[test]
    fn a_picture_is_recognised_by_its_content() {
        let picture = Picture::upload("notes.txt", png(800, 600)).unwrap();
        assert_eq!(picture.caption(), "notes.txt, 800 × 600, 24 bytes");
        assert!(refused(b"<svg onload=alert(1)>".to_vec()).contains("PNG, JPEG or WebP"));
        assert!(refused(b"GIF89a".to_vec()).contains("PNG, JPEG or WebP"));
    }

    #[test]
    fn what_the_server_would_refuse_is_not_sent() {
        assert!(refused(png(60_000, 60_000)).contains("64 megapixels"));
        assert!(refused(Vec::new()).contains("empty"));
        let mut large = png(10, 10);
        large.resize(MAX_IMAGE_BYTES, 0);
        assert!(Picture::upload("x", large.clone()).is_ok());
        large.push(0);
        assert!(refused(large).contains("20 MB"));
    }

    #[test]
    fn sizes_are_read_from_jpeg_and_webp() {
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc4, 0, 3, 9];
        jpeg.extend([0xff, 0xc2, 0, 11, 8, 0x02, 0x58, 0x03, 0x20, 1]);
        assert_eq!(MediaType::Jpeg.size(&jpeg), Some((800, 600)));
        let mut extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        extended.extend([0x1f, 3, 0, 0x57, 2, 0]);
        assert_eq!(MediaType::Webp.size(&extended), Some((800, 600)));
        let mut lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".to_vec();
        lossless.extend((799u32 | 599 << 14).to_le_bytes());
        assert_eq!(MediaType::Webp.size(&lossless), Some((800, 600)));
    }

    #[test]
    fn a_header_cut_off_anywhere_gives_no_size_and_no_panic() {
        let whole = png(800, 600);
        for end in 0..whole.len() {
            assert_eq!(MediaType::Png.size(&whole[..end]), None);
            assert_eq!(MediaType::Jpeg.size(&[&[0xff, 0xd8, 0xff, 0xe0], &vec![0; end][..]].concat()), None);
            assert_eq!(MediaType::Webp.size(&b"RIFF....WEBPVP8X........."[..end]), None);
        }
    }
}
