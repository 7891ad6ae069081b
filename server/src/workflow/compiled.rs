//! Compiled versions of workflows. A version never changes, so each is compiled once.

use std::collections::HashMap;
use std::sync::Arc;

use analysis::CustomWorkflow;
use parking_lot::Mutex;

/// How many compiled versions are kept: as many as workflows with a mode, on any server but a very large one.
const CAPACITY: usize = 64;

/// A version of a workflow, ready to run.
#[derive(Debug, Clone)]
pub struct RunnableWorkflow {
    pub id: String,
    pub version: i64,
    pub graph: Arc<CustomWorkflow>,
}

/// By id and version.
#[derive(Debug, Default)]
pub(super) struct Compiled(Mutex<HashMap<(String, i64), Arc<CustomWorkflow>>>);

impl Compiled {
    pub fn find(&self, key: &(String, i64)) -> Option<Arc<CustomWorkflow>> {
        self.0.lock().get(key).map(Arc::clone)
    }

    /// Two callers at once may both have compiled it; one result is kept.
    pub fn keep(&self, key: (String, i64), compiled: CustomWorkflow) -> Arc<CustomWorkflow> {
        let mut kept = self.0.lock();
        if kept.len() >= CAPACITY {
            kept.clear();
        }
        Arc::clone(kept.entry(key).or_insert_with(|| Arc::new(compiled)))
    }
}
