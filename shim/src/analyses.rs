//! The analyses that run, by the ids that the page chose, so that it can cancel each.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub struct Analyses(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    started: u64,
    running: HashMap<String, (u64, CancellationToken)>,
}

/// A running analysis; over when this is dropped.
#[derive(Debug)]
pub struct Running<'a> {
    analyses: &'a Analyses,
    id: String,
    /// Another analysis may have taken over the id.
    number: u64,
    cancel: CancellationToken,
}

impl Analyses {
    /// Cancels the analysis that runs under this id, if there is one.
    pub fn start(&self, id: String) -> Running<'_> {
        let cancel = CancellationToken::new();
        let mut inner = self.inner();
        inner.started += 1;
        let number = inner.started;
        if let Some((_, former)) = inner.running.insert(id.clone(), (number, cancel.clone())) {
            former.cancel();
        }
        Running { analyses: self, id, number, cancel }
    }

    pub fn cancel(&self, id: &str) {
        if let Some((_, cancel)) = self.inner().running.get(id) {
            cancel.cancel();
        }
    }

    pub fn cancel_all(&self) {
        for (_, cancel) in self.inner().running.values() {
            cancel.cancel();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock()
    }
}

impl Running<'_> {
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut inner = self.analyses.inner();
        if inner.running.get(&self.id).is_some_and(|(number, _)| *number == self.number) {
            inner.running.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_analysis_ends_the_one_of_the_same_id() {
        let analyses = Analyses::default();
        let (first, second) = (analyses.start("a".into()), analyses.start("a".into()));
        assert!(first.cancel().is_cancelled() && !second.cancel().is_cancelled());
        drop(first);
        analyses.cancel("a");
        assert!(second.cancel().is_cancelled());
    }

    #[test]
    fn several_run_and_each_is_cancelled_by_its_id() {
        let analyses = Analyses::default();
        let (a, b, c) = (analyses.start("a".into()), analyses.start("b".into()), analyses.start("c".into()));
        analyses.cancel("b");
        analyses.cancel("unknown");
        let cancelled = || [&a, &b, &c].map(|running| running.cancel().is_cancelled());
        assert_eq!(cancelled(), [false, true, false]);
        analyses.cancel_all();
        assert_eq!(cancelled(), [true, true, true]);
    }

    #[test]
    fn one_that_is_over_leaves_nothing_behind() {
        let analyses = Analyses::default();
        drop(analyses.start("a".into()));
        assert!(analyses.inner().running.is_empty());
    }
}
