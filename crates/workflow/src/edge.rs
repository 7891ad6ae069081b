//! What joins the nodes.

use serde::{Deserialize, Serialize};

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

/// When an edge is taken, as a test of the state and in words.
pub(crate) struct Condition<S> {
    pub label: String,
    pub predicate: Predicate<S>,
}

pub(crate) struct Edge<S> {
    pub from: String,
    /// `None`: the end.
    pub to: Option<String>,
    pub on: Outcome,
    /// `None`: always.
    pub when: Option<Condition<S>>,
    /// How often it may be taken in one run. Only such an edge may close a cycle.
    pub at_most: Option<u32>,
}

impl<S> Edge<S> {
    /// Whether it is taken whenever it is looked at.
    pub fn is_unconditional(&self) -> bool {
        self.when.is_none() && self.at_most.is_none()
    }

    /// Whether it is taken at this state, having been taken `taken` times before.
    pub fn fits(&self, state: &S, taken: u32) -> bool {
        self.at_most.is_none_or(|most| taken < most)
            && self.when.as_ref().is_none_or(|condition| (condition.predicate)(state))
    }
}
