//! Sign-ins with wrong passwords, each of which costs a password hash.

use std::net::IpAddr;
use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{CONTENT_TYPE, ORIGIN};

use super::{Measurement, STRANGER, sized};
use crate::process::Program;

const CONCURRENT: usize = 40;
/// Memory after the storm, as a multiple of that before.
const MAX_RATIO: f64 = 1.5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_password_hashes_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let process = Program::new(&folder.path().join("data")).serve().await;
    let measurement = Measurement::start(&process).await;
    let client = reqwest::Client::builder().no_proxy().local_address(IpAddr::V4(STRANGER)).build().unwrap();
    let count = sized(100, 400);
    let url = format!("http://127.0.0.1:{}/app/people/sign-in", process.pages);
    let statuses: Vec<u16> = futures::stream::iter(0..count)
        .map(|number| {
            let request = client
                .post(&url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ORIGIN, "http://localhost:8080")
                .body(format!("email=p{number}%40example.org&password=not+the+right+one"));
            async move { request.send().await.unwrap().status().as_u16() }
        })
        .buffer_unordered(CONCURRENT)
        .collect()
        .await;
    let figures = measurement.end(&format!("{count} wrong sign-ins"), MAX_RATIO).await;
    assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 401).count() >= count / 2, "{statuses:?}");
    assert!(figures.ratio() <= MAX_RATIO, "{:.2}", figures.ratio());
    assert_eq!(figures.failed, 0);
    assert!(figures.answered > 10 && figures.p99 < Duration::from_secs(2), "{:?}", figures.p99);
}
