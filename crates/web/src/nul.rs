//! Rejects NUL characters in requests: PostgreSQL can neither store nor compare them in text, and nobody types them.
//!
//! A layer checks the URL of every request. Bodies are checked by the extractors that parse them, and those of Leptos server
//! functions by a middleware before them.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use protocol::Problem;
use url::form_urlencoded;

use crate::fallback;
use crate::input::Input;

const EXPECTED: &str = "Leave out the NUL character.";

/// 422 for a query with a NUL character, 404 for such a path.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    if request.uri().path().contains("%00") {
        return fallback::not_found(method.clone(), headers.clone()).await;
    }
    match check_form(request.uri().query().unwrap_or_default().as_bytes()) {
        Ok(()) => next.run(request).await,
        Err(problem) => fallback::respond(method, headers, problem.detail("The address is not right.")),
    }
}

/// Returns the text, or 422 at `field` if it contains a NUL character.
pub fn without_nul(field: &str, text: String) -> Result<String, Problem> {
    if text.contains('\0') { Err(Problem::invalid_input().field(field, EXPECTED)) } else { Ok(text) }
}

/// 422 at the first URL-encoded field with a NUL character.
pub(super) fn check_form(bytes: &[u8]) -> Result<(), Problem> {
    match form_urlencoded::parse(bytes).find(|(_, value)| value.contains('\0')) {
        Some((name, _)) => Err(Problem::invalid_input().field(field_name(&name), EXPECTED)),
        None => Ok(()),
    }
}

/// The innermost name of a nested field: `prompt` of `mode[prompt]`, `ids` of `ids[0]`.
fn field_name(name: &str) -> &str {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    name.split(['[', ']']).rfind(|part| !is_number(part)).unwrap_or(name)
}

/// 422 at the first string with a NUL character.
pub(super) fn check_json(input: &Input) -> Result<(), Problem> {
    match path_to_nul(input) {
        Some(path) => {
            Err(Problem::invalid_input().field(if path.is_empty() { "body" } else { &path }, EXPECTED))
        }
        None => Ok(()),
    }
}

/// The path to the first NUL character, such as `ids[1]` or `colour.red`.
fn path_to_nul(input: &Input) -> Option<String> {
    let join = |parent: &str, path: String| match path.as_str() {
        "" => parent.to_owned(),
        index if index.starts_with('[') => format!("{parent}{index}"),
        name => format!("{parent}.{name}"),
    };
    match input {
        Input::FormValue(text) | Input::String(text) => text.contains('\0').then(String::new),
        Input::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(n, item)| path_to_nul(item).map(|path| join(&format!("[{n}]"), path))),
        Input::Object(fields) => {
            fields.iter().find_map(|(name, field)| path_to_nul(field).map(|path| join(name, path)))
        }
        Input::Bool(_) | Input::Float(_) | Input::Integer(_) | Input::Null | Input::Unsigned(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(result: Result<(), Problem>) -> Option<String> {
        result.err().and_then(|problem| problem.errors.into_iter().next()).map(|error| error.field)
    }

    #[test]
    fn the_field_with_a_nul_character_is_named() {
        for (form, wrong) in [
            ("search=%00", Some("search")),
            ("a=1&b=x%00y", Some("b")),
            ("mode%5Bprompt%5D=%00", Some("prompt")),
            ("ids[]=1&ids[]=%00", Some("ids")),
            ("ids[0]=%00", Some("ids")),
            ("7=%00", Some("7")),
            ("a=%2500", None),
            ("a=%30%30", None),
            ("", None),
        ] {
            assert_eq!(field(check_form(form.as_bytes())).as_deref(), wrong, "{form}");
        }
        for (json, wrong) in [
            (r#"{"reason":"a\u0000b"}"#, Some("reason")),
            (r#"{"ids":["1","\u0000"]}"#, Some("ids[1]")),
            (r#"{"colour":{"red":"\u0000"}}"#, Some("colour.red")),
            (r#"{"modes":[{"name":"a"},{"name":"\u0000"}]}"#, Some("modes[1].name")),
            (r#""\u0000""#, Some("body")),
            (r#"{"reason":"\\u0000"}"#, None),
            (r#"{"reason":"\u00e4"}"#, None),
        ] {
            assert_eq!(field(check_json(&serde_json::from_str(json).unwrap())).as_deref(), wrong, "{json}");
        }
    }
}
