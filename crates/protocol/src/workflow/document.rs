//! A workflow's document as an editor changes it. Lenient where `workflow::document` is strict: half-finished documents are
//! shown too, and what this version does not know is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The target of an edge that ends the run.
pub const END: &str = "__end__";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    #[serde(default)]
    pub name: String,
    /// Kinds by name.
    #[serde(default)]
    pub channels: BTreeMap<String, String>,
    /// The first one is the start.
    #[serde(default)]
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub edges: Vec<Edge>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    #[serde(default)]
    pub id: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// The upper left corner in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<(i32, i32)>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub to: Vec<String>,
    /// `failed`; otherwise when the node has finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub join: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Edge {
    pub fn is_for_failure(&self) -> bool {
        self.on.as_deref() == Some("failed")
    }
}

impl Document {
    /// # Errors
    /// When the text is no JSON, or has another shape.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Adds a step of this type with a free name, and returns its index.
    pub fn add_node(&mut self, kind: &str) -> usize {
        let id = free_name(kind, |name| self.nodes.iter().any(|node| node.id == name));
        let config = Value::Object(Map::new());
        self.nodes.push(Node { id, kind: kind.to_owned(), config, ..Node::default() });
        self.nodes.len() - 1
    }

    /// Removes a step, and the edges that leave it or lead only to it.
    pub fn remove_node(&mut self, index: usize) -> Option<Node> {
        let node = (index < self.nodes.len()).then(|| self.nodes.remove(index))?;
        self.edges.retain_mut(|edge| {
            let led_somewhere = !edge.to.is_empty();
            edge.to.retain(|to| *to != node.id);
            edge.from != node.id && (!led_somewhere || !edge.to.is_empty())
        });
        Some(node)
    }

    /// Gives a step another name, also in the edges. `false`: another one has it, or it is empty.
    pub fn rename_node(&mut self, index: usize, name: &str) -> bool {
        let name = name.trim();
        let taken = self.nodes.iter().enumerate().any(|(at, node)| at != index && node.id == name);
        let Some(node) = self.nodes.get_mut(index).filter(|_| !taken && !name.is_empty()) else {
            return false;
        };
        let old = std::mem::replace(&mut node.id, name.to_owned());
        for edge in &mut self.edges {
            for end in std::iter::once(&mut edge.from).chain(&mut edge.to).filter(|end| **end == old) {
                name.clone_into(end);
            }
        }
        true
    }

    /// Makes a step the first one.
    pub fn move_to_start(&mut self, index: usize) {
        if let Some(steps) = self.nodes.get_mut(..=index) {
            steps.rotate_right(1);
        }
    }

    /// Sets a field of a step's configuration; `None` takes it out.
    pub fn set_field(&mut self, index: usize, field: &str, value: Option<Value>) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if !node.config.is_object() {
            node.config = Value::Object(Map::new());
        }
        let Some(config) = node.config.as_object_mut() else { return };
        match value {
            Some(value) => config.insert(field.to_owned(), value),
            None => config.remove(field),
        };
    }

    /// Adds a channel. `false`: there is one of this name, or it is none.
    pub fn add_channel(&mut self, name: &str) -> bool {
        let valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let free = valid && name != "item" && !self.channels.contains_key(name);
        if free {
            self.channels.insert(name.to_owned(), "last".to_owned());
        }
        free
    }

    /// Adds an edge from this step to the end, and returns its index.
    pub fn add_edge(&mut self, from: &str) -> usize {
        self.edges.push(Edge { from: from.to_owned(), to: vec![END.to_owned()], ..Edge::default() });
        self.edges.len() - 1
    }
}

fn free_name(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|number: u32| format!("{wanted}_{number}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example() -> Document {
        serde_json::from_value(json!({
            "name": "two ways", "version": 3, "later": { "x": [1] },
            "channels": { "question": "last", "answer": "append" },
            "nodes": [
                { "id": "a", "type": "branch", "color": "red" },
                { "id": "b", "type": "transform", "config": { "channel": "answer", "n": 1.5 }, "attempts": 2, "position": [5, -6] },
            ],
            "edges": [
                { "from": "a", "to": ["b", "c"] },
                { "from": "a", "to": ["b"], "on": "failed", "when": { "filled": { "channel": "x" } }, "weight": 1 },
                { "from": "b", "to": ["__end__"], "each": "x", "join": true, "at_most": 2 },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let document = example();
        let text = document.to_json();
        assert_eq!(Document::parse(&text).unwrap(), document);
        let value: Value = serde_json::from_str(&text).unwrap();
        for (pointer, expected) in [
            ("/later/x/0", json!(1)),
            ("/version", json!(3)),
            ("/nodes/0/color", json!("red")),
            ("/nodes/1/position", json!([5, -6])),
            ("/nodes/1/config/n", json!(1.5)),
            ("/edges/1/weight", json!(1)),
            ("/edges/2/at_most", json!(2)),
        ] {
            assert_eq!(value.pointer(pointer), Some(&expected), "{pointer}");
        }
        assert_eq!(value.pointer("/nodes/0/config"), None, "what was not there is not added");
        assert!(Document::parse("{}").is_ok() && Document::parse("[").is_err());
    }

    #[test]
    fn a_step_is_renamed_and_removed_with_its_edges() {
        let mut document = example();
        assert!(
            !document.rename_node(0, "b") && !document.rename_node(0, " ") && !document.rename_node(9, "z")
        );
        assert!(document.rename_node(1, " second "));
        assert_eq!(document.edges[0].to, ["second", "c"]);
        assert_eq!(document.edges[2].from, "second");
        assert_eq!(document.remove_node(1).unwrap().id, "second");
        assert_eq!(document.edges.len(), 1, "{:?}", document.edges);
        assert_eq!(document.edges[0].to, ["c"]);
        assert_eq!(document.remove_node(1), None);
    }

    #[test]
    fn steps_and_channels_are_added_with_free_names() {
        let mut document = example();
        assert_eq!((document.add_node("a"), document.add_node("a")), (2, 3));
        assert_eq!((document.nodes[2].id.as_str(), document.nodes[3].id.as_str()), ("a_2", "a_3"));
        document.move_to_start(2);
        let order: Vec<_> = document.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(order, ["a_2", "a", "b", "a_3"]);
        assert!(document.add_channel("text_1"));
        for refused in ["text_1", "", "item", "a b"] {
            assert!(!document.add_channel(refused), "{refused}");
        }
        document.set_field(0, "picture", Some(json!(true)));
        document.set_field(0, "absent", None);
        assert_eq!(document.nodes[0].config, json!({ "picture": true }));
        let added = document.add_edge("a_2");
        assert_eq!(document.edges[added].to, [END]);
    }
}
