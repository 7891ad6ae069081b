//! What one client can take of the connections, and for how long.

use std::net::{IpAddr, Ipv4Addr};

use axum::routing::post;
use domain::random::SeededRandom;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::DuplexStream;
use tokio::net::TcpSocket;
use tokio::time::Instant;
use web::HttpLayers;

use super::*;

const LIMIT: usize = 5;

/// A server that allows each address five connections, or five requests of each address that a proxy forwards.
async fn limited(proxied: bool) -> Running {
    let mut edge = edge(None, proxied, 1_000);
    edge.networks = Arc::new(NetworkLimit::new(LIMIT));
    serve(edge, routes()).await
}

async fn connect_from(address: [u8; 4], server: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), 0)).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// Whether the server keeps the connection open for a request, or has closed it.
async fn is_served(stream: &mut TcpStream) -> bool {
    let head = b"GET /who HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut start = [0; 12];
    stream.write_all(head).await.is_ok()
        && stream.read_exact(&mut start).await.is_ok()
        && start.ends_with(b"200")
}

#[tokio::test]
async fn one_address_and_its_network_have_a_part_of_the_connections() {
    let server = limited(false).await;
    let mut open = Vec::new();
    for _ in 0..2 * LIMIT {
        open.push(connect_from([127, 0, 0, 1], &server).await);
    }
    let mut served = 0;
    for stream in &mut open {
        served += usize::from(is_served(stream).await);
    }
    assert_eq!(served, LIMIT);
    for last in 2..60 {
        let mut stream = connect_from([127, 0, 0, last], &server).await;
        served += usize::from(is_served(&mut stream).await);
        open.push(stream);
    }
    assert_eq!(served, 4 * LIMIT, "its /24");
    assert!(is_served(&mut connect_from([127, 0, 9, 1], &server).await).await, "others are served");
    drop(open);
    let since = Instant::now();
    while !is_served(&mut connect_from([127, 0, 0, 1], &server).await).await {
        assert!(since.elapsed() < Duration::from_secs(5), "closed connections still count");
    }
}

/// All clients of a proxy come from its address.
#[tokio::test]
async fn a_proxys_connections_are_not_limited_but_each_of_its_clients_is() {
    let server = limited(true).await;
    let mut open = Vec::new();
    for _ in 0..4 * LIMIT {
        open.push(connect_from([127, 0, 0, 1], &server).await);
    }
    let forwarded = |path: &str, client: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nx-proxy-auth: {SECRET}\r\nx-forwarded-for: {client}\r\n\r\n"
        )
    };
    let status = async |stream: &mut TcpStream, path: &str, client: &str| {
        stream.write_all(forwarded(path, client).as_bytes()).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        String::from_utf8_lossy(&start[9..]).into_owned()
    };
    let mut endless = open.split_off(3 * LIMIT);
    for stream in &mut endless {
        assert_eq!(status(stream, "/endless", "192.0.2.1").await, "200");
    }
    let mut next = || open.pop().unwrap();
    assert_eq!(status(&mut next(), "/who", "192.0.2.1").await, "503");
    assert_eq!(status(&mut next(), "/who", "192.0.2.2").await, "200");
    assert_eq!(status(&mut next(), "/who", "198.51.100.1").await, "200");
    drop(endless);
    let since = Instant::now();
    while status(&mut connect_from([127, 0, 0, 1], &server).await, "/who", "192.0.2.1").await != "200" {
        assert!(since.elapsed() < Duration::from_secs(5), "ended requests still count");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Serves one connection without sockets, so that time can be paused.
fn serve_in_memory(http2: bool, router: Router) -> DuplexStream {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let peer =
        Peer { address: [192, 0, 2, 1].into(), listener: Listener::Machines, tls: true, certificate: None };
    tokio::spawn(Arc::new(edge(None, false, 1)).serve_http(server, http2, peer, router));
    client
}

type Connected<B> = (http2::SendRequest<B>, tokio::task::JoinHandle<hyper::Result<()>>);

async fn http2_client<B>(stream: DuplexStream) -> Connected<B>
where
    B: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + Unpin + 'static,
{
    // It answers pings, and sends its own.
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    (sender, tokio::spawn(connection))
}

#[tokio::test(start_paused = true)]
async fn an_http2_connection_with_pings_and_without_requests_is_closed() {
    let (mut sender, connection) = http2_client(serve_in_memory(true, routes())).await;
    let get = || Request::get("https://localhost/who").body(Empty::<Bytes>::new()).unwrap();
    // In use it stays.
    for _ in 0..5 {
        assert_eq!(sender.send_request(get()).await.unwrap().status(), StatusCode::OK);
        tokio::time::sleep(Duration::from_secs(50)).await;
    }
    let since = Instant::now();
    let ended = tokio::time::timeout(Duration::from_mins(5), connection).await;
    assert!(ended.is_ok(), "an idle connection stayed open");
    assert!(since.elapsed() < Duration::from_mins(2), "{:?}", since.elapsed());
    assert!(sender.send_request(get()).await.is_err());
}

/// A client that asks for an answer and never takes it.
#[tokio::test(start_paused = true)]
async fn a_stalled_response_does_not_keep_its_connection() {
    let (mut sender, connection) = http2_client(serve_in_memory(true, routes())).await;
    let get = Request::get("https://localhost/large").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(get).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_mins(10), connection).await;
    assert!(ended.is_ok(), "a stalled connection stayed open");
    drop(answer);
}

#[tokio::test(start_paused = true)]
async fn a_running_stream_keeps_its_connection() {
    let (mut sender, connection) = http2_client(serve_in_memory(true, routes())).await;
    let get = Request::get("https://localhost/minutes").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(get).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "line\n".repeat(10));
    assert!(!connection.is_finished());
}

fn uploads() -> Router {
    let routes = Router::new().route("/", post(async |body: Bytes| body.len().to_string()));
    HttpLayers::new(vec!["https://localhost".to_owned()], Vec::new(), Arc::new(SeededRandom::new(1)))
        .apply(routes)
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_body_ends_in_408_on_http1() {
    let mut stream = serve_in_memory(false, uploads());
    let head =
        "POST / HTTP/1.1\r\nhost: localhost\r\norigin: https://localhost\r\ncontent-length: 100\r\n\r\nhalf";
    let since = Instant::now();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request-timeout"), "{answer}");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_body_ends_in_408_on_http2_and_a_slow_one_arrives() {
    let (mut sender, _connection) = http2_client(serve_in_memory(true, uploads())).await;
    let mut send = async |pieces: usize| {
        let pieces = futures::stream::iter(0..pieces).then(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(&[0; 10_000])))
        });
        let body = StreamBody::new(pieces.boxed());
        let request = Request::post("https://localhost/").header("origin", "https://localhost");
        sender.send_request(request.body(body).unwrap()).await.unwrap().status()
    };
    assert_eq!(send(100).await, StatusCode::OK, "100 seconds for a megabyte");
    let since = Instant::now();
    let stalled = futures::stream::pending().boxed();
    let request = Request::post("https://localhost/").header("origin", "https://localhost");
    let answer = sender.send_request(request.body(StreamBody::new(stalled)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}
