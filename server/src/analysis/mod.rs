//! Analyses: a screenshot and a question from a machine, the answer, and a record of it.
//!
//! Hash and size of the image are stored, the image itself only with `screenshots.keep` (`stored_screenshot`).

mod admission;
mod events;
mod question;
mod stored_screenshot;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use ::analysis::{
    AnalysisError, CompletedAnalysis, CustomWorkflow, Engine, Job, Limits, ModeSettings, Picture, Pictures,
    Provider, Reader, ReaderConfig, analyze_since, provider,
};
use domain::analysis::{AnalysisRecord, AnalysisState, ProviderFailure};
use domain::audit::Action;
use domain::id::AnalysisId;
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS, Step, WindowText};
use protocol::mode::Mode;
use protocol::{Problem, ServiceError};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use web::{RateLimiter, Rule};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::mode::Modes;
use crate::native::Person;
use crate::vault::Vault;
use crate::workflow::Workflows;
use admission::Admissions;
use stored_screenshot::{StoredScreenshot, StoredScreenshots};

pub use admission::Admission;
pub use question::Question;
pub use trial::Trial;

/// Events buffered for a slow client before the model is held up too.
const BUFFERED_EVENTS: usize = 64;
/// Images decoded concurrently.
const MAX_DECODING: usize = 2;
/// How long to wait before storing a result is tried again. After the last attempt `cleanup` marks the analysis as failed.
const STORE_BACKOFF: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// How long a client that does not read is waited for with the event of a failed run.
const FINAL_EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The service behind every operation on analyses.
#[derive(Debug, Clone)]
pub struct Analyses {
    admissions: Arc<Admissions>,
    env: Arc<Environment>,
    engine: Arc<Engine>,
    limits: Arc<dyn RateLimiter>,
    modes: Modes,
    pictures: Pictures,
    reader: Reader,
    workflows: Workflows,
    /// Tracks running analyses, so that their records are written before the server stops.
    running: TaskTracker,
    screenshots: StoredScreenshots,
}

impl Analyses {
    pub fn new(
        env: Arc<Environment>,
        modes: Modes,
        workflows: Workflows,
        limits: Arc<dyn RateLimiter>,
    ) -> Result<Self, Failure> {
        let client =
            provider::http_client().map_err(|_| Failure::Other("no HTTP client for the model servers"))?;
        let configs = env.config.providers.iter();
        let providers = configs
            .map(|config| provider::connect(config.clone(), client.clone()).map_err(Failure::Provider))
            .collect::<Result<Vec<_>, Failure>>()?;
        Self::with_providers(env, modes, workflows, limits, providers)
    }

    /// With these model servers instead of the configured ones.
    pub fn with_providers(
        env: Arc<Environment>,
        modes: Modes,
        workflows: Workflows,
        limits: Arc<dyn RateLimiter>,
        providers: Vec<Arc<dyn Provider>>,
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
        let engine = Engine::new(providers, &reader, &pictures, engine_limits)
            .map_err(|_| Failure::Other("the workflow's graph is wrong"))?;
        let screenshots = StoredScreenshots::new(Arc::clone(&env));
        let (per_person, analyses) = (config.limits.analyses_per_person, config.limits.analyses);
        let largest = pictures.limits().bytes;
        Ok(Self {
            admissions: Admissions::new(per_person as usize, analyses as usize, largest),
            engine: Arc::new(engine),
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

    /// Says in the log what the built-in reader lacks. Only then does anything fail: without the program each reading,
    /// and without a language's data its letters are misread.
    pub async fn check_reader(self) {
        match self.reader.check().await {
            Ok(version) => tracing::info!(version, "the built-in reader can read"),
            Err(error) => {
                let causes = domain::error::causes(&error);
                tracing::error!(causes, "the built-in reader lacks something (reader.tesseract, reader.languages)");
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

    /// Starts an analysis and returns the receiver of its events. Dropping the receiver cancels it.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.start",
        fields(account_id = %person.account.id)
    )]
    pub async fn start(
        &self,
        person: &Person,
        admission: Admission,
        question: Question,
    ) -> Result<mpsc::Receiver<AnalysisEvent>, ServiceError> {
        let since = Instant::now();
        if question.context.chars().count() > MAX_CONTEXT_CHARS {
            return Err(Problem::invalid_input().field("context", "Use at most 4,000 characters.").into());
        }
        question.check_window()?;
        let Some(image) = question.image else {
            return Err(Problem::invalid_input().field("image", "Send a PNG, JPEG or WebP picture.").into());
        };
        let mode = self.modes.choose(question.mode.as_deref().filter(|m| !m.is_empty())).await?;
        let workflow = self.workflows.of_mode(&mode).await?.map(Arc::new);
        let limit = self.engine.time_limit();
        let accepted = timeout_at(since + limit, self.pictures.accept(image)).await;
        let picture =
            accepted.map_err(|_| AnalysisError::TimedOut(limit).problem())?.map_err(Problem::from)?;
        let record = self.record(person, &mode, &question.context, &picture);
        let screenshot = if record.screenshot_stored {
            Some(self.screenshots.seal(&record.id, &picture).await?)
        } else {
            None
        };
        let mut tx = self.env.store.begin().await?;
        tx.analyses().insert(&record).await?;
        if let Some(sealed) = &screenshot {
            tx.analyses().insert_screenshot(&record.id, sealed).await?;
        }
        tx.commit().await?;

        let (sender, receiver) = mpsc::channel(BUFFERED_EVENTS);
        let job = self.job(&record, mode, workflow, picture, (question.text, question.selection));
        // At the level of the request's span, so that the nodes' log lines name their analysis at any level.
        let span = tracing::info_span!("analysis", analysis_id = %record.id);
        self.running.spawn(self.clone().run(since, admission, job, record, sender).instrument(span));
        Ok(receiver)
    }

    /// Waits until the records of all running analyses are written.
    pub async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }

    /// One's own analyses, the newest first.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.history",
        fields(account_id = %person.account.id)
    )]
    pub async fn history(
        &self,
        person: &Person,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AnalysisRecord>, ServiceError> {
        crate::search::check(search)?;
        Ok(self.env.store.read().await?.analyses().list(&person.account.id, search, limit, offset).await?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.one",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn one(&self, person: &Person, id: &AnalysisId) -> Result<AnalysisRecord, ServiceError> {
        let found = self.env.store.read().await?.analyses().find(&person.account.id, id).await?;
        Ok(found.ok_or_else(Problem::not_found)?)
    }

    /// The image of one's own analysis, if it was stored.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.picture",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn picture(&self, person: &Person, id: &AnalysisId) -> Result<StoredScreenshot, ServiceError> {
        Ok(self.screenshots.of(&person.account.id, id).await?.ok_or_else(Problem::not_found)?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.delete",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn delete(&self, person: &Person, id: &AnalysisId) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin().await?;
        if !tx.analyses().delete(&person.account.id, id).await? {
            return Err(Problem::not_found().into());
        }
        tx.audit_log().append(self.env.now(), &person.account.id, Action::AnalysisDeleted, id, "").await?;
        tx.commit().await?;
        Ok(())
    }

    /// Runs an analysis and stores its result. However it ends, also by a panic, the client receives one `done` or `error`, and
    /// the record is no longer `running`.
    async fn run(
        self,
        since: Instant,
        admission: Admission,
        job: Job,
        mut record: AnalysisRecord,
        sender: mpsc::Sender<AnalysisEvent>,
    ) {
        let started = std::time::Instant::now();
        let (relay, recording) = events::tee(sender.clone());
        let engine = Arc::clone(&self.engine);
        let events = relay.clone();
        let asked = engine.asked_provider(&job.mode);
        let work = async move {
            let _admitted = admission;
            analyze_since(since, &engine, job, events, CancellationToken::new()).await
        };
        let result = ended(work, relay).await;
        let recorded = match recording.await {
            Ok(recorded) => recorded,
            Err(error) => {
                ServiceError::from(Failure::Task(error)).log("recording an analysis's events");
                send_final(&sender, AnalysisEvent::Error(Problem::internal())).await;
                events::RecordedEvents::default()
            }
        };
        drop(sender);
        record.ms = i64::try_from(started.elapsed().as_millis()).ok();
        record.answer = recorded.answer;
        record.edits = recorded.edits;
        match result {
            Ok(outcome) => {
                record.cut = outcome.done.cut;
                record.failure =
                    asked.zip(outcome.failure).map(|(provider, words)| ProviderFailure { provider, words });
                record.state = AnalysisState::Finished;
                record.provider = outcome.done.provider;
                record.model = outcome.done.model;
                record.prompt_tokens = i64::try_from(outcome.done.usage.prompt_tokens).unwrap_or(i64::MAX);
                record.completion_tokens =
                    i64::try_from(outcome.done.usage.completion_tokens).unwrap_or(i64::MAX);
            }
            Err(AnalysisError::Cancelled) => record.state = AnalysisState::Cancelled,
            Err(error) => {
                if let AnalysisError::Provider(error) = &error {
                    let words = error.explanation();
                    record.failure = asked.map(|provider| ProviderFailure { provider, words });
                }
                record.state = AnalysisState::Failed;
                let causes = domain::error::causes(&error);
                tracing::warn!(analysis = %record.id, causes, "an analysis failed");
            }
        }
        let mut backoff = STORE_BACKOFF.into_iter();
        while let Err(error) = self.finish_record(&record, &recorded.steps).await {
            error.log("recording an analysis");
            let Some(pause) = backoff.next() else { return };
            tokio::time::sleep(pause).await;
        }
    }

    async fn finish_record(&self, record: &AnalysisRecord, steps: &[Step]) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin().await?;
        tx.analyses().finish(record, steps).await?;
        let now = self.env.now();
        match &record.failure {
            Some(failure) => tx.analyses().provider_failed(failure, now).await?,
            None if record.state == AnalysisState::Finished && record.provider != provider::READER => {
                tx.analyses().provider_answered(&record.provider, now).await?;
            }
            None => {}
        }
        tx.commit().await?;
        Ok(())
    }

    fn record(&self, person: &Person, mode: &Mode, context: &str, picture: &Picture) -> AnalysisRecord {
        AnalysisRecord {
            id: self.env.new_id(),
            account_id: person.account.id.clone(),
            certificate_id: person.machine.certificate.id.clone(),
            mode_id: mode.id.clone(),
            context: context.to_owned(),
            answer: String::new(),
            edits: Vec::new(),
            state: AnalysisState::Running,
            provider: String::new(),
            model: String::new(),
            prompt_tokens: 0,
            completion_tokens: 0,
            cut: None,
            failure: None,
            image_sha256: picture.sha256().to_owned(),
            image_width: picture.width().into(),
            image_height: picture.height().into(),
            image_bytes: i64::try_from(picture.bytes().len()).unwrap_or(i64::MAX),
            screenshot_stored: self.screenshots.are_stored(),
            started_at: self.env.now(),
            ms: None,
        }
    }

    fn job(
        &self,
        record: &AnalysisRecord,
        mode: Mode,
        workflow: Option<Arc<CustomWorkflow>>,
        picture: Picture,
        (text, selection): (Option<WindowText>, Option<String>),
    ) -> Job {
        let mark = prompt_mark(&self.env.vault, &mode.id, self.env.now());
        Job {
            analysis_id: record.id.to_string(),
            question: record.context.clone(),
            mode: ModeSettings {
                id: mode.id,
                prompt: mode.prompt,
                provider: mode.provider,
                model: mode.model,
                temperature: mode.temperature,
                edits_allowed: mode.edits_allowed,
            },
            mark,
            picture,
            text,
            selection,
            workflow,
        }
    }
}

/// The mark around a screen's text in the prompts of a mode: the same for a day, so that model servers can reuse a prompt's
/// beginning, and derived from the data key, so that nobody who makes a screen can know it.
fn prompt_mark(vault: &Vault, mode_id: &str, now: i64) -> String {
    const DAY: i64 = 24 * 3_600;
    let key = vault.derive(&format!("prompt-mark {} {mode_id}", now.div_euclid(DAY)));
    hex::encode(&key[..8])
}

/// The result of an analysis, which runs in a task of its own so that a panic in it is only a failure. The task sends the
/// last event; after a panic it is sent here.
async fn ended(
    work: impl Future<Output = Result<CompletedAnalysis, AnalysisError>> + Send + 'static,
    events: mpsc::Sender<AnalysisEvent>,
) -> Result<CompletedAnalysis, AnalysisError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => {
            ServiceError::from(Failure::Task(error)).log("an analysis");
            send_final(&events, AnalysisEvent::Error(AnalysisError::Task.problem())).await;
            Err(AnalysisError::Task)
        }
    }
}

/// A receiver that is open but never read must not block this for ever; one that is gone needs no event.
async fn send_final(events: &mpsc::Sender<AnalysisEvent>, event: AnalysisEvent) {
    let _ = tokio::time::timeout(FINAL_EVENT_TIMEOUT, events.send(event)).await;
}

/// Time limit of an analysis, in seconds.
pub fn time_limit() -> i64 {
    i64::try_from(Limits::default().timeout_seconds).unwrap_or(i64::MAX)
}

/// Interval of the comments that keep idle event streams open through proxies.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
