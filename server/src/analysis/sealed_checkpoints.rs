//! Checkpoints of runs in the database, encrypted with the data key: a state holds the text of a screen.
//!
//! A value is bound to its run and its place in it. Names of runs, sequence numbers and statuses are in plain text.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use store::DatabaseCheckpoints;
use workflow::{Body, CheckpointStore, Record, RunStatus, StoreError, TaskWrite, ThreadId};

use crate::environment::Environment;

#[derive(Debug, Clone)]
pub(super) struct SealedCheckpoints {
    env: Arc<Environment>,
    inner: DatabaseCheckpoints,
}

impl SealedCheckpoints {
    pub fn new(env: Arc<Environment>) -> Self {
        let inner = DatabaseCheckpoints::new(env.store.clone(), Arc::clone(&env.clock));
        Self { env, inner }
    }

    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.env.vault.seal(context, plain, self.env.random.as_ref()).map_err(failed)
    }

    fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(std::mem::take(&mut *self.env.vault.open(context, sealed).map_err(failed)?))
    }

    fn open_record(&self, thread: &ThreadId, record: Record) -> Result<Record, StoreError> {
        let body_context = context("state", thread, record.sequence);
        let position_context = context("position", thread, record.sequence);
        Ok(Record {
            body: match record.body {
                Body::Delta(bytes) => Body::Delta(self.open(&body_context, &bytes)?),
                Body::Snapshot(bytes) => Body::Snapshot(self.open(&body_context, &bytes)?),
            },
            position: self.open(&position_context, &record.position)?,
            ..record
        })
    }
}

fn context(what: &str, thread: &ThreadId, sequence: u64) -> String {
    format!("checkpoint.{what}:{thread}:{sequence}")
}

fn write_context(thread: &ThreadId, sequence: u64, task: u32, key: &str) -> String {
    format!("checkpoint.write:{thread}:{sequence}:{task}:{key}")
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Store(Box::new(error))
}

#[async_trait]
impl CheckpointStore for SealedCheckpoints {
    async fn put(&self, thread: &ThreadId, record: Record, status: RunStatus) -> Result<(), StoreError> {
        let body_context = context("state", thread, record.sequence);
        let position = self.seal(&context("position", thread, record.sequence), &record.position)?;
        let body = match record.body {
            Body::Delta(bytes) => Body::Delta(self.seal(&body_context, &bytes)?),
            Body::Snapshot(bytes) => Body::Snapshot(self.seal(&body_context, &bytes)?),
        };
        self.inner.put(thread, Record { body, position, ..record }, status).await
    }

    async fn put_write(
        &self,
        thread: &ThreadId,
        sequence: u64,
        write: TaskWrite,
    ) -> Result<bool, StoreError> {
        let context = write_context(thread, sequence, write.task, &write.key);
        let sealed = self.seal(&context, &serde_json::to_vec(&write.value)?)?;
        let value = Value::String(STANDARD.encode(sealed));
        self.inner.put_write(thread, sequence, TaskWrite { value, ..write }).await
    }

    async fn remove_write(
        &self,
        thread: &ThreadId,
        sequence: u64,
        task: u32,
        key: &str,
    ) -> Result<(), StoreError> {
        self.inner.remove_write(thread, sequence, task, key).await
    }

    async fn writes(&self, thread: &ThreadId, sequence: u64) -> Result<Vec<TaskWrite>, StoreError> {
        let open = |write: TaskWrite| {
            let context = write_context(thread, sequence, write.task, &write.key);
            let sealed = STANDARD.decode(write.value.as_str().unwrap_or_default()).map_err(failed)?;
            let value = serde_json::from_slice(&self.open(&context, &sealed)?)?;
            Ok(TaskWrite { value, ..write })
        };
        self.inner.writes(thread, sequence).await?.into_iter().map(open).collect()
    }

    async fn load(&self, thread: &ThreadId, sequence: Option<u64>) -> Result<Vec<Record>, StoreError> {
        let records = self.inner.load(thread, sequence).await?;
        records.into_iter().map(|record| self.open_record(thread, record)).collect()
    }

    async fn history(&self, thread: &ThreadId) -> Result<Vec<u64>, StoreError> {
        self.inner.history(thread).await
    }

    async fn status(&self, thread: &ThreadId) -> Result<Option<RunStatus>, StoreError> {
        self.inner.status(thread).await
    }

    async fn set_status(&self, thread: &ThreadId, status: RunStatus) -> Result<(), StoreError> {
        self.inner.set_status(thread, status).await
    }

    async fn threads(&self, status: RunStatus) -> Result<Vec<ThreadId>, StoreError> {
        self.inner.threads(status).await
    }

    async fn prune(&self, thread: &ThreadId, keep: usize) -> Result<(), StoreError> {
        self.inner.prune(thread, keep).await
    }

    async fn delete(&self, thread: &ThreadId) -> Result<(), StoreError> {
        self.inner.delete(thread).await
    }
}
