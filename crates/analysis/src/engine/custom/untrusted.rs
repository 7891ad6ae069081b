//! Which channels hold what the screen shows, or what was made of it; and that none of it becomes an instruction.

use std::collections::BTreeSet;

use serde_json::Value;
use workflow::document::{DocumentError, NodeDocument, Template, WorkflowDocument};

use super::{ask_model, classify, http_request, read, sub_workflow};

/// Each instruction of a model that would hold text of an untrusted channel.
pub(super) fn check(document: &WorkflowDocument) -> Vec<DocumentError> {
    let untrusted = channels(document);
    let mut errors = Vec::new();
    for node in &document.nodes {
        // A nested workflow takes its question for an instruction.
        let fields: &[&str] = match node.kind.as_str() {
            ask_model::NAME => &["prompt", "system"],
            sub_workflow::NAME => &["question"],
            _ => &[],
        };
        for field in fields {
            for channel in read_by(node, field).into_iter().filter(|channel| untrusted.contains(channel)) {
                errors.push(DocumentError {
                    node: Some(node.id.clone()),
                    field: format!("config.{field}"),
                    message: format!(
                        "{channel} holds what the screen shows, or what was made of it: {}",
                        if node.kind == ask_model::NAME {
                            "list it in `data` instead"
                        } else {
                            "no question is made of it"
                        }
                    ),
                });
            }
        }
    }
    errors
}

/// The untrusted channels: those that a node writes who reads the screen or another untrusted one. `item` stands for the
/// items of a map edge.
fn channels(document: &WorkflowDocument) -> BTreeSet<String> {
    let mut untrusted = BTreeSet::new();
    loop {
        let before = untrusted.len();
        for node in &document.nodes {
            if is_untrusted(node, &untrusted)
                && let Some(channel) = node.config.get("channel").and_then(Value::as_str)
            {
                untrusted.insert(channel.to_owned());
            }
        }
        if document
            .edges
            .iter()
            .filter_map(|edge| edge.each.as_ref())
            .any(|channel| untrusted.contains(channel))
        {
            untrusted.insert("item".to_owned());
        }
        if untrusted.len() == before {
            return untrusted;
        }
    }
}

fn is_untrusted(node: &NodeDocument, untrusted: &BTreeSet<String>) -> bool {
    let reads = |field| read_by(node, field).iter().any(|channel| untrusted.contains(channel));
    match node.kind.as_str() {
        read::READ_SCREEN | read::BUILT_IN_READER | http_request::NAME | sub_workflow::NAME => true,
        // Writes one of its labels.
        classify::NAME => false,
        ask_model::NAME => {
            let data = ask_model::data_channels(&node.config).unwrap_or_default();
            node.config.get("picture").and_then(Value::as_bool).unwrap_or_default()
                || data.iter().any(|channel| untrusted.contains(channel))
                || reads("prompt")
                || reads("system")
        }
        _ => reads("template") || reads("question"),
    }
}

/// The channels that a template of the node's configuration reads.
fn read_by(node: &NodeDocument, field: &str) -> Vec<String> {
    let template = node.config.get(field).and_then(Value::as_str).and_then(|text| Template::parse(text).ok());
    template.map(|template| template.channels().map(str::to_owned).collect()).unwrap_or_default()
}
