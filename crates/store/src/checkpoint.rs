//! Runs of workflows and their checkpoints.

use std::sync::Arc;

use async_trait::async_trait;
use domain::clock::Clock;
use workflow::{Body, CheckpointStore, Record, RunStatus, TaskWrite, ThreadId};

use crate::query::{execute, fetch_all, fetch_optional};
use crate::{Checkpoints, Store, StoreError};

#[derive(sqlx::FromRow)]
struct RecordRow {
    sequence: i64,
    graph: String,
    snapshot: bool,
    body: Vec<u8>,
    position: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct WriteRow {
    task: i64,
    name: String,
    value: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct StatusRow {
    status: String,
}

#[derive(sqlx::FromRow)]
struct SequenceRow {
    sequence: i64,
}

#[derive(sqlx::FromRow)]
struct IdRow {
    id: String,
}

const STATUSES: [(RunStatus, &str); 4] = [
    (RunStatus::Failed, "failed"),
    (RunStatus::Finished, "finished"),
    (RunStatus::Interrupted, "interrupted"),
    (RunStatus::Running, "running"),
];

fn name_of(status: RunStatus) -> &'static str {
    STATUSES.iter().find(|(other, _)| *other == status).map_or("failed", |(_, name)| name)
}

fn inconsistent(run: &ThreadId, what: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { table: "workflow_run", id: run.to_string(), what: what.into() }
}

impl Checkpoints<'_> {
    pub async fn put(
        &mut self,
        run: &ThreadId,
        record: &Record,
        status: RunStatus,
        now: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO workflow_checkpoint (run_id, sequence, graph, snapshot, body, position)
             VALUES ($1, $2, $3, $4, $5, $6)",
            run.as_str(),
            signed(record.sequence),
            &record.graph,
            record.body.is_snapshot(),
            record.body.bytes(),
            record.position.as_slice()
        )?;
        execute!(
            self.0,
            "INSERT INTO workflow_run (id, status, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at",
            run.as_str(),
            name_of(status),
            now
        )?;
        Ok(())
    }

    /// `false`: the task has written this key before.
    pub async fn put_write(
        &mut self,
        run: &ThreadId,
        sequence: u64,
        write: &TaskWrite,
    ) -> Result<bool, StoreError> {
        let inserted = execute!(
            self.0,
            "INSERT INTO workflow_write (run_id, sequence, task, name, value) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            run.as_str(),
            signed(sequence),
            i64::from(write.task),
            &write.key,
            write.value.to_string().into_bytes()
        )?;
        Ok(inserted == 1)
    }

    pub async fn remove_write(
        &mut self,
        run: &ThreadId,
        sequence: u64,
        task: u32,
        key: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "DELETE FROM workflow_write WHERE run_id = $1 AND sequence = $2 AND task = $3 AND name = $4",
            run.as_str(),
            signed(sequence),
            i64::from(task),
            key
        )?;
        Ok(())
    }

    pub async fn writes(&mut self, run: &ThreadId, sequence: u64) -> Result<Vec<TaskWrite>, StoreError> {
        let rows = fetch_all!(
            self.0,
            WriteRow,
            "SELECT task, name, value FROM workflow_write WHERE run_id = $1 AND sequence = $2",
            run.as_str(),
            signed(sequence)
        )?;
        let write = |row: WriteRow| {
            let task = u32::try_from(row.task).map_err(|_| inconsistent(run, "a task's index"))?;
            let value = serde_json::from_slice(&row.value).map_err(|e| inconsistent(run, e.to_string()))?;
            Ok(TaskWrite { task, key: row.name, value })
        };
        rows.into_iter().map(write).collect()
    }

    /// The newest checkpoint up to `sequence`, if it is that one, after all that it builds upon.
    pub async fn load(&mut self, run: &ThreadId, sequence: Option<u64>) -> Result<Vec<Record>, StoreError> {
        let last = sequence.map_or(i64::MAX, signed);
        let rows = fetch_all!(
            self.0,
            RecordRow,
            "SELECT sequence, graph, snapshot, body, position FROM workflow_checkpoint
             WHERE run_id = $1 AND sequence <= $2 AND sequence >=
             (SELECT MAX(sequence) FROM workflow_checkpoint WHERE run_id = $1 AND sequence <= $2 AND snapshot)
             ORDER BY sequence",
            run.as_str(),
            last
        )?;
        if sequence.is_some() && rows.last().map(|row| row.sequence) != Some(last) {
            return Ok(Vec::new());
        }
        let record = |row: RecordRow| {
            let sequence = unsigned(run, row.sequence)?;
            let body = if row.snapshot { Body::Snapshot(row.body) } else { Body::Delta(row.body) };
            Ok(Record { sequence, graph: row.graph, body, position: row.position })
        };
        rows.into_iter().map(record).collect()
    }

    pub async fn history(&mut self, run: &ThreadId) -> Result<Vec<u64>, StoreError> {
        let rows = fetch_all!(
            self.0,
            SequenceRow,
            "SELECT sequence FROM workflow_checkpoint WHERE run_id = $1 ORDER BY sequence",
            run.as_str()
        )?;
        rows.into_iter().map(|row| unsigned(run, row.sequence)).collect()
    }

    pub async fn status(&mut self, run: &ThreadId) -> Result<Option<RunStatus>, StoreError> {
        let row = fetch_optional!(
            self.0,
            StatusRow,
            "SELECT status FROM workflow_run WHERE id = $1",
            run.as_str()
        )?;
        let status = |row: StatusRow| {
            let found = STATUSES.iter().find(|(_, name)| *name == row.status);
            found.map(|(status, _)| *status).ok_or_else(|| inconsistent(run, row.status))
        };
        row.map(status).transpose()
    }

    pub async fn set_status(
        &mut self,
        run: &ThreadId,
        status: RunStatus,
        now: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE workflow_run SET status = $1, updated_at = $2 WHERE id = $3",
            name_of(status),
            now,
            run.as_str()
        )?;
        Ok(())
    }

    /// In the order of their names.
    pub async fn with_status(&mut self, status: RunStatus) -> Result<Vec<ThreadId>, StoreError> {
        let rows =
            fetch_all!(self.0, IdRow, "SELECT id FROM workflow_run WHERE status = $1", name_of(status))?;
        let mut runs: Vec<ThreadId> = rows.into_iter().map(|row| ThreadId::new(row.id)).collect();
        // Databases order texts by rules of their own.
        runs.sort();
        Ok(runs)
    }

    pub async fn prune(&mut self, run: &ThreadId, keep: usize) -> Result<(), StoreError> {
        let first = fetch_all!(
            self.0,
            SequenceRow,
            "SELECT sequence FROM workflow_checkpoint WHERE run_id = $1 AND snapshot AND sequence <=
             (SELECT MIN(sequence) FROM (SELECT sequence FROM workflow_checkpoint WHERE run_id = $1
             ORDER BY sequence DESC LIMIT $2) newest)
             ORDER BY sequence DESC LIMIT 1",
            run.as_str(),
            i64::try_from(keep.max(1)).unwrap_or(i64::MAX)
        )?;
        let Some(first) = first.first() else { return Ok(()) };
        for sql in [
            "DELETE FROM workflow_checkpoint WHERE run_id = $1 AND sequence < $2",
            "DELETE FROM workflow_write WHERE run_id = $1 AND sequence < $2",
        ] {
            execute!(self.0, sql, run.as_str(), first.sequence)?;
        }
        Ok(())
    }

    /// With the runs of sub-graphs, whose names begin with this one's and a slash.
    pub async fn delete(&mut self, run: &ThreadId) -> Result<(), StoreError> {
        let prefix = format!("{run}/");
        for sql in [
            "DELETE FROM workflow_write WHERE run_id = $1 OR substr(run_id, 1, $3) = $2",
            "DELETE FROM workflow_checkpoint WHERE run_id = $1 OR substr(run_id, 1, $3) = $2",
            "DELETE FROM workflow_run WHERE id = $1 OR substr(id, 1, $3) = $2",
        ] {
            let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
            execute!(self.0, sql, run.as_str(), &prefix, length)?;
        }
        Ok(())
    }

    /// Deletes the runs that ended, or wait, since before `before`, with those of their sub-graphs.
    pub async fn delete_older(&mut self, before: i64) -> Result<u64, StoreError> {
        let rows = fetch_all!(
            self.0,
            IdRow,
            "SELECT id FROM workflow_run WHERE status <> 'running' AND updated_at < $1",
            before
        )?;
        let mut deleted = 0;
        for row in rows {
            self.delete(&ThreadId::new(row.id)).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn unsigned(run: &ThreadId, sequence: i64) -> Result<u64, StoreError> {
    u64::try_from(sequence).map_err(|_| inconsistent(run, format!("the sequence number {sequence}")))
}

/// The checkpoints of workflows in the database. Each call is a transaction.
#[derive(Debug, Clone)]
pub struct DatabaseCheckpoints {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl DatabaseCheckpoints {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

fn failed(error: StoreError) -> workflow::StoreError {
    workflow::StoreError::Store(Box::new(error))
}

/// Runs a method of [`Checkpoints`] in a transaction: `write` commits, `read` cannot change anything.
macro_rules! in_transaction {
    (write $store:expr, $method:ident($($arg:expr),*)) => {
        async {
            let mut tx = $store.begin().await?;
            let result = tx.checkpoints().$method($($arg),*).await?;
            tx.commit().await?;
            Ok(result)
        }
        .await
    };
    (read $store:expr, $method:ident($($arg:expr),*)) => {
        async { $store.read().await?.checkpoints().$method($($arg),*).await }.await.map_err(failed)
    };
}

#[async_trait]
impl CheckpointStore for DatabaseCheckpoints {
    async fn put(
        &self,
        run: &ThreadId,
        record: Record,
        status: RunStatus,
    ) -> Result<(), workflow::StoreError> {
        let now = self.clock.unix();
        in_transaction!(write self.store, put(run, &record, status, now)).map_err(|error| match error {
            StoreError::Duplicate => {
                workflow::StoreError::Conflict { thread: run.to_string(), sequence: record.sequence }
            }
            error => failed(error),
        })
    }

    async fn put_write(
        &self,
        run: &ThreadId,
        sequence: u64,
        write: TaskWrite,
    ) -> Result<bool, workflow::StoreError> {
        in_transaction!(write self.store, put_write(run, sequence, &write)).map_err(failed)
    }

    async fn remove_write(
        &self,
        run: &ThreadId,
        sequence: u64,
        task: u32,
        key: &str,
    ) -> Result<(), workflow::StoreError> {
        in_transaction!(write self.store, remove_write(run, sequence, task, key)).map_err(failed)
    }

    async fn writes(&self, run: &ThreadId, sequence: u64) -> Result<Vec<TaskWrite>, workflow::StoreError> {
        in_transaction!(read self.store, writes(run, sequence))
    }

    async fn load(&self, run: &ThreadId, sequence: Option<u64>) -> Result<Vec<Record>, workflow::StoreError> {
        in_transaction!(read self.store, load(run, sequence))
    }

    async fn history(&self, run: &ThreadId) -> Result<Vec<u64>, workflow::StoreError> {
        in_transaction!(read self.store, history(run))
    }

    async fn status(&self, run: &ThreadId) -> Result<Option<RunStatus>, workflow::StoreError> {
        in_transaction!(read self.store, status(run))
    }

    async fn set_status(&self, run: &ThreadId, status: RunStatus) -> Result<(), workflow::StoreError> {
        let now = self.clock.unix();
        in_transaction!(write self.store, set_status(run, status, now)).map_err(failed)
    }

    async fn threads(&self, status: RunStatus) -> Result<Vec<ThreadId>, workflow::StoreError> {
        in_transaction!(read self.store, with_status(status))
    }

    async fn prune(&self, run: &ThreadId, keep: usize) -> Result<(), workflow::StoreError> {
        in_transaction!(write self.store, prune(run, keep)).map_err(failed)
    }

    async fn delete(&self, run: &ThreadId) -> Result<(), workflow::StoreError> {
        in_transaction!(write self.store, delete(run)).map_err(failed)
    }
}
