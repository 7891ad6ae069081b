//! Bodies that are never finished, on routes that are open to everybody.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{Measurement, STRANGER, connect_http2, sized};
use crate::process::Program;

const STREAMS: usize = 100;
/// As much as the windows take, and one byte less than a body may have where nobody is signed in.
const BYTES: [usize; 2] = [256 * 1024, 16 * 1024 - 1];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_bodies_take_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let process = Program::new(&folder.path().join("data")).serve().await;
    let measurement = Measurement::start(&process).await;
    let connections = sized(5, 50);
    let mut open = Vec::new();
    for _ in 0..connections {
        let stream = connect_http2(STRANGER, process.machines).await.unwrap();
        let (sender, connection) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
        open.push(tokio::spawn(connection));
        for stream in 0..STREAMS {
            // A path with a form, and one with JSON.
            let (path, kind) = [
                ("/app/people/sign-in", "application/x-www-form-urlencoded"),
                ("/public/request-access", "application/json"),
            ][stream % 2];
            let request = http::Request::post(format!("https://localhost{path}"))
                .header("content-type", kind)
                .header("origin", "https://localhost:8443")
                .body(unfinished(BYTES[stream / 2 % 2]))
                .unwrap();
            let mut sender = sender.clone();
            open.push(tokio::spawn(async move {
                sender.ready().await?;
                sender.send_request(request).await.map(drop)
            }));
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for task in open {
        task.abort();
    }
    let figures = measurement.end(&format!("{} unfinished bodies", connections * STREAMS), 1.5).await;
    // Of the bodies themselves 8 MB, since they come from one network; the rest is what requests and connections need.
    let max_growth = sized(120, 250) as u64;
    assert!(figures.growth() < max_growth, "{} MB", figures.growth());
    assert!(figures.ratio() <= 1.5, "{:.2}", figures.ratio());
    assert_eq!(figures.failed, 0);
    assert!(figures.answered > 10 && figures.p99 < Duration::from_secs(2), "{:?}", figures.p99);
}

type Unfinished = StreamBody<futures::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

fn unfinished(bytes: usize) -> Unfinished {
    let first = futures::stream::iter([Ok(Frame::data(Bytes::from(vec![b' '; bytes])))]);
    StreamBody::new(first.chain(futures::stream::pending()).boxed())
}
