//! OpenAI's chat completions, streamed: server-sent events whose data are JSON chunks, ended by `[DONE]`.

mod reply;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::reply::Reply;
use super::interface::{Completion, PromptRequest, messages};
use super::learned::{Known, Optional};
use super::retry::Fault;
use super::server::Server;
use super::stream::{AnswerStream, bounded};

/// Asks once.
pub(super) async fn ask(
    server: &Server,
    request: &PromptRequest,
    answer: &mut AnswerStream<'_>,
) -> Result<Completion, Fault> {
    let body = |known| body(server, request, known);
    let mut bytes = bounded(server.post("chat/completions", request, answer, body).await?);
    let mut reply = Reply::new(server);
    while !reply.has_ended() {
        match answer.next_bytes(&mut bytes).await? {
            Some(bytes) => reply.push(&bytes, answer).await?,
            None => break,
        }
    }
    Ok(reply.complete(answer).await?)
}

fn body(server: &Server, request: &PromptRequest, known: Known) -> Value {
    let config = &server.config;
    let user = match &request.picture {
        Some(picture) if config.vision && !known.omits(Optional::Pictures) => {
            let url = format!("data:{};base64,{}", picture.mime, STANDARD.encode(&picture.bytes));
            json!([{"type": "text", "text": request.user}, {"type": "image_url", "image_url": {"url": url}}])
        }
        _ => json!(request.user),
    };
    let mut body = json!({
        "model": request.model,
        "messages": messages(request, json!({"role": "user", "content": user})),
        "stream": true,
    });
    if !known.omits(Optional::Temperature) {
        body["temperature"] = request.temperature.into();
    }
    if !known.omits(Optional::StreamOptions) {
        body["stream_options"] = json!({"include_usage": true});
    }
    if let Some(tokens) = config.max_tokens {
        let name = if known.omits(Optional::MaxTokens) { "max_completion_tokens" } else { "max_tokens" };
        body[name] = tokens.into();
    }
    body
}
