//! One superstep: all its tasks at the same time.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::task::{TaskEnd, execute};
use super::{Driver, failure, is_fatal};
use crate::checkpoint::{StoreError, ThreadId, answer_key, question_key};
use crate::error::{FailureCause, RunError};
use crate::event::StepRecord;
use crate::node::NodeError;
use crate::position::Task;
use crate::scope::{Journal, TaskScope};
use crate::state::WorkflowState;

/// The write in which the result of a task is kept until its siblings have ended.
const OUTPUT: &str = "output";

impl<S, C, E> Driver<'_, S, C, E>
where
    S: WorkflowState,
    C: Sync,
    E: Error + Send + Sync + 'static,
{
    /// Runs the tasks of the superstep to their ends, in their order. When one fails and nothing can follow, the others
    /// are dropped; what they have finished is kept for when the run is resumed.
    pub(super) async fn superstep(
        &self,
        state: &mut S,
        steps: &mut Vec<StepRecord>,
    ) -> Result<Vec<TaskEnd<S::Update, E>>, RunError<E>> {
        let mut journals = self.journals().await?;
        let thread = self.recorder.as_ref().map(super::Recorder::thread);
        let keeps_outputs = self.position.tasks.len() > 1;
        let mut fatal = {
            let state: &S = state;
            let tasks: Vec<_> = (0..)
                .zip(&self.position.tasks)
                .map(|(index, task)| {
                    let journal = journals.remove(&index).unwrap_or_default();
                    self.task(index, task, state, thread, journal, keeps_outputs)
                })
                .collect();
            let mut running = stream::iter(tasks).buffer_unordered(self.scope.meter.parallel());
            let mut ends: Vec<Option<TaskEnd<S::Update, E>>> = Vec::new();
            ends.resize_with(self.position.tasks.len(), || None);
            let mut fatal = None;
            while let Some((index, end)) = running.next().await {
                let end = end?;
                if let Some(update) = &end.update
                    && let Err(exceeded) = self.scope.meter.write(update)
                {
                    return Err(RunError::Limit { node: end.step.node, exceeded });
                }
                if !end.is_suspended() {
                    steps.push(end.step.clone());
                }
                if is_fatal(self.graph, &end) {
                    fatal = Some(end);
                    break;
                }
                if let Some(slot) = ends.get_mut(index) {
                    *slot = Some(end);
                }
            }
            match fatal {
                None => return Ok(ends.into_iter().flatten().collect()),
                Some(fatal) => fatal,
            }
        };
        // A stored run repeats this superstep when it is resumed, from the state before it.
        if let Some(update) = fatal.update.take().filter(|_| self.recorder.is_none()) {
            state.apply(update);
        }
        Err(failure(fatal))
    }

    /// What the tasks of this superstep have written before: this run was resumed, or stored just now.
    async fn journals(&self) -> Result<HashMap<u32, Journal>, RunError<E>> {
        let mut journals: HashMap<u32, Journal> = HashMap::new();
        let (Some((store, _)), Some(recorder)) = (self.scope.checkpoints, &self.recorder) else {
            return Ok(journals);
        };
        if self.resumed_at != Some(self.sequence) {
            return Ok(journals);
        }
        for write in store.writes(recorder.thread(), self.sequence).await? {
            journals.entry(write.task).or_default().insert(write.key, write.value);
        }
        Ok(journals)
    }

    async fn task(
        &self,
        index: u32,
        task: &Task,
        state: &S,
        thread: Option<&ThreadId>,
        mut journal: Journal,
        keeps_output: bool,
    ) -> (usize, Result<TaskEnd<S::Update, E>, RunError<E>>) {
        let slot = index as usize;
        if let Some(output) = journal.remove(OUTPUT) {
            let end = serde_json::from_value(output).map_err(StoreError::from);
            let end = end.map(|output| TaskEnd::finished(&task.node, output, Duration::ZERO, 0));
            return (slot, end.map_err(RunError::Store));
        }
        if let Some(question) = unanswered(&journal) {
            let end = serde_json::from_value(question).map_err(StoreError::from);
            let waiting = |interrupt| NodeError::of(FailureCause::Interrupted(vec![interrupt]));
            let end = end.map(|interrupt| TaskEnd::failed(&task.node, waiting(interrupt), Duration::ZERO, 0));
            return (slot, end.map_err(RunError::Store));
        }
        let scope = TaskScope::new(self.scope, thread, self.sequence, index, &task.node, journal);
        let step = self.position.steps + slot;
        let end = execute(self.graph, task, state, self.services, step, &scope).await;
        match end {
            Ok(end) if keeps_output && end.cause.is_none() => (slot, keep_output(end, &scope).await),
            end => (slot, end),
        }
    }
}

/// A question of the task that has no answer yet. Its node need not run before there is one.
fn unanswered(journal: &Journal) -> Option<Value> {
    (0..)
        .map_while(|number| Some((number, journal.get(&question_key(number))?)))
        .find_map(|(number, question)| (!journal.contains_key(&answer_key(number))).then(|| question.clone()))
}

/// Stores the result of a task whose siblings may yet fail.
async fn keep_output<U, E>(end: TaskEnd<U, E>, scope: &TaskScope<'_>) -> Result<TaskEnd<U, E>, RunError<E>>
where
    U: serde::Serialize,
    E: Error + 'static,
{
    if scope.run.checkpoints.is_some() {
        let output = serde_json::json!({ "update": end.update, "note": end.step.note, "goto": end.goto });
        scope.write(OUTPUT.to_owned(), output).await?;
    }
    Ok(end)
}

/// Refuses two writes of one channel without a reducer.
pub(super) fn check_writes<S: WorkflowState, E: Error + 'static>(
    state: &S,
    ends: &[TaskEnd<S::Update, E>],
) -> Result<(), RunError<E>> {
    let mut writers: HashMap<String, &str> = HashMap::new();
    for end in ends {
        for channel in end.update.iter().flat_map(|update| state.exclusive_writes(update)) {
            if let Some(first) = writers.insert(channel.clone(), &end.step.node) {
                let (first, second) = (first.to_owned(), end.step.node.clone());
                return Err(RunError::ConcurrentWrite { channel, first, second });
            }
        }
    }
    Ok(())
}

/// Applies the updates, and returns them as a JSON array if they are wanted.
pub(super) fn apply<S: WorkflowState>(
    state: &mut S,
    updates: impl Iterator<Item = S::Update>,
    wants_delta: bool,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut delta = wants_delta.then(|| vec![b'[']);
    for update in updates {
        if let Some(delta) = &mut delta {
            if delta.len() > 1 {
                delta.push(b',');
            }
            serde_json::to_writer(&mut *delta, &update)?;
        }
        state.apply(update);
    }
    if let Some(delta) = &mut delta {
        delta.push(b']');
    }
    Ok(delta)
}
