//! Ollama's own API: `POST /api/chat`, answered by one JSON object per line, the last with `done`.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use protocol::analysis::Usage;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::ProviderConfig;
use super::error::ProviderError;
use super::interface::{PromptRequest, Provider};
use super::transport::{AnswerStream, MAX_LINE_BYTES, bounded, message_of, send};

/// An Ollama server.
#[derive(Debug)]
pub struct Ollama {
    config: ProviderConfig,
    client: reqwest::Client,
}

impl Ollama {
    pub(super) fn new(config: ProviderConfig, client: reqwest::Client) -> Self {
        Self { config, client }
    }

    fn body(&self, request: &PromptRequest) -> Value {
        let mut user = json!({"role": "user", "content": request.user});
        if let Some(picture) = request.picture.as_ref().filter(|_| self.config.vision) {
            user["images"] = json!([STANDARD.encode(&picture.bytes)]);
        }
        let mut options = json!({"temperature": request.temperature});
        if let Some(tokens) = self.config.max_tokens {
            options["num_predict"] = tokens.into();
        }
        json!({
            "model": request.model,
            "messages": [{"role": "system", "content": request.system}, user],
            "options": options,
            "stream": true,
        })
    }
}

/// One line of the stream, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    message: Message,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    prompt_eval_count: u64,
    #[serde(default)]
    eval_count: u64,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Message {
    #[serde(default)]
    content: String,
}

#[async_trait]
impl Provider for Ollama {
    fn config(&self) -> &ProviderConfig {
        &self.config
    }

    async fn answer(
        &self,
        request: PromptRequest,
        text: mpsc::Sender<String>,
    ) -> Result<Usage, ProviderError> {
        let (since, timeouts) = (Instant::now(), self.config.timeouts());
        let mut post = self.client.post(self.config.url("api/chat")).json(&self.body(&request));
        if let Some(key) = &self.config.api_key {
            post = post.bearer_auth(key.expose());
        }
        let mut lines = Box::pin(lines(bounded(send(post, timeouts).await?)));
        let mut answer = AnswerStream::new(timeouts, since);
        while let Some(line) = answer.next(&mut lines).await? {
            let line = line?;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let line: Line =
                serde_json::from_slice(&line).map_err(|error| ProviderError::Broken(error.to_string()))?;
            if let Some(error) = line.error {
                return Err(ProviderError::Reported(message_of(&error)));
            }
            answer.forward(line.message.content, &text).await?;
            if line.done {
                answer.finish()?;
                return Ok(Usage {
                    prompt_tokens: line.prompt_eval_count,
                    completion_tokens: line.eval_count,
                });
            }
        }
        Err(ProviderError::Broken("it ended before the answer did".to_owned()))
    }
}

/// Cuts bytes into lines, wherever the pieces of the network end. A last line needs no line feed.
fn lines<S>(pieces: S) -> impl Stream<Item = Result<Bytes, ProviderError>>
where
    S: Stream<Item = Result<Bytes, ProviderError>> + Unpin,
{
    futures::stream::try_unfold(
        (pieces, BytesMut::new(), 0),
        |(mut pieces, mut held, mut searched)| async move {
            loop {
                if let Some(at) = held[searched..].iter().position(|byte| *byte == b'\n') {
                    let line = held.split_to(searched + at + 1).freeze();
                    return Ok(Some((line, (pieces, held, 0))));
                }
                searched = held.len();
                if searched > MAX_LINE_BYTES {
                    return Err(ProviderError::TooLong(MAX_LINE_BYTES));
                }
                match pieces.next().await {
                    Some(piece) => held.extend_from_slice(&piece?),
                    None if held.is_empty() => return Ok(None),
                    None => return Ok(Some((held.split().freeze(), (pieces, held, 0)))),
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    async fn cut(pieces: &[&'static [u8]]) -> Result<Vec<Bytes>, ProviderError> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        lines(futures::stream::iter(pieces)).try_collect().await
    }

    #[tokio::test]
    async fn lines_come_whole_however_the_pieces_are_cut() {
        let whole: [&[u8]; 3] = [b"{\"a\":1}\n", b"\n", b"last"];
        assert_eq!(cut(&[b"{\"a\":1}\n\nlast"]).await.unwrap(), whole);
        assert_eq!(cut(&[b"{\"a", b"\":1}", b"\n\nla", b"", b"st"]).await.unwrap(), whole);
    }

    #[tokio::test]
    async fn a_line_without_end_is_refused() {
        static LONG: [u8; MAX_LINE_BYTES] = [b'x'; MAX_LINE_BYTES];
        assert!(matches!(cut(&[&LONG, b"x", b"\n"]).await, Err(ProviderError::TooLong(_))));
    }
}
