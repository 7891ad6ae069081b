//! Taking connections, within limits, until the server stops.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::Request;
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use protocol::certificate::RejectionReason;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use web::{Listener, Peer, PeerCertificate};

use super::proxy;
use crate::certificate::{Connections, Entry, Rejected};
use crate::config::Proxy;
use crate::tls::Replaceable;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// From the handshake to the first whole request head, and on HTTP/1.1 to each further one.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_STREAMS: u32 = 128;
const HEAD_BYTES: usize = 64 * 1024;
/// How long running requests may go on once the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// After an error in accepting (no file descriptors left, say), before the next try.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// One listener.
#[derive(Debug, Clone)]
pub struct Edge {
    pub which: Listener,
    /// `None`: plain HTTP/1.1.
    pub tls: Option<Replaceable>,
    pub proxy: Proxy,
    pub connections: Arc<Connections>,
    /// Connections at once. More wait to be accepted.
    pub limit: usize,
    pub shutdown: CancellationToken,
}

impl Edge {
    /// Serves until `shutdown`, then until what is running has ended, 10 seconds at most.
    pub async fn serve(self, listener: TcpListener, router: Router) {
        let edge = Arc::new(self);
        let tasks = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(edge.limit));
        let ending = CancellationToken::new();
        // Also when this future is dropped, no connection outlives it.
        let _end_all = ending.clone().drop_guard();
        while let Some((stream, address, place)) = edge.accept(&listener, &slots).await {
            let (edge, router, ending) = (Arc::clone(&edge), router.clone(), ending.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = ending.cancelled() => {}
                    () = edge.connection(stream, address, router) => {}
                }
                drop(place);
            });
        }
        drop(listener);
        tasks.close();
        if timeout(DRAIN_TIMEOUT, tasks.wait()).await.is_err() {
            tracing::warn!(left = tasks.len(), "stopping with requests still running");
        }
    }

    /// The next connection, once there is a place for it. `None`: the server stops.
    async fn accept(
        &self,
        listener: &TcpListener,
        slots: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let next = async {
            let place = Arc::clone(slots).acquire_owned().await.ok()?;
            loop {
                match listener.accept().await {
                    Ok((stream, address)) => return Some((stream, address, place)),
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        sleep(ACCEPT_RETRY_INTERVAL).await;
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            next = next => next,
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, address: SocketAddr, router: Router) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let address = address.ip().to_canonical();
        let mut peer = Peer { address, listener: self.which, tls: self.tls.is_some(), certificate: None };
        let Some(config) = self.tls.as_ref().map(Replaceable::current) else {
            return self.speak(stream, false, peer, router).await;
        };
        let handshake = timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream));
        let stream = tokio::select! {
            () = self.shutdown.cancelled() => return,
            done = handshake => match done {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => return tracing::debug!("a TLS handshake took too long"),
            },
        };
        let (_, session) = stream.get_ref();
        peer.certificate = session.peer_certificates().and_then(|chain| {
            let (leaf, rest) = chain.split_first()?;
            Some(PeerCertificate {
                leaf: leaf.to_vec(),
                intermediates: rest.iter().map(|c| c.to_vec()).collect(),
            })
        });
        let http2 = session.alpn_protocol() == Some(b"h2");
        self.speak(stream, http2, peer, router).await;
    }

    async fn speak<S>(self: Arc<Self>, stream: S, http2: bool, peer: Peer, router: Router)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let entry = peer.certificate.as_ref().map(|c| self.connections.enter(c.fingerprint()));
        let revoked = async {
            match &entry {
                Some(entry) => entry.closed().await,
                None => std::future::pending().await,
            }
        };
        let asked = Arc::new(AtomicBool::new(false));
        let service = {
            let (edge, asked) = (Arc::clone(&self), Arc::clone(&asked));
            hyper::service::service_fn(move |request| {
                asked.store(true, Ordering::Relaxed);
                Arc::clone(&edge).answer(request, peer.clone(), router.clone())
            })
        };
        let builder = if http2 { http().http2_only() } else { http().http1_only() };
        let connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut connection = connection;
        let mut revoked = std::pin::pin!(revoked);
        let mut silent = std::pin::pin!(sleep(REQUEST_HEAD_TIMEOUT));
        let (mut stopping, mut spoke) = (false, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = revoked.as_mut() => return,
                () = silent.as_mut(), if !spoke => {
                    spoke = asked.load(Ordering::Relaxed);
                    if !spoke {
                        return;
                    }
                }
                () = self.shutdown.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Peer,
        router: Router,
    ) -> Result<Response, Infallible> {
        let mut request = request.map(Body::new);
        let forwarded = proxy::forwarded(&self.proxy, &connection, request.headers_mut());
        // Behind a proxy the connection goes on after a revocation, so the single request has to end.
        let entry = forwarded.as_ref().and_then(|peer| peer.certificate.as_ref());
        let entry = entry.map(|certificate| self.connections.enter(certificate.fingerprint()));
        request.extensions_mut().insert(forwarded.unwrap_or(connection));
        let Some(entry) = entry else { return router.oneshot(request).await };
        let (parts, body) = request.into_parts();
        let rejected = Rejected::new(RejectionReason::Revoked, &parts);
        let request = Request::from_parts(parts, body);
        tokio::select! {
            () = entry.closed() => Ok(rejected.into_response()),
            response = router.oneshot(request) => response.map(|response| ended_by(entry, response)),
        }
    }
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_INTERVAL)
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_header_list_size(HEAD_BYTES as u32);
    builder
}

/// The response, cut off with an error when its certificate is revoked while it streams.
fn ended_by(entry: Entry, response: Response) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        let chunks = body.into_data_stream();
        Body::from_stream(futures::stream::unfold((chunks, entry), |(mut chunks, entry)| async move {
            let chunk = tokio::select! {
                biased;
                () = entry.closed() => Some(Err(axum::Error::new("the certificate was revoked"))),
                chunk = chunks.next() => chunk,
            };
            chunk.map(|chunk| (chunk, (chunks, entry)))
        }))
    })
}
