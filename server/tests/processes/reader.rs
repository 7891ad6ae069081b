//! The built-in reader's program and languages, as the server finds them when it starts.

use std::fs;
use std::time::{Duration, Instant};

use crate::process::Program;

/// Waits until the server's log has these words; returns their line.
async fn logged(program: &Program, words: &str) -> String {
    let since = Instant::now();
    loop {
        let log = fs::read_to_string(program.log()).unwrap();
        if let Some(line) = log.lines().find(|line| line.contains(words)) {
            return line.to_owned();
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{words:?} is not in the log: {log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_that_is_not_installed_is_named_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data"));
    let process = program.serve().await;
    assert!(logged(&program, "the built-in reader can read").await.contains("tesseract "));
    drop(process);

    let program = program.with("AIWE_READER__LANGUAGES", "eng, tlh");
    let _process = program.serve().await;
    let line = logged(&program, "the built-in reader lacks something").await;
    assert!(line.contains("no data for tlh") && line.contains("apt-get install tesseract-ocr-tlh"), "{line}");
}
