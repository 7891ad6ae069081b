//! What both protocols share: the HTTP client, the request with its limits, and the stream of the answer.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use protocol::text::is_invisible;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::ProviderError;
use super::timeouts::Timeouts;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// All that a server may send for one answer, framing included.
const MAX_RESPONSE_BYTES: usize = 8 << 20;
/// The longest single line of a stream.
pub(super) const MAX_LINE_BYTES: usize = 1 << 20;
/// How much of an error's body is read.
const MAX_ERROR_BYTES: usize = 8 << 10;
/// The longest answer in text.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// The client for all providers: make one and share it. It follows no redirects and uses no proxy, so that only the
/// configuration decides where pictures and keys go. The process must have installed a default rustls provider before.
///
/// # Errors
/// When TLS cannot be set up, such as without a default provider.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("aiwe/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends the request and checks the answer's head.
pub(super) async fn send(
    request: reqwest::RequestBuilder,
    timeouts: Timeouts,
) -> Result<reqwest::Response, ProviderError> {
    let response = timeout(timeouts.first_token.min(timeouts.answer), request.send())
        .await
        .map_err(|_| ProviderError::IdleTimeout(timeouts.first_token))?
        .map_err(ProviderError::Unreachable)?;
    let status = response.status();
    if status.is_redirection() {
        return Err(ProviderError::Redirected(status));
    }
    if !status.is_success() {
        let body = timeout(timeouts.idle, read_start(response)).await.unwrap_or_default();
        return Err(ProviderError::Refused { status, message: error_message(&body) });
    }
    Ok(response)
}

async fn read_start(response: reqwest::Response) -> Vec<u8> {
    let mut start = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(more)) = body.next().await {
        start.extend_from_slice(&more);
        if start.len() >= MAX_ERROR_BYTES {
            start.truncate(MAX_ERROR_BYTES);
            break;
        }
    }
    start
}

/// What a server says went wrong: `{"error": {"message": "…"}}`, `{"error": "…"}`, or the start of whatever
/// it sent.
fn error_message(body: &[u8]) -> String {
    let text = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|json| json.get("error").map(message_of))
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    crate::text::visible(&text).replace(['\n', '\t'], " ").chars().take(300).collect()
}

/// The message inside an `error` field.
pub(super) fn message_of(error: &serde_json::Value) -> String {
    let text = error.get("message").unwrap_or(error);
    text.as_str().map_or_else(|| text.to_string(), str::to_owned).chars().take(300).collect()
}

/// The response's bytes, up to the limit; more is an error, not an end.
pub(super) fn bounded(
    response: reqwest::Response,
) -> impl Stream<Item = Result<Bytes, ProviderError>> + Unpin {
    let mut received = 0;
    response.bytes_stream().map(move |piece| {
        let piece = piece.map_err(|error| ProviderError::Broken(error.to_string()))?;
        received += piece.len();
        if received > MAX_RESPONSE_BYTES {
            Err(ProviderError::TooLong(MAX_RESPONSE_BYTES))
        } else {
            Ok(piece)
        }
    })
}

/// Holds the answer's stream to its timeouts and to its largest size.
#[derive(Debug)]
pub(super) struct AnswerStream {
    timeouts: Timeouts,
    since: Instant,
    wait: Duration,
    answer_bytes: usize,
}

impl AnswerStream {
    pub fn new(timeouts: Timeouts, since: Instant) -> Self {
        Self { timeouts, since, wait: timeouts.first_token, answer_bytes: 0 }
    }

    pub async fn next<T>(
        &self,
        stream: &mut (impl Stream<Item = T> + Unpin),
    ) -> Result<Option<T>, ProviderError> {
        let end = self.since + self.timeouts.answer;
        match timeout_at(end.min(Instant::now() + self.wait), stream.next()).await {
            Ok(item) => Ok(item),
            Err(_) if Instant::now() >= end => Err(ProviderError::Timeout(self.timeouts.answer)),
            Err(_) => Err(ProviderError::IdleTimeout(self.wait)),
        }
    }

    /// Sends a piece of the answer on. From here on the shorter timeout applies.
    pub async fn forward(
        &mut self,
        mut piece: String,
        text: &tokio::sync::mpsc::Sender<String>,
    ) -> Result<(), ProviderError> {
        piece.retain(is_readable);
        if piece.is_empty() {
            return Ok(());
        }
        self.wait = self.timeouts.idle;
        self.answer_bytes += piece.len();
        if self.answer_bytes > MAX_ANSWER_BYTES {
            return Err(ProviderError::TooLong(MAX_ANSWER_BYTES));
        }
        text.send(piece).await.map_err(|_| ProviderError::ReceiverClosed)
    }

    pub fn finish(&self) -> Result<(), ProviderError> {
        if self.answer_bytes == 0 { Err(ProviderError::Empty) } else { Ok(()) }
    }
}

/// Whether a character of an answer is passed on. What a reader cannot see could make an answer read other than it is, and
/// PostgreSQL cannot store NUL. Joiners and emoji selectors belong to what is seen; since an answer comes in pieces, whoever
/// shows it decides where they have an effect ([`protocol::text::visible_prose`]).
fn is_readable(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t' | '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}') || !is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_hide_nothing() {
        let mut piece = "a\0\u{202E}\u{61C}\u{200B}\u{E0041}\u{1b}b ❤\u{FE0F} 👩\u{200D}💻\tc\r\n".to_owned();
        piece.retain(is_readable);
        assert_eq!(piece, "ab ❤\u{FE0F} 👩\u{200D}💻\tc\r\n");
    }

    #[test]
    fn error_messages_of_all_shapes() {
        assert_eq!(error_message(br#"{"error":{"message":"no such\nmodel","code":1}}"#), "no such model");
        assert_eq!(error_message(br#"{"error":"model 'x' not found"}"#), "model 'x' not found");
        assert_eq!(error_message(b"<html>oops"), "<html>oops");
        assert_eq!(error_message(b""), "");
        assert_eq!(error_message(&[b'x'; 5_000]).len(), 300);
    }
}
