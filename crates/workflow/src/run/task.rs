//! One execution of a node: cache, attempts, time limits.

use std::any::Any;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, sleep, sleep_until};

use crate::context::Context;
use crate::edge::Outcome;
use crate::error::{FailureCause, RunError, SinkClosed};
use crate::event::{Event, StepRecord};
use crate::graph::{Graph, NodeEntry};
use crate::node::{NodeError, NodeOutput};
use crate::position::Task;
use crate::scope::TaskScope;
use crate::state::WorkflowState;

/// A task that has ended.
pub(crate) struct TaskEnd<U, E> {
    pub step: StepRecord,
    pub update: Option<U>,
    pub goto: Option<Vec<String>>,
    /// Set when it failed or waits.
    pub cause: Option<FailureCause<E>>,
}

impl<U, E> TaskEnd<U, E> {
    pub fn finished(node: &str, output: NodeOutput<U>, duration: Duration, attempts: u32) -> Self {
        let NodeOutput { update, note, goto } = output;
        let step = StepRecord { node: node.to_owned(), outcome: Outcome::Finished, duration, note, attempts };
        Self { step, update, goto, cause: None }
    }

    pub fn failed(node: &str, error: NodeError<U, E>, duration: Duration, attempts: u32) -> Self {
        let NodeError { note, update, cause } = error;
        let step = StepRecord {
            node: node.to_owned(),
            outcome: Outcome::Failed,
            duration,
            note: Some(note),
            attempts,
        };
        Self { step, update, goto: None, cause: Some(cause) }
    }

    /// Whether it is to go on later: it waits for an answer, or was stored for a restart.
    pub fn is_suspended(&self) -> bool {
        matches!(self.cause, Some(FailureCause::Drained | FailureCause::Interrupted(_)))
    }
}

/// Runs a task to its end, and reports its beginning and end.
pub(crate) async fn execute<S, C, E>(
    graph: &Graph<S, C, E>,
    task: &Task,
    state: &S,
    services: &C,
    step: usize,
    scope: &TaskScope<'_>,
) -> Result<TaskEnd<S::Update, E>, RunError<E>>
where
    S: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    let Some(entry) = graph.entry(&task.node) else {
        return Err(RunError::NoEdge { node: task.node.clone() });
    };
    let events = scope.run.events;
    let closed = RunError::SinkClosed;
    events.emit(Event::StepStarted { node: task.node.clone() }).await.map_err(closed)?;
    let since = Instant::now();
    let key = scope.run.cache.and_then(|cache| Some((cache, entry.node.cache_key(state)?)));
    if let Some((cache, key)) = &key
        && let Some(output) = cache.get(&task.node, key).await
        && let Ok(output) = serde_json::from_value(output)
    {
        return reported(TaskEnd::finished(&task.node, output, since.elapsed(), 0), scope).await;
    }
    let context = Context::of_task(services, step, task.item.as_ref(), scope);
    let mut attempt = 1;
    let end = loop {
        scope.begin_attempt();
        match run_once(entry, state, &context, scope).await {
            Ok(output) => {
                if let Some((cache, key)) = &key
                    && let Ok(value) = serde_json::to_value(&output)
                {
                    cache.put(&task.node, key, value).await;
                }
                break TaskEnd::finished(&task.node, output, since.elapsed(), attempt);
            }
            Err(error) => {
                let retry = entry.policy.retry.as_ref().filter(|retry| retry.allows(attempt, &error.cause));
                let Some(retry) = retry else {
                    break TaskEnd::failed(&task.node, error, since.elapsed(), attempt);
                };
                let pause = retry.pause(attempt, (scope.run.random)());
                attempt += 1;
                let event = Event::Retrying { node: task.node.clone(), attempt, pause, note: error.note };
                events.emit(event).await.map_err(closed)?;
                sleep(pause).await;
            }
        }
    };
    if let Some(cause) = end.cause.as_ref().filter(|_| !end.is_suspended()) {
        let error = cause as &dyn Error;
        tracing::warn!(workflow = graph.name, node = task.node, error, "a node of a workflow failed");
    }
    reported(end, scope).await
}

/// Reports the end of a step. One that is suspended has not ended; its question, if it has one, was reported.
async fn reported<U, E>(end: TaskEnd<U, E>, scope: &TaskScope<'_>) -> Result<TaskEnd<U, E>, RunError<E>>
where
    U: serde::Serialize,
    E: Error + 'static,
{
    if end.is_suspended() {
        return Ok(end);
    }
    let events = scope.run.events;
    if events.wants_updates()
        && let Some(update) = &end.update
        && let Ok(update) = serde_json::to_value(update)
    {
        let event = Event::Updated { node: end.step.node.clone(), update };
        events.emit(event).await.map_err(RunError::SinkClosed)?;
    }
    match events.emit(Event::StepEnded(end.step.clone())).await {
        Ok(()) => Ok(end),
        Err(closed @ SinkClosed) => Err(RunError::SinkClosed(closed)),
    }
}

/// One attempt, within its time limits. A panic is a failure like any other.
async fn run_once<S, C, E>(
    entry: &NodeEntry<S, C, E>,
    state: &S,
    context: &Context<'_, C>,
    scope: &TaskScope<'_>,
) -> Result<NodeOutput<S::Update>, NodeError<S::Update, E>>
where
    S: WorkflowState,
    C: Sync,
{
    let mut run = AssertUnwindSafe(entry.node.run(state, context)).catch_unwind();
    let (limit, idle_limit) = (entry.policy.timeout, entry.policy.idle_timeout);
    let began = Instant::now();
    loop {
        let deadline = limit.map(|limit| began + limit);
        let silent = idle_limit.map(|limit| scope.last_sign_of_life() + limit);
        tokio::select! {
            biased;
            result = &mut run => {
                return result.unwrap_or_else(|panic| Err(NodeError::of(FailureCause::Panicked(words_of(&*panic)))));
            }
            limit = expired(deadline, limit) => return Err(NodeError::of(FailureCause::TimedOut(limit))),
            limit = expired(silent, idle_limit) => {
                if scope.last_sign_of_life() + limit <= Instant::now() {
                    return Err(NodeError::of(FailureCause::Idle(limit)));
                }
            }
        }
    }
}

/// Waits until the deadline, for ever without one. Returns the limit that it came from.
async fn expired(deadline: Option<Instant>, limit: Option<Duration>) -> Duration {
    match (deadline, limit) {
        (Some(deadline), Some(limit)) => {
            sleep_until(deadline).await;
            limit
        }
        _ => std::future::pending().await,
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
