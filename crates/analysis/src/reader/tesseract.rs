//! Text recognition by the `tesseract` program, as a child process.
//!
//! Always holds: the number that runs at once is limited; each has a limit of memory, processor time and wall time, gets
//! only the environment that it needs, reads the picture from its standard input, and is killed when nobody waits for
//! it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::layout::{self, RecognizedText};
use crate::picture::{Picture, PictureError, Pictures, ReaderPicture};

/// A screen full of words takes about 100 kB.
const MAX_STDOUT_BYTES: u64 = 8 << 20;
const MAX_STDERR_BYTES: u64 = 4 << 10;

/// How text is recognised.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReaderConfig {
    /// The program; looked up in PATH unless it is a path.
    pub tesseract: PathBuf,
    /// The program of util-linux that sets the limits; looked up likewise.
    pub prlimit: PathBuf,
    /// The language data to use, as `tesseract --list-langs` names it; several joined by `+`.
    pub language: String,
    pub time_limit_seconds: u64,
    pub memory_limit_megabytes: u64,
    pub concurrency: usize,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self {
            tesseract: "tesseract".into(),
            prlimit: "prlimit".into(),
            language: "eng".to_owned(),
            time_limit_seconds: 30,
            memory_limit_megabytes: 1024,
            concurrency: 2,
        }
    }
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    #[error("the text recognition ended with {status}: {complaint}")]
    Failed { status: std::process::ExitStatus, complaint: String },
    #[error("Tesseract has no data for {0}")]
    Language(MissingLanguages),
    #[error("the picture could not be prepared")]
    Picture(#[from] PictureError),
    #[error("the text recognition took longer than {0:?}")]
    Timeout(Duration),
    #[error("the text recognition could not be run")]
    Start(#[from] std::io::Error),
    #[error("the text recognition was shut down")]
    Stopped,
}

/// Languages that are configured and not installed.
#[derive(Debug)]
pub struct MissingLanguages {
    missing: Vec<String>,
    installed: Vec<String>,
}

impl MissingLanguages {
    fn new(missing: &[&str], installed: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| crate::text::visible(name)).collect();
        Self { missing: owned(missing), installed: owned(installed) }
    }
}

impl std::fmt::Display for MissingLanguages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { missing, installed } = self;
        // Debian's names of the packages.
        let packages: Vec<String> = missing
            .iter()
            .map(|name| format!("tesseract-ocr-{}", name.replace('_', "-").to_lowercase()))
            .collect();
        write!(f, "{}; it has {}. ", missing.join(", "), installed.join(", "))?;
        write!(f, "On Debian or Ubuntu: apt-get install {}", packages.join(" "))
    }
}

/// Reads the text on pictures.
#[derive(Debug, Clone)]
pub struct Reader {
    config: Arc<ReaderConfig>,
    permits: Arc<Semaphore>,
    pictures: Pictures,
}

impl Reader {
    pub fn new(config: ReaderConfig, pictures: Pictures) -> Self {
        let permits = Arc::new(Semaphore::new(config.concurrency.max(1)));
        Self { config: Arc::new(config), permits, pictures }
    }

    /// The program's version, for the check at start, once it is known to have the data of every language.
    ///
    /// # Errors
    /// When the program or its language data are not there.
    pub async fn check(&self) -> Result<String, ReaderError> {
        let output = self.run(&["--list-langs"], Vec::new()).await?;
        // The first line is a heading.
        let installed: Vec<&str> = output.lines().skip(1).map(str::trim).filter(|l| !l.is_empty()).collect();
        let wanted = self.config.language.split('+');
        let missing: Vec<&str> = wanted.filter(|language| !installed.contains(language)).collect();
        if !missing.is_empty() {
            return Err(ReaderError::Language(MissingLanguages::new(&missing, &installed)));
        }
        let version = self.run(&["--version"], Vec::new()).await?;
        Ok(version.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Reads the picture's text. Waits for a permit; the time limit starts with the program.
    ///
    /// # Errors
    /// See [`ReaderError`]. A picture without text is none: it gives an empty text.
    pub async fn read(&self, picture: &Picture) -> Result<RecognizedText, ReaderError> {
        let _permit = self.permits.acquire().await.map_err(|_| ReaderError::Stopped)?;
        let ReaderPicture { mut page, scale } = self.pictures.for_reader(picture).await?;
        if page.pieces.is_empty() {
            return Ok(RecognizedText::default());
        }
        let (pnm, language) = (std::mem::take(&mut page.pnm), self.config.language.as_str());
        // One block of lines: that is what the page is.
        let table = self.run(&["stdin", "stdout", "-l", language, "--psm", "6", "tsv"], pnm).await?;
        Ok(layout::lines(&table, &page, scale))
    }

    async fn run(&self, arguments: &[&str], input: Vec<u8>) -> Result<String, ReaderError> {
        let limit = Duration::from_secs(self.config.time_limit_seconds);
        tokio::time::timeout(limit, self.run_to_end(arguments, input))
            .await
            .unwrap_or(Err(ReaderError::Timeout(limit)))
    }

    async fn run_to_end(&self, arguments: &[&str], input: Vec<u8>) -> Result<String, ReaderError> {
        let mut child = self.command(arguments).spawn()?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(ReaderError::Start(std::io::Error::other("no pipes")));
        };
        let write = async move {
            // A program that ends early closes the pipe; its exit status says more than the write error.
            let _ = stdin.write_all(&input).await;
            drop(stdin);
        };
        let (mut table, mut complaint) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (stdout.take(MAX_STDOUT_BYTES), stderr.take(MAX_STDERR_BYTES));
        let read_stdout = async {
            let result = stdout.read_to_end(&mut table).await;
            drop(stdout);
            result
        };
        let read_stderr = async {
            let result = stderr.read_to_end(&mut complaint).await;
            // Keep the pipe drained, so that a program that writes much is not blocked.
            let _ = tokio::io::copy(stderr.get_mut(), &mut tokio::io::sink()).await;
            result
        };
        let ((), stdout_read, stderr_read) = tokio::join!(write, read_stdout, read_stderr);
        stdout_read?;
        stderr_read?;
        let status = child.wait().await?;
        if !status.success() {
            let complaint = crate::text::visible(&String::from_utf8_lossy(&complaint)).trim().to_owned();
            return Err(ReaderError::Failed { status, complaint });
        }
        Ok(String::from_utf8_lossy(&table).into_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let config = &self.config;
        let mut command = Command::new(&config.prlimit);
        command
            .arg(format!("--as={}", config.memory_limit_megabytes.saturating_mul(1 << 20)))
            .arg(format!("--cpu={}", config.time_limit_seconds.max(1)))
            .arg("--core=0")
            .arg("--")
            .arg(&config.tesseract)
            .args(arguments)
            .env_clear()
            // One thread: several recognitions at once share the processors better than each using all.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in ["PATH", "TESSDATA_PREFIX"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }
}
