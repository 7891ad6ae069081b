//! Checkpoints in memory: for tests, and for runs that need not survive their process.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;

use super::{CheckpointStore, Record, RunStatus, StoreError, TaskWrite, ThreadId};

/// Checkpoints in memory. They end with it.
#[derive(Debug, Default)]
pub struct MemoryCheckpoints {
    threads: Mutex<BTreeMap<ThreadId, Thread>>,
}

#[derive(Debug, Default)]
struct Thread {
    status: Option<RunStatus>,
    records: BTreeMap<u64, Record>,
    writes: BTreeMap<u64, HashMap<(u32, String), Value>>,
}

impl Thread {
    /// The newest snapshot at or before this checkpoint.
    fn snapshot_before(&self, sequence: u64) -> Option<u64> {
        let mut earlier = self.records.range(..=sequence).rev();
        earlier.find(|(_, record)| record.body.is_snapshot()).map(|(sequence, _)| *sequence)
    }
}

impl MemoryCheckpoints {
    /// The bytes of all states and positions.
    pub fn bytes(&self) -> usize {
        let threads = self.threads.lock();
        let records = threads.values().flat_map(|thread| thread.records.values());
        records.map(|record| record.body.bytes().len() + record.position.len()).sum()
    }
}

#[async_trait]
impl CheckpointStore for MemoryCheckpoints {
    async fn put(&self, thread: &ThreadId, record: Record, status: RunStatus) -> Result<(), StoreError> {
        let mut threads = self.threads.lock();
        let stored = threads.entry(thread.clone()).or_default();
        if stored.records.contains_key(&record.sequence) {
            return Err(StoreError::Conflict { thread: thread.to_string(), sequence: record.sequence });
        }
        stored.records.insert(record.sequence, record);
        stored.status = Some(status);
        Ok(())
    }

    async fn put_write(
        &self,
        thread: &ThreadId,
        sequence: u64,
        write: TaskWrite,
    ) -> Result<bool, StoreError> {
        let mut threads = self.threads.lock();
        let writes = threads.entry(thread.clone()).or_default().writes.entry(sequence).or_default();
        let key = (write.task, write.key);
        let new = !writes.contains_key(&key);
        if new {
            writes.insert(key, write.value);
        }
        Ok(new)
    }

    async fn remove_write(
        &self,
        thread: &ThreadId,
        sequence: u64,
        task: u32,
        key: &str,
    ) -> Result<(), StoreError> {
        let mut threads = self.threads.lock();
        if let Some(writes) = threads.get_mut(thread).and_then(|stored| stored.writes.get_mut(&sequence)) {
            writes.remove(&(task, key.to_owned()));
        }
        Ok(())
    }

    async fn writes(&self, thread: &ThreadId, sequence: u64) -> Result<Vec<TaskWrite>, StoreError> {
        let threads = self.threads.lock();
        let writes = threads.get(thread).and_then(|stored| stored.writes.get(&sequence));
        let write = |((task, key), value): (&(u32, String), &Value)| TaskWrite {
            task: *task,
            key: key.clone(),
            value: value.clone(),
        };
        Ok(writes.into_iter().flatten().map(write).collect())
    }

    async fn load(&self, thread: &ThreadId, sequence: Option<u64>) -> Result<Vec<Record>, StoreError> {
        let threads = self.threads.lock();
        let Some(stored) = threads.get(thread) else { return Ok(Vec::new()) };
        let Some(last) = sequence.or_else(|| stored.records.keys().next_back().copied()) else {
            return Ok(Vec::new());
        };
        if !stored.records.contains_key(&last) {
            return Ok(Vec::new());
        }
        let Some(first) = stored.snapshot_before(last) else { return Ok(Vec::new()) };
        Ok(stored.records.range(first..=last).map(|(_, record)| record.clone()).collect())
    }

    async fn history(&self, thread: &ThreadId) -> Result<Vec<u64>, StoreError> {
        let threads = self.threads.lock();
        Ok(threads.get(thread).map(|stored| stored.records.keys().copied().collect()).unwrap_or_default())
    }

    async fn status(&self, thread: &ThreadId) -> Result<Option<RunStatus>, StoreError> {
        Ok(self.threads.lock().get(thread).and_then(|stored| stored.status))
    }

    async fn set_status(&self, thread: &ThreadId, status: RunStatus) -> Result<(), StoreError> {
        if let Some(stored) = self.threads.lock().get_mut(thread)
            && stored.status.is_some()
        {
            stored.status = Some(status);
        }
        Ok(())
    }

    async fn threads(&self, status: RunStatus) -> Result<Vec<ThreadId>, StoreError> {
        let threads = self.threads.lock();
        let matching = threads.iter().filter(|(_, stored)| stored.status == Some(status));
        Ok(matching.map(|(thread, _)| thread.clone()).collect())
    }

    async fn prune(&self, thread: &ThreadId, keep: usize) -> Result<(), StoreError> {
        let mut threads = self.threads.lock();
        let Some(stored) = threads.get_mut(thread) else { return Ok(()) };
        let oldest_kept = stored.records.keys().rev().nth(keep.max(1) - 1).copied();
        let Some(first) = oldest_kept.and_then(|sequence| stored.snapshot_before(sequence)) else {
            return Ok(());
        };
        stored.records = stored.records.split_off(&first);
        stored.writes = stored.writes.split_off(&first);
        Ok(())
    }

    async fn delete(&self, thread: &ThreadId) -> Result<(), StoreError> {
        let prefix = format!("{thread}/");
        self.threads.lock().retain(|other, _| other != thread && !other.as_str().starts_with(&prefix));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn checkpoints_in_memory_conform() {
        super::super::check_conformance(&super::MemoryCheckpoints::default()).await.unwrap();
    }
}
