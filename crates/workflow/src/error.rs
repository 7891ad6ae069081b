//! Why a graph was refused, or a run ended without reaching the end.

use std::error::Error;
use std::time::Duration;

use crate::checkpoint::{Interrupt, StoreError};

/// Why a graph was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("the nodes {0:?} can follow each other without bound")]
    Cycle(Vec<String>),
    #[error("the edge from {from} to {to} is never taken, because one before it always is")]
    DeadEdge { from: String, to: String },
    #[error("two nodes are called {0}")]
    DuplicateNode(String),
    #[error("the graph has no nodes")]
    Empty,
    #[error("a join that leads to {0} has no nodes to wait for")]
    EmptyJoin(String),
    #[error("{0} has no edge that is taken whenever no other fits")]
    NoDefaultEdge(String),
    #[error("the end cannot be reached from {0}")]
    NoPathToEnd(String),
    #[error("no node can be called {0}")]
    ReservedName(String),
    #[error("an edge names {0}, which is no node")]
    UnknownNode(String),
    #[error("{0} can never be reached")]
    Unreachable(String),
}

/// Why a run ended before the end.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E: Error + 'static> {
    /// Two nodes of one superstep wrote a channel that has no reducer.
    #[error("{first} and {second} wrote the channel {channel} at the same time, and it has no reducer")]
    ConcurrentWrite { channel: String, first: String, second: String },
    /// The stored run was made by another version of the graph, and can go on in that one only.
    #[error("the run belongs to {stored}, and this is {running}")]
    GraphVersion { stored: String, running: String },
    #[error("before {node} ran")]
    Limit {
        node: String,
        #[source]
        exceeded: LimitExceeded,
    },
    /// [`GraphBuilder::build`](crate::GraphBuilder::build) refuses graphs in which this could happen.
    #[error("no edge fits after {node} has finished")]
    NoEdge { node: String },
    #[error("the node {node} failed")]
    Node {
        node: String,
        #[source]
        cause: FailureCause<E>,
    },
    /// Nobody receives the run's events any more.
    #[error("the run's events could not be delivered")]
    SinkClosed(#[source] SinkClosed),
    #[error("the run's checkpoints could not be used")]
    Store(#[from] StoreError),
    /// A node routed to one that no [`GraphBuilder::add_command`](crate::GraphBuilder::add_command) declares for it,
    /// or more often than was declared.
    #[error("{node} may not go to {to}")]
    UndeclaredRoute { node: String, to: String },
    #[error("there is no run {0}, or no such checkpoint of it")]
    UnknownThread(String),
}

/// Why a node failed.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause<E> {
    /// The process is about to end; a sub-graph was stored where it was.
    #[error("stopped before the process ends")]
    Drained,
    /// It gave no sign of life: no event, no [`Context::heartbeat`](crate::Context::heartbeat).
    #[error("no sign of life for {0:?}")]
    Idle(Duration),
    /// It waits for an answer. Not a failure: the run ends as [`Status::Interrupted`](crate::Status::Interrupted).
    #[error("waiting for an answer")]
    Interrupted(Vec<Interrupt>),
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    #[error("only a run with checkpoints can wait for an answer")]
    NoCheckpoints,
    #[error(transparent)]
    Node(E),
    #[error("panicked: {0}")]
    Panicked(String),
    #[error(transparent)]
    SinkClosed(SinkClosed),
    #[error(transparent)]
    Store(StoreError),
    /// A sub-graph could not be run to its end.
    #[error("{0}")]
    Subgraph(String),
    #[error("took longer than {0:?}")]
    TimedOut(Duration),
    /// The effect began before the process ended, and nobody knows whether it took place.
    #[error("the effect {key} began once before, and it is not known how it ended")]
    Uncertain { key: String },
}

impl<E> FailureCause<E> {
    /// A few words for whoever watches the run; a node's own failure has words of its own.
    pub(crate) fn note(&self) -> String {
        match self {
            Self::Drained => "stopped for a restart".to_owned(),
            Self::Idle(limit) => format!("gave no sign of life for {} s", limit.as_secs_f64()),
            Self::Interrupted(_) => "waits for an answer".to_owned(),
            Self::Limit(exceeded) => exceeded.to_string(),
            Self::NoCheckpoints => "cannot wait for an answer here".to_owned(),
            Self::Node(_) => "failed".to_owned(),
            Self::Panicked(_) => "stopped unexpectedly".to_owned(),
            Self::SinkClosed(_) => "nobody receives the events any more".to_owned(),
            Self::Store(_) => "the run could not be stored".to_owned(),
            Self::Subgraph(words) => words.clone(),
            Self::TimedOut(limit) => format!("took longer than {} s", limit.as_secs_f64()),
            Self::Uncertain { .. } => "may have been done before".to_owned(),
        }
    }
}

/// A limit of the run was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    #[error("the run would write more than {0} bytes")]
    Bytes(u64),
    #[error("the run would ask models more than {0} times")]
    Calls(u64),
    #[error("the run would cost more than {0} millionths")]
    Cost(u64),
    #[error("the run would take more than {0} steps")]
    Steps(u64),
    #[error("the run would execute nodes more than {0} times")]
    Tasks(u64),
    #[error("a text would be longer than {0} bytes")]
    Text(usize),
    #[error("the run would use more than {0} tokens")]
    Tokens(u64),
}

/// Why [`Context::ask`](crate::Context::ask) has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Suspended {
    #[error("waiting for an answer")]
    Waiting(Interrupt),
    #[error("only a run with checkpoints can wait for an answer")]
    NoCheckpoints,
    #[error(transparent)]
    SinkClosed(#[from] SinkClosed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why [`Context::once`](crate::Context::once) has no result.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the effect {key} began once before, and it is not known how it ended")]
    Uncertain { key: String },
}

/// Nobody receives the events any more; a run then ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiver of the events is gone")]
pub struct SinkClosed;
