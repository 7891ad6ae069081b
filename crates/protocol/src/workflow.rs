//! Workflows that administrators make, as the panel shows them.

mod condition;
mod document;
mod fault;
mod layout;
mod run;

use serde::{Deserialize, Serialize};

use crate::Problem;
use crate::analysis::{Notice, PersonQuestion, Step, Usage};

pub use condition::{Operator, SimpleCondition, label};
pub use document::{Document, END, Edge, Node};
pub use fault::WorkflowFault;
pub use layout::draw;
pub use run::{CallRow, CheckpointRow, RunDetail, RunRow};

/// A workflow in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowRow {
    pub id: String,
    pub name: String,
    pub version: i64,
    pub nodes: usize,
    /// How many modes use it.
    pub modes: usize,
    /// Seconds since the Unix epoch.
    pub saved_at: i64,
}

/// A workflow in the editor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowDraft {
    /// Empty for one that has not been saved yet.
    pub id: String,
    /// The version that was opened; saving makes the next one.
    pub version: i64,
    /// JSON.
    pub document: String,
}

/// All that the editor shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowEditor {
    pub draft: WorkflowDraft,
    pub drawing: Drawing,
    pub node_types: Vec<NodeTypeRow>,
    pub versions: Vec<WorkflowVersion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowVersion {
    pub version: i64,
    pub saved_at: i64,
}

/// A type of nodes that a workflow can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTypeRow {
    pub name: String,
    pub description: String,
    pub fields: Vec<NodeField>,
}

/// A field of a node's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeField {
    pub name: String,
    pub title: String,
    /// `channel`, `template`, or a JSON type.
    pub kind: String,
    pub required: bool,
}

/// A graph laid out in rows from the start down, as a grid of cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    pub columns: usize,
    pub rows: usize,
    pub nodes: Vec<DrawnNode>,
    pub edges: Vec<DrawnEdge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnNode {
    pub id: String,
    /// The type; empty for the end.
    pub kind: String,
    pub column: usize,
    pub row: usize,
    /// The upper left corner in pixels, where somebody has put it; otherwise it stands in its cell.
    #[serde(default)]
    pub position: Option<(i32, i32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnEdge {
    /// Indices of nodes.
    pub from: usize,
    pub to: usize,
    /// The condition in words; empty: always.
    pub label: String,
    /// Taken when the node has failed.
    pub failure: bool,
}

/// A draft that was run once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TriedWorkflow {
    /// The ended steps, in order.
    pub steps: Vec<Step>,
    /// In Markdown; incomplete when there is a problem.
    pub answer: String,
    pub notices: Vec<Notice>,
    /// Empty when the run failed.
    pub provider: String,
    pub model: String,
    pub usage: Usage,
    pub ms: u64,
    /// Why the run ended without an answer.
    pub problem: Option<Problem>,
    /// What the run waits to have answered. It is run again with the answers.
    #[serde(default)]
    pub questions: Vec<PersonQuestion>,
}
