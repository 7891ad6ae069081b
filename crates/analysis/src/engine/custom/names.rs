//! The names in a document: all of each can be seen.

use protocol::text::is_invisible;
use workflow::document::{DocumentError, WorkflowDocument};

const EXPECTED: &str = "a name without invisible characters and marks of direction";

pub(super) fn check(document: &WorkflowDocument) -> Vec<DocumentError> {
    let hides = |name: &str| name.chars().any(is_invisible);
    let fault = |node: Option<&str>, field: &str| DocumentError {
        node: node.map(str::to_owned),
        field: field.to_owned(),
        message: EXPECTED.to_owned(),
    };
    let mut faults = Vec::new();
    if hides(&document.name) {
        faults.push(fault(None, "name"));
    }
    faults
        .extend(document.nodes.iter().filter(|node| hides(&node.id)).map(|node| fault(Some(&node.id), "id")));
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_shows_all_that_it_is() {
        let document = |name: &str, id: &str| -> WorkflowDocument {
            serde_json::from_value(json!({
                "name": name, "version": 1, "nodes": [{ "id": id, "type": "branch" }], "edges": [],
            }))
            .unwrap()
        };
        assert!(check(&document("Größe 日本", "read – then")).is_empty());
        for hidden in ["pay\u{200B}roll", "\u{202E}gnp", "a\u{2066}b", "\u{FEFF}x", "a\u{E0041}"] {
            let places =
                |document| check(&document).into_iter().map(|fault| (fault.node, fault.field)).collect();
            let found: Vec<_> = places(document(hidden, "a"));
            assert_eq!(found, [(None, "name".to_owned())], "{hidden:?}");
            let found: Vec<_> = places(document("a", hidden));
            assert_eq!(found, [(Some(hidden.to_owned()), "id".to_owned())]);
        }
    }
}
