//! The rules that every graph keeps.

use std::collections::HashSet;

use crate::edge::{END, Edge, Join, Outcome, Target};
use crate::error::GraphError;

/// Checks nodes and edges; the first node is the start.
pub(crate) fn validate<S>(names: &[&str], edges: &[Edge<S>], joins: &[Join]) -> Result<(), GraphError> {
    check_names(names, edges, joins)?;
    for name in names {
        let default = |edge: &Edge<S>| edge.on == Outcome::Finished && edge.is_unconditional();
        if !edges.iter().any(|edge| edge.from == *name && default(edge)) {
            return Err(GraphError::NoDefaultEdge((*name).to_owned()));
        }
    }
    if let Some(cycle) = unbounded_cycle(names, edges, joins) {
        return Err(GraphError::Cycle(cycle.into_iter().map(str::to_owned).collect()));
    }
    let reached = reachable(names.first().copied(), |name| {
        edges.iter().filter(|edge| edge.from == name).flat_map(|edge| edge.targets(joins)).collect()
    });
    if let Some(name) = names.iter().find(|name| !reached.contains(*name)) {
        return Err(GraphError::Unreachable((*name).to_owned()));
    }
    let ends = |edge: &&Edge<S>| matches!(edge.to, Target::End) || edge.targets(joins).contains(&END);
    let last = edges.iter().filter(ends).map(|edge| edge.from.as_str());
    let ending = reachable(last, |name| {
        edges
            .iter()
            .filter(|edge| edge.targets(joins).contains(&name))
            .map(|edge| edge.from.as_str())
            .collect()
    });
    if let Some(name) = names.iter().find(|name| !ending.contains(*name)) {
        return Err(GraphError::NoPathToEnd((*name).to_owned()));
    }
    check_order(edges, joins)
}

fn check_names<S>(names: &[&str], edges: &[Edge<S>], joins: &[Join]) -> Result<(), GraphError> {
    if names.is_empty() {
        return Err(GraphError::Empty);
    }
    let mut known = HashSet::new();
    for name in names {
        if *name == END {
            return Err(GraphError::ReservedName((*name).to_owned()));
        }
        if !known.insert(*name) {
            return Err(GraphError::DuplicateNode((*name).to_owned()));
        }
    }
    if let Some(empty) = joins.iter().find(|join| join.from.is_empty()) {
        return Err(GraphError::EmptyJoin(empty.to.clone()));
    }
    for edge in edges {
        // A node can choose the end.
        let targets = edge.targets(joins).into_iter().filter(|to| !(edge.is_command() && *to == END));
        if let Some(unknown) =
            std::iter::once(edge.from.as_str()).chain(targets).find(|name| !known.contains(name))
        {
            return Err(GraphError::UnknownNode(unknown.to_owned()));
        }
    }
    Ok(())
}

/// Behind an edge that is always taken no other can be.
fn check_order<S>(edges: &[Edge<S>], joins: &[Join]) -> Result<(), GraphError> {
    for (index, edge) in edges.iter().enumerate().filter(|(_, edge)| !edge.is_command()) {
        let rival = |other: &Edge<S>| other.from == edge.from && other.on == edge.on;
        if edges.iter().take(index).any(|earlier| rival(earlier) && earlier.is_unconditional()) {
            let to = edge.targets(joins).first().map_or(END, |to| to).to_owned();
            return Err(GraphError::DeadEdge { from: edge.from.clone(), to });
        }
    }
    Ok(())
}

/// All that can be reached from `start`, itself included.
fn reachable<'a>(
    start: impl IntoIterator<Item = &'a str>,
    next: impl Fn(&'a str) -> Vec<&'a str>,
) -> HashSet<&'a str> {
    let mut open: Vec<&str> = start.into_iter().collect();
    let mut reached = HashSet::new();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(next(name));
        }
    }
    reached
}

/// Removes, again and again, the nodes that no unbounded edge leads to. What remains is in a cycle or behind one.
fn unbounded_cycle<'a, S>(names: &[&'a str], edges: &[Edge<S>], joins: &[Join]) -> Option<Vec<&'a str>> {
    let mut left: Vec<&str> = names.to_vec();
    loop {
        let has_predecessor = |name: &str| {
            edges.iter().any(|edge| {
                edge.at_most.is_none()
                    && edge.targets(joins).contains(&name)
                    && left.contains(&edge.from.as_str())
            })
        };
        let remaining: Vec<&str> = left.iter().copied().filter(|name| has_predecessor(name)).collect();
        match remaining.len() {
            0 => return None,
            n if n == left.len() => return Some(remaining),
            _ => left = remaining,
        }
    }
}
