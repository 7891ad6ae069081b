//! What joins the nodes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The target of an edge that ends the run.
pub const END: &str = "__end__";

/// How a node ended, and so which of its edges are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Failed,
    Finished,
}

pub(crate) type Predicate<S> = Box<dyn Fn(&S) -> bool + Send + Sync>;
pub(crate) type Items<S> = Box<dyn Fn(&S) -> Vec<Value> + Send + Sync>;

/// When an edge is taken, as a test of the state and in words.
pub(crate) struct Condition<S> {
    pub label: String,
    pub predicate: Predicate<S>,
}

/// Where an edge leads.
pub(crate) enum Target<S> {
    /// Chosen by the node itself.
    Command(String),
    End,
    /// A join, by its index: its node runs once all that it waits for have finished.
    Join(usize),
    /// A node, once for each item.
    Map {
        to: String,
        items: Items<S>,
    },
    /// All of them, in the same superstep.
    Nodes(Vec<String>),
}

pub(crate) struct Edge<S> {
    pub from: String,
    pub to: Target<S>,
    pub on: Outcome,
    /// `None`: always.
    pub when: Option<Condition<S>>,
    /// How often it may be taken in one run. Only such an edge may close a cycle.
    pub at_most: Option<u32>,
}

/// A node that waits for several.
#[derive(Debug)]
pub(crate) struct Join {
    pub from: Vec<String>,
    pub to: String,
}

impl<S> Edge<S> {
    /// Whether it is taken whenever it is looked at.
    pub fn is_unconditional(&self) -> bool {
        self.when.is_none() && self.at_most.is_none() && !self.is_command()
    }

    pub fn is_command(&self) -> bool {
        matches!(self.to, Target::Command(_))
    }

    /// Whether it is taken at this state, having been taken `taken` times before.
    pub fn fits(&self, state: &S, taken: u32) -> bool {
        !self.is_command()
            && self.at_most.is_none_or(|most| taken < most)
            && self.when.as_ref().is_none_or(|condition| (condition.predicate)(state))
    }

    /// The nodes that it can lead to; none for the end.
    pub fn targets<'a>(&'a self, joins: &'a [Join]) -> Vec<&'a str> {
        match &self.to {
            Target::Command(to) | Target::Map { to, .. } => vec![to],
            Target::End => Vec::new(),
            Target::Join(index) => joins.get(*index).map(|join| vec![join.to.as_str()]).unwrap_or_default(),
            Target::Nodes(nodes) => nodes.iter().map(String::as_str).collect(),
        }
    }
}
