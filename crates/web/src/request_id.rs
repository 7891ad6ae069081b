//! Request ids, in the response and in every log line of the request, so that a user's report leads to the log lines.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::random::Random;
use http::{HeaderName, HeaderValue};
use tracing::Instrument;

const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, a request extension: 8 to 64 ASCII letters, digits, `-` or `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Takes the proxy's `X-Request-Id` (the edge has removed that of any other client) or generates one.
pub(super) async fn add(State(random): State<Arc<dyn Random>>, mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&NAME)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_plain(id))
        .map_or_else(|| generate(random.as_ref()), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

/// 96 random bits, lower-case hex.
fn generate(random: &dyn Random) -> String {
    let mut bytes = [0; 12];
    random.fill(&mut bytes);
    hex::encode(bytes)
}

/// Whether the id has no characters with which a log line could be forged.
fn is_plain(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
