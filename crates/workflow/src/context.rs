//! What a node gets besides the state.

use std::fmt;
use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{LimitExceeded, OnceError, SinkClosed, Suspended};
use crate::limits::RunUsage;
use crate::scope::TaskScope;

/// What a node gets besides the state.
pub struct Context<'a, C> {
    services: &'a C,
    step: usize,
    item: Option<&'a Value>,
    task: Option<&'a TaskScope<'a>>,
}

impl<C> fmt::Debug for Context<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("step", &self.step).field("item", &self.item).finish_non_exhaustive()
    }
}

impl<'a, C> Context<'a, C> {
    /// For tests of a single node; a run makes its own. Its events are dropped, and it cannot ask.
    pub fn new(services: &'a C, step: usize) -> Self {
        Self { services, step, item: None, task: None }
    }

    pub(crate) fn of_task(
        services: &'a C,
        step: usize,
        item: Option<&'a Value>,
        task: &'a TaskScope<'a>,
    ) -> Self {
        Self { services, step, item, task: Some(task) }
    }

    /// For tests of a node that a map leads to.
    #[must_use]
    pub fn with_item(self, item: &'a Value) -> Self {
        Self { item: Some(item), ..self }
    }

    /// What was given to the run.
    pub fn services(&self) -> &'a C {
        self.services
    }

    /// The number of this step in the run, from 0.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The item of a map edge that this execution is for.
    ///
    /// # Errors
    /// When it is of another shape. `None` when no map edge led here.
    pub fn item<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.item.map(T::deserialize).transpose()
    }

    pub(crate) fn item_value(&self) -> Option<&'a Value> {
        self.item
    }

    /// Reports something of the node's own to whoever watches the run. A sign of life too.
    ///
    /// # Errors
    /// Nobody receives the events any more.
    pub async fn emit(&self, data: Value) -> Result<(), SinkClosed> {
        match self.task {
            Some(task) => task.emit(data).await,
            None => Ok(()),
        }
    }

    /// A sign of life, for a node with an idle time limit.
    pub fn heartbeat(&self) {
        if let Some(task) = self.task {
            task.heartbeat();
        }
    }

    /// Counts what the node has used.
    ///
    /// # Errors
    /// When the run may use no more.
    pub fn charge(&self, used: RunUsage) -> Result<(), LimitExceeded> {
        self.task.map_or(Ok(()), |task| task.run.meter.charge(used))
    }

    /// Asks a person and returns the answer. Until there is one, the error ends this execution and the run waits,
    /// durably; then the node runs from its beginning once more. What it did before the question belongs into
    /// [`Self::once`].
    ///
    /// A node that asks several questions must ask them in the same order each time.
    ///
    /// # Errors
    /// [`Suspended::Waiting`] until somebody has called [`answer`](crate::answer).
    pub async fn ask(&self, question: Value) -> Result<Value, Suspended> {
        match self.task {
            Some(task) => task.ask(question).await,
            None => Err(Suspended::NoCheckpoints),
        }
    }

    /// Runs an effect once: when the node runs again, after an interrupt, a retry or a restart, the recorded result is
    /// returned instead. `key` names the effect within this node.
    ///
    /// An effect that returns an error must not have taken place; it runs again the next time. What is uncertain (a
    /// time limit, a broken connection) belongs into a successful result.
    ///
    /// # Errors
    /// [`OnceError::Uncertain`] when the process ended while the effect was running. It is not repeated.
    pub async fn once<T, X>(
        &self,
        key: &str,
        effect: impl Future<Output = Result<T, X>>,
    ) -> Result<Result<T, X>, OnceError>
    where
        T: Serialize + DeserializeOwned,
    {
        match self.task {
            Some(task) => task.once(key, effect).await,
            None => Ok(effect.await),
        }
    }

    pub(crate) fn task(&self) -> Option<&'a TaskScope<'a>> {
        self.task
    }
}
