//! Pictures that are small on the wire and large in memory. One test alone in its process, since it measures
//! the memory of the whole of it.
#![expect(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

use std::io::Write;

use analysis::{PictureError, Pictures};
use bytes::Bytes;
use protocol::analysis::MAX_IMAGE_PIXELS;

const MEBIBYTE: u64 = 1 << 20;

/// The most memory that this process ever had, and what it has now.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    (field("VmHWM:"), field("VmRSS:"))
}

fn zlib(content: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for part in content {
        encoder.write_all(&part).unwrap();
    }
    encoder.finish().unwrap()
}

fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(&name);
    crc.update(content);
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], &name, content, &crc.sum().to_be_bytes()].concat()
}

fn header(width: u32, height: u32, depth: u8, color: u8) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &head)].concat()
}

fn png(width: u32, height: u32, extras: &[u8], pixels: &[u8]) -> Bytes {
    [header(width, height, 8, 0), extras.to_vec(), chunk(*b"IDAT", pixels), chunk(*b"IEND", b"")]
        .concat()
        .into()
}

/// `frames` as an animation's header says; there is no second one.
fn animated_png(width: u32, height: u32, frames: u32) -> Bytes {
    let control = [frames.to_be_bytes(), 0_u32.to_be_bytes()].concat();
    let rows = zlib((0..height.min(64)).map(|_| vec![0; width as usize + 1]));
    png(width, height, &chunk(*b"acTL", &control), &rows)
}

fn webp(canvas: [u8; 6], flags: u8, chunks: &[u8]) -> Bytes {
    let head = [&b"VP8X\x0a\x00\x00\x00"[..], &[flags, 0, 0, 0], &canvas].concat();
    let body = [b"WEBP".to_vec(), head, chunks.to_vec()].concat();
    [b"RIFF".to_vec(), u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat().into()
}

/// The start of a lossy frame of 16,383 × 16,383.
const HUGE_FRAME: &[u8] =
    b"VP8 \x10\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f\x00\x00\x00\x00\x00\x00";

fn animated_webp() -> Bytes {
    // Offset 0, a frame of 10 × 10 as the animation says; the frame itself says otherwise.
    let frame_head = [0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0, 100, 0, 0, 0];
    let length = u32::try_from(frame_head.len() + HUGE_FRAME.len()).unwrap().to_le_bytes();
    let frame = [&b"ANMF"[..], &length, &frame_head, HUGE_FRAME].concat();
    let animation = [&b"ANIM\x06\x00\x00\x00\xff\xff\xff\xff\x00\x00"[..], &frame].concat();
    webp([9, 0, 0, 9, 0, 0], 0x02, &animation)
}

#[tokio::test]
async fn bombs_are_refused_within_64_mebibytes() {
    let pictures = Pictures::new(2);
    let too_many =
        |width, height| Err(PictureError::TooManyPixels { width, height, max_pixels: MAX_IMAGE_PIXELS });
    let zeros = zlib((0..256).map(|_| vec![0; 1_000_000]));
    let hidden = [b"p\0\0".to_vec(), zeros.clone()].concat();
    let bombs: [(&str, Bytes, Result<(), PictureError>); 9] = [
        ("60,000 × 60,000 PNG", png(60_000, 60_000, b"", &zeros), too_many(60_000, 60_000)),
        (
            "largest PNG header",
            png(u32::MAX >> 1, u32::MAX >> 1, b"", b""),
            too_many(u32::MAX >> 1, u32::MAX >> 1),
        ),
        ("60,000 × 60,000 APNG", animated_png(60_000, 60_000, u32::MAX), too_many(60_000, 60_000)),
        ("APNG of 4 billion frames", animated_png(64, 64, u32::MAX), Ok(())),
        ("PNG with a profile of 256 MB", png(4, 4, &chunk(*b"iCCP", &hidden), &zlib([vec![0; 20]])), Ok(())),
        ("PNG with a note of 256 MB", png(4, 4, &chunk(*b"zTXt", &hidden), &zlib([vec![0; 20]])), Ok(())),
        ("PNG with 256 MB behind its pixels", png(4, 4, b"", &zeros), Ok(())),
        ("WebP canvas of 16,777,216²", webp([0xff; 6], 0, HUGE_FRAME), too_many(1 << 24, 1 << 24)),
        ("animated WebP with a huge frame", animated_webp(), too_many(16_383, 16_383)),
    ];
    let (_, before) = memory();
    for (name, bytes, expected) in bombs {
        assert!(bytes.len() < 2_000_000, "{name} is small on the wire");
        let result = pictures.accept(bytes).await.map(|_| ());
        // What is in the file besides a sound picture may be refused or passed over; it must only stay cheap.
        match expected {
            Ok(()) => assert!(matches!(result, Ok(()) | Err(PictureError::Broken)), "{name}: {result:?}"),
            refused => assert_eq!(result, refused, "{name}"),
        }
        let growth = memory().0.saturating_sub(before);
        assert!(growth < 64 * MEBIBYTE, "{name}: {} MiB more", growth / MEBIBYTE);
    }
}
