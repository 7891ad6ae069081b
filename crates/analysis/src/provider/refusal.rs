//! What a refusal says: the part of the request that the server does not take, or that the prompt is too long.

use reqwest::StatusCode;
use serde_json::Value;

use super::learned::{Known, Optional};

/// What may be left out of the request that was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub known: Known,
    pub max_tokens: bool,
    pub picture: bool,
}

impl Sent {
    fn has(self, part: Optional) -> bool {
        let sent = match part {
            Optional::MaxTokens => self.max_tokens,
            Optional::Pictures => self.picture,
            Optional::StreamOptions | Optional::Temperature => true,
        };
        sent && !self.known.omits(part)
    }
}

/// The part that the server does not take, if its words name one that was sent.
pub(super) fn refused_part(status: StatusCode, body: &[u8], sent: Sent) -> Option<Optional> {
    let text = String::from_utf8_lossy(body).to_lowercase();
    if sent.has(Optional::Pictures) && refuses_pictures(&text) {
        return Some(Optional::Pictures);
    }
    if !matches!(status.as_u16(), 400 | 422) {
        return None;
    }
    let named = [
        (Optional::Temperature, "temperature"),
        (Optional::StreamOptions, "stream_options"),
        (Optional::StreamOptions, "include_usage"),
        (Optional::MaxTokens, "max_completion_tokens"),
    ];
    named.into_iter().find(|(part, name)| sent.has(*part) && text.contains(name)).map(|(part, _)| part)
}

/// Whatever the status: llama.cpp answers 500.
fn refuses_pictures(text: &str) -> bool {
    let about = ["image", "picture", "vision", "multimodal", "multi-modal", "mmproj"];
    let refused = [
        "not support",
        "unsupported",
        "not a multimodal",
        "does not accept",
        "doesn't accept",
        "cannot accept",
        "no endpoints found",
        "is not allowed",
        "not permitted",
        "must be a string",
        "valid string",
        "unknown variant",
    ];
    let names_part = text.contains("image_url");
    (about.iter().any(|word| text.contains(word)) && refused.iter().any(|word| text.contains(word)))
        || (names_part && text.contains("invalid"))
}

/// The prompt was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContextExceeded {
    /// The context that the server named, in tokens.
    pub named: Option<u32>,
}

/// Whether the prompt was too long.
pub(super) fn exceeds_context(body: &[u8]) -> Option<ContextExceeded> {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let known = [
        "exceed_context_size",
        "context_length_exceeded",
        "maximum context length",
        "context size",
        "context length",
        "context window",
        "prompt is too long",
        "too many tokens",
        "input is too long",
    ];
    known
        .iter()
        .any(|words| text.contains(words))
        .then(|| ContextExceeded { named: named_context(body, &text) })
}

fn named_context(body: &[u8], text: &str) -> Option<u32> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let number = json.as_ref().and_then(|json| json.get("error")?.get("n_ctx")?.as_u64());
    let number = number.or_else(|| {
        let after = text.split_once("maximum context length")?.1;
        let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    u32::try_from(number?).ok().filter(|tokens| *tokens >= 256)
}

/// Whether a 503 says that the model is being loaded.
pub(super) fn says_loading(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).to_lowercase().contains("loading")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Sent {
        Sent { known: Known::default(), max_tokens: true, picture: true }
    }

    #[test]
    fn the_named_part_is_left_out_and_nothing_else() {
        let bad = StatusCode::BAD_REQUEST;
        for (status, body, part) in [
            (bad, "Unsupported value: 'temperature' does not support 0.2", Some(Optional::Temperature)),
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                r#"{"detail":[{"loc":["body","stream_options"]}]}"#,
                Some(Optional::StreamOptions),
            ),
            (
                bad,
                "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
                Some(Optional::MaxTokens),
            ),
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "image input is not supported - hint: … mmproj",
                Some(Optional::Pictures),
            ),
            (StatusCode::NOT_FOUND, "No endpoints found that support image input", Some(Optional::Pictures)),
            (StatusCode::UNAUTHORIZED, "temperature", None),
            (bad, "the model is unknown", None),
            (bad, "", None),
        ] {
            assert_eq!(refused_part(status, body.as_bytes(), all()), part, "{body}");
        }
        let without = Sent { known: Known::default().without(Optional::Temperature), ..all() };
        assert_eq!(refused_part(bad, b"temperature", without), None, "it was not sent");
    }

    #[test]
    fn a_context_that_was_exceeded_is_read_from_the_words() {
        let llama = br#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#;
        assert_eq!(exceeds_context(llama).unwrap().named, Some(4_096));
        let openai = br#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, ...","code":"context_length_exceeded"}}"#;
        assert_eq!(exceeds_context(openai).unwrap().named, Some(8_192));
        assert_eq!(exceeds_context(b"prompt is too long"), Some(ContextExceeded { named: None }));
        assert_eq!(exceeds_context(b"no such model"), None);
    }
}
