//! One's own conversations on the server, as the page asks for them.

use std::fmt::Write;

use http::Method;
use protocol::Problem;
use protocol::desktop::Conversations;
use serde_json::{Value, json};

use super::NativeApiClient;

impl NativeApiClient {
    /// The server's reply: JSON, the text of an exported file, or nothing.
    pub async fn conversations(&self, asked: Conversations) -> Result<Value, Problem> {
        let one = |id: &str| format!("/native/conversations/{}", encoded(id));
        let (method, path, body) = match &asked {
            Conversations::Delete { id } => (Method::DELETE, one(id), None),
            Conversations::Export { id, format } => {
                (Method::GET, format!("{}/export?format={}", one(id), encoded(format)), None)
            }
            Conversations::List { search, page } => {
                let path = format!("/native/conversations?search={}&page={page}", encoded(search));
                (Method::GET, path, None)
            }
            Conversations::Open { id } => (Method::GET, one(id), None),
            Conversations::Rename { id, title } => (Method::PATCH, one(id), Some(json!({ "title": title }))),
        };
        let (token, request) = self.signed_request(method, &path)?;
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = self.authorised(&token, request).await?;
        match asked {
            Conversations::Delete { .. } | Conversations::Rename { .. } => Ok(Value::Null),
            Conversations::Export { .. } => Ok(Value::String(self.text(response).await?)),
            Conversations::List { .. } | Conversations::Open { .. } => self.json(response).await,
        }
    }
}

/// Percent-encoded (RFC 3986), so that it stays one part of the address.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_stays_one_part_of_the_address() {
        assert_eq!(encoded("a-B_9~"), "a-B_9~");
        assert_eq!(encoded("ä &page=2/../x.y"), "%C3%A4%20%26page%3D2%2F%2E%2E%2Fx%2Ey");
    }
}
