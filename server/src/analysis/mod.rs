//! Analyses: a screenshot and a question from a machine, the answer, and a record of it.
//!
//! Hash and size of the image are stored, the image itself only with `screenshots.keep` (`stored_screenshot`).

mod admission;
mod answers;
mod conversation;
mod departure;
mod drain;
mod edit_report;
mod events;
mod export;
mod history;
mod job;
mod join;
mod live;
mod panel;
mod question;
mod run;
mod sealed_checkpoints;
mod start;
mod stored_run;
mod stored_screenshot;
mod take_over;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use ::analysis::provider::ProviderSet;
use ::analysis::{Engine, HttpAccess, Limits, Pictures, Provider, Reader, ReaderConfig};
use protocol::ServiceError;
use tokio_util::task::TaskTracker;
use web::{RateLimiter, Rule};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::mode::Modes;
use crate::native::Person;
use crate::policy::Policies;
use crate::workflow::Workflows;
use admission::Admissions;
use drain::Drain;
use live::LiveRuns;
use sealed_checkpoints::SealedCheckpoints;
use stored_screenshot::StoredScreenshots;

pub use admission::Admission;
pub use answers::{answered_before, runs_elsewhere};
pub use export::markdown;
pub use live::{EventStream, StreamedEvent};
pub use question::{OnDisconnect, Question};
pub use trial::Trial;

/// Events buffered for a slow client before the model is held up too.
const BUFFERED_EVENTS: usize = 64;
/// Images decoded concurrently.
const MAX_DECODING: usize = 2;

/// The service behind every operation on analyses.
#[derive(Debug, Clone)]
pub struct Analyses {
    admissions: Arc<Admissions>,
    env: Arc<Environment>,
    engine: Arc<Engine>,
    limits: Arc<dyn RateLimiter>,
    modes: Modes,
    pictures: Pictures,
    policies: Policies,
    reader: Reader,
    workflows: Workflows,
    /// Tracks running analyses, so that their records are written before the server stops.
    running: TaskTracker,
    screenshots: StoredScreenshots,
    checkpoints: SealedCheckpoints,
    drain: Arc<Drain>,
    live: Arc<LiveRuns>,
    /// Tells this process from others on the same database.
    server_id: String,
}

impl Analyses {
    pub fn new(
        env: Arc<Environment>,
        modes: Modes,
        workflows: Workflows,
        limits: Arc<dyn RateLimiter>,
        providers: ProviderSet,
    ) -> Result<Self, Failure> {
        let config = &env.config;
        let pictures = Pictures::new(MAX_DECODING).with_limits(config.limits.picture_limits());
        let reader = ReaderConfig {
            tesseract: config.reader.tesseract.clone().into(),
            language: config.reader.languages.join("+"),
            time_limit_seconds: config.reader.time_limit_seconds.into(),
            memory_limit_megabytes: config.reader.memory_limit_megabytes.into(),
            concurrency: config.reader.concurrency as usize,
            ..ReaderConfig::default()
        };
        let reader = Reader::new(reader, pictures.clone());
        let engine_limits = Limits { concurrency: config.limits.analyses as usize, ..Limits::default() };
        let http = HttpAccess::new(&config.workflows.http_hosts)
            .map_err(|_| Failure::Other("no HTTP client for the workflows"))?;
        let engine = Engine::new(Vec::new(), &reader, &pictures, engine_limits)
            .map_err(|_| Failure::Other("the workflow's graph is wrong"))?
            .with_http(http)
            .with_provider_set(providers);
        let screenshots = StoredScreenshots::new(Arc::clone(&env));
        let mut server_id = [0; 16];
        env.random.fill(&mut server_id);
        let (per_person, analyses) = (config.limits.analyses_per_person, config.limits.analyses);
        let largest = pictures.limits().bytes;
        Ok(Self {
            admissions: Admissions::new(per_person as usize, analyses as usize, largest),
            checkpoints: SealedCheckpoints::new(Arc::clone(&env)),
            drain: Arc::default(),
            engine: Arc::new(engine),
            live: Arc::default(),
            policies: Policies::new(Arc::clone(&env), Arc::clone(&limits)),
            server_id: hex::encode(server_id),
            env,
            limits,
            modes,
            workflows,
            pictures,
            reader,
            screenshots,
            running: TaskTracker::new(),
        })
    }

    /// With these model servers instead of the configured ones.
    pub fn with_providers(
        env: Arc<Environment>,
        modes: Modes,
        workflows: Workflows,
        limits: Arc<dyn RateLimiter>,
        providers: Vec<Arc<dyn Provider>>,
    ) -> Result<Self, Failure> {
        Self::new(env, modes, workflows, limits, ProviderSet::new(providers))
    }

    /// Says in the log what the built-in reader lacks. Only then does anything fail: without the program each reading,
    /// and without a language's data its letters are misread.
    pub async fn check_reader(self) {
        match self.reader.check().await {
            Ok(version) => tracing::info!(version, "the built-in reader can read"),
            Err(error) => {
                let causes = domain::error::causes(&error);
                tracing::error!(
                    causes,
                    "the built-in reader lacks something (reader.tesseract, reader.languages)"
                );
            }
        }
    }

    /// The size limit of an image, in bytes.
    pub fn largest_picture(&self) -> usize {
        self.pictures.limits().bytes
    }

    /// Permits a person one more analysis, before anything of it is received.
    pub async fn admit(&self, person: &Person) -> Result<Admission, ServiceError> {
        let per_minute = self.env.config.limits.analyses_per_minute;
        let admission = self.admissions.admit(&person.account.id)?;
        self.limits.check_key(Rule::per_minute("analyze", per_minute), person.account.id.as_str()).await?;
        Ok(admission)
    }

    /// Waits until the records of all running analyses are written.
    pub async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

/// Time limit of an analysis, in seconds.
pub fn time_limit() -> i64 {
    i64::try_from(Limits::default().timeout_seconds).unwrap_or(i64::MAX)
}

/// Interval of the comments that keep idle event streams open through proxies.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
