//! What a storm costs: the memory of the server, and the latency of others.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::OTHER;
use crate::process::Process;

/// Between two requests of the others, and two looks at the memory.
const INTERVAL: Duration = Duration::from_millis(10);
/// Beyond this an answer counts as none.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the memory may take to be given back.
const SETTLING_TIME: Duration = Duration::from_secs(10);

/// A running measurement.
pub struct Measurement {
    process: u32,
    before: u64,
    peak: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    stop: CancellationToken,
    watcher: JoinHandle<()>,
    others: JoinHandle<Others>,
}

#[derive(Default)]
struct Others {
    latencies: Vec<Duration>,
    failed: usize,
}

/// Memory in kB, and what others noticed.
pub struct Figures {
    pub before: u64,
    pub peak: u64,
    pub after: u64,
    pub p99: Duration,
    pub answered: usize,
    pub failed: usize,
}

impl Measurement {
    /// Others ask both listeners in turn for a page or a certificate, over new connections.
    pub async fn start(process: &Process) -> Self {
        let urls = [
            format!("http://127.0.0.1:{}/request-access", process.pages),
            format!("https://127.0.0.1:{}/ca.pem", process.machines),
        ];
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .local_address(IpAddr::V4(OTHER))
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        for url in &urls {
            client.get(url).send().await.unwrap().error_for_status().unwrap();
        }
        let (id, stop) = (process.id(), CancellationToken::new());
        let before = resident(id);
        let peak = Arc::new(AtomicU64::new(before));
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = tokio::spawn({
            let (peak, stop) = (Arc::clone(&peak), stop.clone());
            async move {
                while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
                    peak.fetch_max(resident(id), Ordering::Relaxed);
                }
            }
        });
        let others = tokio::spawn({
            let (is_over, stop) = (Arc::clone(&is_over), stop.clone());
            async move {
                let mut others = Others::default();
                for url in urls.iter().cycle() {
                    let since = Instant::now();
                    let answer = client.get(url).send().await;
                    if is_over.load(Ordering::Relaxed) {
                        if stop.is_cancelled() {
                            break;
                        }
                        continue;
                    }
                    match answer.and_then(reqwest::Response::error_for_status) {
                        Ok(_) => others.latencies.push(since.elapsed()),
                        Err(_) => others.failed += 1,
                    }
                    tokio::time::sleep(INTERVAL).await;
                }
                others
            }
        });
        Self { process: id, before, peak, is_over, stop, watcher, others }
    }

    /// Prints the figures. After the storm, memory is given back until it is at most `settled` times that before, or for ten
    /// seconds; others go on meanwhile.
    pub async fn end(self, storm: &str, settled: f64) -> Figures {
        self.is_over.store(true, Ordering::Relaxed);
        let since = Instant::now();
        while resident(self.process) as f64 > self.before as f64 * settled && since.elapsed() < SETTLING_TIME
        {
            tokio::time::sleep(INTERVAL).await;
        }
        let after = resident(self.process);
        self.stop.cancel();
        self.watcher.await.unwrap();
        let mut others = self.others.await.unwrap();
        others.latencies.sort_unstable();
        let answered = others.latencies.len();
        let p99 = others.latencies.get(answered.saturating_sub(1) * 99 / 100).copied().unwrap_or(PATIENCE);
        let figures = Figures {
            before: self.before,
            peak: self.peak.load(Ordering::Relaxed),
            after,
            p99,
            answered,
            failed: others.failed,
        };
        println!(
            "storm of {storm}: memory {} MB before, {} MB at peak, {} MB after; others: p99 {} ms of {answered}, {} failed",
            figures.before / 1_000,
            figures.peak / 1_000,
            figures.after / 1_000,
            p99.as_millis(),
            figures.failed,
        );
        figures
    }
}

impl Figures {
    /// The memory that came on top, in MB.
    pub fn growth(&self) -> u64 {
        self.peak.saturating_sub(self.before) / 1_000
    }

    pub fn ratio(&self) -> f64 {
        self.after as f64 / self.before as f64
    }
}

/// The resident memory of a process, in kB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
