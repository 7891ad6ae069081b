//! Cacheable responses with entity tags (RFC 9110 §8.8.3 and §13.1.2).

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// `Cache-Control` of content that may change: cached, and revalidated each time.
pub const REVALIDATE: &str = "public, max-age=0, must-revalidate";
/// `Cache-Control` of content whose name contains its hash.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Bytes with their entity tag.
#[derive(Debug, Clone)]
pub struct CachedBytes {
    bytes: Bytes,
    etag: String,
}

impl CachedBytes {
    pub fn new(bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes);
        Self::with_hash(bytes, &hash)
    }

    /// With a hash of the bytes that is known already.
    pub fn with_hash(bytes: Bytes, hash: &[u8]) -> Self {
        let hash = hash.get(..16).unwrap_or(hash);
        Self { bytes, etag: format!("\"{}\"", hex::encode(hash)) }
    }

    /// Responds with 304 if the client's `If-None-Match` has the entity tag, otherwise with the response that `full` builds.
    pub fn respond(
        &self,
        headers: &HeaderMap,
        cache_control: &'static str,
        full: impl FnOnce(Bytes) -> Response,
    ) -> Response {
        let mut response = if self.is_cached_by(headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            full(self.bytes.clone())
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }

    fn is_cached_by(&self, headers: &HeaderMap) -> bool {
        let tags = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag)
    }
}
