//! What one execution of a node has at hand, and remembers.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::checkpoint::{
    CheckpointStore, Durability, Interrupt, TaskWrite, ThreadId, answer_key, question_key,
};
use crate::error::{OnceError, SinkClosed, Suspended};
use crate::event::{Event, EventSink};
use crate::limits::Meter;

/// The writes of one task, by key.
pub(crate) type Journal = HashMap<String, Value>;

/// What a run and those of its sub-graphs share.
#[derive(Clone, Copy)]
pub(crate) struct RunScope<'a> {
    pub events: &'a dyn EventSink,
    pub checkpoints: Option<(&'a dyn CheckpointStore, Durability)>,
    pub meter: &'a Meter,
    pub cache: Option<&'a dyn Cache>,
    pub drain: Option<&'a AtomicBool>,
    pub random: &'a (dyn Fn() -> f64 + Send + Sync),
    pub max_supersteps: u64,
}

/// One task of a run.
pub(crate) struct TaskScope<'a> {
    pub run: RunScope<'a>,
    pub thread: Option<&'a ThreadId>,
    pub sequence: u64,
    pub task: u32,
    node: &'a str,
    journal: Mutex<Journal>,
    asked: AtomicU32,
    last_sign_of_life: Mutex<Instant>,
}

impl<'a> TaskScope<'a> {
    pub fn new(
        run: RunScope<'a>,
        thread: Option<&'a ThreadId>,
        sequence: u64,
        task: u32,
        node: &'a str,
        journal: Journal,
    ) -> Self {
        Self {
            run,
            thread,
            sequence,
            task,
            node,
            journal: Mutex::new(journal),
            asked: AtomicU32::new(0),
            last_sign_of_life: Mutex::new(Instant::now()),
        }
    }

    /// The node runs from its beginning, and asks from its first question.
    pub fn begin_attempt(&self) {
        self.asked.store(0, Ordering::Relaxed);
        self.heartbeat();
    }

    pub fn heartbeat(&self) {
        *self.last_sign_of_life.lock() = Instant::now();
    }

    pub fn last_sign_of_life(&self) -> Instant {
        *self.last_sign_of_life.lock()
    }

    pub async fn emit(&self, data: Value) -> Result<(), SinkClosed> {
        self.heartbeat();
        self.run.events.emit(Event::Custom { node: self.node.to_owned(), data }).await
    }

    /// Stores a write of this task, if the run is stored at all. `false`: its key is there already.
    pub async fn write(&self, key: String, value: Value) -> Result<bool, crate::StoreError> {
        if let (Some((store, _)), Some(thread)) = (self.run.checkpoints, self.thread) {
            let write = TaskWrite { task: self.task, key: key.clone(), value: value.clone() };
            if !store.put_write(thread, self.sequence, write).await? {
                return Ok(false);
            }
        }
        Ok(self.journal.lock().insert(key, value).is_none())
    }

    async fn remove(&self, key: &str) -> Result<(), crate::StoreError> {
        if let (Some((store, _)), Some(thread)) = (self.run.checkpoints, self.thread) {
            store.remove_write(thread, self.sequence, self.task, key).await?;
        }
        self.journal.lock().remove(key);
        Ok(())
    }

    fn recorded(&self, key: &str) -> Option<Value> {
        self.journal.lock().get(key).cloned()
    }

    pub async fn ask(&self, question: Value) -> Result<Value, Suspended> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = self.recorded(&answer_key(number)) {
            return Ok(answer);
        }
        let (Some(thread), Some(_)) = (self.thread, self.run.checkpoints) else {
            return Err(Suspended::NoCheckpoints);
        };
        let id = format!("{}.{}.{number}", self.sequence, self.task);
        let interrupt = Interrupt { thread: thread.clone(), id, node: self.node.to_owned(), question };
        let value = serde_json::to_value(&interrupt).map_err(crate::StoreError::from)?;
        if self.recorded(&question_key(number)).is_none() && self.write(question_key(number), value).await? {
            self.run.events.emit(Event::Interrupted(interrupt.clone())).await?;
        }
        Err(Suspended::Waiting(interrupt))
    }

    pub async fn once<T, X>(
        &self,
        key: &str,
        effect: impl Future<Output = Result<T, X>>,
    ) -> Result<Result<T, X>, OnceError>
    where
        T: Serialize + DeserializeOwned,
    {
        let (began, done) = (format!("began:{key}"), format!("done:{key}"));
        if let Some(result) = self.recorded(&done) {
            return Ok(Ok(serde_json::from_value(result).map_err(crate::StoreError::from)?));
        }
        if !self.write(began.clone(), Value::Null).await? {
            return Err(OnceError::Uncertain { key: key.to_owned() });
        }
        match effect.await {
            Ok(result) => {
                let value = serde_json::to_value(&result).map_err(crate::StoreError::from)?;
                self.write(done, value).await?;
                Ok(Ok(result))
            }
            Err(error) => {
                self.remove(&began).await?;
                Ok(Err(error))
            }
        }
    }
}
