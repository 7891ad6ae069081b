//! What a run may use.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::LimitExceeded;

/// What a run may use. LangGraph's recursion limit is `supersteps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub supersteps: u64,
    pub tokens: u64,
    /// In millionths of the currency that the services charge in.
    pub cost: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { supersteps: 1_000, tokens: u64::MAX, cost: u64::MAX }
    }
}

/// What a run has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunUsage {
    pub tokens: u64,
    /// In millionths.
    pub cost: u64,
}

/// Counts for the nodes of a run and of its sub-graphs together.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    tokens: AtomicU64,
    cost: AtomicU64,
}

impl Meter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, tokens: AtomicU64::new(0), cost: AtomicU64::new(0) }
    }

    /// What a resumed run has used before.
    pub fn restore(&self, used: RunUsage) {
        self.tokens.fetch_max(used.tokens, Ordering::Relaxed);
        self.cost.fetch_max(used.cost, Ordering::Relaxed);
    }

    pub fn used(&self) -> RunUsage {
        RunUsage { tokens: self.tokens.load(Ordering::Relaxed), cost: self.cost.load(Ordering::Relaxed) }
    }

    pub fn charge(&self, used: RunUsage) -> Result<(), LimitExceeded> {
        let tokens = self.tokens.fetch_add(used.tokens, Ordering::Relaxed).saturating_add(used.tokens);
        let cost = self.cost.fetch_add(used.cost, Ordering::Relaxed).saturating_add(used.cost);
        match (tokens > self.limits.tokens, cost > self.limits.cost) {
            (true, _) => Err(LimitExceeded::Tokens(self.limits.tokens)),
            (_, true) => Err(LimitExceeded::Cost(self.limits.cost)),
            (false, false) => Ok(()),
        }
    }
}
