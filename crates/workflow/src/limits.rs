//! What a run may use.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::LimitExceeded;
use crate::size::serialized_size;

/// What a run may use. LangGraph's recursion limit is `supersteps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub supersteps: u64,
    /// Executions of nodes, of which a map edge makes one for each item.
    pub tasks: u64,
    /// How many tasks of a superstep run at the same time; the others wait.
    pub parallel: usize,
    /// What the nodes write, as JSON. The state cannot become larger than what was written to it.
    pub bytes: u64,
    /// Calls of models, as the nodes charge them.
    pub calls: u64,
    pub tokens: u64,
    /// In millionths of the currency that the services charge in.
    pub cost: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            supersteps: 1_000,
            tasks: u64::MAX,
            parallel: usize::MAX,
            bytes: u64::MAX,
            calls: u64::MAX,
            tokens: u64::MAX,
            cost: u64::MAX,
        }
    }
}

/// What a run has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunUsage {
    /// Calls of models.
    #[serde(default)]
    pub calls: u64,
    pub tokens: u64,
    /// In millionths.
    pub cost: u64,
}

/// Counts for the nodes of a run and of its sub-graphs together.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    tasks: AtomicU64,
    bytes: AtomicU64,
    calls: AtomicU64,
    tokens: AtomicU64,
    cost: AtomicU64,
}

impl Meter {
    pub fn new(limits: Limits) -> Self {
        let [tasks, bytes, calls, tokens, cost] = Default::default();
        Self { limits, tasks, bytes, calls, tokens, cost }
    }

    /// What a resumed run has used before.
    pub fn restore(&self, used: RunUsage) {
        self.calls.fetch_max(used.calls, Ordering::Relaxed);
        self.tokens.fetch_max(used.tokens, Ordering::Relaxed);
        self.cost.fetch_max(used.cost, Ordering::Relaxed);
    }

    pub fn used(&self) -> RunUsage {
        RunUsage {
            calls: self.calls.load(Ordering::Relaxed),
            tokens: self.tokens.load(Ordering::Relaxed),
            cost: self.cost.load(Ordering::Relaxed),
        }
    }

    pub fn parallel(&self) -> usize {
        self.limits.parallel.max(1)
    }

    /// Before so many tasks begin.
    pub fn begin(&self, tasks: usize) -> Result<(), LimitExceeded> {
        let tasks = tasks as u64;
        let begun = self.tasks.fetch_add(tasks, Ordering::Relaxed).saturating_add(tasks);
        if begun > self.limits.tasks { Err(LimitExceeded::Tasks(self.limits.tasks)) } else { Ok(()) }
    }

    /// After a task has ended, before what it writes is kept. Measured only where there is a limit.
    pub fn write(&self, update: &impl Serialize) -> Result<(), LimitExceeded> {
        if self.limits.bytes == u64::MAX {
            return Ok(());
        }
        let size = serialized_size(update);
        let written = self.bytes.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        if written > self.limits.bytes { Err(LimitExceeded::Bytes(self.limits.bytes)) } else { Ok(()) }
    }

    pub fn charge(&self, used: RunUsage) -> Result<(), LimitExceeded> {
        let add =
            |counter: &AtomicU64, more: u64| counter.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        let (calls, tokens) = (add(&self.calls, used.calls), add(&self.tokens, used.tokens));
        let cost = add(&self.cost, used.cost);
        if calls > self.limits.calls {
            Err(LimitExceeded::Calls(self.limits.calls))
        } else if tokens > self.limits.tokens {
            Err(LimitExceeded::Tokens(self.limits.tokens))
        } else if cost > self.limits.cost {
            Err(LimitExceeded::Cost(self.limits.cost))
        } else {
            Ok(())
        }
    }
}
