//! Workflows as JSON documents, which people write in an editor: nodes of registered types, over a state whose channels
//! the document declares.
//!
//! ```json
//! {
//!   "name": "greeting",
//!   "version": 1,
//!   "channels": { "name": "last", "greeting": "last" },
//!   "nodes": [
//!     { "id": "greet", "type": "transform", "config": { "template": "Hello {{name}}", "channel": "greeting" } }
//!   ],
//!   "edges": [{ "from": "greet", "to": ["__end__"] }]
//! }
//! ```

mod ask_person;
mod compile;
mod condition;
mod registry;
mod state;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use ask_person::Question;
pub use compile::{DocumentError, compile, validate};
pub use condition::Condition;
pub use registry::{ConfigError, NodeRegistry, NodeType, string_field, template_field};
pub use state::{ChannelKind, DocumentState, DocumentUpdate};
pub use template::{Template, TemplateError};

use crate::edge::Outcome;
use crate::limits::Limits;

/// A workflow as it is stored, edited, imported and exported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowDocument {
    pub name: String,
    /// Runs go on in the version that they began with.
    pub version: u32,
    /// What the state holds, by name.
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelKind>,
    /// The first one is the start.
    pub nodes: Vec<NodeDocument>,
    pub edges: Vec<EdgeDocument>,
    /// What a run may use, with all its sub-graphs.
    #[serde(default, skip_serializing_if = "DocumentLimits::is_empty")]
    pub limits: DocumentLimits,
}

/// What a run of a document may use. What is left out is limited by whoever runs it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersteps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// In millionths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

impl DocumentLimits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The lower ones of these limits and those of whoever runs the document.
    #[must_use]
    pub fn within(self, most: Limits) -> Limits {
        let lower = |own: Option<u64>, most: u64| own.map_or(most, |own| own.min(most));
        Limits {
            supersteps: lower(self.supersteps, most.supersteps),
            calls: lower(self.model_calls, most.calls),
            tokens: lower(self.tokens, most.tokens),
            cost: lower(self.cost, most.cost),
            ..most
        }
    }
}

/// A node of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeDocument {
    pub id: String,
    /// The name of a registered [`NodeType`].
    #[serde(rename = "type")]
    pub kind: String,
    /// What the type's schema describes.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
    /// How often it is tried, the first attempt included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Where an editor draws it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<(i32, i32)>,
}

/// An edge of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeDocument {
    pub from: String,
    /// Several: all of them run in the same superstep. `__end__` ends the run.
    pub to: Vec<String>,
    #[serde(default = "finished", skip_serializing_if = "is_finished")]
    pub on: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The target runs once for each item of the list in this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// The target waits until every edge with this mark that leads to it has arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub join: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

fn finished() -> Outcome {
    Outcome::Finished
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_finished(outcome: &Outcome) -> bool {
    *outcome == Outcome::Finished
}
