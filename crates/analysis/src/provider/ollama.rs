//! Ollama's own API: `POST /api/chat`, answered by one JSON object per line, the last with `done`.

mod lines;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::analysis::{CutReason, NoticeCode, Usage};
use serde_json::{Value, json};

use self::lines::LineParser;
use super::error::ProviderError;
use super::fields::{number, reasoning, text};
use super::interface::{Completion, PromptRequest, messages};
use super::learned::{Known, Optional};
use super::retry::{Busy, Fault};
use super::server::Server;
use super::stream::{AnswerStream, bounded};
use super::tokens;
use super::words::{error_in, text_of_html};

/// The least context that is asked for. Larger ones are this, doubled until the prompt fits: Ollama loads the model anew
/// for each other size.
const LEAST_CONTEXT: u32 = 4_096;
/// Below this a server has no limit of its own.
const LEAST_SERVER_LIMIT: u64 = 2_048;

/// What a line of the reply means.
enum Outcome {
    Complete(Completion),
    Continues,
    /// The model was loaded, and nothing was answered.
    OnlyLoaded,
}

/// Asks once.
pub(super) async fn ask(
    server: &Server,
    request: &PromptRequest,
    answer: &mut AnswerStream<'_>,
) -> Result<Completion, Fault> {
    let context = context_for(server, request);
    let body = |known| body(server, request, known, context);
    let mut bytes = bounded(server.post("api/chat", request, answer, body).await?);
    let mut lines = LineParser::default();
    loop {
        while let Some(line) = lines.next_line()? {
            match self::line(server, &line, answer, context).await? {
                Outcome::Continues => {}
                Outcome::Complete(completion) => return Ok(completion),
                Outcome::OnlyLoaded => return Err(Fault::Busy(Busy::loading(answer.timeouts().load))),
            }
        }
        if lines.has_ended() {
            return Err(ProviderError::Broken("it ended before the answer did".to_owned()).into());
        }
        match answer.next_bytes(&mut bytes).await? {
            Some(bytes) => lines.push(&bytes),
            None => lines.end(),
        }
    }
}

fn body(server: &Server, request: &PromptRequest, known: Known, context: u32) -> Value {
    let config = &server.config;
    let mut user = json!({"role": "user", "content": request.user});
    if let Some(picture) =
        request.picture.as_ref().filter(|_| config.vision && !known.omits(Optional::Pictures))
    {
        user["images"] = json!([STANDARD.encode(&picture.bytes)]);
    }
    let mut options = json!({"num_ctx": context});
    if !known.omits(Optional::Temperature) {
        options["temperature"] = request.temperature.into();
    }
    if let Some(tokens) = config.max_tokens {
        options["num_predict"] = tokens.into();
    }
    json!({
        "model": request.model,
        "messages": messages(request, user),
        "options": options,
        "stream": true,
    })
}

/// The context for this prompt and its answer, within the limit. Without it Ollama forgets the beginning of a prompt that
/// is longer than its default.
fn context_for(server: &Server, request: &PromptRequest) -> u32 {
    let picture = request.picture.as_ref().filter(|_| server.takes_pictures(&request.model));
    let prompt = tokens::estimate(&request.system)
        + request.turns.iter().map(tokens::of_turn).sum::<usize>()
        + tokens::estimate(&request.user)
        + picture.map_or(0, |picture| tokens::of_picture(picture.pixels));
    let needed = prompt.saturating_add(server.config.answer_room());
    let limit = server.context_tokens(&request.model).unwrap_or(u32::MAX);
    let mut context = LEAST_CONTEXT;
    while (context as usize) < needed && context < limit {
        context = context.saturating_mul(2);
    }
    server.learned.request_context(&request.model, context.min(limit))
}

async fn line(
    server: &Server,
    line: &[u8],
    answer: &mut AnswerStream<'_>,
    context: u32,
) -> Result<Outcome, ProviderError> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(Outcome::Continues);
    }
    if line.starts_with(b"<") {
        let words = text_of_html(&String::from_utf8_lossy(line));
        return Err(ProviderError::NotAnAnswer(server.words(&words)));
    }
    let line: Value =
        serde_json::from_slice(line).map_err(|error| ProviderError::Broken(error.to_string()))?;
    if let Some(words) = error_in(&line) {
        return Err(ProviderError::Reported(server.words(&words)));
    }
    if let Some(message) = line.get("message") {
        answer.reasoning(reasoning(message)).await?;
        answer.text(&text(message.get("content"))).await?;
    }
    if !line.get("done").and_then(Value::as_bool).unwrap_or(false) {
        return Ok(Outcome::Continues);
    }
    let usage = Usage {
        prompt_tokens: number(&line, "prompt_eval_count"),
        completion_tokens: number(&line, "eval_count"),
    };
    let cut = match line.get("done_reason").and_then(Value::as_str) {
        Some("load" | "unload") => return Ok(Outcome::OnlyLoaded),
        Some("length") => Some(CutReason::Length),
        _ => None,
    };
    let completion = answer.complete(usage, cut).await?;
    if is_at_limit(usage.prompt_tokens, context) {
        answer.notice(NoticeCode::ContextFull).await?;
    }
    Ok(Outcome::Complete(completion))
}

/// Whether the prompt filled the context. A server with a smaller limit of its own has one that is a power of two.
fn is_at_limit(prompt_tokens: u64, context: u32) -> bool {
    prompt_tokens >= u64::from(context)
        || (prompt_tokens >= LEAST_SERVER_LIMIT && prompt_tokens.is_power_of_two())
}
