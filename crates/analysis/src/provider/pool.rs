//! The servers of one provider: the least busy that is well is asked, and another when it fails before its first word.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use protocol::analysis::NoticeCode;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::ProviderConfig;
use super::error::ProviderError;
use super::interface::{AnswerPiece, Completion, PromptRequest, Provider, ServerNumber};
use super::probe::{self, ServerProbe};
use super::retry::{Fault, Kind, Next, Retries};
use super::server::Server;
use super::stream::AnswerStream;

/// How long a server is not asked after its first failure, if there is another. It doubles with each further one.
const FIRST_COOLDOWN: Duration = Duration::from_secs(5);
const LONGEST_COOLDOWN: Duration = Duration::from_mins(2);

/// A provider with its servers.
#[derive(Debug)]
pub(super) struct Pool {
    config: ProviderConfig,
    /// At least one.
    members: Vec<Member>,
}

/// One server, with what is known of it.
#[derive(Debug)]
struct Member {
    server: Server,
    running: AtomicUsize,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// Since its last success.
    failures: u32,
    /// It is not asked before, if there is another.
    rests_until: Option<Instant>,
}

/// Counts as running until it is dropped.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Member {
    fn begin(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(&self.running)
    }

    fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.health.lock().rests_until.filter(|until| *until > now)
    }

    fn succeeded(&self) {
        *self.health.lock() = Health::default();
    }

    fn failed(&self, fault: &Fault) {
        let mut health = self.health.lock();
        let cooldown = match fault {
            Fault::Busy(busy) => busy.retry_after.unwrap_or(FIRST_COOLDOWN),
            Fault::Failed(error) if matches!(Kind::of(error), Kind::Server | Kind::Transient) => {
                let doubled = FIRST_COOLDOWN.saturating_mul(1 << health.failures.min(8));
                health.failures = health.failures.saturating_add(1);
                doubled
            }
            Fault::Failed(_) => return,
        };
        health.rests_until = Some(Instant::now() + cooldown.min(LONGEST_COOLDOWN));
    }
}

impl Pool {
    pub fn new(config: ProviderConfig, client: &reqwest::Client) -> Self {
        let member = |config| Member {
            server: Server::new(config, client.clone()),
            running: AtomicUsize::new(0),
            health: Mutex::default(),
        };
        let members = config.of_each_server().into_iter().map(member).collect();
        Self { config, members }
    }

    /// The number of the server to ask: of those that were not asked, one that is well before one that rests, then the least
    /// busy, then the first.
    fn choose(&self, asked: &[usize]) -> Option<usize> {
        let now = Instant::now();
        let free = self.members.iter().enumerate().filter(|(number, _)| !asked.contains(number));
        let order =
            |(_, member): &(usize, &Member)| (member.rests_until(now), member.running.load(Ordering::SeqCst));
        free.min_by_key(order).map(|(number, _)| number)
    }

    fn number(&self, index: usize) -> Option<ServerNumber> {
        let of = self.members.len();
        (of > 1).then_some(ServerNumber { number: index + 1, of })
    }
}

#[async_trait]
impl Provider for Pool {
    fn config(&self) -> &ProviderConfig {
        &self.config
    }

    fn takes_pictures(&self, model: &str) -> bool {
        self.members.iter().all(|member| member.server.takes_pictures(model))
    }

    fn context_tokens(&self, model: &str) -> Option<u32> {
        self.members.iter().filter_map(|member| member.server.context_tokens(model)).min()
    }

    async fn probe(&self) -> Vec<ServerProbe> {
        let probes = self.members.iter().map(|member| async {
            let probe = probe::probe(&member.server).await;
            // A server that is there again need not rest any longer.
            if probe.result.is_ok() {
                member.succeeded();
            }
            probe
        });
        futures::future::join_all(probes).await
    }

    async fn answer(
        &self,
        request: PromptRequest,
        pieces: mpsc::Sender<AnswerPiece>,
    ) -> Result<Completion, ProviderError> {
        let mut answer = AnswerStream::new(self.config.timeouts(), &pieces);
        let (mut retries, mut asked) = (Retries::default(), Vec::new());
        loop {
            let Some((index, member)) =
                self.choose(&asked).and_then(|index| Some((index, self.members.get(index)?)))
            else {
                return Err(ProviderError::NotConfigured);
            };
            asked.push(index);
            let running = member.begin();
            let fault = match member.server.ask(&request, &mut answer).await {
                Ok(completion) => {
                    member.succeeded();
                    let server = self.number(index);
                    tracing::debug!(
                        provider = self.config.name,
                        server = index + 1,
                        "the model has answered"
                    );
                    return Ok(Completion { server, ..completion });
                }
                Err(fault) => fault,
            };
            drop(running);
            member.failed(&fault);
            tracing::debug!(provider = self.config.name, server = index + 1, ?fault, "a try has failed");
            match retries.next(fault, &answer, asked.len() < self.members.len()) {
                Next::GiveUp(error) => return Err(error),
                Next::Elsewhere => answer.notice(NoticeCode::ServerSwitched).await?,
                Next::AfterPause(pause, code) => {
                    if let Some(code) = code {
                        answer.notice(code).await?;
                    }
                    tokio::time::sleep(pause).await;
                    asked.clear();
                }
            }
            answer.begin_again();
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::super::client::http_client;
    use super::super::config::ProviderKind;
    use super::super::retry::Busy;
    use super::*;

    fn pool(servers: usize) -> Pool {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = |number: usize| format!("http://server-{number}");
        let mut config = ProviderConfig::new("farm".into(), ProviderKind::Ollama, url(1), "m".into());
        config.more_urls = (2..=servers).map(url).collect();
        Pool::new(config, &http_client().unwrap())
    }

    fn refused(status: u16) -> ProviderError {
        ProviderError::Refused { status: StatusCode::from_u16(status).unwrap(), message: String::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_busy_is_asked_and_one_that_failed_rests() {
        let pool = pool(3);
        assert_eq!(pool.choose(&[]), Some(0), "the first of equals");
        let first = pool.members[0].begin();
        let second = pool.members[1].begin();
        assert_eq!(pool.choose(&[]), Some(2));
        assert_eq!((pool.choose(&[2]), pool.choose(&[0, 1, 2])), (Some(0), None));
        drop(first);
        drop(second);

        // Longer after each failure, up to a limit, and no longer after a success.
        for seconds in [5, 10, 20, 40, 80, 120, 120] {
            pool.members[0].failed(&refused(500).into());
            tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
            assert_eq!(pool.choose(&[]), Some(1), "{seconds}");
            assert_eq!(pool.choose(&[1, 2]), Some(0), "better than none");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(pool.choose(&[]), Some(0), "{seconds}");
        }
        pool.members[0].succeeded();
        pool.members[0].failed(&refused(500).into());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(pool.choose(&[]), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_rests_as_long_as_it_says_and_one_question_harms_none() {
        let pool = pool(2);
        let retry_after = Some(Duration::from_secs(30));
        pool.members[0].failed(&Fault::Busy(Busy { loading: false, retry_after, refusal: refused(503) }));
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(pool.choose(&[]), Some(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pool.choose(&[]), Some(0));
        for error in [refused(400), refused(404), ProviderError::Filtered] {
            pool.members[0].failed(&error.into());
            assert_eq!(pool.choose(&[]), Some(0));
        }
    }
}
