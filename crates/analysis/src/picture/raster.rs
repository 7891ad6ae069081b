//! Decoding, scaling and encoding: work on the CPU, to be run on blocking threads only.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits, RgbImage};
use protocol::image::{MediaType, has_end_marker};
use zune_core::bytestream::ZCursor;
use zune_core::options::DecoderOptions;

use super::PictureError;
use crate::preparation::{Page, Screen, prepare};

/// Memory per allowed pixel: RGBA. Pictures with deeper channels must be smaller.
const BYTES_PER_PIXEL: u64 = 4;
/// Memory for a PNG's other chunks (profiles, one row, …) once inflated.
const MAX_PNG_EXTRAS: u64 = 16 << 20;
/// Up to this size a picture is sent to a model without loss: small pictures are crops with small text.
const LOSSLESS_PIXELS: u64 = 500_000;
const JPEG_QUALITY: u8 = 85;
/// The largest screen that is made into a page for the text recognition.
const MAX_READER_PIXELS: u64 = 16_800_000;

/// The shortest side of a picture for a model: model servers fail at narrower ones, some by ending.
const MIN_MODEL_SIDE: u32 = 32;
/// How many times longer than its short side a picture for a model may be. From 200 on, servers refuse it.
const MAX_MODEL_RATIO: u32 = 190;

/// A picture made for a model.
#[derive(Clone)]
pub struct ModelPicture {
    pub bytes: Bytes,
    pub format: MediaType,
    pub width: u32,
    pub height: u32,
}

impl std::fmt::Debug for ModelPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ModelPicture({:?}, {}×{}, {} bytes)",
            self.format,
            self.width,
            self.height,
            self.bytes.len()
        )
    }
}

/// A page made for the text recognition, of a screen `scale` times as large as the original.
#[derive(Debug)]
pub(crate) struct ReaderPicture {
    pub page: Page,
    pub scale: f64,
}

/// Decodes the picture (of an animation, the first), turned upright. Its size must have been checked before.
pub(super) fn decode(format: MediaType, bytes: &[u8], max_pixels: u64) -> Result<DynamicImage, PictureError> {
    let input = Cursor::new(bytes);
    match format {
        MediaType::Jpeg => {
            let decoder = JpegDecoder::new(input).map_err(to_error)?;
            let picture = from_decoder(decoder, max_pixels)?;
            if !has_end_marker(bytes) && is_cut_off(bytes) {
                return Err(PictureError::Broken);
            }
            Ok(picture)
        }
        MediaType::Png => {
            let mut extras = Limits::no_limits();
            extras.max_alloc = Some(MAX_PNG_EXTRAS);
            from_decoder(PngDecoder::with_limits(input, extras).map_err(to_error)?, max_pixels)
        }
        MediaType::WebP => from_decoder(WebPDecoder::new(input).map_err(to_error)?, max_pixels),
    }
}

/// Whether a JPEG without end marker lacks more than that. The decoder fills in what is missing unless it is told to be strict.
/// Of a progressive one that cannot be told, so it needs its end.
fn is_cut_off(jpeg: &[u8]) -> bool {
    // The decoder reads ahead by so many bytes.
    let whole = [jpeg, &[0; 8]].concat();
    let strict = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(whole), strict).decode().is_err()
}

fn from_decoder(mut decoder: impl ImageDecoder, max_pixels: u64) -> Result<DynamicImage, PictureError> {
    let (width, height) = decoder.dimensions();
    let max_bytes = max_pixels.saturating_mul(BYTES_PER_PIXEL);
    if decoder.total_bytes() > max_bytes {
        return Err(PictureError::TooManyPixels { width, height, max_pixels });
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_bytes);
    limits.max_image_width = Some(width);
    limits.max_image_height = Some(height);
    decoder.set_limits(limits).map_err(to_error)?;
    // An unreadable orientation is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(to_error)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn to_error(error: ImageError) -> PictureError {
    tracing::debug!(%error, "a picture could not be decoded");
    PictureError::Broken
}

pub(super) fn for_model(picture: DynamicImage, max_pixels: u64) -> Result<ModelPicture, PictureError> {
    let picture = DynamicImage::ImageRgb8(on_white(picture));
    let (size, (width, height)) = model_size(picture.width(), picture.height(), max_pixels);
    let same = size == (picture.width(), picture.height());
    let picture = if same { picture } else { picture.thumbnail_exact(size.0, size.1) };
    let picture = padded(picture, width, height);
    let mut out = Vec::new();
    let format = if u64::from(width) * u64::from(height) <= LOSSLESS_PIXELS {
        picture.write_to(&mut Cursor::new(&mut out), ImageFormat::Png).map_err(to_error)?;
        MediaType::Png
    } else {
        JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY).encode_image(&picture).map_err(to_error)?;
        MediaType::Jpeg
    };
    Ok(ModelPicture { bytes: out.into(), format, width, height })
}

pub(super) fn for_reader(picture: DynamicImage) -> ReaderPicture {
    let picture = DynamicImage::ImageRgb8(on_white(picture));
    let (width, height) = (picture.width(), picture.height());
    let (columns, rows) = fit(width, height, MAX_READER_PIXELS);
    let same = (columns, rows) == (width, height);
    let picture = if same { picture } else { picture.thumbnail_exact(columns, rows) }.into_rgb8();
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    let screen = Screen { pixels: pixels.to_vec(), width: columns as usize, height: rows as usize };
    ReaderPicture { page: prepare(&screen), scale: f64::from(columns) / f64::from(width) }
}

/// The largest size of the same shape with at most `max_pixels`.
fn fit(width: u32, height: u32, max_pixels: u64) -> (u32, u32) {
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= max_pixels {
        return (width, height);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 64 million: exact in an f64")]
    let factor = (max_pixels as f64 / pixels as f64).sqrt();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the old side")]
    let shrink = |side: u32| ((f64::from(side) * factor).floor() as u32).max(1);
    (shrink(width), shrink(height))
}

/// The size to which a picture is scaled for a model, and the size to which it is then padded.
fn model_size(width: u32, height: u32, max_pixels: u64) -> ((u32, u32), (u32, u32)) {
    let mut budget = max_pixels;
    loop {
        let size = fit(width, height, budget);
        let least = |other: u32| MIN_MODEL_SIDE.max(other.div_ceil(MAX_MODEL_RATIO));
        let (mut padded_width, mut padded_height) = size;
        padded_width = padded_width.max(least(padded_height));
        padded_height = padded_height.max(least(padded_width));
        let pixels = u64::from(padded_width) * u64::from(padded_height);
        if pixels <= max_pixels || budget <= 1 {
            return (size, (padded_width, padded_height));
        }
        budget /= 2;
    }
}

/// The picture at the top left of a larger one, as if its edge went on.
fn padded(picture: DynamicImage, width: u32, height: u32) -> DynamicImage {
    if (picture.width(), picture.height()) == (width, height) {
        return picture;
    }
    let picture = picture.into_rgb8();
    let ground = picture.get_pixel(picture.width() - 1, picture.height() - 1);
    let mut larger = RgbImage::from_pixel(width, height, *ground);
    image::imageops::replace(&mut larger, &picture, 0, 0);
    DynamicImage::ImageRgb8(larger)
}

fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let (width, height) = picture.dimensions();
    let mut flat = RgbImage::new(width, height);
    for (from, to) in picture.pixels().zip(flat.pixels_mut()) {
        let [r, g, b, a] = from.0.map(u16::from);
        to.0 = [r, g, b].map(|c| u8::try_from((c * a + 255 * (255 - a)) / 255).unwrap_or(u8::MAX));
    }
    flat
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    fn decoded(bytes: &[u8]) -> DynamicImage {
        decode(MediaType::Png, bytes, 2_000_000).unwrap()
    }

    #[test]
    fn a_model_gets_at_most_its_pixels_in_the_same_shape() {
        let wide = DynamicImage::ImageRgb8(RgbImage::new(2000, 1000));
        let small = for_model(wide.clone(), 500_000).unwrap();
        assert_eq!((small.width, small.height, small.format), (1000, 500, MediaType::Png));
        let large = for_model(wide.clone(), 1_000_000).unwrap();
        assert_eq!(large.format, MediaType::Jpeg);
        assert!(u64::from(large.width) * u64::from(large.height) <= 1_000_000);
        let same = for_model(wide, u64::MAX).unwrap();
        assert_eq!((same.width, same.height), (2000, 1000));
        assert_eq!(MediaType::of(&same.bytes), Some(MediaType::Jpeg));
    }

    #[test]
    fn a29_a_model_gets_no_picture_that_ends_its_server() {
        for (width, height, expected) in [
            (300, 20, (300, 32)),
            (27, 27, (32, 32)),
            (8_000, 30, (8_000, 43)),
            (20, 6_000, (32, 6_000)),
            (1, 1, (32, 32)),
            (320, 200, (320, 200)),
        ] {
            let made = for_model(DynamicImage::ImageRgb8(RgbImage::new(width, height)), 2_000_000).unwrap();
            assert_eq!((made.width, made.height), expected, "{width} × {height}");
            let seen = image::load_from_memory(&made.bytes).unwrap();
            assert_eq!((seen.width(), seen.height()), expected);
        }
        for (width, height) in [(16_384, 1), (1, 16_384), (16_384, 3_000)] {
            for max in [10_000, 500_000, 64_000_000] {
                let (_, (w, h)) = model_size(width, height, max);
                assert!(w.min(h) >= MIN_MODEL_SIDE && w.max(h) <= w.min(h) * MAX_MODEL_RATIO, "{w} × {h}");
                assert!(u64::from(w) * u64::from(h) <= max, "{w} × {h} of {max}");
            }
        }
    }

    #[test]
    fn what_is_padded_stands_unscaled_and_its_ground_goes_on() {
        let mut strip = RgbImage::from_pixel(100, 20, image::Rgb([10, 20, 30]));
        strip.put_pixel(3, 4, image::Rgb([200, 0, 0]));
        let made = for_model(DynamicImage::ImageRgb8(strip), 2_000_000).unwrap();
        let seen = decoded(&made.bytes).into_rgb8();
        assert_eq!((seen.get_pixel(3, 4).0, seen.get_pixel(50, 31).0), ([200, 0, 0], [10, 20, 30]));
    }

    #[test]
    fn a_line_of_pixels_keeps_a_height() {
        assert_eq!(fit(60_000, 1, 100), (2449, 1));
    }

    #[test]
    fn transparency_becomes_white_and_metadata_goes() {
        let clear = png(&DynamicImage::ImageRgba8(RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 0]))));
        // A text chunk right behind the header (8 + 25 bytes).
        let mut noted = clear[..33].to_vec();
        noted.extend(b"\x00\x00\x00\x0ctEXtComment\x00home\xb2\xc5\x8f\x1f");
        noted.extend(&clear[33..]);
        let out = for_model(decoded(&noted), 1_000).unwrap();
        assert!(!out.bytes.windows(4).any(|w| w == b"home"));
        let seen = decoded(&out.bytes).into_rgb8();
        assert!(seen.pixels().all(|p| p.0 == [255; 3]));
    }
}
