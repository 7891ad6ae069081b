//! A workflow that somebody imports: it is compiled, or every fault is named; it survives being written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workflow::document::{NodeRegistry, Template, WorkflowDocument, compile};

#[derive(Debug)]
struct Failure;

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failure")
    }
}

impl std::error::Error for Failure {}

fuzz_target!(|text: &str| {
    let _ = Template::parse(text);
    let Ok(document) = serde_json::from_str::<WorkflowDocument>(text) else { return };
    if let Err(faults) = compile::<(), Failure>(&document, &NodeRegistry::default()) {
        assert!(!faults.is_empty());
    }
    let written = serde_json::to_string(&document).expect("a document can be written");
    let again: WorkflowDocument = serde_json::from_str(&written).expect("and read again");
    // Numbers may differ in their last digit.
    assert_eq!((again.nodes.len(), again.edges.len()), (document.nodes.len(), document.edges.len()));
});
