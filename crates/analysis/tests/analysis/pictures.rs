use std::io::Cursor;

use analysis::{PictureError, PictureLimits, Pictures};
use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use protocol::Problem;
use protocol::analysis::MAX_IMAGE_BYTES;
use protocol::image::MediaType;

fn picture(format: ImageFormat) -> Vec<u8> {
    let noise = |x: u32, y: u32| Rgb([x * 7 + y * 13, x * y, x ^ y].map(|v| v.to_le_bytes()[0]));
    let picture = DynamicImage::ImageRgb8(RgbImage::from_fn(120, 80, noise));
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

#[tokio::test]
async fn the_three_formats_are_accepted_by_content() {
    let pictures = Pictures::new(2);
    for (written, expected) in [
        (ImageFormat::Png, MediaType::Png),
        (ImageFormat::Jpeg, MediaType::Jpeg),
        (ImageFormat::WebP, MediaType::WebP),
    ] {
        let accepted = pictures.accept(picture(written).into()).await.unwrap();
        assert_eq!((accepted.format(), accepted.width(), accepted.height()), (expected, 120, 80));
        assert_eq!(accepted.sha256().len(), 64);
        let small = pictures.for_model(&accepted, 10_000).await.unwrap();
        assert!(small.width * small.height <= 10_000);
        let large = pictures.for_model(&accepted, 1_000_000).await.unwrap();
        assert_eq!((large.width, large.height), (120, 80));
    }
}

#[tokio::test]
async fn a_picture_cut_anywhere_is_refused() {
    let pictures = Pictures::new(2);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let whole = picture(format);
        for behaviour in 1..20 {
            let cut = Bytes::copy_from_slice(&whole[..whole.len() * behaviour / 20]);
            let result = pictures.accept(cut).await.map(|_| ());
            assert!(matches!(result, Err(PictureError::Broken)), "{format:?} {behaviour}: {result:?}");
        }
    }
}

#[tokio::test]
async fn other_files_are_refused() {
    let pictures = Pictures::new(1);
    for other in [
        &b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"[..],
        b"BM\x3a\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
        b"hello",
    ] {
        let error = pictures.accept(Bytes::from_static(other)).await.unwrap_err();
        assert_eq!(Problem::from(error).status, 415);
    }
    let mut large = picture(ImageFormat::Png);
    large.resize(MAX_IMAGE_BYTES + 1, 0);
    let error = pictures.accept(large.into()).await.unwrap_err();
    assert_eq!(Problem::from(error).status, 413);
}

#[tokio::test]
async fn lower_limits_hold_for_the_file_for_what_its_head_says_and_for_the_decoder() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes: Bytes = picture(format).into();
        let take = async |limits| Pictures::new(1).with_limits(limits).accept(bytes.clone()).await;
        let fits = PictureLimits { bytes: bytes.len(), pixels: 120 * 80 };
        assert!(take(fits).await.is_ok(), "{format:?}");
        let max_bytes = bytes.len() - 1;
        let error = take(PictureLimits { bytes: max_bytes, ..fits }).await.unwrap_err();
        assert_eq!(error, PictureError::TooLarge { max_bytes }, "{format:?}");
        let max_pixels = 120 * 80 - 1;
        let error = take(PictureLimits { pixels: max_pixels, ..fits }).await.unwrap_err();
        assert_eq!(error, PictureError::TooManyPixels { width: 120, height: 80, max_pixels }, "{format:?}");
    }
    // Twice as deep: the head is within the limit, the decoded pixels are not.
    let mut deep = Cursor::new(Vec::new());
    DynamicImage::new_rgba16(120, 80).write_to(&mut deep, ImageFormat::Png).unwrap();
    let deep: Bytes = deep.into_inner().into();
    let take = async |pixels| {
        let limits = PictureLimits { pixels, ..PictureLimits::default() };
        Pictures::new(1).with_limits(limits).accept(deep.clone()).await
    };
    let max_pixels = 120 * 80 * 2 - 1;
    assert_eq!(
        take(max_pixels).await.unwrap_err(),
        PictureError::TooManyPixels { width: 120, height: 80, max_pixels }
    );
    assert!(take(max_pixels + 1).await.is_ok());
}

#[tokio::test]
async fn many_at_once_are_all_served() {
    let pictures = Pictures::new(2);
    let bytes: Bytes = picture(ImageFormat::Png).into();
    let all = (0..50).map(|_| pictures.accept(bytes.clone()));
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
}

fn jpeg_of(arguments: &[&str]) -> Vec<u8> {
    std::process::Command::new("convert").args(arguments).arg("jpg:-").output().unwrap().stdout
}

#[tokio::test]
async fn a30_jpegs_that_every_viewer_opens_are_taken() {
    let pictures = Pictures::new(1);
    let baseline = picture(ImageFormat::Jpeg);
    let progressive = jpeg_of(&["-size", "120x80", "plasma:red-blue", "-interlace", "JPEG"]);
    for whole in [&baseline, &progressive] {
        assert!(whole.ends_with(b"\xff\xd9"));
        let no_end = whole[..whole.len() - 2].to_vec();
        // After the first segment, behind the two bytes of the start.
        let first = 4 + usize::from(u16::from_be_bytes([whole[4], whole[5]]));
        let stray = [&whole[..first], b"\x00\x01\x00\x00", &whole[first..]].concat();
        let tail = [whole.as_slice(), b"more after the end"].concat();
        // Of a progressive picture nothing tells that only the end is missing.
        let no_end = Some(no_end).filter(|_| whole == &baseline);
        for bytes in no_end.into_iter().chain([stray, tail]) {
            let taken = pictures.accept(bytes.into()).await.unwrap();
            assert_eq!((taken.width(), taken.height()), (120, 80));
            let made = pictures.for_model(&taken, 1_000_000).await.unwrap();
            let undamaged = pictures.accept(whole.clone().into()).await.unwrap();
            let expected = pictures.for_model(&undamaged, 1_000_000).await.unwrap();
            assert_eq!(made.bytes, expected.bytes, "the same picture");
        }
    }
}

#[tokio::test]
async fn a30_colours_for_print_come_out_right() {
    let pictures = Pictures::new(1);
    for (colour, expected) in [("red", [255, 0, 0]), ("white", [255, 255, 255]), ("black", [0, 0, 0])] {
        let bytes =
            jpeg_of(&["-size", "64x64", &format!("xc:{colour}"), "-colorspace", "CMYK", "-quality", "95"]);
        let taken = pictures.accept(bytes.into()).await.unwrap();
        let made = pictures.for_model(&taken, 1_000_000).await.unwrap();
        let seen = image::load_from_memory(&made.bytes).unwrap().into_rgb8();
        let pixel = seen.get_pixel(32, 32).0;
        assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12), "{colour}: {pixel:?}");
    }
}
