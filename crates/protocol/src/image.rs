//! The image formats that are accepted, and what their headers say. Page, desktop program and server read them with this
//! same code, before anything is decoded.

use crate::analysis::MAX_IMAGE_SIDE;

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
    #[error("the image has {width} × {height} pixels, and {max} are allowed on a side", max = MAX_IMAGE_SIDE)]
    TooLong { width: u32, height: u32 },
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

    /// Width and height, refused when the image has more than `max_pixels`, or a side is longer than [`MAX_IMAGE_SIDE`].
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

impl MediaType {
    /// Whether the file is complete, as far as can be seen without decoding it: a PNG whose chunks follow each other up to
    /// the last, a JPEG up to its first scan, a WebP as long as it says. A page can so refuse what a server could not decode.
    pub fn is_complete(self, bytes: &[u8]) -> bool {
        match self {
            Self::Jpeg => jpeg(bytes).is_some(),
            Self::Png => png_is_complete(bytes),
            Self::WebP => number(bytes, 4).is_some_and(|length| {
                usize::try_from(u32::from_le_bytes(length))
                    .is_ok_and(|length| bytes.len() >= length.saturating_add(8))
            }),
        }
    }
}

fn check_size(width: u32, height: u32, max_pixels: u64) -> Result<(u32, u32), HeaderError> {
    if width == 0 || height == 0 {
        Err(HeaderError::Broken)
    } else if u64::from(width) * u64::from(height) > max_pixels {
        Err(HeaderError::TooManyPixels { width, height, max_pixels })
    } else if width.max(height) > MAX_IMAGE_SIDE {
        Err(HeaderError::TooLong { width, height })
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

/// PNG (third edition) §5.3, §5.6 and §11.2: IHDR with a valid combination of depth and colour, then chunks with names of
/// letters, with IDAT among them and IEND at the end.
fn png_is_complete(bytes: &[u8]) -> bool {
    let Some([0, 0, 0, 13, b'I', b'H', b'D', b'R']) = number(bytes, 8) else { return false };
    let depth_fits = match number(bytes, 24) {
        Some([depth, 0]) => matches!(depth, 1 | 2 | 4 | 8 | 16),
        Some([depth, 2 | 4 | 6]) => matches!(depth, 8 | 16),
        Some([depth, 3]) => matches!(depth, 1 | 2 | 4 | 8),
        _ => false,
    };
    let header_fits = number(bytes, 26).is_some_and(|[compression, filter, interlace]: [u8; 3]| {
        compression == 0 && filter == 0 && interlace <= 1
    });
    let checked = bytes.get(12..29).zip(number(bytes, 29));
    if !depth_fits
        || !header_fits
        || checked.is_none_or(|(content, sum)| crc(content) != u32::from_be_bytes(sum))
    {
        return false;
    }
    let (mut at, mut has_pixels) = (33, false);
    while let (Some(length), Some(name)) = (number(bytes, at), number::<4>(bytes, at + 4)) {
        let next = usize::try_from(u32::from_be_bytes(length))
            .ok()
            .and_then(|length| at.checked_add(length)?.checked_add(12));
        let Some(next) = next.filter(|next| *next <= bytes.len() && name.iter().all(u8::is_ascii_alphabetic))
        else {
            return false;
        };
        match &name {
            b"IDAT" => has_pixels = true,
            b"IEND" => return has_pixels,
            _ => {}
        }
        at = next;
    }
    false
}

/// PNG (third edition) annex D, for the few bytes of a header.
fn crc(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    !sum
}

/// ITU-T T.81 annex B: the frame header (SOF) holds the size. There is one, and it stands before the first scan. Other bytes
/// may stand between segments, as some cameras leave them there and other programs pass them over.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut size = None;
    let mut at = 2;
    loop {
        let [lead, marker] = number(bytes, at)?;
        match (lead, marker) {
            // Markers without content, and a stuffed zero byte, which is none.
            (0xff, 0x00 | 0x01 | 0xd0..=0xd8) => {
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
            (0xff, 0xda) => return size,
            (0xff, 0xd9) => return None,
            (0xff, 0x02..=0xfe) => {}
            // Fill bytes and stray ones.
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2 + usize::from(u16::from_be_bytes(number(bytes, at + 2)?));
    }
}

/// Whether a JPEG has an end marker. Some phones leave it out; without it a picture may also have been cut off, which only
/// decoding tells.
pub fn has_end_marker(jpeg: &[u8]) -> bool {
    // Within scans, the marker's bytes stand for nothing else.
    let scan = jpeg.windows(2).position(|pair| pair == b"\xff\xda").unwrap_or(0);
    jpeg[scan..].windows(2).any(|pair| pair == b"\xff\xd9")
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
    fn a_side_has_a_limit_of_its_own() {
        for (width, height, expected) in [
            (16_384, 1, Ok((16_384, 1))),
            (1, 16_384, Ok((1, 16_384))),
            (16_385, 1, Err(HeaderError::TooLong { width: 16_385, height: 1 })),
            (1, 16_385, Err(HeaderError::TooLong { width: 1, height: 16_385 })),
        ] {
            let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
            bytes.extend(u32::to_be_bytes(width));
            bytes.extend(u32::to_be_bytes(height));
            assert_eq!(size(MediaType::Png, &bytes), expected);
        }
    }

    /// 1 × 1, grey.
    const SMALLEST_PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
        \0\0\0\x0aIDATx\x9cc\x60\0\0\0\x02\0\x01\x48\xaf\xa4\x71\0\0\0\0IEND\xae\x42\x60\x82";

    #[test]
    fn a_damaged_png_is_noticed_without_decoding_it() {
        assert!(MediaType::Png.is_complete(SMALLEST_PNG));
        for cut in 0..SMALLEST_PNG.len() {
            assert!(!MediaType::Png.is_complete(&SMALLEST_PNG[..cut]), "cut off at {cut}");
        }
        // The header is checked as a whole; of each other chunk its length and name.
        for at in (8..33).chain([36, 37, 40, 57, 58]) {
            let mut damaged = SMALLEST_PNG.to_vec();
            damaged[at] ^= 0x80;
            assert!(!MediaType::Png.is_complete(&damaged), "byte {at}");
        }
        let mut without_pixels = SMALLEST_PNG.to_vec();
        without_pixels.drain(33..SMALLEST_PNG.len() - 12);
        assert!(!MediaType::Png.is_complete(&without_pixels));
        let more_behind = [SMALLEST_PNG, b"more"].concat();
        assert!(MediaType::Png.is_complete(&more_behind), "as decoders see it");
    }

    #[test]
    fn a_cut_webp_is_noticed() {
        let whole = b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0";
        assert!(MediaType::WebP.is_complete(whole));
        assert!(!MediaType::WebP.is_complete(&whole[..whole.len() - 1]));
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
    fn a_jpeg_has_one_size_before_its_first_scan() {
        let frame = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x20\x01\x01\x11\x00";
        let (start, scan, end) = (b"\xff\xd8\xff\xff\xe0\x00\x04xx", b"\xff\xda\x00\x02pixels", b"\xff\xd9");
        let whole = [&start[..], frame, scan, end].concat();
        assert_eq!(size(MediaType::Jpeg, &whole), Ok((32, 16)));
        let first_scan = start.len() + frame.len() + 2;
        for cut in 3..whole.len() {
            let expected = if cut < first_scan { Err(HeaderError::Broken) } else { Ok((32, 16)) };
            assert_eq!(size(MediaType::Jpeg, &whole[..cut]), expected, "{cut}");
            assert!(!has_end_marker(&whole[..cut]), "{cut}");
        }
        assert!(has_end_marker(&whole));
        let stray = [&start[..], b"\x00\x00junk\xff\x00\x12", frame, scan, end].concat();
        assert_eq!(size(MediaType::Jpeg, &stray), Ok((32, 16)));
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
