//! One stranger takes as many connections as there are.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;

use super::{Measurement, STRANGER, connect, connect_http2, sized};
use crate::process::Program;

/// More than a listener has, if the system allows so many open files.
const ALL: usize = 5_000;

/// Half-sent requests on one listener, HTTP/2 connections with pings and without requests on the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stranger_cannot_take_the_connections_of_others() {
    let count = sized(300, ALL);
    let folder = tempfile::tempdir().unwrap();
    // As many files as systems allow by default.
    let mut program = Program::new(&folder.path().join("data"));
    program.run_by = ["sh", "-c", "ulimit -Sn 1024 && exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let process = program.serve().await;
    let measurement = Measurement::start(&process).await;

    let mut half_sent = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..count {
        if let Ok(mut stream) = connect(STRANGER, process.pages).await
            && stream.write_all(b"POST /native/login HTTP/1.1\r\nhost: localhost\r\n").await.is_ok()
        {
            half_sent.push(stream);
        }
        if let Ok(stream) = connect_http2(STRANGER, process.machines).await {
            let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
                .handshake::<_, http_body_util::Empty<bytes::Bytes>>(TokioIo::new(stream))
                .await
                .unwrap();
            idle.push((sender, tokio::spawn(connection)));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let open = idle.iter().filter(|(_, connection)| !connection.is_finished()).count();
    let figures = measurement.end(&format!("{} connections", 2 * count), 1.5).await;
    assert!(open < 256, "one address has {open} connections on one listener alone");
    assert_eq!(figures.failed, 0);
    assert!(figures.answered > 10 && figures.p99 < Duration::from_secs(2), "{:?}", figures.p99);
    drop(half_sent);
}
