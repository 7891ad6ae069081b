//! What a model server says, made fit to be passed on: one line, short, and without keys or addresses.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::config::ProviderConfig;

/// In characters.
const MAX_WORDS: usize = 200;
/// How much of the configured key a word must begin or end with to be taken for it: servers quote keys in part.
const KEY_PART: usize = 6;
/// How the keys of common services begin.
const KEY_PREFIXES: [&str; 8] = ["sk-", "sk_", "pk-", "hf_", "gsk_", "xai-", "AIza", "eyJ"];
/// A word of only letters and digits that is longer is a key or a hash, but nothing to read.
const MAX_OPAQUE: usize = 31;

/// What a server says went wrong: `{"error": {"message": "…"}}`, `{"error": "…"}`, or the start of whatever
/// it sent.
pub(super) fn error_message(body: &[u8]) -> String {
    let text = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|json| {
            ["error", "detail", "message"].iter().find_map(|name| json.get(name).map(message_of))
        })
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    crate::text::visible(&text).replace(['\n', '\t'], " ").chars().take(300).collect()
}

/// The error inside a reply that has the status of an answer.
pub(super) fn error_in(reply: &Value) -> Option<String> {
    match reply.get("error") {
        None | Some(Value::Null | Value::Bool(false)) => {
            let is_error =
                ["object", "type"].iter().any(|name| reply.get(name).is_some_and(|v| v == "error"));
            is_error.then(|| message_of(reply))
        }
        Some(error) => Some(message_of(error)),
    }
}

/// The message inside an `error` field.
pub(super) fn message_of(error: &Value) -> String {
    let text = ["message", "msg", "detail"].iter().find_map(|name| error.get(name)).unwrap_or(error);
    let text = if text.is_object() && text != error { message_of(text) } else { plain(text) };
    text.chars().take(300).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The readable text of an HTML page.
pub(super) fn text_of_html(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<').take(200) {
        let (_, after) = piece.split_once('>').unwrap_or((piece, ""));
        text.push_str(after);
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line, bounded, without keys and addresses.
pub(super) fn redacted(text: &str, config: &ProviderConfig) -> String {
    let mut text = crate::text::visible(text).replace(['\n', '\t'], " ");
    if let Some(key) = &config.api_key {
        text = text.replace(key.expose(), "[key]");
    }
    text = text.replace(&config.base_url, "[address]");
    let url = reqwest::Url::parse(&config.base_url).ok();
    if let Some(host) = url.as_ref().and_then(|url| url.host_str()).filter(|host| host.len() > 3) {
        text = text.replace(host, "[address]");
    }
    let is_end = |c: char| c.is_whitespace() || "\"'`“”‘’()<>{},;|".contains(c);
    let mut out = String::new();
    for word in text.split_inclusive(is_end) {
        let end =
            word.char_indices().next_back().filter(|(_, c)| is_end(*c)).map_or(word.len(), |(at, _)| at);
        let (word, end) = word.split_at(end);
        out.push_str(replacement(word, config).unwrap_or(word));
        out.push_str(end);
    }
    let out = out.trim();
    match out.char_indices().nth(MAX_WORDS) {
        None => out.to_owned(),
        Some((at, _)) => format!("{}…", &out[..at]),
    }
}

fn replacement(word: &str, config: &ProviderConfig) -> Option<&'static str> {
    let bare = word.trim_matches(|c: char| matches!(c, '.' | ':' | '!' | '?' | '=' | '[' | ']'));
    if bare.contains("://") || bare.parse::<SocketAddr>().is_ok() || bare.parse::<IpAddr>().is_ok() {
        return Some("[address]");
    }
    let quotes_key = config.api_key.as_ref().is_some_and(|key| {
        let key = key.expose();
        let part =
            |part: Option<&str>, fits: fn(&str, &str) -> bool| part.is_some_and(|part| fits(bare, part));
        bare.len() > KEY_PART
            && (part(key.get(..KEY_PART), |word, part| word.starts_with(part))
                || part(key.len().checked_sub(KEY_PART).and_then(|at| key.get(at..)), |word, part| {
                    word.ends_with(part)
                }))
    });
    let is_opaque = bare.len() > MAX_OPAQUE
        && bare.chars().all(|c| c.is_ascii_alphanumeric())
        && bare.contains(|c: char| c.is_ascii_digit());
    let has_prefix = bare.len() > 8 && KEY_PREFIXES.iter().any(|prefix| bare.starts_with(prefix));
    (quotes_key || is_opaque || has_prefix).then_some("[key]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ProviderConfig {
        serde_json::from_value(serde_json::json!({
            "name": "local", "kind": "openai", "base_url": "http://models.internal:8000/v1", "model": "m",
            "api_key": "topsecretkey99",
        }))
        .unwrap()
    }

    #[test]
    fn error_messages_of_all_shapes() {
        assert_eq!(error_message(br#"{"error":{"message":"no such\nmodel","code":1}}"#), "no such model");
        assert_eq!(error_message(br#"{"error":"model 'x' not found"}"#), "model 'x' not found");
        assert_eq!(error_message(br#"{"detail":"Not authenticated"}"#), "Not authenticated");
        assert_eq!(error_message(b"<html>oops"), "<html>oops");
        assert_eq!(error_message(b""), "");
        assert_eq!(error_message(&[b'x'; 5_000]).len(), 300);
        let object = serde_json::json!({"object": "error", "message": "max tokens reached", "code": 400});
        assert_eq!(error_in(&object).as_deref(), Some("max tokens reached"));
        assert_eq!(error_in(&serde_json::json!({"error": null, "choices": []})), None);
    }

    #[test]
    fn neither_keys_nor_addresses_are_passed_on() {
        let config = config();
        for (words, expected) in [
            ("Incorrect API key provided: topsecretkey99.", "Incorrect API key provided: [key]."),
            ("Bad key 'topsec***ey99'", "Bad key '[key]'"),
            ("Bad key sk-proj-abc***xyz", "Bad key [key]"),
            ("see https://example.org/a?b=c.", "see [address]"),
            ("dial tcp 10.0.0.3:11434: connect: refused", "dial tcp [address] connect: refused"),
            ("models.internal says no", "[address] says no"),
            ("trace 0123456789abcdef0123456789abcdef!", "trace [key]"),
            (
                "model Qwen2.5-VL-72B-Instruct-AWQ-Q4_K_M.gguf not found",
                "model Qwen2.5-VL-72B-Instruct-AWQ-Q4_K_M.gguf not found",
            ),
            ("two\nlines\u{202E}", "two lines"),
        ] {
            assert_eq!(redacted(words, &config), expected);
        }
        assert_eq!(redacted(&"long ".repeat(100), &config).chars().count(), MAX_WORDS + 1);
        assert_eq!(text_of_html("<html><h1>502 Bad\nGateway</h1>nginx</html>"), "502 Bad Gateway nginx");
    }
}
