//! Checkpoints: what is stored of a run, so that it can go on after a restart, wait for a person, and be replayed.
//!
//! A checkpoint is the state after a superstep and the tasks of the next one. Most hold only the updates since the one
//! before (a *delta*); every 64th holds the whole state, which bounds what has to be loaded. Beside them stand the
//! *writes* of the tasks that run after a checkpoint: results of those that finished before a sibling failed, effects
//! that took place, questions and their answers.

mod conformance;
mod memory;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use conformance::check as check_conformance;
pub use memory::MemoryCheckpoints;

/// Names a run. A sub-graph's run has its own, derived from its parent's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreadId(String);

impl ThreadId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The run of a sub-graph that this task of the run calls.
    pub(crate) fn child(&self, sequence: u64, task: u32) -> Self {
        Self(format!("{}/{sequence}.{task}", self.0))
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When checkpoints are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After each superstep, before the next one begins. A run survives the end of the process.
    Always,
    /// Where the run ends or waits. Nothing is stored of a run whose process ends before.
    AtEnd,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    Failed,
    Finished,
    /// Waits for an answer.
    Interrupted,
    /// Is running, or was when its process ended.
    Running,
}

/// A stored checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How many supersteps were taken before.
    pub sequence: u64,
    /// Name and version of the graph.
    pub graph: String,
    pub body: Body,
    /// The tasks of the next superstep and what the edges have counted, as JSON.
    pub position: Vec<u8>,
}

/// The state at a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The updates since the checkpoint before, as a JSON array.
    Delta(Vec<u8>),
    /// The whole state, as JSON.
    Snapshot(Vec<u8>),
}

impl Body {
    pub fn is_snapshot(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Delta(bytes) | Self::Snapshot(bytes) => bytes,
        }
    }
}

/// Something that a task of the next superstep has to remember. A key is written once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskWrite {
    /// The index of the task among those of the checkpoint.
    pub task: u32,
    pub key: String,
    pub value: Value,
}

/// A question that a node waits to have answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupt {
    /// The run whose node asks: the one that was started, or a sub-graph's.
    pub thread: ThreadId,
    /// Unique in its run.
    pub id: String,
    pub node: String,
    pub question: Value,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Somebody else was first; that answer counts.
    Already,
    Recorded,
    /// Nothing of this name was asked.
    Unknown,
}

/// A checkpoint store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has gone on with this run.
    #[error("the checkpoint {sequence} of {thread} exists already")]
    Conflict { thread: String, sequence: u64 },
    #[error("the stored run cannot be read")]
    Invalid(#[from] serde_json::Error),
    #[error("the checkpoint store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where checkpoints are stored. [`check_conformance`] tests an implementation.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Stores a checkpoint and the status of its run, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the run has a checkpoint of this sequence number; nothing is changed then.
    async fn put(&self, thread: &ThreadId, record: Record, status: RunStatus) -> Result<(), StoreError>;

    /// Stores a write of a task. `false`: its key is there already, and nothing is changed.
    async fn put_write(&self, thread: &ThreadId, sequence: u64, write: TaskWrite)
    -> Result<bool, StoreError>;

    /// Removes a write, so that its key can be written again.
    async fn remove_write(
        &self,
        thread: &ThreadId,
        sequence: u64,
        task: u32,
        key: &str,
    ) -> Result<(), StoreError>;

    /// The writes of the tasks after this checkpoint, in any order.
    async fn writes(&self, thread: &ThreadId, sequence: u64) -> Result<Vec<TaskWrite>, StoreError>;

    /// The checkpoint of this sequence number, or the newest, preceded by all that it builds upon: the first one is a
    /// snapshot. Empty: there is none.
    async fn load(&self, thread: &ThreadId, sequence: Option<u64>) -> Result<Vec<Record>, StoreError>;

    /// The sequence numbers of a run's checkpoints, in their order.
    async fn history(&self, thread: &ThreadId) -> Result<Vec<u64>, StoreError>;

    /// `None`: there is no such run.
    async fn status(&self, thread: &ThreadId) -> Result<Option<RunStatus>, StoreError>;

    /// Does nothing when there is no such run.
    async fn set_status(&self, thread: &ThreadId, status: RunStatus) -> Result<(), StoreError>;

    /// All runs with this status, in the order of their names.
    async fn threads(&self, status: RunStatus) -> Result<Vec<ThreadId>, StoreError>;

    /// Removes the checkpoints and writes that none of the newest `keep` checkpoints needs.
    async fn prune(&self, thread: &ThreadId, keep: usize) -> Result<(), StoreError>;

    /// Removes a run and those of its sub-graphs.
    async fn delete(&self, thread: &ThreadId) -> Result<(), StoreError>;
}

const ANSWER: &str = "answer:";
const QUESTION: &str = "question:";

pub(crate) fn answer_key(number: u32) -> String {
    format!("{ANSWER}{number}")
}

pub(crate) fn question_key(number: u32) -> String {
    format!("{QUESTION}{number}")
}

/// The questions of a run that nobody has answered. A sub-graph's are those of its own thread.
pub async fn open_questions(
    store: &dyn CheckpointStore,
    thread: &ThreadId,
) -> Result<Vec<Interrupt>, StoreError> {
    let Some(newest) = store.history(thread).await?.last().copied() else { return Ok(Vec::new()) };
    let writes = store.writes(thread, newest).await?;
    let answered = |task: u32, number: &str| {
        let key = format!("{ANSWER}{number}");
        writes.iter().any(|write| write.task == task && write.key == key)
    };
    let mut open = Vec::new();
    for write in &writes {
        if let Some(number) = write.key.strip_prefix(QUESTION)
            && !answered(write.task, number)
        {
            open.push(serde_json::from_value(write.value.clone())?);
        }
    }
    open.sort_by(|a: &Interrupt, b: &Interrupt| a.id.cmp(&b.id));
    Ok(open)
}

/// Answers a question. The first answer counts, whoever else answers at the same time. The run goes on when it is
/// resumed.
pub async fn answer(
    store: &dyn CheckpointStore,
    thread: &ThreadId,
    id: &str,
    value: Value,
) -> Result<Answered, StoreError> {
    let mut parts = id.split('.');
    let mut next = || parts.next();
    let (Some(sequence), Some(task), Some(number), None) = (next(), next(), next(), next()) else {
        return Ok(Answered::Unknown);
    };
    let (Ok(sequence), Ok(task), Ok(number)) = (sequence.parse(), task.parse(), number.parse()) else {
        return Ok(Answered::Unknown);
    };
    let writes = store.writes(thread, sequence).await?;
    let question = question_key(number);
    if !writes.iter().any(|write| write.task == task && write.key == question) {
        return Ok(Answered::Unknown);
    }
    let write = TaskWrite { task, key: answer_key(number), value };
    let recorded = store.put_write(thread, sequence, write).await?;
    Ok(if recorded { Answered::Recorded } else { Answered::Already })
}
