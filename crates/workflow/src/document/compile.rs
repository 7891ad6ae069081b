//! Making a graph of a document, and saying what is wrong with one.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::registry::NodeRegistry;
use super::state::DocumentState;
use super::template::Template;
use super::{EdgeDocument, NodeDocument, WorkflowDocument};
use crate::builder::GraphBuilder;
use crate::edge::{END, Outcome};
use crate::error::GraphError;
use crate::graph::Graph;
use crate::policy::{NodePolicy, RetryPolicy};

const MAX_NODES: usize = 100;
const MAX_EDGES: usize = 400;
const MAX_ATTEMPTS: u32 = 10;
const MAX_NAME: usize = 64;

/// What is wrong with a document: where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{field}: {message}", node.as_ref().map(|node| format!("node {node}: ")).unwrap_or_default())]
pub struct DocumentError {
    /// The node that it is about, or that the edge leaves.
    pub node: Option<String>,
    /// As in `config.template` or `edges[2].to`.
    pub field: String,
    pub message: String,
}

/// Makes a graph of a document.
///
/// # Errors
/// All that is wrong with its fields; if nothing is, what is wrong with the graph as a whole.
pub fn compile<C: Sync + 'static, E: Send + Sync + 'static>(
    document: &WorkflowDocument,
    registry: &NodeRegistry<C, E>,
) -> Result<Graph<DocumentState, C, E>, Vec<DocumentError>> {
    let errors = validate(document, registry);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut builder = GraphBuilder::new(document.name.clone()).version(document.version);
    for node in &document.nodes {
        let Some(kind) = registry.get(&node.kind) else { continue };
        let made = kind.make(&node.id, &node.config).map_err(|error| {
            vec![of_node(node, format!("config.{}", error.field), format!("expected {}", error.expected))]
        })?;
        builder = builder.add_node_with(made, policy(node));
    }
    builder = document.edges.iter().filter(|edge| !edge.join).fold(builder, add_edge);
    for (to, from) in joins(document) {
        builder = builder.add_join(from, to);
    }
    builder.build().map_err(|error| vec![of_graph(&error)])
}

/// What is wrong with the fields of a document; [`compile`] also finds what is wrong with the graph as a whole.
pub fn validate<C, E>(document: &WorkflowDocument, registry: &NodeRegistry<C, E>) -> Vec<DocumentError> {
    let mut errors = Vec::new();
    let mut top = |field: &str, holds: bool, message: &str| {
        if !holds {
            errors.push(DocumentError { node: None, field: field.to_owned(), message: message.to_owned() });
        }
    };
    top("name", is_name(&document.name), "a name of 1 to 64 characters");
    top("nodes", (1..=MAX_NODES).contains(&document.nodes.len()), "1 to 100 nodes");
    top("edges", document.edges.len() <= MAX_EDGES, "at most 400 edges");
    for channel in document.channels.keys() {
        let valid = channel.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && is_name(channel);
        top(&format!("channels.{channel}"), valid && channel != "item", "a name of letters, digits and _");
    }
    let mut ids = HashSet::new();
    for node in &document.nodes {
        if !ids.insert(node.id.as_str()) {
            errors.push(of_node(node, "id", "another node has this id"));
        }
        check_node(document, node, registry, &mut errors);
    }
    for (index, edge) in document.edges.iter().enumerate() {
        check_edge(document, index, edge, &ids, &mut errors);
    }
    errors
}

fn check_node<C, E>(
    document: &WorkflowDocument,
    node: &NodeDocument,
    registry: &NodeRegistry<C, E>,
    errors: &mut Vec<DocumentError>,
) {
    if !is_name(&node.id) || node.id == END || node.id.contains('/') {
        errors.push(of_node(node, "id", "1 to 64 characters without a slash"));
    }
    if node.attempts.is_some_and(|attempts| !(1..=MAX_ATTEMPTS).contains(&attempts)) {
        errors.push(of_node(node, "attempts", "1 to 10"));
    }
    if node.timeout_seconds == Some(0) {
        errors.push(of_node(node, "timeout_seconds", "at least 1"));
    }
    let Some(kind) = registry.get(&node.kind) else {
        let known: Vec<_> = registry.types().map(|kind| kind.name).collect();
        return errors.push(of_node(node, "type", format!("one of {}", known.join(", "))));
    };
    if let Err(error) = kind.make(&node.id, &node.config) {
        let message = format!("expected {}", error.expected);
        return errors.push(of_node(node, format!("config.{}", error.field), message));
    }
    for (field, channel) in kind.fields(&node.config, "channel") {
        if !document.channels.contains_key(channel) {
            errors.push(of_node(node, format!("config.{field}"), format!("{channel} is no channel")));
        }
    }
    for (field, text) in kind.fields(&node.config, "template") {
        let Ok(template) = Template::parse(text) else { continue };
        for channel in template.channels() {
            if channel != "item" && !document.channels.contains_key(channel) {
                errors.push(of_node(node, format!("config.{field}"), format!("{channel} is no channel")));
            }
        }
    }
}

fn check_edge(
    document: &WorkflowDocument,
    index: usize,
    edge: &EdgeDocument,
    ids: &HashSet<&str>,
    errors: &mut Vec<DocumentError>,
) {
    let mut fault = |field: &str, message: String| {
        let field = format!("edges[{index}].{field}");
        errors.push(DocumentError { node: Some(edge.from.clone()), field, message });
    };
    if !ids.contains(edge.from.as_str()) {
        fault("from", format!("{} is no node", edge.from));
    }
    if edge.to.is_empty() {
        fault("to", "at least one node, or __end__".to_owned());
    }
    for to in edge.to.iter().filter(|to| *to != END && !ids.contains(to.as_str())) {
        fault("to", format!("{to} is no node"));
    }
    let single = edge.to.len() == 1 && edge.to.first().is_some_and(|to| to != END);
    if (edge.join || edge.each.is_some()) && !single {
        fault("to", "one node, since the edge is a join or for each item".to_owned());
    }
    if edge.to.len() > 1
        && (edge.when.is_some() || edge.on == Outcome::Failed || edge.to.iter().any(|to| to == END))
    {
        fault("to", "one target, since the edge has a condition, is for a failure, or ends".to_owned());
    }
    if edge.join && (edge.each.is_some() || edge.when.is_some() || edge.on == Outcome::Failed) {
        fault("join", "no condition, since the target waits for this edge".to_owned());
    }
    if edge.each.is_some() && (edge.when.is_some() || edge.on == Outcome::Failed) {
        fault("each", "no condition: put a branch before".to_owned());
    }
    let read = edge.when.iter().flat_map(|when| when.channels()).chain(edge.each.as_deref());
    for channel in read.filter(|channel| !document.channels.contains_key(*channel)) {
        fault(if edge.each.is_some() { "each" } else { "when" }, format!("{channel} is no channel"));
    }
}

fn add_edge<C, E>(
    builder: GraphBuilder<DocumentState, C, E>,
    edge: &EdgeDocument,
) -> GraphBuilder<DocumentState, C, E> {
    let from = edge.from.clone();
    let to = edge.to.first().cloned().unwrap_or_default();
    let builder = match (edge.on, edge.when.clone(), edge.each.clone()) {
        (Outcome::Finished, _, Some(channel)) => builder
            .add_map_edge(from, to, move |state| state.get(&channel).as_array().cloned().unwrap_or_default()),
        (Outcome::Finished, Some(when), None) => {
            builder.add_edge_when(from, to, when.label(), move |state| when.holds(state))
        }
        (Outcome::Finished, None, None) if edge.to.len() > 1 => {
            builder.add_parallel_edge(from, edge.to.clone())
        }
        (Outcome::Finished, None, None) => builder.add_edge(from, to),
        (Outcome::Failed, Some(when), _) => {
            builder.add_failure_edge_when(from, to, when.label(), move |state| when.holds(state))
        }
        (Outcome::Failed, None, _) => builder.add_failure_edge(from, to),
    };
    match edge.at_most {
        Some(times) => builder.at_most(times),
        None => builder,
    }
}

/// The nodes that wait, and for which.
fn joins(document: &WorkflowDocument) -> BTreeMap<String, Vec<String>> {
    let mut joins: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for edge in document.edges.iter().filter(|edge| edge.join) {
        for to in &edge.to {
            joins.entry(to.clone()).or_default().push(edge.from.clone());
        }
    }
    joins
}

fn policy<E>(node: &NodeDocument) -> NodePolicy<E> {
    NodePolicy {
        retry: node.attempts.map(RetryPolicy::with_attempts),
        timeout: node.timeout_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        idle_timeout: None,
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn of_node(node: &NodeDocument, field: impl Into<String>, message: impl Into<String>) -> DocumentError {
    DocumentError { node: Some(node.id.clone()), field: field.into(), message: message.into() }
}

fn of_graph(error: &GraphError) -> DocumentError {
    let node = match error {
        GraphError::DuplicateNode(node)
        | GraphError::EmptyJoin(node)
        | GraphError::NoDefaultEdge(node)
        | GraphError::NoPathToEnd(node)
        | GraphError::ReservedName(node)
        | GraphError::UnknownNode(node)
        | GraphError::Unreachable(node)
        | GraphError::DeadEdge { from: node, .. } => Some(node.clone()),
        GraphError::Cycle(nodes) => nodes.first().cloned(),
        GraphError::Empty => None,
    };
    DocumentError { node, field: "edges".to_owned(), message: error.to_string() }
}
