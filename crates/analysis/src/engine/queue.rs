//! How many analyses run and wait.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::AnalysisError;

/// What all analyses together may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many run at once; the others wait in the order in which they came.
    pub concurrency: usize,
    /// So many wait; more are refused with a `Retry-After`.
    pub queue: usize,
    /// From the request's arrival to the end of the answer, waiting included.
    pub timeout_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrency: 4, queue: 32, timeout_seconds: 330 }
    }
}

/// First in, first out (as [`Semaphore`] is), and bounded.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    slots: Semaphore,
    waiting: AtomicUsize,
    /// How long an analysis takes: a moving mean, in milliseconds.
    mean_ms: AtomicU64,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: Semaphore::new(limits.concurrency.max(1)),
            waiting: AtomicUsize::new(0),
            mean_ms: AtomicU64::new(5_000),
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// [`AnalysisError::Busy`] when the queue is full.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AnalysisError> {
        if let Ok(permit) = self.slots.try_acquire() {
            return Ok(permit);
        }
        let ticket = Ticket::take(&self.waiting);
        if ticket.ahead >= self.limits.queue {
            let retry_after = self.retry_after(ticket.ahead);
            return Err(AnalysisError::Busy { waiting: ticket.ahead, retry_after });
        }
        self.slots.acquire().await.map_err(|_| AnalysisError::Cancelled)
    }

    pub fn record_duration(&self, ms: u64) {
        let mean = self.mean_ms.load(Ordering::Relaxed);
        // Two at once may overwrite each other: it remains an estimate.
        self.mean_ms.store((mean * 7 + ms) / 8, Ordering::Relaxed);
    }

    /// Seconds until the queue has probably advanced by one entry per slot.
    fn retry_after(&self, waiting: usize) -> u64 {
        let rounds = waiting as u64 / self.limits.concurrency.max(1) as u64 + 1;
        (rounds * self.mean_ms.load(Ordering::Relaxed)).div_ceil(1_000).clamp(1, 60)
    }
}

/// Counts as waiting until it is dropped.
#[derive(Debug)]
struct Ticket<'a> {
    waiting: &'a AtomicUsize,
    ahead: usize,
}

impl<'a> Ticket<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        Self { waiting, ahead: waiting.fetch_add(1, Ordering::SeqCst) }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
