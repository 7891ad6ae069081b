//! The stream of an answer: its timeouts, its largest size, and what of it is reasoning.

use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use protocol::analysis::{CutReason, Notice, NoticeCode, Usage};
use protocol::text::is_invisible;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout_at};

use super::error::ProviderError;
use super::interface::{AnswerPiece, Completion};
use super::reasoning::{Part, ReasoningSplitter};
use super::timeouts::Timeouts;

/// All that a server may send for one answer, framing included.
const MAX_RESPONSE_BYTES: usize = 8 << 20;
/// The longest answer in text, and the longest reasoning.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// The response's bytes, up to the limit; more is an error, not an end.
pub(super) fn bounded(
    response: reqwest::Response,
) -> impl Stream<Item = Result<Bytes, ProviderError>> + Unpin + Send {
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

/// Holds the answer to its timeouts and to its largest size, and sends its pieces on.
#[derive(Debug)]
pub(super) struct AnswerStream<'a> {
    timeouts: Timeouts,
    since: Instant,
    wait: Duration,
    /// When the server said that the answer is whole.
    finished: Option<Instant>,
    /// When the user is told that nothing has come yet.
    slow_notice: Option<Instant>,
    pieces: &'a mpsc::Sender<AnswerPiece>,
    splitter: ReasoningSplitter,
    answer_bytes: usize,
    reasoning_bytes: usize,
}

impl<'a> AnswerStream<'a> {
    pub fn new(timeouts: Timeouts, pieces: &'a mpsc::Sender<AnswerPiece>) -> Self {
        let since = Instant::now();
        Self {
            timeouts,
            since,
            wait: timeouts.first_token,
            finished: None,
            slow_notice: Some(since + timeouts.slow_notice),
            pieces,
            splitter: ReasoningSplitter::default(),
            answer_bytes: 0,
            reasoning_bytes: 0,
        }
    }

    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Since the request.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Before the next try: what the last one left behind does not count.
    pub fn begin_again(&mut self) {
        self.wait = self.timeouts.first_token;
        self.finished = None;
        self.splitter = ReasoningSplitter::default();
    }

    /// The next bytes. Any, also a comment, are a sign of life; `None` when the response has ended, or when nothing more came after
    /// the answer was finished.
    pub async fn next_bytes(
        &mut self,
        stream: &mut (impl Stream<Item = Result<Bytes, ProviderError>> + Unpin + Send),
    ) -> Result<Option<Bytes>, ProviderError> {
        match self.within(stream.next()).await? {
            None | Some(None) => Ok(None),
            Some(Some(Err(error))) if self.finished.is_some() => {
                tracing::debug!(%error, "a finished answer's stream");
                Ok(None)
            }
            Some(Some(bytes)) => bytes.map(Some),
        }
    }

    /// Waits as long as the timeouts allow. `None`: the answer is finished, and its time for the rest is over.
    pub async fn within<F: Future>(&mut self, future: F) -> Result<Option<F::Output>, ProviderError> {
        let mut future = pin!(future);
        let answer_end = self.since + self.timeouts.answer;
        let wait_end = match self.finished {
            Some(at) => at + self.timeouts.end_grace,
            None => Instant::now() + self.wait,
        };
        let end = answer_end.min(wait_end);
        loop {
            let notice = self.slow_notice.filter(|at| *at < end);
            match timeout_at(notice.unwrap_or(end), &mut future).await {
                Ok(output) => return Ok(Some(output)),
                Err(_) if self.finished.is_some() => return Ok(None),
                Err(_) if notice.is_some() => self.notice(NoticeCode::Waiting).await?,
                Err(_) if Instant::now() >= answer_end => {
                    return Err(ProviderError::Timeout(self.timeouts.answer));
                }
                Err(_) => return Err(ProviderError::IdleTimeout(self.wait)),
            }
        }
    }

    /// Tells the user something. Why the answer has not begun is told once.
    pub async fn notice(&mut self, code: NoticeCode) -> Result<(), ProviderError> {
        let waits = matches!(code, NoticeCode::ModelLoading | NoticeCode::ServerBusy | NoticeCode::Waiting);
        if waits && self.slow_notice.take().is_none() {
            return Ok(());
        }
        self.send(AnswerPiece::Notice(Notice::new(code))).await
    }

    /// More text, in which reasoning may be marked.
    pub async fn text(&mut self, text: &str) -> Result<(), ProviderError> {
        for part in self.splitter.push(text) {
            self.part(part).await?;
        }
        Ok(())
    }

    /// More reasoning, from a field of its own.
    pub async fn reasoning(&mut self, text: String) -> Result<(), ProviderError> {
        self.part(Part::Reasoning(text)).await
    }

    /// The server has said that the answer is whole: what still comes is usage and the end.
    pub fn finished(&mut self) {
        self.finished.get_or_insert_with(Instant::now);
    }

    /// Whether a piece of the answer, or of its reasoning, was sent on. Then no other server may begin anew.
    pub fn has_begun(&self) -> bool {
        self.answer_bytes + self.reasoning_bytes > 0
    }

    pub fn is_finished(&self) -> bool {
        self.finished.is_some()
    }

    pub async fn complete(
        &mut self,
        usage: Usage,
        cut: Option<CutReason>,
    ) -> Result<Completion, ProviderError> {
        for part in self.splitter.finish() {
            self.part(part).await?;
        }
        if self.answer_bytes == 0 {
            return Err(match cut {
                Some(CutReason::ContentFilter) => ProviderError::Filtered,
                _ if self.reasoning_bytes > 0 => ProviderError::OnlyReasoning,
                _ => ProviderError::Empty,
            });
        }
        if let Some(cut) = cut {
            self.notice(cut.into()).await?;
        }
        Ok(Completion { usage, cut, server: None })
    }

    async fn part(&mut self, part: Part) -> Result<(), ProviderError> {
        let piece = match part {
            Part::Answer(mut text) => {
                text.retain(is_readable);
                self.answer_bytes += text.len();
                AnswerPiece::Text(text)
            }
            Part::AnswerWasReasoning => {
                self.reasoning_bytes += std::mem::take(&mut self.answer_bytes);
                AnswerPiece::TextWasReasoning
            }
            Part::Reasoning(mut text) => {
                text.retain(is_readable);
                self.reasoning_bytes += text.len();
                AnswerPiece::Reasoning(text)
            }
        };
        if matches!(&piece, AnswerPiece::Reasoning(text) | AnswerPiece::Text(text) if text.is_empty()) {
            return Ok(());
        }
        // From here on the shorter timeout applies.
        self.wait = self.timeouts.idle;
        self.slow_notice = None;
        if self.answer_bytes.max(self.reasoning_bytes) > MAX_ANSWER_BYTES {
            return Err(ProviderError::TooLong(MAX_ANSWER_BYTES));
        }
        self.send(piece).await
    }

    async fn send(&self, piece: AnswerPiece) -> Result<(), ProviderError> {
        self.pieces.send(piece).await.map_err(|_| ProviderError::ReceiverClosed)
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
}
