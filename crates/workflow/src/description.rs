//! A graph as it is shown.

use serde::{Deserialize, Serialize};

use crate::edge::{Edge, Outcome};

/// A graph as data: its nodes in the order in which they were added, the first one being the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub name: String,
    pub nodes: Vec<String>,
    /// In the order in which they were added.
    pub edges: Vec<EdgeDescription>,
}

/// An edge as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeDescription {
    pub from: String,
    /// `None`: the end.
    pub to: Option<String>,
    pub on: Outcome,
    /// The condition in words. `None`: always.
    pub when: Option<String>,
    /// How often it may be taken in one run. `None`: without bound.
    pub at_most: Option<u32>,
}

impl EdgeDescription {
    pub(crate) fn of<S>(edge: &Edge<S>) -> Self {
        Self {
            from: edge.from.clone(),
            to: edge.to.clone(),
            on: edge.on,
            when: edge.when.as_ref().map(|condition| condition.label.clone()),
            at_most: edge.at_most,
        }
    }
}
