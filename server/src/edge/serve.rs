//! The accept loop: serves connections, within limits, until the server stops.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::Request;
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use protocol::Problem;
use protocol::certificate::RejectionReason;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use web::{Listener, Peer, PeerCertificate, ProblemResponse};

use super::activity::{Activity, IDLE_TIMEOUT, REQUEST_HEAD_TIMEOUT};
use super::networks::{Counted, NetworkLimit};
use super::proxy;
use crate::certificate::{Connections, Entry, Rejected};
use crate::config::Proxy;
use crate::tls::ReloadableConfig;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const MAX_HTTP2_STREAMS: u32 = 100;
/// What a client may send of one body, and of all bodies of a connection, before the handlers have taken it. Enough for
/// megabytes per second over any distance.
const HTTP2_STREAM_WINDOW: u32 = 128 * 1024;
const HTTP2_CONNECTION_WINDOW: u32 = 256 * 1024;
/// What is buffered of one response before the client has taken it.
const HTTP2_SEND_BUFFER: usize = 64 * 1024;
/// Of a request. On HTTP/2 it counts for each stream, on HTTP/1.1 for the connection's buffer.
const HTTP2_MAX_HEAD_BYTES: u32 = 16 * 1024;
const HTTP1_MAX_BUFFER: usize = 64 * 1024;
/// How long the connection of a revoked certificate remains for the answers that say so: without it, a request that
/// arrives while the connection closes is answered with a reset instead of 403.
const REVOKED_GRACE_PERIOD: Duration = Duration::from_millis(200);
/// How long an idle connection remains for a request that the client sent before it knew.
const IDLE_GRACE_PERIOD: Duration = Duration::from_secs(5);
/// In seconds, for a client with too many requests at once.
const RETRY_AFTER: u64 = 5;
/// How long running requests may continue during the shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after `accept` has failed, for example because no file descriptors are left.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// One listener.
#[derive(Debug, Clone)]
pub struct Edge {
    pub listener: Listener,
    /// `None`: plain HTTP/1.1.
    pub tls: Option<ReloadableConfig>,
    pub proxy: Proxy,
    pub connections: Arc<Connections>,
    /// Concurrent connections. Further ones wait to be accepted.
    pub max_connections: usize,
    /// What each network may have of them. Of a proxy's connections, the forwarded requests count instead.
    pub networks: Arc<NetworkLimit>,
    pub shutdown: CancellationToken,
}

impl Edge {
    /// Serves until `shutdown`, then lets running requests end, for at most 10 seconds.
    pub async fn serve(self, listener: TcpListener, router: Router) {
        let edge = Arc::new(self);
        let tasks = TaskTracker::new();
        let semaphore = Arc::new(Semaphore::new(edge.max_connections));
        let abort = CancellationToken::new();
        // No connection outlives this future, even when it is dropped.
        let _abort_on_drop = abort.clone().drop_guard();
        while let Some((stream, address, permit)) = edge.accept(&listener, &semaphore).await {
            let address = address.ip().to_canonical();
            let counted = if edge.proxy.may_connect_from(address) {
                None
            } else {
                let Some(counted) = edge.networks.count(address) else { continue };
                Some(counted)
            };
            let (edge, router, abort) = (Arc::clone(&edge), router.clone(), abort.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = abort.cancelled() => {}
                    () = edge.handle_connection(stream, address, router) => {}
                }
                drop((permit, counted));
            });
        }
        drop(listener);
        tasks.close();
        if timeout(DRAIN_TIMEOUT, tasks.wait()).await.is_err() {
            tracing::warn!(left = tasks.len(), "stopping with requests still running");
        }
    }

    /// The next connection, once there is a permit for it. `None`: the server stops.
    async fn accept(
        &self,
        listener: &TcpListener,
        semaphore: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let next = async {
            let permit = Arc::clone(semaphore).acquire_owned().await.ok()?;
            loop {
                match listener.accept().await {
                    Ok((stream, address)) => return Some((stream, address, permit)),
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

    async fn handle_connection(self: Arc<Self>, stream: TcpStream, address: IpAddr, router: Router) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let mut peer = Peer { address, listener: self.listener, tls: self.tls.is_some(), certificate: None };
        let Some(config) = self.tls.as_ref().map(ReloadableConfig::current) else {
            return self.serve_http(stream, false, peer, router).await;
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
        self.serve_http(stream, http2, peer, router).await;
    }

    pub(super) async fn serve_http<S>(self: Arc<Self>, stream: S, http2: bool, peer: Peer, router: Router)
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
        let activity = Activity::new();
        let service = {
            let (edge, activity) = (Arc::clone(&self), Arc::clone(&activity));
            hyper::service::service_fn(move |request| {
                Arc::clone(&edge).observe_request(
                    request,
                    peer.clone(),
                    router.clone(),
                    Arc::clone(&activity),
                )
            })
        };
        let builder = if http2 { http().http2_only() } else { http().http1_only() };
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut revoked = std::pin::pin!(revoked);
        // HTTP/2 has no time limits of its own for requests.
        let mut idle_timeout = std::pin::pin!(sleep(REQUEST_HEAD_TIMEOUT));
        let mut grace_period = std::pin::pin!(sleep(REVOKED_GRACE_PERIOD));
        let (mut ending, mut is_revoked, mut stopping) = (false, false, false);
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection ended with an error");
                    }
                    return;
                }
                () = revoked.as_mut(), if !is_revoked => {
                    (ending, is_revoked) = (true, true);
                    grace_period.as_mut().reset(Instant::now() + REVOKED_GRACE_PERIOD);
                    connection.as_mut().graceful_shutdown();
                }
                () = grace_period.as_mut(), if ending => return,
                () = idle_timeout.as_mut(), if !ending => {
                    let (now, deadline) = (Instant::now(), activity.deadline());
                    if now < deadline {
                        idle_timeout.as_mut().reset(deadline.min(now + IDLE_TIMEOUT));
                        continue;
                    }
                    ending = true;
                    grace_period.as_mut().reset(now + IDLE_GRACE_PERIOD);
                    connection.as_mut().graceful_shutdown();
                }
                () = self.shutdown.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Handles a request as a part of its connection's activity, within the limit of its network.
    async fn observe_request(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Peer,
        router: Router,
        activity: Arc<Activity>,
    ) -> Result<Response, Infallible> {
        let running = activity.begin();
        let mut counted = None;
        let request = request.map(|body| running.receive(body));
        let response = self.handle_request(request, connection, router, &mut counted).await?;
        Ok(response.map(|body| running.send(counted, body)))
    }

    async fn handle_request(
        self: Arc<Self>,
        mut request: Request<Body>,
        connection: Peer,
        router: Router,
        counted: &mut Option<Counted>,
    ) -> Result<Response, Infallible> {
        let forwarded = proxy::forwarded(&self.proxy, &connection, request.headers_mut());
        if let Some(peer) = &forwarded {
            *counted = self.networks.count(peer.address);
            if counted.is_none() {
                let detail = "Too many requests from this network are running.";
                return Ok(ProblemResponse(Problem::unavailable(detail, RETRY_AFTER)).into_response());
            }
        }
        // The proxy's connection continues after a revocation, so the single request is ended.
        let entry = forwarded.as_ref().and_then(|peer| peer.certificate.as_ref());
        let entry = entry.map(|certificate| self.connections.enter(certificate.fingerprint()));
        request.extensions_mut().insert(forwarded.unwrap_or(connection));
        let Some(entry) = entry else { return router.oneshot(request).await };
        let (parts, body) = request.into_parts();
        let rejected = Rejected::new(RejectionReason::Revoked, &parts);
        let request = Request::from_parts(parts, body);
        tokio::select! {
            () = entry.closed() => Ok(rejected.into_response()),
            response = router.oneshot(request) => response.map(|response| abort_on_revocation(entry, response)),
        }
    }
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD_TIMEOUT)
        .max_buf_size(HTTP1_MAX_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_INTERVAL)
        .max_concurrent_streams(MAX_HTTP2_STREAMS)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .max_send_buf_size(HTTP2_SEND_BUFFER)
        .max_header_list_size(HTTP2_MAX_HEAD_BYTES);
    builder
}

/// The response, whose stream ends with an error when the certificate is revoked meanwhile.
fn abort_on_revocation(entry: Entry, response: Response) -> Response {
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
