//! Running a graph: superstep after superstep, with checkpoints in between.

mod recorder;
mod superstep;
mod task;
mod time_travel;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

pub use time_travel::{CheckpointState, steps_taken};

use crate::cache::Cache;
use crate::checkpoint::{CheckpointStore, Durability, Interrupt, RunStatus, ThreadId};
use crate::edge::Outcome;
use crate::error::{FailureCause, LimitExceeded, RunError};
use crate::event::{Event, EventSink, StepRecord};
use crate::graph::{Dead, Ended, Graph};
use crate::limits::{Limits, Meter, RunUsage};
use crate::position::Position;
use crate::run::recorder::Recorder;
use crate::run::task::TaskEnd;
use crate::scope::RunScope;
use crate::state::WorkflowState;

/// How a run of a graph is done: where events and checkpoints go, what it may use.
#[must_use]
pub struct Run<'a, S, C, E> {
    graph: &'a Graph<S, C, E>,
    services: &'a C,
    events: &'a dyn EventSink,
    checkpoints: Option<(&'a dyn CheckpointStore, Durability)>,
    limits: Limits,
    cache: Option<&'a dyn Cache>,
    drain: Option<&'a AtomicBool>,
    random: &'a (dyn Fn() -> f64 + Send + Sync),
}

impl<S, C, E> std::fmt::Debug for Run<'_, S, C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("graph", &self.graph)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The process is about to end. The run was stored, and can be resumed.
    Drained,
    Finished,
    /// Waits for answers. The run was stored; once there are some, it can be resumed.
    Interrupted(Vec<Interrupt>),
}

/// What became of a run.
#[derive(Debug)]
pub struct Report<S> {
    pub state: S,
    pub status: Status,
    /// The steps that this process has taken, in the order in which they ended.
    pub steps: Vec<StepRecord>,
    /// What the run has used, before a restart too.
    pub usage: RunUsage,
}

impl<'a, S, C, E> Run<'a, S, C, E>
where
    S: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    pub fn new(graph: &'a Graph<S, C, E>, services: &'a C) -> Self {
        Self {
            graph,
            services,
            events: &(),
            checkpoints: None,
            limits: Limits::default(),
            cache: None,
            drain: None,
            random: &|| 0.0,
        }
    }

    pub fn events(self, events: &'a dyn EventSink) -> Self {
        Self { events, ..self }
    }

    pub fn checkpoints(self, store: &'a dyn CheckpointStore, durability: Durability) -> Self {
        Self { checkpoints: Some((store, durability)), ..self }
    }

    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub fn cache(self, cache: &'a dyn Cache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// Once this is set, the run stops after the superstep that it is in.
    pub fn drain(self, drain: &'a AtomicBool) -> Self {
        Self { drain: Some(drain), ..self }
    }

    /// Draws numbers in [0, 1), for the jitter of retries.
    pub fn random(self, random: &'a (dyn Fn() -> f64 + Send + Sync)) -> Self {
        Self { random, ..self }
    }

    /// Starts a run. With checkpoints, its thread must be a new one.
    ///
    /// # Errors
    /// See [`RunError`]. After a failure, [`Self::resume`] repeats the superstep that failed, without the tasks of it
    /// that had finished.
    pub async fn start(&self, thread: &ThreadId, state: S) -> Result<Report<S>, RunError<E>> {
        let meter = Meter::new(self.limits);
        start(self.graph, self.services, self.scope(&meter), thread, state).await
    }

    /// Goes on with a stored run: one that was drained, has answers, failed, or whose process ended. One that has
    /// finished is reported as it ended.
    ///
    /// # Errors
    /// [`RunError::UnknownThread`], [`RunError::GraphVersion`], and those of [`Self::start`].
    pub async fn resume(&self, thread: &ThreadId) -> Result<Report<S>, RunError<E>> {
        let meter = Meter::new(self.limits);
        resume(self.graph, self.services, self.scope(&meter), thread).await
    }

    pub(crate) async fn in_memory(&self, state: &mut S) -> Result<Vec<StepRecord>, RunError<E>> {
        let meter = Meter::new(self.limits);
        let scope = RunScope { checkpoints: None, ..self.scope(&meter) };
        let mut steps = Vec::new();
        let position = Position { tasks: self.graph.start(), ..Position::default() };
        let mut driver = Driver {
            graph: self.graph,
            services: self.services,
            scope,
            recorder: None,
            position,
            sequence: 0,
            resumed_at: None,
        };
        match driver.drive(state, &mut steps).await? {
            Status::Finished | Status::Drained => Ok(steps),
            // Asking needs checkpoints, so a run without them cannot be interrupted.
            Status::Interrupted(_) => Err(RunError::NoEdge { node: self.graph.name.clone() }),
        }
    }

    fn scope<'s>(&'s self, meter: &'s Meter) -> RunScope<'s> {
        RunScope {
            events: self.events,
            checkpoints: self.checkpoints,
            meter,
            cache: self.cache,
            drain: self.drain,
            random: self.random,
            max_supersteps: self.limits.supersteps,
        }
    }
}

impl<S: WorkflowState, C, E> Graph<S, C, E> {
    /// Runs from the start to the end without checkpoints, and returns the steps in the order in which they ended.
    /// `state` holds what was reached, also when the run fails. [`Run`] does more.
    ///
    /// # Errors
    /// [`RunError::Node`] when a node fails and none of its failure edges fits, [`RunError::SinkClosed`] when nobody
    /// receives the events any more.
    pub async fn run(
        &self,
        state: &mut S,
        services: &C,
        events: &dyn EventSink,
    ) -> Result<Vec<StepRecord>, RunError<E>>
    where
        C: Sync,
        E: Error + Send + Sync + 'static,
    {
        Run::new(self, services).events(events).in_memory(state).await
    }
}

/// Starts a run, or one of a sub-graph.
pub(crate) async fn start<S, C, E>(
    graph: &Graph<S, C, E>,
    services: &C,
    scope: RunScope<'_>,
    thread: &ThreadId,
    mut state: S,
) -> Result<Report<S>, RunError<E>>
where
    S: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    let position = Position { tasks: graph.start(), ..Position::default() };
    let mut recorder =
        scope.checkpoints.map(|(store, durability)| Recorder::new(store, durability, thread, graph.id()));
    if let Some(recorder) = recorder.as_mut().filter(|recorder| recorder.is_always()) {
        recorder.put(0, &state, None, &position, RunStatus::Running).await?;
        scope.events.emit(Event::Checkpoint { sequence: 0 }).await.map_err(RunError::SinkClosed)?;
    }
    let mut driver = Driver { graph, services, scope, recorder, position, sequence: 0, resumed_at: None };
    let mut steps = Vec::new();
    let status = driver.drive(&mut state, &mut steps).await?;
    Ok(Report { state, status, steps, usage: scope.meter.used() })
}

/// Goes on with a stored run, or one of a sub-graph.
pub(crate) async fn resume<S, C, E>(
    graph: &Graph<S, C, E>,
    services: &C,
    scope: RunScope<'_>,
    thread: &ThreadId,
) -> Result<Report<S>, RunError<E>>
where
    S: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    let unknown = || RunError::UnknownThread(thread.to_string());
    let (store, durability) = scope.checkpoints.ok_or_else(unknown)?;
    let loaded = recorder::load::<S>(store, thread, None).await?.ok_or_else(unknown)?;
    if loaded.graph != graph.id() {
        return Err(RunError::GraphVersion { stored: loaded.graph, running: graph.id() });
    }
    if !loaded.position.tasks.is_empty() {
        store.set_status(thread, RunStatus::Running).await?;
    }
    scope.meter.restore(loaded.position.usage);
    let recorder = Recorder::new(store, durability, thread, graph.id());
    let recorder = Some(recorder.resuming(loaded.last_snapshot, loaded.sequence));
    let (mut state, position, sequence) = (loaded.state, loaded.position, loaded.sequence);
    let mut driver =
        Driver { graph, services, scope, recorder, position, sequence, resumed_at: Some(sequence) };
    let mut steps = Vec::new();
    let status = driver.drive(&mut state, &mut steps).await?;
    Ok(Report { state, status, steps, usage: scope.meter.used() })
}

/// Takes a run from superstep to superstep.
struct Driver<'a, S, C, E> {
    graph: &'a Graph<S, C, E>,
    services: &'a C,
    scope: RunScope<'a>,
    recorder: Option<Recorder<'a>>,
    position: Position,
    sequence: u64,
    /// The checkpoint from which this process goes on: its tasks may have written before.
    resumed_at: Option<u64>,
}

impl<S, C, E> Driver<'_, S, C, E>
where
    S: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    async fn drive(&mut self, state: &mut S, steps: &mut Vec<StepRecord>) -> Result<Status, RunError<E>> {
        let result = self.supersteps(state, steps).await;
        let status = match &result {
            Ok(Status::Drained) => RunStatus::Running,
            Ok(Status::Finished) => RunStatus::Finished,
            Ok(Status::Interrupted(_)) => RunStatus::Interrupted,
            // Whoever was faster goes on with the run, or the store is away.
            Err(RunError::Store(_)) => return result,
            Err(_) => RunStatus::Failed,
        };
        if let Some(recorder) = &mut self.recorder {
            recorder.stop(self.sequence, state, &self.position, status).await?;
        }
        result
    }

    async fn supersteps(
        &mut self,
        state: &mut S,
        steps: &mut Vec<StepRecord>,
    ) -> Result<Status, RunError<E>> {
        while let Some(first) = self.position.tasks.first() {
            if self.scope.drain.is_some_and(|drain| drain.load(Ordering::Relaxed)) {
                return Ok(Status::Drained);
            }
            if self.position.supersteps >= self.scope.max_supersteps {
                let exceeded = LimitExceeded::Steps(self.scope.max_supersteps);
                return Err(RunError::Limit { node: first.node.clone(), exceeded });
            }
            if let Err(exceeded) = self.scope.meter.begin(self.position.tasks.len()) {
                return Err(RunError::Limit { node: first.node.clone(), exceeded });
            }
            let mut ends = self.superstep(state, steps).await?;
            if let Some(status) = suspension(&mut ends) {
                return Ok(status);
            }
            self.advance(ends, state).await?;
        }
        Ok(Status::Finished)
    }

    /// Applies what the tasks have changed, and finds and stores what follows.
    async fn advance(
        &mut self,
        mut ends: Vec<TaskEnd<S::Update, E>>,
        state: &mut S,
    ) -> Result<(), RunError<E>> {
        if ends.len() > 1 {
            superstep::check_writes(state, &ends)?;
        }
        let next_sequence = self.sequence + 1;
        let wants_delta = self.recorder.as_ref().is_some_and(|recorder| recorder.wants_delta(next_sequence));
        let may_fail = ends.iter().any(|end| end.cause.is_some() || end.goto.is_some());
        let before = (may_fail && self.recorder.is_some()).then(|| state.clone());
        let updates = ends.iter_mut().filter_map(|end| end.update.take());
        let delta = superstep::apply(state, updates, wants_delta)?;
        let ended: Vec<Ended<'_>> = ends
            .iter()
            .map(|end| Ended { node: &end.step.node, outcome: end.step.outcome, goto: end.goto.as_deref() })
            .collect();
        let mut position = self.position.clone();
        let next = self.graph.next(&ended, state, &mut position);
        let tasks = match next {
            Ok(tasks) => tasks,
            Err(dead) => {
                // A stored run repeats this superstep when it is resumed, from the state before it.
                if let Some(before) = before {
                    *state = before;
                }
                return Err(match dead {
                    Dead::Failed(index) => failure(ends.swap_remove(index)),
                    Dead::NoEdge(node) => RunError::NoEdge { node },
                    Dead::UndeclaredRoute { node, to } => RunError::UndeclaredRoute { node, to },
                });
            }
        };
        self.position = Position {
            tasks,
            supersteps: position.supersteps + 1,
            steps: position.steps + ends.len(),
            usage: self.scope.meter.used(),
            ..position
        };
        self.sequence = next_sequence;
        if let Some(recorder) = self.recorder.as_mut().filter(|recorder| recorder.is_always()) {
            let finished = self.position.tasks.is_empty();
            let status = if finished { RunStatus::Finished } else { RunStatus::Running };
            recorder.put(next_sequence, state, delta, &self.position, status).await?;
            let event = Event::Checkpoint { sequence: next_sequence };
            self.scope.events.emit(event).await.map_err(RunError::SinkClosed)?;
        }
        Ok(())
    }
}

/// Whether the run stops because of tasks that are to go on later.
fn suspension<U, E>(ends: &mut [TaskEnd<U, E>]) -> Option<Status> {
    let mut questions = Vec::new();
    let mut suspended = false;
    for end in ends.iter_mut().filter(|end| end.is_suspended()) {
        suspended = true;
        if let Some(FailureCause::Interrupted(asked)) = end.cause.take() {
            questions.extend(asked);
        }
    }
    match (suspended, questions.is_empty()) {
        (false, _) => None,
        (true, true) => Some(Status::Drained),
        (true, false) => Some(Status::Interrupted(questions)),
    }
}

/// The run ends by the failure of this task.
fn failure<U, E: Error + 'static>(end: TaskEnd<U, E>) -> RunError<E> {
    let node = end.step.node;
    match end.cause {
        Some(FailureCause::Limit(exceeded)) => RunError::Limit { node, exceeded },
        Some(FailureCause::SinkClosed(closed)) => RunError::SinkClosed(closed),
        Some(FailureCause::Store(error)) => RunError::Store(error),
        Some(cause) => RunError::Node { node, cause },
        None => RunError::NoEdge { node },
    }
}

/// Whether nothing can follow this end but the end of the run.
fn is_fatal<S: WorkflowState, C, E>(graph: &Graph<S, C, E>, end: &TaskEnd<S::Update, E>) -> bool {
    match &end.cause {
        None | Some(FailureCause::Drained | FailureCause::Interrupted(_)) => false,
        Some(FailureCause::Limit(_) | FailureCause::SinkClosed(_) | FailureCause::Store(_)) => true,
        Some(_) => end.step.outcome == Outcome::Failed && !graph.handles_failure(&end.step.node),
    }
}
