//! A graph as it is shown.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::edge::{Edge, Join, Outcome, Target};

/// A graph as data: its nodes in the order in which they were added, the first one being the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub name: String,
    pub version: u32,
    pub nodes: Vec<String>,
    /// In the order in which they were added.
    pub edges: Vec<EdgeDescription>,
}

/// An edge as data. One that leads to several nodes at once is described once for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeDescription {
    pub from: String,
    /// `None`: the end.
    pub to: Option<String>,
    pub on: Outcome,
    pub kind: EdgeKind,
    /// The condition in words. `None`: always.
    pub when: Option<String>,
    /// How often it may be taken in one run. `None`: without bound.
    pub at_most: Option<u32>,
}

/// How an edge leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// To one node, or to the end.
    Single,
    /// To several nodes in the same superstep.
    Parallel,
    /// To a node that waits for others too.
    Join,
    /// To a node, once for each item of a list.
    Map,
    /// Where the node itself may choose to go.
    Command,
}

impl Description {
    pub(crate) fn new<S>(
        name: String,
        version: u32,
        nodes: Vec<String>,
        edges: &[Edge<S>],
        joins: &[Join],
    ) -> Self {
        let edges = edges.iter().flat_map(|edge| describe(edge, joins)).collect();
        Self { name, version, nodes, edges }
    }

    /// The graph as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let index = |name: &str| self.nodes.iter().position(|node| node == name).unwrap_or_default();
        let escape = |text: &str| text.replace('"', "#quot;");
        let mut chart = "flowchart TD\n".to_owned();
        for (number, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(chart, "    n{number}[\"{}\"]", escape(node));
        }
        chart.push_str("    finish([\"end\"])\n");
        for edge in &self.edges {
            let arrow = match (edge.on, edge.kind) {
                (Outcome::Failed, _) => "-.->",
                (Outcome::Finished, EdgeKind::Map) => "==>",
                (Outcome::Finished, _) => "-->",
            };
            let mut words: Vec<String> = edge.when.iter().cloned().collect();
            words.extend((edge.on == Outcome::Failed).then(|| "failed".to_owned()));
            words.extend((edge.kind == EdgeKind::Map).then(|| "each item".to_owned()));
            words.extend(edge.at_most.map(|most| format!("at most {most}×")));
            let label =
                if words.is_empty() { String::new() } else { format!("|\"{}\"|", escape(&words.join(", "))) };
            let to = edge.to.as_ref().map_or_else(|| "finish".to_owned(), |to| format!("n{}", index(to)));
            let _ = writeln!(chart, "    n{} {arrow}{label} {to}", index(&edge.from));
        }
        chart
    }
}

fn describe<S>(edge: &Edge<S>, joins: &[Join]) -> Vec<EdgeDescription> {
    let kind = match &edge.to {
        Target::Command(_) => EdgeKind::Command,
        Target::Join(_) => EdgeKind::Join,
        Target::Map { .. } => EdgeKind::Map,
        Target::Nodes(nodes) if nodes.len() > 1 => EdgeKind::Parallel,
        Target::End | Target::Nodes(_) => EdgeKind::Single,
    };
    let to = |to: Option<&str>| EdgeDescription {
        from: edge.from.clone(),
        to: to.filter(|to| *to != crate::END).map(str::to_owned),
        on: edge.on,
        kind,
        when: edge.when.as_ref().map(|condition| condition.label.clone()),
        at_most: edge.at_most,
    };
    let targets = edge.targets(joins);
    if targets.is_empty() { vec![to(None)] } else { targets.into_iter().map(Some).map(to).collect() }
}
