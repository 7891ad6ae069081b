//! Laying out a graph: each node one row below the lowest of those that lead to it.

use std::collections::BTreeMap;

use protocol::workflow::{Drawing, DrawnEdge, DrawnNode};
use workflow::document::WorkflowDocument;
use workflow::{Description, EdgeDescription, Outcome};

/// Lays out a workflow that was checked. Edges with a bound may lead back up.
pub(super) fn draw(document: &WorkflowDocument, description: &Description) -> Drawing {
    let names = &description.nodes;
    let index = |name: &str| names.iter().position(|node| node == name).unwrap_or_default();
    let end = names.len();
    let target = |edge: &EdgeDescription| edge.to.as_deref().map_or(end, index);
    let mut rows = vec![0; end + 1];
    // Without the bounded edges there is no cycle, so a path has at most as many edges as there are nodes.
    for _ in 0..=end {
        for edge in description.edges.iter().filter(|edge| edge.at_most.is_none()) {
            let (from, to) = (index(&edge.from), target(edge));
            let below = rows.get(from).copied().unwrap_or_default() + 1;
            if let Some(row) = rows.get_mut(to) {
                *row = below.max(*row);
            }
        }
    }
    // Only a bounded edge leads there; the end is last in any case.
    let last = rows.iter().copied().max().unwrap_or_default();
    if let Some(row) = rows.get_mut(end) {
        *row = last.max(*row);
    }
    let mut columns: BTreeMap<usize, usize> = BTreeMap::new();
    let mut place = |row: usize| {
        let next = columns.entry(row).or_default();
        *next += 1;
        *next - 1
    };
    let kind = |name: &String| {
        document.nodes.iter().find(|node| node.id == *name).map(|node| node.kind.clone()).unwrap_or_default()
    };
    let mut nodes: Vec<DrawnNode> = names
        .iter()
        .zip(&rows)
        .map(|(name, row)| DrawnNode { id: name.clone(), kind: kind(name), column: place(*row), row: *row })
        .collect();
    let row = rows.get(end).copied().unwrap_or_default();
    nodes.push(DrawnNode { id: "End".to_owned(), kind: String::new(), column: place(row), row });
    let edges = description.edges.iter().map(|edge| DrawnEdge {
        from: index(&edge.from),
        to: target(edge),
        label: label(edge),
        failure: edge.on == Outcome::Failed,
    });
    Drawing {
        columns: columns.values().copied().max().unwrap_or(1),
        rows: row + 1,
        nodes,
        edges: edges.collect(),
    }
}

fn label(edge: &EdgeDescription) -> String {
    let mut words: Vec<String> = edge.when.iter().cloned().collect();
    if edge.on == Outcome::Failed {
        words.insert(0, "failed".to_owned());
    }
    if edge.kind == workflow::EdgeKind::Map {
        words.push("for each item".to_owned());
    }
    words.extend(edge.at_most.map(|most| format!("at most {most} times")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use analysis::CustomWorkflow;
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_stand_below_those_that_lead_to_them() {
        let reader = |id: &str| json!({ "id": id, "type": "built_in_reader", "config": { "question": "{{question}}", "channel": "answer" } });
        let branch = |id: &str| json!({ "id": id, "type": "branch" });
        let document: WorkflowDocument = serde_json::from_value(json!({
            "name": "two ways", "version": 1,
            "channels": { "question": "last", "answer": "last" },
            "nodes": [branch("start"), reader("short"), branch("long"), reader("longer")],
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
        let workflow = CustomWorkflow::compile(document).unwrap();
        let drawing = draw(workflow.document(), &workflow.describe());
        let places: Vec<_> =
            drawing.nodes.iter().map(|node| (node.id.as_str(), node.row, node.column)).collect();
        assert_eq!(
            places,
            [("start", 0, 0), ("short", 1, 0), ("long", 1, 1), ("longer", 2, 0), ("End", 3, 0)]
        );
        assert_eq!((drawing.columns, drawing.rows), (2, 4));
        assert_eq!(drawing.edges[3].label, "failed, at most 2 times");
        assert!(drawing.edges[3].failure);
    }
}
