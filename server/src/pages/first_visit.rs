//! Pages that every visitor without a cookie and without a certificate gets alike: each is rendered once. Later visitors
//! get what the first one got, with a nonce of their own.

use std::collections::HashMap;
use std::sync::Arc;

use app::request_context::RequestContext;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::access::Platform;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use parking_lot::RwLock;
use protocol::certificate::RejectionReason;
use web::CspNonce;

use crate::environment::Environment;

/// What is in them depends on the configuration and on [`Key`], and on nothing that is stored.
const PAGES: [&str; 4] = ["/", "/certificate-test", "/login", "/request-access"];
/// As Leptos makes them: 128 bits.
const NONCE_BYTES: usize = 16;

#[derive(Debug, Clone)]
pub struct FirstVisits {
    env: Arc<Environment>,
    /// Bounded by the values that a key can have.
    rendered: Arc<RwLock<HashMap<Key, Arc<Rendered>>>>,
}

/// All that these pages show of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    page: &'static str,
    platform: Option<Platform>,
    on_machines_host: bool,
    secure: bool,
}

#[derive(Debug)]
struct Rendered {
    headers: HeaderMap,
    /// The nonce stands between any two of them.
    pieces: Vec<Bytes>,
}

impl FirstVisits {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env, rendered: Arc::default() }
    }

    fn nonce(&self) -> String {
        let mut bytes = [0; NONCE_BYTES];
        self.env.random.fill(&mut bytes);
        STANDARD.encode(bytes)
    }
}

/// Middleware around the one that adds the nonce. Needs [`crate::request_context::add`] around it.
pub async fn answer(State(visits): State<FirstVisits>, request: Request, next: Next) -> Response {
    let Some(key) = Key::of(&request) else { return next.run(request).await };
    let known = visits.rendered.read().get(&key).cloned();
    if let Some(rendered) = known {
        return rendered.with_nonce(visits.nonce());
    }
    let response = next.run(request).await;
    let Some(CspNonce(nonce)) = response.extensions().get::<CspNonce>().cloned() else { return response };
    let (parts, body) = response.into_parts();
    // The page was rendered completely by an inner layer, so this neither waits nor fails.
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Response::from_parts(parts, Body::empty());
    };
    if parts.status == StatusCode::OK && !parts.headers.contains_key(header::SET_COOKIE) {
        let rendered = Rendered { headers: parts.headers.clone(), pieces: split(&body, &nonce) };
        visits.rendered.write().insert(key, Arc::new(rendered));
    }
    Response::from_parts(parts, Body::from(body))
}

impl Key {
    /// `None` for a request whose answer may be for this visitor alone.
    fn of(request: &Request) -> Option<Self> {
        let context = request.extensions().get::<RequestContext>()?;
        let page = PAGES.into_iter().find(|page| *page == request.uri().path())?;
        let is_first_visit = request.method() == Method::GET
            && request.uri().query().is_none()
            && !request.headers().contains_key(header::COOKIE)
            && context.certificate.rejection == Some(RejectionReason::Missing);
        is_first_visit.then(|| Self {
            page,
            platform: Platform::from_user_agent(&context.user_agent),
            on_machines_host: context.pages_origin.is_some(),
            secure: context.secure,
        })
    }
}

impl Rendered {
    fn with_nonce(&self, nonce: String) -> Response {
        let length = self.pieces.iter().map(|piece| piece.len() + nonce.len()).sum();
        let mut page = Vec::with_capacity(length);
        for (n, piece) in self.pieces.iter().enumerate() {
            if n > 0 {
                page.extend_from_slice(nonce.as_bytes());
            }
            page.extend_from_slice(piece);
        }
        let mut response = Response::new(Body::from(page));
        response.headers_mut().clone_from(&self.headers);
        response.extensions_mut().insert(CspNonce(nonce));
        response
    }
}

/// The pieces of `page` between the places where `nonce` stands.
fn split(page: &Bytes, nonce: &str) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(page, nonce) {
        pieces.push(page.slice(start..at));
        start = at + nonce.len();
    }
    pieces.push(page.slice(start..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_answer_has_its_own_nonce_in_every_place() {
        let page = Bytes::from_static(b"<script nonce=\"AAAA\">1</script><link nonce=\"AAAA\">");
        let rendered = Rendered { headers: HeaderMap::new(), pieces: split(&page, "AAAA") };
        let response = rendered.with_nonce("BB".to_owned());
        assert_eq!(response.extensions().get::<CspNonce>().unwrap().0, "BB");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "<script nonce=\"BB\">1</script><link nonce=\"BB\">");
    }
}
