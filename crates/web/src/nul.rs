//! No text of a request holds a NUL character: PostgreSQL can neither store nor compare one, and nobody types one.
//!
//! It is refused where it is read: in an address here, whatever the route; in a body by what parses the body, and of the
//! server functions, whose bodies Leptos parses, before that.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use protocol::Problem;
use serde_json::Value;
use url::form_urlencoded;

use crate::fallback;

const EXPECTED: &str = "Leave out the NUL character.";

/// Refuses a query that holds one; a path that does leads nowhere.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    if request.uri().path().contains("%00") {
        return fallback::not_found(method.clone(), headers.clone()).await;
    }
    match refuse_in_form(request.uri().query().unwrap_or_default().as_bytes()) {
        Ok(()) => next.run(request).await,
        Err(problem) => fallback::answer(method, headers, problem.detail("The address is not right.")),
    }
}

/// The text, unless it holds one.
pub fn without_nul(field: &str, text: String) -> Result<String, Problem> {
    if text.contains('\0') { Err(Problem::invalid_input().field(field, EXPECTED)) } else { Ok(text) }
}

/// Of URL-encoded fields.
pub(super) fn refuse_in_form(bytes: &[u8]) -> Result<(), Problem> {
    match form_urlencoded::parse(bytes).find(|(_, value)| value.contains('\0')) {
        Some((name, _)) => Err(Problem::invalid_input().field(innermost(&name), EXPECTED)),
        None => Ok(()),
    }
}

/// A field as forms know it: `prompt` of `mode[prompt]`, `ids` of `ids[0]`.
fn innermost(name: &str) -> &str {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    name.split(['[', ']']).rfind(|part| !is_number(part)).unwrap_or(name)
}

/// Of JSON that has been parsed before.
pub(super) fn refuse_in_json(bytes: &[u8]) -> Result<(), Problem> {
    // The only way to write one in JSON; hardly any body has it, so hardly any is parsed again.
    const ESCAPED: &[u8] = b"\\u0000";
    if !bytes.windows(ESCAPED.len()).any(|window| window == ESCAPED) {
        return Ok(());
    }
    match serde_json::from_slice(bytes).ok().and_then(|value| place_in(&value, String::new())) {
        Some(place) => {
            Err(Problem::invalid_input().field(if place.is_empty() { "body" } else { &place }, EXPECTED))
        }
        None => Ok(()),
    }
}

/// Where the first one is, named as other wrong fields are: `ids[1]`, `colour.red`.
fn place_in(value: &Value, place: String) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then_some(place),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(n, item)| place_in(item, format!("{place}[{n}]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            place_in(field, if place.is_empty() { name.clone() } else { format!("{place}.{name}") })
        }),
        Value::Bool(_) | Value::Null | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(refused: Result<(), Problem>) -> Option<String> {
        refused.err().and_then(|problem| problem.errors.into_iter().next()).map(|error| error.field)
    }

    #[test]
    fn the_field_that_holds_one_is_named() {
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
            assert_eq!(field(refuse_in_form(form.as_bytes())).as_deref(), wrong, "{form}");
        }
        for (json, wrong) in [
            (r#"{"reason":"a\u0000b"}"#, Some("reason")),
            (r#"{"ids":["1","\u0000"]}"#, Some("ids[1]")),
            (r#"{"colour":{"red":"\u0000"}}"#, Some("colour.red")),
            (r#""\u0000""#, Some("body")),
            (r#"{"reason":"\\u0000"}"#, None),
            (r#"{"reason":"\u00e4"}"#, None),
        ] {
            assert_eq!(field(refuse_in_json(json.as_bytes())).as_deref(), wrong, "{json}");
        }
    }
}
