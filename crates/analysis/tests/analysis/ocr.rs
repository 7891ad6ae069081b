//! The real text recognition on rendered pictures.

use std::process::Command;
use std::time::Duration;

use analysis::reader::{ReaderError, extract};
use analysis::{Picture, Pictures, Reader, ReaderConfig};

pub const RUST_ERROR: &str = "$ cargo check
error[E0308]: mismatched types
 --> src/main.rs:4:18
  |
4 |     let n: u32 = \"seven\";
  |            ---   ^^^^^^^ expected `u32`, found `&str`
error: aborting due to 1 previous error";

/// A picture of the text as a terminal shows it.
pub async fn render(text: &str, colors: [&str; 2]) -> Picture {
    let out = Command::new("convert")
        .args(["-background", colors[0], "-fill", colors[1], "-font", "DejaVu-Sans-Mono", "-pointsize", "15"])
        .arg(format!("label:{}", text.replace('\\', "\\\\").replace('%', "%%")))
        .args(["-bordercolor", colors[0], "-border", "12", "png:-"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Pictures::new(1).accept(out.stdout.into()).await.unwrap()
}

pub fn reader(config: ReaderConfig) -> Reader {
    Reader::new(config, Pictures::new(2))
}

#[tokio::test]
async fn a_compiler_error_is_read_from_dark_and_light_terminals() {
    let reader = reader(ReaderConfig::default());
    for colors in [["white", "black"], ["#1e1e1e", "#d4d4d4"], ["#002b36", "#93a1a1"]] {
        let picture = render(RUST_ERROR, colors).await;
        let reading = reader.read(&picture).await.unwrap();
        let answer = extract("Why does this not compile?", &reading);
        assert!(answer.contains("An error of Rust: `E0308`"), "{colors:?}\n{}\n{answer}", reading.text());
        assert!(answer.contains("main.rs`, line 4, column 18"), "{colors:?}\n{}\n{answer}", reading.text());
        assert!(answer.contains("mismatched types"));
        let line = reading.lines.iter().find(|line| line.text.contains("mismatched")).unwrap();
        assert!(line.area.left + line.area.width <= picture.width());
        assert!(line.area.top + line.area.height <= picture.height());
        assert!(line.confidence > 50.0);
    }
}

#[tokio::test]
async fn a_picture_without_text_is_an_empty_reading() {
    let mut blank = Vec::new();
    let white = image::RgbImage::from_pixel(300, 200, image::Rgb([250, 250, 250]));
    white.write_to(&mut std::io::Cursor::new(&mut blank), image::ImageFormat::Png).unwrap();
    let blank = Pictures::new(1).accept(blank.into()).await.unwrap();
    let reading = reader(ReaderConfig::default()).read(&blank).await.unwrap();
    assert!(reading.lines.is_empty(), "{reading:?}");
}

#[tokio::test]
async fn the_start_up_check_names_what_is_missing() {
    let version = reader(ReaderConfig::default()).check().await.unwrap();
    assert!(version.starts_with("tesseract "), "{version}");
    let no_language = ReaderConfig { language: "eng+tlh+chi_nowhere".into(), ..ReaderConfig::default() };
    let error = reader(no_language).check().await.unwrap_err();
    assert!(matches!(error, ReaderError::Language(_)), "{error:?}");
    let error = error.to_string();
    assert!(error.starts_with("Tesseract has no data for tlh, chi_nowhere; it has "), "{error}");
    assert!(error.contains("eng"), "{error}");
    assert!(error.ends_with("apt-get install tesseract-ocr-tlh tesseract-ocr-chi-nowhere"), "{error}");
    let no_program = ReaderConfig { tesseract: "/nowhere/tesseract".into(), ..ReaderConfig::default() };
    assert!(matches!(reader(no_program).check().await, Err(ReaderError::Failed { .. })));
    let no_limits = ReaderConfig { prlimit: "/nowhere/prlimit".into(), ..ReaderConfig::default() };
    assert!(matches!(reader(no_limits).check().await, Err(ReaderError::Start(_))));
}

#[tokio::test]
async fn several_languages_are_used_at_once() {
    // English data under another name, in a folder of its own: whichever languages this machine has.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("tesseract");
    std::fs::write(
        &program,
        "#!/bin/sh\necho \"$@\" >> \"${0%/*}/arguments\"\nexec tesseract \"$1\" \"$2\" -l eng --psm 6 tsv\n",
    )
    .unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let config = ReaderConfig { tesseract: program, language: "eng+deu".into(), ..ReaderConfig::default() };
    let reading = reader(config).read(&render(RUST_ERROR, ["white", "black"]).await).await.unwrap();
    assert!(reading.text().contains("mismatched types"), "{}", reading.text());
    let arguments = std::fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert_eq!(arguments, "stdin stdout -l eng+deu --psm 6 tsv\n");
}

/// A program that waits, in place of the recognition; writes its process id to a file.
fn sleeper(folder: &std::path::Path) -> ReaderConfig {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("sleeper");
    let script = format!("#!/bin/sh\necho $$ > {}/pid\nexec sleep 600\n", folder.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    ReaderConfig { tesseract: program, ..ReaderConfig::default() }
}

async fn started(folder: &std::path::Path) -> String {
    for _ in 0..200 {
        let pid = std::fs::read_to_string(folder.join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            return pid.trim().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the program did not start");
}

async fn ends(pid: &str) {
    for _ in 0..200 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if status.is_empty() || status.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("process {pid} goes on");
}

#[tokio::test]
async fn a_dropped_caller_kills_the_recognition() {
    let folder = tempfile::tempdir().unwrap();
    let reader = reader(sleeper(folder.path()));
    let picture = render("hello", ["white", "black"]).await;
    let reading = tokio::spawn(async move { reader.read(&picture).await });
    let pid = started(folder.path()).await;
    reading.abort();
    ends(&pid).await;
}

#[tokio::test]
async fn a_slow_recognition_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let config = ReaderConfig { time_limit_seconds: 1, ..sleeper(folder.path()) };
    let error = reader(config).read(&render("hello", ["white", "black"]).await).await.unwrap_err();
    assert!(matches!(error, ReaderError::Timeout(_)));
    ends(&started(folder.path()).await).await;
}

#[tokio::test]
async fn the_memory_limit_holds() {
    let config = ReaderConfig { memory_limit_megabytes: 16, ..ReaderConfig::default() };
    let error = reader(config).read(&render("hello", ["white", "black"]).await).await.unwrap_err();
    assert!(matches!(error, ReaderError::Failed { .. }), "{error:?}");
}
