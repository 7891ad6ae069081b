//! What happens on a connection, and when it has been idle for too long.
//!
//! HTTP/2 pings are no activity: a client that only sends these would keep its connection for ever. A request counts until
//! its response has been sent, and then for nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::networks::Counted;

/// From the handshake to the first complete request head, and on HTTP/1.1 to each further one.
pub(super) const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may stay without a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long requests may run while nothing is received or sent. Longer than an analysis, whose answer may come at its end.
const STALL_TIMEOUT: Duration = Duration::from_mins(6);
/// A response is passed on in pieces, so that one which arrives slowly is no stalled one.
const PIECE_BYTES: usize = 64 * 1024;

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    running: usize,
    has_request: bool,
    last_progress: Instant,
}

impl Activity {
    /// Of a new connection.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { running: 0, has_request: false, last_progress: Instant::now() })))
    }

    /// When the connection will have been idle for too long, if nothing more happens.
    pub fn deadline(&self) -> Instant {
        let state = self.0.lock();
        let patience = match (state.running, state.has_request) {
            (0, false) => REQUEST_HEAD_TIMEOUT,
            (0, true) => IDLE_TIMEOUT,
            _ => STALL_TIMEOUT,
        };
        state.last_progress + patience
    }

    /// A request has begun. It runs until what is returned is dropped.
    pub fn begin(self: &Arc<Self>) -> Running {
        let mut state = self.0.lock();
        state.running += 1;
        state.has_request = true;
        state.last_progress = Instant::now();
        Running(Arc::clone(self))
    }

    fn progress(&self) {
        self.0.lock().last_progress = Instant::now();
    }
}

/// A running request.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

impl Running {
    /// The request's body; what arrives of it is progress.
    pub fn receive(
        &self,
        body: impl HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    ) -> Body {
        Body::new(Observed {
            body: Body::new(body),
            activity: Arc::clone(&self.0),
            rest: Bytes::new(),
            held: None,
        })
    }

    /// The response's body; what is taken of it is progress, and the request runs until it is dropped.
    pub fn send(self, counted: Option<Counted>, body: Body) -> Body {
        let activity = Arc::clone(&self.0);
        Body::new(Observed { body, activity, rest: Bytes::new(), held: Some((self, counted)) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.running = state.running.saturating_sub(1);
        state.last_progress = Instant::now();
    }
}

/// A body whose frames are progress of its connection.
struct Observed {
    body: Body,
    activity: Arc<Activity>,
    /// Of a frame that is passed on in pieces.
    rest: Bytes,
    held: Option<(Running, Option<Counted>)>,
}

impl Observed {
    fn next_piece(&mut self) -> Option<Bytes> {
        let length = self.rest.remaining().min(PIECE_BYTES);
        (length > 0).then(|| self.rest.split_to(length))
    }
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(piece) = this.next_piece() {
            this.activity.progress();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.activity.progress();
        if frame.is_none() {
            this.held = None;
        }
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                this.rest = data;
                let piece = this.next_piece().unwrap_or_default();
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Some(Ok(Err(other))) => Poll::Ready(Some(Ok(other))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_without_requests_and_progress() {
        let start = Instant::now();
        let activity = Activity::new();
        assert_eq!(activity.deadline(), start + REQUEST_HEAD_TIMEOUT);
        let running = activity.begin();
        assert_eq!(activity.deadline(), start + STALL_TIMEOUT);
        tokio::time::advance(Duration::from_mins(5)).await;
        let mut body = running.send(None, Body::from(vec![7; 2 * PIECE_BYTES + 1]));
        assert_eq!(body.size_hint().exact(), Some(2 * PIECE_BYTES as u64 + 1));
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().await {
            assert_eq!(activity.deadline(), Instant::now() + STALL_TIMEOUT);
            sizes.push(frame.unwrap().into_data().unwrap().len());
            tokio::time::advance(Duration::from_mins(1)).await;
        }
        assert_eq!(sizes, [PIECE_BYTES, PIECE_BYTES, 1]);
        assert_eq!(activity.deadline(), Instant::now() + IDLE_TIMEOUT, "the request has ended");
    }

    #[tokio::test]
    async fn the_size_of_a_body_stays_known_while_it_is_sent() {
        let mut body = Activity::new().begin().send(None, Body::from(vec![7; PIECE_BYTES + 5]));
        assert!(!body.is_end_stream());
        body.frame().await.unwrap().unwrap();
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!body.is_end_stream());
        body.frame().await.unwrap().unwrap();
        assert!(body.is_end_stream());
        assert!(Activity::new().begin().send(None, Body::empty()).is_end_stream());
    }
}
