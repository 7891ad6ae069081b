//! Why a graph was refused, or a run ended without reaching the end.

use std::error::Error;

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
    /// [`GraphBuilder::build`](crate::GraphBuilder::build) refuses graphs in which this could happen.
    #[error("no edge fits after {node} has finished")]
    NoEdge { node: String },
    #[error("the node {node} failed")]
    Node {
        node: String,
        #[source]
        cause: E,
    },
    /// Nobody receives the run's events any more.
    #[error("the run's events could not be delivered")]
    SinkClosed(#[source] SinkClosed),
}

/// Nobody receives the events any more; a run then ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiver of the events is gone")]
pub struct SinkClosed;
