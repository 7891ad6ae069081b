//! How request bodies arrive: at a least rate, within a deadline, and within a budget of the bytes that wait in memory.
//!
//! Without these limits, clients that never finish their bodies hold connections and memory for as long as they like. Only
//! the time in which the server waits for the client counts, not the time in which the handler does something else.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use protocol::Problem;
use tokio::time::{Instant, Sleep};

use crate::byte_budget::{ByteBudget, Reservation};
use crate::network::Network;
use crate::peer::Peer;
use crate::problem::ProblemResponse;

/// What a client may take before the least rate counts.
const GRACE: Duration = Duration::from_secs(20);
/// In bytes per second. The slowest line over which a body is taken.
const LEAST_RATE: f64 = 4096.0;
/// For a whole body: the largest picture arrives at 180 kbit/s.
const DEADLINE: Duration = Duration::from_mins(15);
/// Of one body, what counts against the budget: as much as a JSON body or a form may have. Larger bodies, those with
/// pictures, have a budget of their own.
const COUNTED_BYTES: usize = 256 * 1024;
const BUDGET_BYTES: usize = 32 * 1024 * 1024;
const BUDGET_BYTES_PER_SITE: usize = BUDGET_BYTES / 4;
/// In seconds.
const RETRY_AFTER: u64 = 5;

/// The bytes of all bodies that are being received, by the client's network.
pub(crate) type Budget = ByteBudget<Network>;

pub(crate) fn budget() -> Budget {
    ByteBudget::new(BUDGET_BYTES, BUDGET_BYTES_PER_SITE)
}

/// 408: the body came too slowly.
pub(crate) fn too_slow() -> Problem {
    Problem::new("request-timeout", 408, "The request took too long to arrive")
        .detail("Send it again over a faster connection.")
}

fn too_much() -> Problem {
    Problem::unavailable("Too much is being sent to the server at the moment.", RETRY_AFTER)
}

/// Middleware that limits how the body arrives. A body beyond the limits ends with an error, and whatever the handler makes of
/// that becomes 408 or 503.
pub(crate) async fn limit(State(budget): State<Budget>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>();
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address);
    let arrival = Arc::new(Mutex::new(Arrival {
        held: Some(budget.reservation(Network::of_site(address))),
        refusal: None,
    }));
    let mut request = request.map(|body| Body::new(LimitedBody::new(body, Arc::clone(&arrival))));
    request.extensions_mut().insert(Received(Arc::clone(&arrival)));
    let response = next.run(request).await;
    let refusal = arrival.lock().refusal.take();
    refusal.map_or(response, |problem| ProblemResponse(problem).into_response())
}

/// What request and body share. The bytes count until the handler has answered and the body is dropped.
#[derive(Debug)]
struct Arrival {
    /// `None`: what arrives is discarded.
    held: Option<Reservation<Network>>,
    refusal: Option<Problem>,
}

/// A request extension: the body as far as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Received(Arc<Mutex<Arrival>>);

impl Received {
    /// Nothing of the body is in memory any more, nor will be what is still to arrive.
    pub fn discard(&self) {
        self.0.lock().held = None;
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the body arrived outside of its limits")]
struct OutsideLimits;

struct LimitedBody {
    body: Body,
    arrival: Arc<Mutex<Arrival>>,
    received: usize,
    /// How long the server has waited for the client, without `waiting_since`.
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    refused: bool,
}

impl LimitedBody {
    fn new(body: Body, arrival: Arc<Mutex<Arrival>>) -> Self {
        Self {
            body,
            arrival,
            received: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            timer: None,
            refused: false,
        }
    }

    /// How long the server may wait in all for what has arrived.
    fn allowance(&self) -> Duration {
        (GRACE + Duration::from_secs_f64(self.received as f64 / LEAST_RATE)).min(DEADLINE)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Problem> {
        let counted = self.received.min(COUNTED_BYTES);
        self.received = self.received.saturating_add(bytes);
        let more = self.received.min(COUNTED_BYTES) - counted;
        match &mut self.arrival.lock().held {
            Some(held) => held.grow(more).map_err(|_| too_much()),
            None => Ok(()),
        }
    }

    /// Whether the client has taken too long. Otherwise wakes the task when it will have.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let since = *self.waiting_since.get_or_insert(now);
        let until = since + self.allowance().saturating_sub(self.waited);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx).is_ready()
    }

    fn refuse(&mut self, problem: Problem) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.refused = true;
        self.arrival.lock().refusal = Some(problem);
        Poll::Ready(Some(Err(axum::Error::new(OutsideLimits))))
    }
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.refused {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending if this.poll_too_slow(cx) => this.refuse(too_slow()),
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                if let Some(since) = this.waiting_since.take() {
                    this.waited += since.elapsed();
                }
                let bytes = match &frame {
                    Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                    _ => 0,
                };
                match this.count(bytes) {
                    Ok(()) => Poll::Ready(frame),
                    Err(problem) => this.refuse(problem),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.refused || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use futures::StreamExt;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;
    use crate::peer::Listener;

    fn router(budget: Budget) -> Router {
        Router::new()
            .route("/", post(async |body: Bytes| body.len().to_string()))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .layer(from_fn_with_state(budget, limit))
    }

    /// `pieces` of `bytes` each, with a pause before each.
    fn trickle(pieces: usize, bytes: usize, pause: Duration) -> Body {
        let pieces = futures::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes]))
        });
        Body::from_stream(pieces)
    }

    fn from(address: &str, body: Body) -> Request {
        let mut request = Request::post("/").body(body).unwrap();
        request.extensions_mut().insert(Peer {
            address: address.parse().unwrap(),
            listener: Listener::Pages,
            tls: true,
            certificate: None,
        });
        request
    }

    async fn sent(body: Body) -> (StatusCode, Duration) {
        let since = Instant::now();
        let response = router(budget()).oneshot(from("192.0.2.1", body)).await.unwrap();
        (response.status(), since.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_or_trickles_ends_in_408() {
        let stalled = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(sent(stalled).await, (StatusCode::REQUEST_TIMEOUT, GRACE));
        let (status, after) = sent(trickle(1_000, 1, Duration::from_secs(1))).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
        assert!(after < GRACE + Duration::from_secs(2), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_over_a_slow_line_is_taken() {
        // 20 MB at 25 kB/s: 800 seconds.
        let (status, after) = sent(trickle(800, 25_000, Duration::from_secs(1))).await;
        assert_eq!((status, after), (StatusCode::OK, Duration::from_secs(800)));
        let (status, after) = sent(trickle(2_000, 8_000, Duration::from_secs(1))).await;
        assert_eq!((status, after), (StatusCode::REQUEST_TIMEOUT, DEADLINE));
    }

    /// The client sends at once; the handler takes a minute for each piece.
    #[tokio::test(start_paused = true)]
    async fn the_handlers_own_time_does_not_count() {
        let slow = async |body: Body| {
            let mut pieces = body.into_data_stream();
            let mut bytes = 0;
            while let Some(piece) = pieces.next().await {
                tokio::time::sleep(Duration::from_mins(1)).await;
                bytes += piece.map_or(0, |piece| piece.len());
            }
            bytes.to_string()
        };
        let router = Router::new().route("/", post(slow)).layer(from_fn_with_state(budget(), limit));
        let body = trickle(30, 1, Duration::from_millis(10));
        let response = router.oneshot(from("192.0.2.1", body)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(axum::body::to_bytes(response.into_body(), 10).await.unwrap(), "30");
    }

    /// A refused upload is read to its end, and not kept.
    #[tokio::test]
    async fn what_is_discarded_does_not_count() {
        let router = Router::new()
            .route("/", post(async || StatusCode::TOO_MANY_REQUESTS))
            .layer(axum::middleware::from_fn(crate::drain_body::drain_body))
            .layer(from_fn_with_state(ByteBudget::new(1_000, 1_000), limit));
        let body = trickle(100, 1_000, Duration::ZERO);
        assert_eq!(router.oneshot(from("192.0.2.1", body)).await.unwrap().status(), 429);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_share_a_budget_by_network_and_give_it_back() {
        let router = router(ByteBudget::new(1_000, 600));
        let send = |address: &'static str, body| router.clone().oneshot(from(address, body));
        // Two unfinished bodies of 300 bytes are all that one network may have.
        let mut unfinished: Vec<_> = (0..2)
            .map(|_| {
                let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![0; 300]))]);
                Box::pin(send("192.0.2.1", Body::from_stream(first.chain(futures::stream::pending()))))
            })
            .collect();
        for request in &mut unfinished {
            assert!(futures::poll!(request).is_pending());
        }
        let response = send("192.0.2.2", Body::from(vec![0; 1])).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "5");
        assert_eq!(send("198.51.100.1", Body::from(vec![0; 400])).await.unwrap().status(), 200);
        assert_eq!(send("198.51.100.1", Body::from(vec![0; 401])).await.unwrap().status(), 503);
        drop(unfinished);
        assert_eq!(send("192.0.2.2", Body::from(vec![0; 600])).await.unwrap().status(), 200);
        assert_eq!(send("192.0.2.2", Body::from(vec![0; 600])).await.unwrap().status(), 200, "given back");
    }
}
