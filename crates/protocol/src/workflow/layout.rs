//! Laying out a workflow: each node one row below the lowest of those that lead to it. Works on half-finished documents.

use std::collections::BTreeMap;

use super::document::{Document, END, Edge};
use super::{Drawing, DrawnEdge, DrawnNode, condition};

/// Lays out a workflow. Edges with a bound may lead back up; what leads nowhere is left out.
pub fn draw(document: &Document) -> Drawing {
    let end = document.nodes.len();
    let index = |name: &str| document.nodes.iter().position(|node| node.id == name);
    let target = |name: &str| if name == END { Some(end) } else { index(name) };
    let mut edges = Vec::new();
    for edge in &document.edges {
        for to in &edge.to {
            if let (Some(from), Some(to)) = (index(&edge.from), target(to)) {
                edges.push((from, to, edge));
            }
        }
    }
    let rows = rows(end, &edges);
    let mut columns: BTreeMap<usize, usize> = BTreeMap::new();
    let mut place = |row: usize| {
        let next = columns.entry(row).or_default();
        *next += 1;
        *next - 1
    };
    let mut nodes = Vec::with_capacity(end + 1);
    for (node, row) in document.nodes.iter().zip(&rows) {
        let (id, kind) = (node.id.clone(), node.kind.clone());
        nodes.push(DrawnNode { id, kind, column: place(*row), row: *row, position: node.position });
    }
    let row = rows.get(end).copied().unwrap_or_default();
    nodes.push(DrawnNode {
        id: "End".to_owned(),
        kind: String::new(),
        column: place(row),
        row,
        position: None,
    });
    let edges = edges.iter().map(|(from, to, edge)| DrawnEdge {
        from: *from,
        to: *to,
        label: label(edge),
        failure: edge.is_for_failure(),
    });
    Drawing {
        columns: columns.values().copied().max().unwrap_or(1),
        rows: row + 1,
        edges: edges.collect(),
        nodes,
    }
}

/// The row of each node; the end is last.
fn rows(end: usize, edges: &[(usize, usize, &Edge)]) -> Vec<usize> {
    let mut rows = vec![0; end + 1];
    // Without the bounded edges, a workflow that is complete has no cycle, so a path has at most as many edges as there are
    // nodes; in a draft with a cycle it ends there too.
    for _ in 0..=end {
        for (from, to, _) in edges.iter().filter(|(_, _, edge)| edge.at_most.is_none()) {
            let below = (rows.get(*from).copied().unwrap_or_default() + 1).min(end);
            if let Some(row) = rows.get_mut(*to) {
                *row = below.max(*row);
            }
        }
    }
    // Only a bounded edge leads there, or none; the end is last in any case.
    let steps = rows.get(..end).unwrap_or_default();
    let last = steps.iter().copied().max().map_or(0, |row| row + 1);
    if let Some(row) = rows.get_mut(end) {
        *row = last.max(*row);
    }
    rows
}

fn label(edge: &Edge) -> String {
    let mut words: Vec<String> = edge.when.iter().map(condition::label).collect();
    if edge.is_for_failure() {
        words.insert(0, "failed".to_owned());
    }
    if edge.each.is_some() {
        words.push("for each item".to_owned());
    }
    if edge.join {
        words.push("waits for all".to_owned());
    }
    words.extend(edge.at_most.map(|most| format!("at most {most} times")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(drawing: &Drawing) -> Vec<(&str, usize, usize)> {
        drawing.nodes.iter().map(|node| (node.id.as_str(), node.row, node.column)).collect()
    }

    #[test]
    fn nodes_stand_below_those_that_lead_to_them() {
        let document = serde_json::from_value(json!({
            "nodes": [
                { "id": "start", "type": "branch" }, { "id": "short", "type": "x", "position": [7, 9] },
                { "id": "long", "type": "branch" }, { "id": "longer", "type": "x" },
            ],
            "edges": [
                { "from": "start", "to": ["short"], "when": { "filled": { "channel": "question" } } },
                { "from": "start", "to": ["long"] },
                { "from": "short", "to": ["__end__"] },
                { "from": "short", "to": ["start"], "on": "failed", "at_most": 2 },
                { "from": "long", "to": ["longer"] },
                { "from": "longer", "to": ["__end__"] },
            ],
        }))
        .unwrap();
        let drawing = draw(&document);
        assert_eq!(
            places(&drawing),
            [("start", 0, 0), ("short", 1, 0), ("long", 1, 1), ("longer", 2, 0), ("End", 3, 0)]
        );
        assert_eq!((drawing.columns, drawing.rows), (2, 4));
        assert_eq!(drawing.nodes[1].position, Some((7, 9)));
        assert_eq!(drawing.edges[0].label, "question is filled");
        assert_eq!(drawing.edges[3].label, "failed, at most 2 times");
        assert!(drawing.edges[3].failure);
    }

    #[test]
    fn a_draft_is_drawn_as_far_as_it_goes() {
        let document = serde_json::from_value(json!({
            "nodes": [{ "id": "a" }, { "id": "b" }],
            "edges": [{ "from": "a", "to": ["b"] }, { "from": "b", "to": ["a", "nowhere"] }, { "from": "x", "to": ["a"] }, {}],
        }))
        .unwrap();
        let drawing = draw(&document);
        assert_eq!(drawing.edges.len(), 2);
        assert!(drawing.nodes.len() == 3 && drawing.rows <= 4, "{drawing:?}");
        let empty = draw(&Document::default());
        assert_eq!((places(&empty), empty.rows), (vec![("End", 0, 0)], 1));
    }
}
