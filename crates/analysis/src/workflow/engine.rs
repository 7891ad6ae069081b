//! Runs analyses: who may begin, how long it may take, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use protocol::analysis::{AnalysisDocument, AnalysisEvent, Done, Step};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::AnalysisError;
use super::graph::{Description, Graph, GraphError, Outlet};
use super::nodes::{self, State};
use crate::picture::{Picture, Pictures};
use crate::provider::{Provider, ProviderConfig};
use crate::reader::Reader;

/// A question about a picture.
#[derive(Debug, Clone)]
pub struct Job {
    /// Stands in the `done` event; the caller's own.
    pub analysis_id: String,
    /// What the user wrote; may be empty.
    pub context: String,
    pub mode: ModeSettings,
    /// Random and new for each analysis: marks the screen's text in a prompt.
    pub nonce: String,
    pub picture: Picture,
}

/// What of a mode matters here.
#[derive(Debug, Clone, Default)]
pub struct ModeSettings {
    pub id: String,
    pub prompt: String,
    /// A configured provider's name, `reader`, or empty for the default.
    pub provider: String,
    /// Empty for the provider's own.
    pub model: String,
    pub temperature: f64,
}

impl Job {
    /// A mode's model belongs to the mode's provider: elsewhere the name means nothing.
    pub(super) fn model_at<'a>(&'a self, config: &'a ProviderConfig) -> &'a str {
        let named = self.mode.provider.is_empty() || self.mode.provider == config.name;
        if named && !self.mode.model.is_empty() { &self.mode.model } else { &config.model }
    }
}

/// What all analyses together may take.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// So many run at once; the others wait in the order in which they came.
    pub at_once: usize,
    /// So many wait; more are turned away with a `Retry-After`.
    pub waiting: usize,
    /// From the request's arrival to the last word, waiting included.
    pub seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: 4, waiting: 32, seconds: 330 }
    }
}

/// What came of an analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The whole answer, in Markdown.
    pub answer: String,
    /// The ends of the steps, in order.
    pub steps: Vec<Step>,
    /// As it was sent: provider, model, usage, time.
    pub done: Done,
}

impl Outcome {
    /// The names of the nodes that ran.
    pub fn route(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.node.as_str()).collect()
    }

    pub fn into_document(self) -> AnalysisDocument {
        AnalysisDocument { answer: self.answer, steps: self.steps, edits: Vec::new(), done: self.done }
    }
}

/// All that analyses need, made once.
#[derive(Debug)]
pub struct Engine {
    graph: Graph<State>,
    providers: Vec<Arc<dyn Provider>>,
    default_provider: String,
    limits: Limits,
    slots: Semaphore,
    waiting: AtomicUsize,
    /// How long an analysis takes, as a moving mean in milliseconds.
    typical_ms: AtomicU64,
}

impl Engine {
    /// `default_provider` is the name of a provider, or `reader`; empty: the first provider, or the reader if
    /// there is none.
    ///
    /// # Errors
    /// When the workflow's graph is wrong.
    pub fn new(
        providers: Vec<Arc<dyn Provider>>,
        default_provider: &str,
        reader: &Reader,
        pictures: &Pictures,
        limits: Limits,
    ) -> Result<Self, GraphError> {
        let first = || providers.first().map_or(super::READER, |provider| provider.config().name.as_str());
        let default_provider =
            if default_provider.is_empty() { first() } else { default_provider }.to_owned();
        Ok(Self {
            graph: nodes::graph(reader, pictures)?,
            default_provider,
            providers,
            limits,
            slots: Semaphore::new(limits.at_once.max(1)),
            waiting: AtomicUsize::new(0),
            typical_ms: AtomicU64::new(5_000),
        })
    }

    /// The names of what can answer, the reader last.
    pub fn provider_names(&self) -> Vec<String> {
        let names = self.providers.iter().map(|provider| provider.config().name.clone());
        names.chain([super::READER.to_owned()]).collect()
    }

    pub fn describe(&self) -> Description {
        self.graph.describe()
    }

    fn provider(&self, wanted: &str) -> Option<Arc<dyn Provider>> {
        let wanted = if wanted.is_empty() { self.default_provider.as_str() } else { wanted };
        self.providers.iter().find(|provider| provider.config().name == wanted).cloned()
    }

    /// Waits for a slot. The queue is first in, first out (as [`Semaphore`] is), and bounded.
    async fn slot(&self) -> Result<SemaphorePermit<'_>, AnalysisError> {
        if let Ok(permit) = self.slots.try_acquire() {
            return Ok(permit);
        }
        let place = Place::take(&self.waiting);
        if place.ahead >= self.limits.waiting {
            return Err(AnalysisError::Busy {
                waiting: place.ahead,
                retry_after: self.retry_after(place.ahead),
            });
        }
        self.slots.acquire().await.map_err(|_| AnalysisError::Cancelled)
    }

    /// Seconds until the queue has probably moved by one place per slot.
    fn retry_after(&self, waiting: usize) -> u64 {
        let rounds = waiting as u64 / self.limits.at_once.max(1) as u64 + 1;
        (rounds * self.typical_ms.load(Ordering::Relaxed)).div_ceil(1_000).clamp(1, 60)
    }

    fn note_duration(&self, ms: u64) {
        let old = self.typical_ms.load(Ordering::Relaxed);
        // Two at once may overwrite each other: it stays an estimate.
        self.typical_ms.store((old * 7 + ms) / 8, Ordering::Relaxed);
    }
}

/// A place in the queue, given back when it is dropped.
#[derive(Debug)]
struct Place<'a> {
    waiting: &'a AtomicUsize,
    ahead: usize,
}

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        Self { waiting, ahead: waiting.fetch_add(1, Ordering::SeqCst) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Answers a question about a picture. Sends what happens into `events`: steps, pieces of the answer, and in
/// the end one `done` or one `error`. Dropping the receiver or cancelling the token ends the work at once,
/// and so does dropping this future.
///
/// # Errors
/// The same failure that the `error` event told, with what the operator needs to know.
pub async fn analyze(
    engine: &Engine,
    job: Job,
    events: mpsc::Sender<AnalysisEvent>,
    cancel: CancellationToken,
) -> Result<Outcome, AnalysisError> {
    let limit = Duration::from_secs(engine.limits.seconds);
    let since = Instant::now();
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(AnalysisError::Cancelled),
        () = events.closed() => Err(AnalysisError::Cancelled),
        result = timeout_at(since + limit, run(engine, job, &events, since)) => {
            result.unwrap_or(Err(AnalysisError::TimedOut(limit)))
        }
    };
    let last = match &result {
        Ok(outcome) => AnalysisEvent::Done(outcome.done.clone()),
        Err(error) => AnalysisEvent::Error(error.problem()),
    };
    // A listener who reads nothing must not hold this up for ever; one who is gone needs no word.
    let _ = tokio::time::timeout(LAST_WORD, events.send(last)).await;
    result
}

/// How long a full channel is waited for with the last event.
const LAST_WORD: Duration = Duration::from_secs(10);

async fn run(
    engine: &Engine,
    job: Job,
    events: &mpsc::Sender<AnalysisEvent>,
    since: Instant,
) -> Result<Outcome, AnalysisError> {
    let _slot = engine.slot().await?;
    let begun = Instant::now();
    let provider = engine.provider(&job.mode.provider);
    let mut state = State::new(job, provider);
    let steps = engine.graph.run(&mut state, &Outlet::new(events.clone())).await?;
    engine.note_duration(milliseconds(begun.elapsed()));
    let (provider, model) = match (&state.provider, state.usage) {
        (Some(provider), Some(_)) => {
            (provider.config().name.clone(), state.job.model_at(provider.config()).to_owned())
        }
        _ => (super::READER.to_owned(), String::new()),
    };
    let done = Done {
        analysis_id: state.job.analysis_id,
        mode: state.job.mode.id,
        provider,
        model,
        usage: state.usage.unwrap_or_default(),
        ms: milliseconds(since.elapsed()),
    };
    Ok(Outcome { answer: state.answer, steps, done })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
