//! Drains what a handler leaves unread of an upload.
//!
//! A response that is sent while the client is still uploading gets lost: over HTTP/1 the client sees the connection break,
//! over HTTP/2 the stream. So the rest of the body is read and discarded first, up to what a well-behaved client may send;
//! then "sign in again" and "at most 5 MB" arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;
use http::header;
use protocol::analysis::MAX_IMAGE_BYTES;
use tokio::sync::Mutex;

/// The most that is discarded: the largest image of the protocol and its multipart framing.
const MAX_DRAINED_BYTES: usize = MAX_IMAGE_BYTES + 64 * 1024;
/// The longest that the response waits for the client's last byte.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// For `axum::middleware::from_fn`.
pub async fn drain_body(request: Request, next: Next) -> Response {
    // Such a client sends its body only once it is asked for it, and takes an answer before that.
    let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let shared = Arc::new(Mutex::new(body.into_data_stream().fuse()));
    let asked = Arc::new(AtomicBool::new(false));
    let handlers =
        futures::stream::unfold((Arc::clone(&shared), Arc::clone(&asked)), |(shared, asked)| async {
            asked.store(true, Ordering::Relaxed);
            let chunk = shared.lock().await.next().await?;
            Some((chunk, (shared, asked)))
        });
    let response = next.run(Request::from_parts(parts, Body::from_stream(handlers))).await;
    if asked.load(Ordering::Relaxed) || !waits_to_be_asked {
        let rest = async {
            let (mut rest, mut drained) = (shared.lock().await, 0);
            while let Some(Ok(chunk)) = rest.next().await
                && drained <= MAX_DRAINED_BYTES
            {
                drained += chunk.len();
            }
        };
        // Too slow, or too much: the answer goes out and may get lost.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, rest).await;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use bytes::Bytes;
    use http::StatusCode;
    use tower::ServiceExt;

    const CHUNK: usize = 10_000;

    /// Sends `chunks` to a handler that reads one or none, with these headers; tells how many bytes were read in all.
    async fn sent(chunks: usize, path: &str, expect: Option<&str>) -> usize {
        let router = Router::new()
            .route("/none", post(async || StatusCode::UNAUTHORIZED))
            .route(
                "/one",
                post(async |body: Body| {
                    assert!(body.into_data_stream().next().await.is_some());
                    StatusCode::UNAUTHORIZED
                }),
            )
            .layer(from_fn(drain_body));
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let stream = futures::stream::repeat_with(move || {
            counted.fetch_add(CHUNK, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from_static(&[0; CHUNK]))
        });
        let mut request = Request::post(path);
        if let Some(expect) = expect {
            request = request.header("expect", expect);
        }
        let request = request.body(Body::from_stream(stream.take(chunks))).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 401);
        read.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn the_rest_is_read_before_the_answer_goes_out() {
        assert_eq!(sent(500, "/none", None).await, 500 * CHUNK);
        assert_eq!(sent(500, "/one", None).await, 500 * CHUNK);
        assert_eq!(sent(0, "/none", None).await, 0);
    }

    #[tokio::test]
    async fn a_client_that_waits_to_be_asked_is_not_asked_in_vain() {
        assert_eq!(sent(500, "/none", Some("100-continue")).await, 0);
        assert_eq!(sent(500, "/one", Some("100-continue")).await, 500 * CHUNK);
    }

    #[tokio::test]
    async fn no_more_is_read_than_a_client_may_send() {
        let read = sent(usize::MAX, "/none", None).await;
        assert!((MAX_DRAINED_BYTES..MAX_DRAINED_BYTES + 3 * CHUNK).contains(&read), "{read}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_sending_is_not_waited_for_without_end() {
        let router =
            Router::new().route("/", post(async || StatusCode::UNAUTHORIZED)).layer(from_fn(drain_body));
        let stalled = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        let began = tokio::time::Instant::now();
        let request = Request::post("/").body(Body::from_stream(stalled)).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 401);
        assert_eq!(began.elapsed(), DRAIN_TIMEOUT);
    }
}
