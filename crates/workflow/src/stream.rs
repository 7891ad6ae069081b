//! The events of a run, numbered, for any number of watchers who come, go and come back.

use std::collections::VecDeque;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::error::SinkClosed;
use crate::event::{Event, EventSink};

/// An event and its number in the run, from 1: the `id` of a server-sent event, which a client sends back as
/// `Last-Event-ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedEvent {
    pub number: u64,
    pub event: Event,
}

/// Keeps the last events of a run. A run that reports here goes on when nobody watches.
#[derive(Debug)]
pub struct EventLog {
    capacity: usize,
    events: Mutex<VecDeque<NumberedEvent>>,
    /// The number of the newest event, and whether it is the last one.
    newest: watch::Sender<(u64, bool)>,
    updates: bool,
}

impl EventLog {
    /// Keeps the newest `capacity` events.
    pub fn new(capacity: usize) -> Self {
        Self::after(0, capacity)
    }

    /// Numbers on from this one, for a run that was resumed.
    pub fn after(number: u64, capacity: usize) -> Self {
        let newest = watch::Sender::new((number, false));
        Self { capacity, events: Mutex::default(), newest, updates: false }
    }

    /// Keeps [`Event::Updated`] too.
    #[must_use]
    pub fn with_updates(self) -> Self {
        Self { updates: true, ..self }
    }

    /// There will be no more events.
    pub fn close(&self) {
        self.newest.send_modify(|(_, closed)| *closed = true);
    }

    /// Waits for events after this number, 0 for all. Empty: there are none and will be none. When the first one is not
    /// the next number, those between are no longer kept: the watcher reads the run's state instead.
    pub async fn after_number(&self, number: u64) -> Vec<NumberedEvent> {
        let mut newest = self.newest.subscribe();
        // The sender is a field of `self`, so waiting cannot fail.
        let _ = newest.wait_for(|(newest, closed)| *newest > number || *closed).await;
        self.events.lock().iter().filter(|event| event.number > number).cloned().collect()
    }
}

#[async_trait]
impl EventSink for EventLog {
    async fn emit(&self, event: Event) -> Result<(), SinkClosed> {
        let mut events = self.events.lock();
        let number = self.newest.borrow().0 + 1;
        events.push_back(NumberedEvent { number, event });
        if events.len() > self.capacity {
            events.pop_front();
        }
        drop(events);
        self.newest.send_modify(|(newest, _)| *newest = number);
        Ok(())
    }

    fn wants_updates(&self) -> bool {
        self.updates
    }
}
