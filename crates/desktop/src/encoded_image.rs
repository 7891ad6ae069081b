//! Images as they are sent and shown: encoded, within limits of size.
//!
//! A screenshot is sent with at most [`MAX_PIXELS`] pixels. That of a full-HD screen is sent as it is, larger ones are
//! scaled down to that size: below it, text recognition fails on small text, and models scale down further themselves. PNG
//! keeps text sharp; where it gets large (photos, videos), JPEG is sent instead.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageEncoder, ImageError};
use protocol::Problem;
use protocol::analysis::MAX_IMAGE_BYTES;
use protocol::image::MediaType;

use crate::capture::Frame;

/// 1920 × 1080.
const MAX_PIXELS: u64 = 2_073_600;
/// A PNG above this size is sent as JPEG instead.
const MAX_PNG_BYTES: usize = 2_000_000;
const UPLOAD_QUALITY: u8 = 85;
const PREVIEW_WIDTH: u32 = 480;
const PREVIEW_QUALITY: u8 = 75;

/// A file, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedImage {
    pub bytes: Vec<u8>,
    pub media_type: MediaType,
}

impl EncodedImage {
    /// Takes some tens of milliseconds.
    pub fn from_frame(frame: &Frame) -> Result<Self, ImageError> {
        let picture = scaled_down(DynamicImage::ImageRgba8(frame.pixels.clone())).into_rgb8();
        let (width, height) = picture.dimensions();
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive).write_image(
            &picture,
            width,
            height,
            image::ExtendedColorType::Rgb8,
        )?;
        if bytes.len() <= MAX_PNG_BYTES {
            return Ok(Self { bytes, media_type: MediaType::Png });
        }
        Ok(Self {
            bytes: jpeg(&DynamicImage::ImageRgb8(picture), UPLOAD_QUALITY)?,
            media_type: MediaType::Jpeg,
        })
    }

    /// From a file that the user picked or pasted, as the page gives it. The server checks its content.
    pub fn from_base64(text: &str) -> Result<Self, Problem> {
        let wrong = |message: &str| Problem::invalid_input().field("image", message);
        if text.len() / 4 * 3 > MAX_IMAGE_BYTES + 2 {
            return Err(wrong("Use a picture of at most 20 MB."));
        }
        let bytes = STANDARD.decode(text).map_err(|_| wrong("The picture did not arrive whole."))?;
        let media_type = MediaType::of(&bytes).ok_or_else(|| wrong("Use a PNG, JPEG or WebP picture."))?;
        Ok(Self { bytes, media_type })
    }
}

impl Frame {
    /// A small JPEG for the page.
    pub fn preview(&self) -> Result<Vec<u8>, ImageError> {
        let (width, height) = self.pixels.dimensions();
        let picture = DynamicImage::ImageRgba8(self.pixels.clone());
        let small = if width > PREVIEW_WIDTH { picture.thumbnail(PREVIEW_WIDTH, height) } else { picture };
        jpeg(&DynamicImage::ImageRgb8(small.into_rgb8()), PREVIEW_QUALITY)
    }
}

fn scaled_down(picture: DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= MAX_PIXELS {
        return picture;
    }
    let scale = (MAX_PIXELS as f64 / pixels as f64).sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the scale is between 0 and 1; rounding down keeps the picture within the limit"
    )]
    let scaled = |length: u32| ((f64::from(length) * scale) as u32).max(1);
    picture.resize_exact(scaled(width), scaled(height), image::imageops::FilterType::Triangle)
}

fn jpeg(picture: &DynamicImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgba, RgbaImage};

    use super::*;

    fn frame(pixels: RgbaImage) -> Frame {
        Frame { pixels, monitor: "test".into(), origin: crate::Point { x: 0, y: 0 } }
    }

    fn size(bytes: &[u8]) -> (u32, u32) {
        let picture = image::load_from_memory(bytes).unwrap();
        (picture.width(), picture.height())
    }

    /// Like a photo: nothing that PNG could make small.
    fn noise(width: u32, height: u32) -> RgbaImage {
        let mut state = 1u32;
        RgbaImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, _] = state.to_be_bytes();
            Rgba([a, b, c, 255])
        })
    }

    #[test]
    fn a_full_hd_screen_is_sent_as_it_is() {
        let mut pixels = RgbaImage::from_pixel(1920, 1080, Rgba([250, 250, 250, 255]));
        pixels.put_pixel(1919, 1079, Rgba([1, 2, 3, 255]));
        let picture = EncodedImage::from_frame(&frame(pixels)).unwrap();
        assert_eq!((picture.media_type, size(&picture.bytes)), (MediaType::Png, (1920, 1080)));
        let back = image::load_from_memory(&picture.bytes).unwrap().into_rgb8();
        assert_eq!(back.get_pixel(1919, 1079).0, [1, 2, 3]);
    }

    #[test]
    fn larger_screens_are_scaled_down_to_the_limit() {
        let picture = EncodedImage::from_frame(&frame(RgbaImage::new(3840, 2160))).unwrap();
        assert_eq!(size(&picture.bytes), (1920, 1080));
        let (width, height) =
            size(&EncodedImage::from_frame(&frame(RgbaImage::new(5120, 1440))).unwrap().bytes);
        assert!(u64::from(width) * u64::from(height) <= MAX_PIXELS && width > 2600);
    }

    #[test]
    fn what_png_cannot_make_small_goes_as_jpeg() {
        let picture = EncodedImage::from_frame(&frame(noise(1200, 900))).unwrap();
        assert_eq!(picture.media_type, MediaType::Jpeg);
        assert!(picture.bytes.len() < 1200 * 900 * 3);
    }

    #[test]
    fn previews_are_small_jpegs() {
        let bytes = frame(noise(1600, 1000)).preview().unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), ImageFormat::Jpeg);
        assert_eq!(size(&bytes), (480, 300));
        assert_eq!(size(&frame(noise(300, 900)).preview().unwrap()), (300, 900));
    }

    #[test]
    fn uploads_are_recognised_by_content() {
        let png = EncodedImage::from_frame(&frame(RgbaImage::new(2, 2))).unwrap();
        assert_eq!(EncodedImage::from_base64(&STANDARD.encode(&png.bytes)).unwrap(), png);
        for bad in ["***", "", "PHN2Zz48L3N2Zz4="] {
            assert!(EncodedImage::from_base64(bad).unwrap_err().error_of("image").is_some(), "{bad}");
        }
        let large = "A".repeat(MAX_IMAGE_BYTES / 3 * 4 + 16);
        assert!(EncodedImage::from_base64(&large).unwrap_err().to_string().contains("20 MB"));
    }
}
