//! The load generator: as many requests as one core can send, over keep-alive connections.

mod exchange;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustls::ClientConfig;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use exchange::{Connection, Request};

use crate::machine::{self, ProcessTree};

/// Enough that a server on one core always has something to do.
pub const CONNECTIONS: usize = 32;
/// Before counting begins, so that opening the connections is not measured.
const WARM_UP: Duration = Duration::from_millis(300);
/// From this share of a core on, the core counts as saturated.
const SATURATED: f64 = 0.9;

/// The request under load, and the server that answers it.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// With it, the connections are mutual TLS.
    pub tls: Option<Arc<ClientConfig>>,
    pub request: Request,
    /// The server's process.
    pub server: u32,
}

/// The result of one round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Answers with status 200. Any other ends the round with an error.
    pub per_second: f64,
    /// How much of its core the server took, and the generator of its own; 1 is all.
    pub server_share: f64,
    pub generator_share: f64,
}

impl Round {
    /// Answers per second of processor time that the server took: what it would answer if it had all of its core.
    pub fn per_core(&self) -> f64 {
        self.per_second / self.server_share
    }

    /// Whether neither side was saturated although the generator never waits: something else used the cores.
    pub fn disturbed(&self) -> bool {
        self.server_share < SATURATED && self.generator_share < SATURATED
    }

    /// Whether the generator was saturated and busier than the server, which then can do more than this. Time that a
    /// virtual machine's host takes is missing from both shares, so neither has to reach 1.
    pub fn limited_by_generator(&self) -> bool {
        const SAME: f64 = 0.02;
        self.generator_share >= SATURATED && self.generator_share > self.server_share + SAME
    }
}

impl Target {
    /// Sends requests for `time`, from a thread that is pinned to `core`.
    pub async fn round(&self, core: usize, time: Duration) -> Result<Round> {
        let (target, (sender, receiver)) = (self.clone(), oneshot::channel());
        thread::spawn(move || {
            let round = machine::pin_to_core(core).and_then(|()| {
                let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(target.drive(time))
            });
            // The receiver is gone when the whole program is being ended.
            let _ = sender.send(round);
        });
        receiver.await.context("the generator ended early")?
    }

    async fn drive(self, time: Duration) -> Result<Round> {
        let (counted, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(self.address, self.tls.clone()).await?);
        }
        let mut tasks = JoinSet::new();
        for mut connection in connections {
            let (request, counted, over) = (self.request.clone(), Arc::clone(&counted), Arc::clone(&over));
            tasks.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    connection.send_ok(&request).await?;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        sleep(WARM_UP).await;
        let (first, before) = (counted.load(Ordering::Relaxed), CpuClock::start(self.server)?);
        sleep(time).await;
        let (last, cost) = (counted.load(Ordering::Relaxed), before.elapsed()?);
        over.store(true, Ordering::Relaxed);
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        if last == first {
            bail!("no answer came within {time:?}");
        }
        Ok(cost.round(last - first))
    }
}

/// Wall-clock time and processor time since a start.
#[derive(Debug)]
pub struct CpuClock {
    at: Instant,
    /// The process that `server` is counted of.
    process: u32,
    /// Seconds of processor time.
    server: f64,
    generator: f64,
}

/// What something took, in seconds of wall-clock and of processor time.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub seconds: f64,
    pub server: f64,
    pub generator: f64,
}

impl CpuClock {
    /// For a server's process and for the calling thread.
    pub fn start(process: u32) -> Result<Self> {
        let at = Instant::now();
        let (server, generator) = (ProcessTree::of(process)?.seconds(), machine::thread_cpu_seconds());
        Ok(Self { at, process, server, generator })
    }

    pub fn elapsed(&self) -> Result<Cost> {
        let now = Self::start(self.process)?;
        Ok(Cost {
            seconds: (now.at - self.at).as_secs_f64(),
            server: now.server - self.server,
            generator: now.generator - self.generator,
        })
    }
}

impl Cost {
    /// As a round with this many answers.
    pub fn round(self, answers: u64) -> Round {
        Round {
            per_second: answers as f64 / self.seconds,
            server_share: self.server / self.seconds,
            generator_share: self.generator / self.seconds,
        }
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            server: self.server + other.server,
            generator: self.generator + other.generator,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers each read with `answer`.
    async fn serve(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut read = [0; 1024];
                    while stream.read(&mut read).await.is_ok_and(|bytes| bytes > 0) {
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    fn target(address: SocketAddr) -> Target {
        Target { address, tls: None, request: Request::get("/", &[]), server: std::process::id() }
    }

    /// This machine may have one core only, and any will do here.
    fn any_core() -> usize {
        let allowed = rustix::thread::sched_getaffinity(None).unwrap();
        (0..1024).find(|core| allowed.is_set(*core)).unwrap()
    }

    #[tokio::test]
    async fn answers_are_counted() {
        let address = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let round = target(address).round(any_core(), Duration::from_millis(300)).await.unwrap();
        assert!(round.per_second > 10.0, "{round:?}");
        assert!(round.generator_share > 0.0 && round.generator_share < 1.5, "{round:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_no_answer() {
        let address = serve("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy").await;
        let error = target(address).round(any_core(), Duration::from_millis(10)).await.unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
    }

    #[test]
    fn a_generator_at_its_limit_bounds_the_server_only_from_below() {
        let round = |server_share, generator_share| Round { per_second: 1.0, server_share, generator_share };
        assert!(round(0.8, 0.99).limited_by_generator());
        assert!(round(0.88, 0.94).limited_by_generator());
        assert!(!round(0.99, 0.99).limited_by_generator());
        assert!(!round(0.8, 0.8).limited_by_generator());
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "twice a thousand is exact")]
    fn a_busy_core_is_noticed_and_does_not_distort_the_rate_per_core() {
        let round = Round { per_second: 1_000.0, server_share: 0.5, generator_share: 0.2 };
        assert!(round.disturbed());
        assert_eq!(round.per_core(), 2_000.0);
        assert!(!Round { server_share: 0.98, ..round }.disturbed());
        assert!(!Round { generator_share: 0.98, ..round }.disturbed());
    }
}
