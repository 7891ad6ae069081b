//! Where in its graph a run is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::RunUsage;

/// Where a run is between two supersteps: all of a checkpoint that is not the state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Position {
    /// The tasks of the next superstep. None: the run has ended.
    pub tasks: Vec<Task>,
    /// The nodes that have arrived at a join, by the join's index.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub joins: BTreeMap<usize, BTreeSet<String>>,
    /// How often the bounded edges were taken, by the edge's index.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<usize, u32>,
    pub supersteps: u64,
    pub steps: usize,
    pub usage: RunUsage,
}

/// One execution of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub node: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Value>,
}

impl Task {
    pub fn of(node: &str) -> Self {
        Self { node: node.to_owned(), item: None }
    }
}
