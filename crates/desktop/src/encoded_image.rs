//! Images as they are sent and shown: encoded, within limits of size.
//!
//! A screenshot is sent with at most [`MAX_PIXELS`] pixels. That of a full-HD screen is sent as it is, larger ones are
//! scaled down to that size: below it, text recognition fails on small text, and models scale down further themselves. PNG
//! keeps text sharp; where it gets large (photos, videos), JPEG is sent instead.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbaImage};
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
    pub fn from_frame(frame: &Frame) -> Result<Self, EncodeError> {
        let resized = match limited_size(frame.pixels.dimensions()) {
            Some(size) => Some(resized(&frame.pixels, size)?),
            None => None,
        };
        let picture = resized.as_ref().unwrap_or(&frame.pixels);
        let (width, height) = picture.dimensions();
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive).write_image(
            &opaque(picture),
            width,
            height,
            image::ExtendedColorType::Rgb8,
        )?;
        if bytes.len() <= MAX_PNG_BYTES {
            return Ok(Self { bytes, media_type: MediaType::Png });
        }
        Ok(Self { bytes: jpeg(picture, UPLOAD_QUALITY)?, media_type: MediaType::Jpeg })
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
    pub fn preview(&self) -> Result<Vec<u8>, EncodeError> {
        let (width, height) = self.pixels.dimensions();
        if width <= PREVIEW_WIDTH {
            return jpeg(&self.pixels, PREVIEW_QUALITY);
        }
        let scale = f64::from(PREVIEW_WIDTH) / f64::from(width);
        jpeg(&resized(&self.pixels, (PREVIEW_WIDTH, scaled(height, scale)))?, PREVIEW_QUALITY)
    }
}

/// Why a picture could not be made a file.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("the picture could not be resized")]
    Resize(#[from] fast_image_resize::ResizeError),
    #[error("the picture does not have the size that it claims")]
    Size(#[from] fast_image_resize::ImageBufferError),
    #[error("the picture could not be written as PNG")]
    Png(#[from] image::ImageError),
    #[error("the picture could not be written as JPEG")]
    Jpeg(#[from] jpeg_encoder::EncodingError),
}

/// The largest size with the same proportions within [`MAX_PIXELS`]. `None`: the picture has it already.
fn limited_size((width, height): (u32, u32)) -> Option<(u32, u32)> {
    let pixels = u64::from(width) * u64::from(height);
    let scale = (MAX_PIXELS as f64 / pixels as f64).sqrt();
    (pixels > MAX_PIXELS).then(|| (scaled(width, scale), scaled(height, scale)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the scale is between 0 and 1; rounding down keeps the picture within the limit"
)]
fn scaled(length: u32, scale: f64) -> u32 {
    ((f64::from(length) * scale) as u32).max(1)
}

fn resized(picture: &RgbaImage, (width, height): (u32, u32)) -> Result<RgbaImage, EncodeError> {
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x4)?;
    let mut small = Image::new(width, height, PixelType::U8x4);
    // A screenshot is opaque, so its colours need not be multiplied by the opacity and divided again.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(fast_image_resize::FilterType::Bilinear))
        .use_alpha(false);
    Resizer::new().resize(&source, &mut small, &options)?;
    // It has the length that it was made with.
    Ok(RgbaImage::from_raw(width, height, small.into_vec()).unwrap_or_default())
}

fn opaque(picture: &RgbaImage) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(picture.as_raw().len() / 4 * 3);
    rgb.extend(
        picture.as_raw().as_chunks::<4>().0.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]),
    );
    rgb
}

fn jpeg(picture: &RgbaImage, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    // Coloured text loses its edges when colour has fewer pixels than brightness.
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder.encode(
        picture.as_raw(),
        side(picture.width()),
        side(picture.height()),
        jpeg_encoder::ColorType::Rgba,
    )?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgba};

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
