//! Drains the part of a request body that the handler did not read.
//!
//! A response that is sent while the client still uploads can get lost: over HTTP/1 the client sees the connection reset,
//! over HTTP/2 the stream. So the rest of the body is read and discarded first, up to the size that a well-behaved client
//! may send. Only then do errors such as "sign in again" or "at most 5 MB" arrive.

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

use crate::body_arrival::Received;

/// The maximum to discard: the largest image of the protocol with its multipart framing.
const MAX_DRAINED_BYTES: usize = MAX_IMAGE_BYTES + 64 * 1024;
/// How long the response waits for the rest of the body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Middleware for `axum::middleware::from_fn` that reads the request body to its end before it passes the response on.
pub async fn drain_body(request: Request, next: Next) -> Response {
    // A client that expects 100 Continue (RFC 9110 §10.1.1) sends its body only once the server reads it, and accepts a
    // final response instead.
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let received = request.extensions().get::<Received>().cloned();
    let (parts, body) = request.into_parts();
    let shared = Arc::new(Mutex::new(body.into_data_stream().fuse()));
    let polled = Arc::new(AtomicBool::new(false));
    let handler_body =
        futures::stream::unfold((Arc::clone(&shared), Arc::clone(&polled)), |(shared, polled)| async {
            polled.store(true, Ordering::Relaxed);
            let chunk = shared.lock().await.next().await?;
            Some((chunk, (shared, polled)))
        });
    let response = next.run(Request::from_parts(parts, Body::from_stream(handler_body))).await;
    if polled.load(Ordering::Relaxed) || !expects_continue {
        if let Some(received) = received {
            received.discard();
        }
        let drain = async {
            let (mut rest, mut drained) = (shared.lock().await, 0);
            while let Some(Ok(chunk)) = rest.next().await
                && drained <= MAX_DRAINED_BYTES
            {
                drained += chunk.len();
            }
        };
        // Beyond the limits the response is sent anyway, and may get lost.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain).await;
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

    /// Sends `chunks` to a handler that reads one or none of them. Returns how many bytes were read in total.
    async fn bytes_read(chunks: usize, path: &str, expect: Option<&str>) -> usize {
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
        let counter = Arc::clone(&read);
        let stream = futures::stream::repeat_with(move || {
            counter.fetch_add(CHUNK, Ordering::SeqCst);
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
    async fn the_rest_is_read_before_the_response_is_sent() {
        assert_eq!(bytes_read(500, "/none", None).await, 500 * CHUNK);
        assert_eq!(bytes_read(500, "/one", None).await, 500 * CHUNK);
        assert_eq!(bytes_read(0, "/none", None).await, 0);
    }

    #[tokio::test]
    async fn the_body_of_a_client_that_expects_continue_is_not_requested_in_vain() {
        assert_eq!(bytes_read(500, "/none", Some("100-continue")).await, 0);
        assert_eq!(bytes_read(500, "/one", Some("100-continue")).await, 500 * CHUNK);
    }

    #[tokio::test]
    async fn the_drained_size_is_limited() {
        let read = bytes_read(usize::MAX, "/none", None).await;
        assert!((MAX_DRAINED_BYTES..MAX_DRAINED_BYTES + 3 * CHUNK).contains(&read), "{read}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_stalled_client_is_limited() {
        let router =
            Router::new().route("/", post(async || StatusCode::UNAUTHORIZED)).layer(from_fn(drain_body));
        let stalled = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        let start = tokio::time::Instant::now();
        let request = Request::post("/").body(Body::from_stream(stalled)).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 401);
        assert_eq!(start.elapsed(), DRAIN_TIMEOUT);
    }
}
