//! A model server whose answers never end, so that only the measured event can end one.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// Between two words.
const WORD_INTERVAL: Duration = Duration::from_millis(20);
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
/// As OpenAI's chat completions stream it.
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"word \"}}]}\n\n";

/// Serves until it is dropped.
#[derive(Debug)]
pub struct EndlessModel {
    url: String,
    task: JoinHandle<()>,
}

impl EndlessModel {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening as a model server")?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let task = tokio::spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                answers.spawn(answer(stream));
            }
        });
        Ok(Self { url, task })
    }

    /// The server's configuration for it. It accepts images, so that no OCR runs first.
    pub fn settings(&self) -> [(&str, &str); 5] {
        [
            ("AIWE_PROVIDERS__0__NAME", "endless"),
            ("AIWE_PROVIDERS__0__KIND", "openai"),
            ("AIWE_PROVIDERS__0__BASE_URL", &self.url),
            ("AIWE_PROVIDERS__0__MODEL", "endless"),
            ("AIWE_PROVIDERS__0__VISION", "true"),
        ]
    }
}

impl Drop for EndlessModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Streams until the client disconnects.
async fn answer(mut stream: TcpStream) -> Result<()> {
    read_request(&mut stream).await?;
    stream.write_all(HEAD.as_bytes()).await?;
    let chunk = format!("{:x}\r\n{WORD}\r\n", WORD.len());
    loop {
        stream.write_all(chunk.as_bytes()).await?;
        sleep(WORD_INTERVAL).await;
    }
}

/// Reads a request to its end and ignores its content.
async fn read_request(stream: &mut TcpStream) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or_default() {
                return Ok(());
            }
        }
        anyhow::ensure!(read > 0, "the connection ended within a request");
    }
}
