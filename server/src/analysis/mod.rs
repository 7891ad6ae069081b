//! Analyses: a picture and a question from a machine, an answer back, and a record of both.
//!
//! The picture itself is not stored unless the operator asks for it (`kept`); its hash and size are.

mod events;
pub mod http;
mod kept;
mod question;

use std::sync::Arc;
use std::time::Duration;

use ::analysis::{
    Engine, Job, Limits, ModeSettings, Picture, Pictures, Reader, ReaderConfig, analyze, provider,
};
use kept::{KeptPicture, KeptPictures};
use protocol::Problem;
use protocol::analysis::{AnalysisEvent, MAX_CONTEXT_CHARS, Step};
use protocol::mode::Mode;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use question::Question;

use crate::config::{ProviderConfig, ProviderKind};
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::http::{RateLimiter, Rule};
use crate::mode::Modes;
use crate::native::Person;
use crate::store::AnalysisRecord;

/// Events that wait for a slow reader before the model has to wait too.
const BUFFERED_EVENTS: usize = 64;
/// Pictures that are decoded at once.
const PICTURES_AT_ONCE: usize = 2;

/// Everything that is done with questions and answers.
#[derive(Debug, Clone)]
pub struct Analyses {
    env: Arc<Environment>,
    engine: Arc<Engine>,
    kept: KeptPictures,
    limits: Arc<RateLimiter>,
    modes: Modes,
    pictures: Pictures,
    /// What is running, so that its records are written before the server stops.
    running: TaskTracker,
}

impl Analyses {
    pub fn new(env: Arc<Environment>, modes: Modes, limits: Arc<RateLimiter>) -> Result<Self, Failure> {
        let config = &env.config;
        let pictures = Pictures::new(PICTURES_AT_ONCE).with_limits(config.limits.pictures());
        let reader = ReaderConfig {
            tesseract: config.reader.tesseract.clone().into(),
            language: config.reader.languages.join("+"),
            time_limit_seconds: config.reader.time_limit_seconds.into(),
            memory_limit_megabytes: config.reader.memory_limit_megabytes.into(),
            at_once: config.reader.concurrency as usize,
            ..ReaderConfig::default()
        };
        let reader = Reader::new(reader, pictures.clone());
        let client =
            provider::http_client().map_err(|_| Failure::Other("no HTTP client for the model servers"))?;
        let providers = config
            .providers
            .iter()
            .map(|p| provider::connect(provider_config(p)?, client.clone()).map_err(Failure::Provider))
            .collect::<Result<Vec<_>, Failure>>()?;
        let at_once = Limits { at_once: config.limits.analyses as usize, ..Limits::default() };
        let engine = Engine::new(providers, "", &reader, &pictures, at_once)
            .map_err(|_| Failure::Other("the workflow's graph is wrong"))?;
        let kept = KeptPictures::new(Arc::clone(&env));
        Ok(Self { engine: Arc::new(engine), env, kept, limits, modes, pictures, running: TaskTracker::new() })
    }

    /// What a picture may have, in bytes.
    pub fn largest_picture(&self) -> usize {
        self.pictures.limits().bytes
    }

    /// Starts an analysis; its events arrive at the receiver. Dropping the receiver cancels it.
    pub async fn start(
        &self,
        person: &Person,
        question: Question,
    ) -> Result<mpsc::Receiver<AnalysisEvent>, Refusal> {
        let per_minute = self.env.config.limits.analyses_per_minute;
        self.limits.check_key(Rule::per_minute("analyze", per_minute), &person.account.id)?;
        if question.context.chars().count() > MAX_CONTEXT_CHARS {
            return Err(Problem::invalid_input().field("context", "Use at most 4,000 characters.").into());
        }
        let Some(image) = question.image else {
            return Err(Problem::invalid_input().field("image", "Send a PNG, JPEG or WebP picture.").into());
        };
        let mode = self.modes.choose(question.mode.as_deref().filter(|m| !m.is_empty())).await?;
        let picture = self.pictures.take_in(image).await.map_err(Problem::from)?;
        let record = self.record(person, &mode, &question.context, &picture);
        let kept = if record.picture_kept { Some(self.kept.seal(&record.id, &picture).await?) } else { None };
        let mut tx = self.env.store.begin().await?;
        tx.insert_analysis(&record).await?;
        if let Some(sealed) = &kept {
            tx.insert_kept_picture(&record.id, sealed).await?;
        }
        tx.commit().await?;

        let (sender, receiver) = mpsc::channel(BUFFERED_EVENTS);
        let job = self.job(&record, mode, picture);
        let this = self.clone();
        self.running.spawn(async move {
            if let Err(refusal) = this.run(job, record, sender).await {
                // Into a problem, and so into the log: the caller has got its events.
                let _: Problem = refusal.into();
            }
        });
        Ok(receiver)
    }

    /// Waits until the records of everything that ran are written.
    pub async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }

    /// One's own analyses, the newest first.
    pub async fn history(
        &self,
        person: &Person,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AnalysisRecord>, Refusal> {
        Ok(self.env.store.read().await?.analyses_of(&person.account.id, search, limit, offset).await?)
    }

    pub async fn one(&self, person: &Person, id: &str) -> Result<AnalysisRecord, Refusal> {
        let found = self.env.store.read().await?.analysis_of(&person.account.id, id).await?;
        Ok(found.ok_or_else(Problem::not_found)?)
    }

    /// The picture of one's own analysis, if it was kept.
    pub async fn picture(&self, person: &Person, id: &str) -> Result<KeptPicture, Refusal> {
        Ok(self.kept.of(&person.account.id, id).await?.ok_or_else(Problem::not_found)?)
    }

    pub async fn delete(&self, person: &Person, id: &str) -> Result<(), Refusal> {
        let mut tx = self.env.store.begin().await?;
        if !tx.delete_analysis(&person.account.id, id).await? {
            return Err(Problem::not_found().into());
        }
        tx.audit(self.env.now(), &person.account.id, "analysis.deleted", id, "").await?;
        tx.commit().await?;
        Ok(())
    }

    async fn run(
        &self,
        job: Job,
        mut record: AnalysisRecord,
        sender: mpsc::Sender<AnalysisEvent>,
    ) -> Result<(), Refusal> {
        let started = std::time::Instant::now();
        let (relay, told) = events::tee(sender);
        let result = analyze(&self.engine, job, relay, CancellationToken::new()).await;
        let told = told.await?;
        record.ms = i64::try_from(started.elapsed().as_millis()).ok();
        record.answer = told.answer;
        match result {
            Ok(outcome) => {
                record.state = "finished".to_owned();
                record.provider = outcome.done.provider;
                record.model = outcome.done.model;
                record.prompt_tokens = i64::try_from(outcome.done.usage.prompt_tokens).unwrap_or(i64::MAX);
                record.completion_tokens =
                    i64::try_from(outcome.done.usage.completion_tokens).unwrap_or(i64::MAX);
            }
            Err(::analysis::AnalysisError::Cancelled) => record.state = "cancelled".to_owned(),
            Err(error) => {
                record.state = "failed".to_owned();
                let causes = crate::failure::causes(&error);
                tracing::warn!(analysis = record.id, causes, "an analysis failed");
            }
        }
        self.write_down(&record, &told.steps).await
    }

    async fn write_down(&self, record: &AnalysisRecord, steps: &[Step]) -> Result<(), Refusal> {
        let mut tx = self.env.store.begin().await?;
        tx.finish_analysis(record, steps).await?;
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
            state: "running".to_owned(),
            provider: String::new(),
            model: String::new(),
            prompt_tokens: 0,
            completion_tokens: 0,
            image_sha256: picture.sha256().to_owned(),
            image_width: picture.width().into(),
            image_height: picture.height().into(),
            image_bytes: i64::try_from(picture.bytes().len()).unwrap_or(i64::MAX),
            picture_kept: self.kept.keep(),
            started_at: self.env.now(),
            ms: None,
        }
    }

    fn job(&self, record: &AnalysisRecord, mode: Mode, picture: Picture) -> Job {
        let mut nonce = [0; 16];
        self.env.random.fill(&mut nonce);
        Job {
            analysis_id: record.id.clone(),
            context: record.context.clone(),
            mode: ModeSettings {
                id: mode.id,
                prompt: mode.prompt,
                provider: mode.provider,
                model: mode.model,
                temperature: mode.temperature,
            },
            nonce: hex::encode(nonce),
            picture,
        }
    }
}

/// How long an analysis may take, in seconds.
pub fn time_limit() -> i64 {
    i64::try_from(Limits::default().seconds).unwrap_or(i64::MAX)
}

fn provider_config(config: &ProviderConfig) -> Result<provider::ProviderConfig, Failure> {
    let kind = match config.kind {
        ProviderKind::Ollama => provider::Kind::Ollama,
        ProviderKind::Openai => provider::Kind::OpenAi,
    };
    let mut made = provider::ProviderConfig::new(&config.name, kind, &config.base_url, &config.model);
    made.api_key = config.api_key.as_ref().map(|key| provider::ApiKey::new(key.expose()));
    made.vision = config.vision;
    made.max_pixels = config.max_pixels.into();
    Ok(made)
}

/// Keeps idle event streams alive through proxies.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
