//! The header of a picture: a size within the limits, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::image::MediaType;

const MAX_PIXELS: u64 = 64_000_000;

fuzz_target!(|file: &[u8]| {
    let Some(kind) = MediaType::of(file) else { return };
    let _ = kind.is_complete(file);
    if let Ok((width, height)) = kind.size(file, MAX_PIXELS) {
        assert!(width > 0 && height > 0 && u64::from(width) * u64::from(height) <= MAX_PIXELS);
    }
});
