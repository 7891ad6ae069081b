//! Static files of the pages: WASM, scripts, styles, icons. They come from a folder, or in a release from the program
//! itself.
//!
//! A path never leads out of the folder, and a file's media type follows from its extension.

#[cfg(feature = "embed")]
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
#[cfg(feature = "embed")]
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use web::{CachedBytes, IMMUTABLE, REVALIDATE};

/// The source of the files.
#[derive(Debug, Clone)]
pub enum Assets {
    #[cfg(feature = "embed")]
    Embedded,
    Folder(PathBuf),
}

#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../target/site"]
struct Site;

impl Assets {
    /// The embedded files if the program was built with them, otherwise those in `site_root`.
    pub fn new(site_root: PathBuf) -> Self {
        #[cfg(feature = "embed")]
        {
            drop(site_root);
            Self::Embedded
        }
        #[cfg(not(feature = "embed"))]
        Self::Folder(site_root)
    }

    /// Routes to everything below `/pkg` and to the icons.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/pkg/{*path}", get(file))
            .route("/favicon.ico", get(file))
            .route("/favicon.svg", get(file))
            .with_state(Arc::new(self))
    }

    /// The response to a GET or HEAD for `path`, in the best content coding that the client accepts. `None`: there is no
    /// such file.
    pub async fn respond(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let name = safe_name(path)?;
        let mut chosen = None;
        for (coding, suffix) in codings(headers) {
            if let Some(found) = self.read(&format!("{name}{suffix}")).await {
                chosen = Some((coding, found));
                break;
            }
        }
        let (coding, file) = match chosen {
            Some(chosen) => chosen,
            None => ("", self.read(name).await?),
        };
        let cache_control = if has_hash(name) { IMMUTABLE } else { REVALIDATE };
        let mut response = file.respond(headers, cache_control, |bytes| {
            let mut response = Body::from(bytes).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
            if !coding.is_empty() {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            response
        });
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        Some(response)
    }

    /// Reads a file. Each content coding is a file with an entity tag of its own.
    async fn read(&self, name: &str) -> Option<CachedBytes> {
        match self {
            #[cfg(feature = "embed")]
            Self::Embedded => {
                let file = Site::get(name)?;
                let bytes = match file.data {
                    Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                    Cow::Owned(bytes) => bytes.into(),
                };
                Some(CachedBytes::with_hash(bytes, &file.metadata.sha256_hash()))
            }
            Self::Folder(root) => Some(CachedBytes::new(tokio::fs::read(root.join(name)).await.ok()?.into())),
        }
    }
}

async fn file(State(assets): State<Arc<Assets>>, method: Method, request: Request) -> Response {
    match assets.respond(request.uri().path(), request.headers()).await {
        Some(response) => response,
        None => web::not_found(method, request.headers().clone()).await,
    }
}

/// The path as a relative file name, if it consists of plain names only.
fn safe_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    name.split('/').all(plain).then_some(name)
}

/// The content codings that the client accepts, with the suffix of their files, best first.
fn codings(headers: &HeaderMap) -> Vec<(&'static str, &'static str)> {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let accepts = |coding: &str| {
        accepted.split(',').any(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
            let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
            named && weight.is_ok_and(|weight| weight > 0.0)
        })
    };
    [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(coding, _)| accepts(coding)).collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("ico") => "image/x-icon",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Whether the name contains a hash of the content, as in `aiwe.Zm9vYmFyYmF6cXV4MTIz.wasm`.
fn has_hash(name: &str) -> bool {
    let parts: Vec<_> = name.rsplit('/').next().unwrap_or(name).split('.').collect();
    parts.len() >= 3
        && parts.get(1..parts.len() - 1).is_some_and(|middle| middle.iter().any(|part| part.len() >= 16))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use http::StatusCode;

    use super::*;

    fn headers(entries: &[(header::HeaderName, &str)]) -> HeaderMap {
        entries.iter().map(|(k, v)| (k.clone(), v.parse().unwrap())).collect()
    }

    fn site() -> (tempfile::TempDir, Assets) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("site");
        std::fs::create_dir_all(root.join("pkg")).unwrap();
        for (name, text) in [
            ("pkg/aiwe.wasm", "plain"),
            ("pkg/aiwe.wasm.br", "brotli"),
            ("pkg/aiwe.wasm.gz", "gzip"),
            ("pkg/aiwe.0123456789abcdef.js", "hashed"),
            ("pkg/.hidden", "hidden"),
            ("../secret", "secret"),
        ] {
            std::fs::write(root.join(name), text).unwrap();
        }
        (folder, Assets::Folder(root))
    }

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 1_000).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_best_accepted_coding_is_served() {
        let (_folder, assets) = site();
        for (accept, coding, body) in [
            ("gzip, deflate, br", Some("br"), "brotli"),
            ("gzip", Some("gzip"), "gzip"),
            ("br;q=0, gzip;q=0.5", Some("gzip"), "gzip"),
            ("identity", None, "plain"),
        ] {
            let response = assets
                .respond("/pkg/aiwe.wasm", &headers(&[(header::ACCEPT_ENCODING, accept)]))
                .await
                .unwrap();
            assert_eq!(response.headers()["content-type"], "application/wasm");
            assert_eq!(response.headers().get("content-encoding").map(|v| v.to_str().unwrap()), coding);
            assert_eq!(response.headers()["vary"], "accept-encoding");
            assert_eq!(text(response).await, body);
        }
    }

    #[tokio::test]
    async fn entity_tags_and_cache_lifetimes() {
        let (_folder, assets) = site();
        let first = assets.respond("/pkg/aiwe.wasm", &HeaderMap::new()).await.unwrap();
        assert_eq!(first.headers()["cache-control"], "public, max-age=0, must-revalidate");
        let etag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = headers(&[(header::IF_NONE_MATCH, &format!("\"x\", W/{etag}"))]);
        let again = assets.respond("/pkg/aiwe.wasm", &again).await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()["etag"], etag);
        let brotli = headers(&[(header::IF_NONE_MATCH, &etag), (header::ACCEPT_ENCODING, "br")]);
        assert_eq!(assets.respond("/pkg/aiwe.wasm", &brotli).await.unwrap().status(), StatusCode::OK);
        let hashed = assets.respond("/pkg/aiwe.0123456789abcdef.js", &HeaderMap::new()).await.unwrap();
        assert!(hashed.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }

    #[tokio::test]
    async fn nothing_outside_the_folder_is_served() {
        let (_folder, assets) = site();
        for path in [
            "/../secret",
            "/pkg/../../secret",
            "/pkg/%2e%2e/secret",
            "//etc/passwd",
            "/pkg",
            "/pkg/.hidden",
            "pkg",
            "/",
        ] {
            assert!(assets.respond(path, &HeaderMap::new()).await.is_none(), "{path}");
        }
    }
}
