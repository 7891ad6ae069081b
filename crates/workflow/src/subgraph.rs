//! A graph as a node of another.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::{FailureCause, RunError, SinkClosed};
use crate::event::{Event, EventSink};
use crate::graph::Graph;
use crate::limits::{Limits, Meter};
use crate::node::{Node, NodeError, NodeOutput};
use crate::run::{self, Report, Status};
use crate::scope::RunScope;
use crate::state::WorkflowState;
use crate::{StepRecord, ThreadId};

type Enter<S, T> = Box<dyn Fn(&S) -> T + Send + Sync>;
type Leave<T, U> = Box<dyn Fn(T) -> U + Send + Sync>;

/// A graph as a node. Its run has checkpoints of its own, so that it goes on where it was; its events carry the node's
/// name before theirs, as in `research/read`.
pub struct Subgraph<S: WorkflowState, T, C, E> {
    name: String,
    graph: Arc<Graph<T, C, E>>,
    enter: Enter<S, T>,
    leave: Leave<T, S::Update>,
}

impl<S: WorkflowState, T, C, E> std::fmt::Debug for Subgraph<S, T, C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subgraph")
            .field("name", &self.name)
            .field("graph", &self.graph)
            .finish_non_exhaustive()
    }
}

impl<S: WorkflowState, T, C, E> Subgraph<S, T, C, E> {
    /// `enter` makes the state that the sub-graph begins with, `leave` the update from the one that it ends with.
    pub fn new(
        name: impl Into<String>,
        graph: Arc<Graph<T, C, E>>,
        enter: impl Fn(&S) -> T + Send + Sync + 'static,
        leave: impl Fn(T) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), graph, enter: Box::new(enter), leave: Box::new(leave) }
    }
}

#[async_trait]
impl<S, T, C, E> Node<S, C, E> for Subgraph<S, T, C, E>
where
    S: WorkflowState,
    T: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(
        &self,
        state: &S,
        context: &Context<'_, C>,
    ) -> Result<NodeOutput<S::Update>, NodeError<S::Update, E>> {
        let report = self.report(state, context).await.map_err(|error| NodeError::of(cause_of(error)))?;
        match report.status {
            Status::Finished => Ok(NodeOutput::update((self.leave)(report.state))),
            // The parent stops after this superstep too, and comes back to this node.
            Status::Drained => Err(NodeError::of(FailureCause::Drained)),
            Status::Interrupted(questions) => Err(NodeError::of(FailureCause::Interrupted(questions))),
        }
    }
}

impl<S, T, C, E> Subgraph<S, T, C, E>
where
    S: WorkflowState,
    T: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    async fn report(&self, state: &S, context: &Context<'_, C>) -> Result<Report<T>, RunError<E>> {
        let services = context.services();
        let Some(task) = context.task() else {
            // A single node under test.
            let meter = Meter::new(Limits::default());
            let scope = RunScope::alone(&meter);
            let thread = ThreadId::new(self.name.clone());
            return run::start(&self.graph, services, scope, &thread, (self.enter)(state)).await;
        };
        let events = Prefixed { name: &self.name, events: task.run.events };
        let scope = RunScope { events: &events, ..task.run };
        let parent = task.thread.cloned().unwrap_or_else(|| ThreadId::new(self.name.clone()));
        let thread = parent.child(task.sequence, task.task);
        if let Some((store, _)) = scope.checkpoints
            && store.status(&thread).await?.is_some()
        {
            return run::resume(&self.graph, services, scope, &thread).await;
        }
        run::start(&self.graph, services, scope, &thread, (self.enter)(state)).await
    }
}

fn cause_of<E: Error + 'static>(error: RunError<E>) -> FailureCause<E> {
    match error {
        RunError::Node { cause, .. } => cause,
        RunError::SinkClosed(closed) => FailureCause::SinkClosed(closed),
        RunError::Store(error) => FailureCause::Store(error),
        RunError::Limit { exceeded, .. } => FailureCause::Limit(exceeded),
        other => FailureCause::Subgraph(other.to_string()),
    }
}

/// Puts the name of the sub-graph's node before those of its nodes.
struct Prefixed<'a> {
    name: &'a str,
    events: &'a dyn EventSink,
}

impl Prefixed<'_> {
    fn named(&self, node: &str) -> String {
        format!("{}/{node}", self.name)
    }
}

#[async_trait]
impl EventSink for Prefixed<'_> {
    async fn emit(&self, event: Event) -> Result<(), SinkClosed> {
        let event = match event {
            // The parent's checkpoints are the ones that its watchers count.
            Event::Checkpoint { .. } => return Ok(()),
            Event::Custom { node, data } => Event::Custom { node: self.named(&node), data },
            Event::Retrying { node, attempt, pause, note } => {
                Event::Retrying { node: self.named(&node), attempt, pause, note }
            }
            Event::StepEnded(step) => Event::StepEnded(StepRecord { node: self.named(&step.node), ..step }),
            Event::StepStarted { node } => Event::StepStarted { node: self.named(&node) },
            Event::Updated { node, update } => Event::Updated { node: self.named(&node), update },
            interrupted @ Event::Interrupted(_) => interrupted,
        };
        self.events.emit(event).await
    }

    fn wants_updates(&self) -> bool {
        self.events.wants_updates()
    }
}

impl<'a> RunScope<'a> {
    /// Without events, checkpoints and limits.
    fn alone(meter: &'a Meter) -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self {
            events: &(),
            checkpoints: None,
            meter,
            cache: None,
            drain: Some(&NEVER),
            random: &|| 0.0,
            max_supersteps: Limits::default().supersteps,
        }
    }
}
