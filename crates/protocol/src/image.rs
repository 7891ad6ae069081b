//! The image formats that are accepted, and what their headers say. Page, desktop program and server read them with this
//! same code, before anything is decoded.

/// The accepted formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    Jpeg,
    Png,
    WebP,
}

/// Why a header was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("the image is broken or cut off")]
    Broken,
    #[error("the image has {width} × {height} pixels, and {max_pixels} are allowed")]
    TooManyPixels { width: u32, height: u32, max_pixels: u64 },
}

impl MediaType {
    /// By content alone: the file's name and the declared type do not count.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    /// Of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }

    /// Width and height, refused when the image has more than `max_pixels`.
    pub fn size(self, bytes: &[u8], max_pixels: u64) -> Result<(u32, u32), HeaderError> {
        let (width, height) = match self {
            Self::Jpeg => jpeg(bytes),
            Self::Png => png(bytes),
            Self::WebP => webp(bytes, max_pixels)?,
        }
        .ok_or(HeaderError::Broken)?;
        check_size(width, height, max_pixels)
    }
}

fn check_size(width: u32, height: u32, max_pixels: u64) -> Result<(u32, u32), HeaderError> {
    if width == 0 || height == 0 {
        Err(HeaderError::Broken)
    } else if u64::from(width) * u64::from(height) > max_pixels {
        Err(HeaderError::TooManyPixels { width, height, max_pixels })
    } else {
        Ok((width, height))
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// PNG (third edition) §11.2.1: IHDR is the first chunk.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some((u32::from_be_bytes(number(bytes, 16)?), u32::from_be_bytes(number(bytes, 20)?)))
}

/// ITU-T T.81 annex B: the frame header (SOF) holds the size. There is one, it stands before the first scan,
/// and the picture must end with an end marker: decoders would fill in what is missing.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut size = None;
    let mut at = 2;
    loop {
        let [lead, marker] = number(bytes, at)?;
        match (lead, marker) {
            // Fill bytes may stand before a marker.
            (0xff, 0xff) => {
                at += 1;
                continue;
            }
            (0xff, 0x01 | 0xd0..=0xd8) => {
                at += 2;
                continue;
            }
            (0xff, 0xc0..=0xcf) if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let height = u16::from_be_bytes(number(bytes, at + 5)?);
                let width = u16::from_be_bytes(number(bytes, at + 7)?);
                if size.replace((width.into(), height.into())).is_some() {
                    return None;
                }
            }
            // The first scan. Within scans, the end marker's bytes stand for nothing else.
            (0xff, 0xda) => {
                let ends = bytes.get(at..)?.windows(2).any(|pair| pair == b"\xff\xd9");
                return size.filter(|_| ends);
            }
            (0xff, 0xd9) => return None,
            (0xff, _) => {}
            _ => return None,
        }
        at += 2 + usize::from(u16::from_be_bytes(number(bytes, at + 2)?));
    }
}

/// RFC 9649. The canvas has the size; but each frame inside repeats its own, which decoders trust when they
/// allocate. So every frame is checked too, and none may be larger than the canvas.
fn webp(bytes: &[u8], max_pixels: u64) -> Result<Option<(u32, u32)>, HeaderError> {
    let mut canvas = None;
    let mut at = 12;
    while let Some((name, content)) = chunk(bytes, at) {
        let end = at + 8 + content.len() + content.len() % 2;
        let found = if name == *b"ANMF" {
            // Read from the whole file: decoders do not hold what is inside to the size of what is around it.
            let mut inner = at + 8 + 16;
            let mut frame = None;
            while let Some((name, content)) = chunk(bytes, inner).filter(|_| inner < end && frame.is_none()) {
                inner += 8 + content.len() + content.len() % 2;
                frame = frame_size(name, content);
            }
            frame
        } else {
            frame_size(name, content)
        };
        at = end;
        let Some((width, height)) = found else { continue };
        check_size(width, height, max_pixels)?;
        let (canvas_width, canvas_height) = *canvas.get_or_insert((width, height));
        if width > canvas_width || height > canvas_height {
            return Err(HeaderError::Broken);
        }
    }
    Ok(canvas)
}

/// The chunk that starts at `at`; its content is cut where the file ends.
fn chunk(bytes: &[u8], at: usize) -> Option<([u8; 4], &[u8])> {
    let name = number(bytes, at)?;
    let length = usize::try_from(u32::from_le_bytes(number(bytes, at + 4)?)).ok()?;
    let rest = bytes.get(at + 8..)?;
    Some((name, rest.get(..length).unwrap_or(rest)))
}

fn frame_size(name: [u8; 4], content: &[u8]) -> Option<(u32, u32)> {
    match &name {
        b"VP8X" => {
            let three = |at| number::<3>(content, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]) + 1);
            Some((three(4)?, three(7)?))
        }
        b"VP8 " => {
            let two = |at| number(content, at).map(|two| u32::from(u16::from_le_bytes(two) & 0x3fff));
            Some((two(6)?, two(8)?))
        }
        b"VP8L" => {
            let packed = u32::from_le_bytes(number(content, 1)?);
            Some(((packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::MAX_IMAGE_PIXELS;

    fn size(format: MediaType, bytes: &[u8]) -> Result<(u32, u32), HeaderError> {
        format.size(bytes, MAX_IMAGE_PIXELS)
    }

    #[test]
    fn only_three_formats_are_known_and_by_content() {
        let others: [&[u8]; 8] = [
            b"GIF89a\x01\x00\x01\x00",
            b"BM\x00\x00\x00\x00",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<?xml version='1.0'?><svg/>",
            b"II*\x00",
            b"RIFF\x00\x00\x00\x00WAVE",
            b"%PDF-1.7",
            b"",
        ];
        for other in others {
            assert_eq!(MediaType::of(other), None);
        }
    }

    #[test]
    fn a_webp_frame_larger_than_its_canvas_is_refused_unread() {
        let mut bytes = b"RIFF\xff\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00".to_vec();
        bytes.extend([9, 0, 0, 9, 0, 0]); // a canvas of 10 × 10
        bytes.extend(b"VP8 \x0a\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x00\x10\x00\x10"); // a frame of 4096 × 4096
        assert_eq!(size(MediaType::WebP, &bytes), Err(HeaderError::Broken));
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(b"\xff\x3f\xff\x3f"); // 16,383 × 16,383
        assert_eq!(
            size(MediaType::WebP, &bytes),
            Err(HeaderError::TooManyPixels { width: 16_383, height: 16_383, max_pixels: MAX_IMAGE_PIXELS })
        );
    }

    #[test]
    fn a_jpeg_has_one_size_and_an_end() {
        let frame = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x20\x01\x01\x11\x00";
        let (start, scan, end) = (b"\xff\xd8\xff\xff\xe0\x00\x04xx", b"\xff\xda\x00\x02pixels", b"\xff\xd9");
        let whole = [&start[..], frame, scan, end].concat();
        assert_eq!(size(MediaType::Jpeg, &whole), Ok((32, 16)));
        for cut in 3..whole.len() {
            assert_eq!(size(MediaType::Jpeg, &whole[..cut]), Err(HeaderError::Broken), "{cut}");
        }
        let two = [&start[..], frame, frame, scan, end].concat();
        assert_eq!(size(MediaType::Jpeg, &two), Err(HeaderError::Broken));
    }

    #[test]
    fn cut_headers_are_broken_and_never_a_panic() {
        assert_eq!(
            size(MediaType::Png, b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00"),
            Err(HeaderError::Broken)
        );
        assert_eq!(size(MediaType::WebP, b"RIFF\x00\x00\x00\x00WEBPVP8L\x05\x00"), Err(HeaderError::Broken));
    }

    #[test]
    fn sizes_are_read_from_jpeg_and_webp() {
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc4, 0, 3, 9];
        jpeg.extend([0xff, 0xc2, 0, 11, 8, 0x02, 0x58, 0x03, 0x20, 1, 1, 17, 0]);
        jpeg.extend([0xff, 0xda, 0, 2, 0xff, 0xd9]);
        assert_eq!(size(MediaType::Jpeg, &jpeg), Ok((800, 600)));
        let mut extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        extended.extend([0x1f, 3, 0, 0x57, 2, 0]);
        assert_eq!(size(MediaType::WebP, &extended), Ok((800, 600)));
        let mut lossless = b"RIFF\0\0\0\0WEBPVP8L\x05\0\0\0\x2f".to_vec();
        lossless.extend((799_u32 + (599 << 14)).to_le_bytes());
        assert_eq!(size(MediaType::WebP, &lossless), Ok((800, 600)));
    }

    #[test]
    fn a_header_cut_off_anywhere_gives_no_size_and_no_panic() {
        let mut whole = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        whole.extend([0, 0, 3, 32, 0, 0, 2, 88]);
        assert_eq!(size(MediaType::Png, &whole), Ok((800, 600)));
        for end in 0..whole.len() {
            let jpeg = [&[0xff, 0xd8, 0xff, 0xe0], &vec![0; end][..]].concat();
            assert_eq!(size(MediaType::Png, &whole[..end]), Err(HeaderError::Broken));
            assert_eq!(size(MediaType::Jpeg, &jpeg), Err(HeaderError::Broken));
            let webp = &b"RIFF....WEBPVP8X........."[..end];
            assert_eq!(size(MediaType::WebP, webp), Err(HeaderError::Broken));
        }
    }
}
