//! How many analyses run and wait, and in which order.
//!
//! Always holds: people take turns, however many questions one of them asks; what the desktop asks by itself does not wait,
//! and leaves a slot to people.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use protocol::analysis::Queued;
use tokio::sync::watch;

use super::error::AnalysisError;
use super::services::ChannelSink;

/// What all analyses together may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many run at once; the others wait.
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

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    /// Whatever tells people apart.
    pub person: String,
    /// The desktop asks by itself: it gives way to people.
    pub ambient: bool,
}

/// Fair between people, and bounded.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    inner: Mutex<Inner>,
    /// Tells those who wait that something has changed.
    changed: watch::Sender<()>,
    /// How long an analysis takes: a moving mean, in milliseconds.
    mean_ms: AtomicU64,
}

/// Start-time fair queueing (Goyal, Vin and Cheng 1996) with questions of equal length: a person's next question begins, in
/// virtual time, when the one before would have ended.
#[derive(Debug, Default)]
struct Inner {
    running: usize,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    last_ticket: u64,
    /// The start of the question that began last.
    virtual_time: u64,
    /// When the last question of each person ends.
    ends: HashMap<String, u64>,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    /// In virtual time.
    start: u64,
}

impl Inner {
    /// The start of this person's next question.
    fn start_of(&mut self, person: &str) -> u64 {
        let now = self.virtual_time;
        self.ends.retain(|_, end| *end > now);
        let start = self.ends.get(person).copied().unwrap_or(now);
        self.ends.insert(person.to_owned(), start + 1);
        start
    }

    fn begin(&mut self, start: u64) {
        self.virtual_time = self.virtual_time.max(start);
        self.running += 1;
    }

    fn wait(&mut self, person: &str) -> u64 {
        self.last_ticket += 1;
        let (ticket, start) = (self.last_ticket, self.start_of(person));
        self.waiting.push(Waiting { ticket, start });
        ticket
    }

    /// The tickets in the order in which they are served.
    fn order(&self) -> Vec<u64> {
        let mut ranked: Vec<_> = self.waiting.iter().map(|waiting| (waiting.start, waiting.ticket)).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, ticket)| ticket).collect()
    }

    /// From 1. `None`: it does not wait any more.
    fn place(&self, ticket: u64) -> Option<usize> {
        self.order().iter().position(|other| *other == ticket).map(|index| index + 1)
    }

    /// Lets those run for whom there is a slot.
    fn advance(&mut self, concurrency: usize) {
        while self.running < concurrency {
            let Some(next) = self.order().first().copied() else { return };
            let Some(index) = self.waiting.iter().position(|waiting| waiting.ticket == next) else { return };
            let waiting = self.waiting.remove(index);
            self.begin(waiting.start);
        }
    }

    fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }
}

/// Permits one analysis to run, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    queue: &'a Queue,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.queue.change(Inner::ended);
    }
}

/// Waits until it is dropped.
struct Ticket<'a> {
    queue: &'a Queue,
    number: u64,
    taken: bool,
}

impl<'a> Ticket<'a> {
    fn into_slot(mut self) -> Slot<'a> {
        self.taken = true;
        Slot { queue: self.queue }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        self.queue.change(|inner| {
            let before = inner.waiting.len();
            inner.waiting.retain(|waiting| waiting.ticket != self.number);
            // It had its slot already, and nobody takes it.
            if inner.waiting.len() == before {
                inner.ended();
            }
        });
    }
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { concurrency: limits.concurrency.max(1), ..limits };
        Self {
            limits,
            inner: Mutex::default(),
            changed: watch::Sender::new(()),
            mean_ms: AtomicU64::new(5_000),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        change(&mut inner);
        inner.advance(self.limits.concurrency);
        drop(inner);
        self.changed.send_replace(());
    }

    /// Whether a question that the desktop asks by itself would be taken now.
    ///
    /// # Errors
    /// [`AnalysisError::Busy`] with the seconds until it makes sense to ask again.
    pub fn check_ambient(&self) -> Result<(), AnalysisError> {
        self.ambient_gives_way(&self.inner.lock())
    }

    fn ambient_gives_way(&self, inner: &Inner) -> Result<(), AnalysisError> {
        // One slot stays for people, if there is more than one.
        let most = self.limits.concurrency.saturating_sub(1).max(1);
        if inner.waiting.is_empty() && inner.running < most { Ok(()) } else { Err(self.busy(inner)) }
    }

    fn busy(&self, inner: &Inner) -> AnalysisError {
        let waiting = inner.waiting.len();
        AnalysisError::Busy { waiting, retry_after: self.expected_seconds(waiting) }
    }

    /// Waits for a slot, and tells one's place each time it changes.
    ///
    /// # Errors
    /// [`AnalysisError::Busy`] when too many wait, or, for an ambient question, anybody does.
    pub async fn acquire(&self, asker: &Asker, events: &ChannelSink) -> Result<Slot<'_>, AnalysisError> {
        let (ticket, mut changes) = {
            let mut inner = self.inner.lock();
            if asker.ambient {
                self.ambient_gives_way(&inner)?;
            }
            if inner.waiting.is_empty() && inner.running < self.limits.concurrency {
                let start = inner.start_of(&asker.person);
                inner.begin(start);
                return Ok(Slot { queue: self });
            }
            if inner.waiting.len() >= self.limits.queue {
                return Err(self.busy(&inner));
            }
            let number = inner.wait(&asker.person);
            (Ticket { queue: self, number, taken: false }, self.changed.subscribe())
        };
        // Others may have moved back.
        self.changed.send_replace(());
        let mut told = 0;
        loop {
            changes.mark_unchanged();
            let place = self.inner.lock().place(ticket.number);
            let Some(place) = place else { return Ok(ticket.into_slot()) };
            if place != told {
                told = place;
                let expected_seconds = self.expected_seconds(place - 1);
                let place = u32::try_from(place).unwrap_or(u32::MAX);
                let queued = Queued { place, expected_seconds };
                events.queued(queued).await.map_err(|_| AnalysisError::Cancelled)?;
            }
            changes.changed().await.map_err(|_| AnalysisError::Cancelled)?;
        }
    }

    pub fn record_duration(&self, ms: u64) {
        let mean = self.mean_ms.load(Ordering::Relaxed);
        // Two at once may overwrite each other: it remains an estimate.
        self.mean_ms.store((mean * 7 + ms) / 8, Ordering::Relaxed);
    }

    /// Seconds until somebody with so many before them has probably begun.
    fn expected_seconds(&self, before: usize) -> u64 {
        let rounds = before as u64 / self.limits.concurrency as u64 + 1;
        (rounds * self.mean_ms.load(Ordering::Relaxed)).div_ceil(1_000).clamp(1, 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(people: &[&str]) -> Inner {
        let mut inner = Inner::default();
        for person in people {
            inner.wait(person);
        }
        inner
    }

    #[test]
    fn one_persons_many_questions_do_not_keep_others_waiting() {
        assert_eq!(waiting(&["anna", "anna", "anna", "ben"]).order(), [1, 4, 2, 3]);
        let mut queue = waiting(&["anna", "anna", "anna", "ben"]);
        assert_eq!(queue.place(2), Some(3));
        queue.advance(1);
        assert_eq!((queue.order(), queue.place(1)), (vec![4, 2, 3], None));
        // Who comes later does not wait for all that was asked before, and what was served counts.
        queue.wait("carl");
        assert_eq!(queue.order(), [4, 5, 2, 3]);
        queue.ended();
        queue.advance(1);
        queue.wait("ben");
        assert_eq!(queue.order(), [5, 2, 6, 3]);
    }

    #[test]
    fn people_who_have_nothing_open_are_forgotten() {
        let mut queue = Inner::default();
        for number in 0..1_000 {
            let start = queue.start_of(&format!("person {}", number % 3));
            queue.begin(start);
            queue.ended();
        }
        assert!(queue.ends.len() <= 3, "{:?}", queue.ends);
    }
}
