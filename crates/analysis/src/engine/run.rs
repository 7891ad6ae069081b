//! Running analyses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::analysis::{AnalysisDocument, AnalysisEvent, Done, Step, TextEdit, WindowText};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use workflow::{Description, GraphError};

use super::custom::{self, HttpAccess};
use super::error::AnalysisError;
use super::job::{Job, ModeSettings};
use super::nodes::{self, AnalysisGraph};
use super::queue::{Limits, Queue};
use super::services::{ChannelSink, Services, ended};
use super::state::{Responder, State};
use crate::picture::{Picture, Pictures};
use crate::provider::{Provider, ProviderSet, READER};
use crate::reader::Reader;

/// How long a full channel is waited for with the final event.
const FINAL_EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// What an analysis has produced.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletedAnalysis {
    /// The whole answer, in Markdown.
    pub answer: String,
    /// The proposed edits that have passed the check.
    pub edits: Vec<TextEdit>,
    /// The ends of the steps, in order.
    pub steps: Vec<Step>,
    /// As it was sent: provider, model, usage, time.
    pub done: Done,
    /// Why the model gave no whole answer, and the reader answered in its place.
    pub failure: Option<String>,
}

impl CompletedAnalysis {
    /// The names of the nodes that ran.
    pub fn route(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.node.as_str()).collect()
    }

    pub fn into_document(self) -> AnalysisDocument {
        let notices = Vec::new();
        AnalysisDocument {
            answer: self.answer,
            steps: self.steps,
            edits: self.edits,
            notices,
            done: self.done,
        }
    }
}

/// All that analyses need, made once.
#[derive(Debug)]
pub struct Engine {
    graph: AnalysisGraph,
    pictures: Pictures,
    providers: ProviderSet,
    pub(super) queue: Queue,
    reader: Reader,
    http: HttpAccess,
    timeout: Duration,
}

impl Engine {
    /// The first provider is the default; without any it is the built-in reader.
    ///
    /// # Errors
    /// When the workflow's graph is invalid.
    pub fn new(
        providers: Vec<Arc<dyn Provider>>,
        reader: &Reader,
        pictures: &Pictures,
        limits: Limits,
    ) -> Result<Self, GraphError> {
        Ok(Self {
            graph: nodes::graph()?,
            pictures: pictures.clone(),
            providers: ProviderSet::new(providers),
            queue: Queue::new(limits),
            reader: reader.clone(),
            http: HttpAccess::default(),
            timeout: Duration::from_secs(limits.timeout_seconds),
        })
    }

    /// What a mode can name: the model servers, and last the built-in reader.
    pub fn provider_names(&self) -> Vec<String> {
        self.providers.names()
    }

    /// Lets workflows send requests to these hosts.
    #[must_use]
    pub fn with_http(self, http: HttpAccess) -> Self {
        Self { http, ..self }
    }

    /// Takes its providers from this set from now on.
    #[must_use]
    pub fn with_provider_set(self, providers: ProviderSet) -> Self {
        Self { providers, ..self }
    }

    /// Whether a question that the desktop asks by itself would be taken now.
    ///
    /// # Errors
    /// [`AnalysisError::Busy`] with the seconds until it makes sense to ask again.
    pub fn check_ambient(&self) -> Result<(), AnalysisError> {
        self.queue.check_ambient()
    }

    /// How long an analysis may take, waiting included.
    pub fn time_limit(&self) -> Duration {
        self.timeout
    }

    pub fn describe(&self) -> Description {
        self.graph.describe()
    }

    /// Who answers in this mode.
    fn responder(&self, mode: &ModeSettings) -> Responder {
        let providers = self.providers.current();
        let mut configs = providers.iter().map(|provider| provider.config());
        let config = match mode.provider.as_str() {
            READER => None,
            "" => configs.next(),
            name => match configs.find(|config| config.name == name) {
                None => return Responder::Fallback,
                found => found,
            },
        };
        config.map_or(Responder::Reader, |config| {
            let model = mode.model_at(config);
            let provider = providers.iter().find(|provider| provider.config().name == config.name);
            let vision = provider.is_some_and(|provider| provider.takes_pictures(&model));
            Responder::Model { provider: config.name.clone(), model, vision }
        })
    }

    /// What the nodes of one run work with.
    pub(super) fn services(
        &self,
        mode: &ModeSettings,
        mark: String,
        picture: Option<Picture>,
        text: Option<WindowText>,
        events: ChannelSink,
    ) -> Services {
        Services {
            responder: self.responder(mode),
            mode_prompt: mode.prompt.clone(),
            temperature: mode.temperature,
            streamed: Mutex::default(),
            events,
            asking: AtomicBool::new(false),
            mark,
            picture,
            turns: Vec::new(),
            text,
            pictures: self.pictures.clone(),
            providers: self.providers.current(),
            reader: self.reader.clone(),
            http: self.http.clone(),
        }
    }

    /// The name of the model server that is asked in this mode, if one is.
    pub fn asked_provider(&self, mode: &ModeSettings) -> Option<String> {
        match self.responder(mode) {
            Responder::Model { provider, .. } => Some(provider),
            Responder::Fallback | Responder::Reader => None,
        }
    }
}

/// Answers a question about a picture. Sends what happens into `events`: steps, pieces of the answer, and in
/// the end one `done` or one `error`. Dropping the receiver or cancelling the token ends the work at once,
/// and so does dropping this future.
///
/// # Errors
/// The failure that the `error` event reports, with what the operator needs to know.
pub async fn analyze(
    engine: &Engine,
    job: Job,
    events: mpsc::Sender<AnalysisEvent>,
    cancel: CancellationToken,
) -> Result<CompletedAnalysis, AnalysisError> {
    analyze_since(Instant::now(), engine, job, events, cancel).await
}

/// Like [`analyze`], for a question that was taken at `since`: what its picture has waited counts against the time limit.
///
/// # Errors
/// Those of [`analyze`].
pub async fn analyze_since(
    since: Instant,
    engine: &Engine,
    job: Job,
    events: mpsc::Sender<AnalysisEvent>,
    cancel: CancellationToken,
) -> Result<CompletedAnalysis, AnalysisError> {
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(AnalysisError::Cancelled),
        () = events.closed() => Err(AnalysisError::Cancelled),
        result = timeout_at(since + engine.timeout, run(engine, job, &events, since)) => {
            result.unwrap_or(Err(AnalysisError::TimedOut(engine.timeout)))
        }
    };
    let last = match &result {
        Ok(completed) => AnalysisEvent::Done(completed.done.clone()),
        Err(error) => AnalysisEvent::Error(error.problem()),
    };
    // A receiver that is open but never read must not block this for ever; one that is gone needs no event.
    let _ = tokio::time::timeout(FINAL_EVENT_TIMEOUT, events.send(last)).await;
    result
}

async fn run(
    engine: &Engine,
    job: Job,
    events: &mpsc::Sender<AnalysisEvent>,
    since: Instant,
) -> Result<CompletedAnalysis, AnalysisError> {
    let events = ChannelSink::new(events.clone());
    let _slot = engine.queue.acquire(&job.asker, &events).await?;
    let begun = Instant::now();
    let responder = engine.responder(&job.mode);
    let mut state = State::new(&job, responder);
    let mut services = engine.services(&job.mode, job.mark, job.picture, job.text, events.clone());
    services.turns = job.turns;
    if let Some(workflow) = &job.workflow {
        let custom::Ended::Finished(finished) = custom::run(workflow, &job.question, &services, None).await?
        else {
            return Err(AnalysisError::Task);
        };
        engine.queue.record_duration(milliseconds(begun.elapsed()));
        let ids = (job.analysis_id, job.conversation);
        return Ok(finished.into_completed(ids, job.mode.id, milliseconds(since.elapsed())));
    }
    let steps = engine.graph.run(&mut state, &services, &events).await?;
    engine.queue.record_duration(milliseconds(begun.elapsed()));
    let (provider, model) = state.answered_by();
    let done = Done {
        analysis_id: job.analysis_id,
        conversation: job.conversation,
        mode: state.mode.id,
        provider,
        model,
        usage: state.usage.unwrap_or_default(),
        cut: state.cut,
        ms: milliseconds(since.elapsed()),
    };
    let steps = steps.into_iter().map(ended).collect();
    Ok(CompletedAnalysis { answer: state.answer, edits: state.edits, steps, done, failure: state.failure })
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
