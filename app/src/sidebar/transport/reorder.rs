//! Restores the order of a Tauri channel's messages. Large ones are fetched in a second step and so may arrive late; each
//! has the index with which it was sent, and the channel's end has the index after the last.

use std::collections::BTreeMap;

#[derive(Debug)]
pub struct ReorderBuffer<T> {
    next: u64,
    early: BTreeMap<u64, T>,
    end: Option<u64>,
}

impl<T> Default for ReorderBuffer<T> {
    fn default() -> Self {
        Self { next: 0, early: BTreeMap::new(), end: None }
    }
}

impl<T> ReorderBuffer<T> {
    /// Adds a message; returns those that are due, in order.
    pub fn message(&mut self, index: u64, message: T) -> Vec<T> {
        let mut due = Vec::new();
        if index >= self.next {
            self.early.insert(index, message);
        }
        while let Some(message) = self.early.remove(&self.next) {
            self.next += 1;
            due.push(message);
        }
        due
    }

    pub fn end(&mut self, index: u64) {
        self.end = Some(index);
    }

    /// Whether every message has arrived.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_messages_wait_for_a_late_one() {
        let mut ordered = ReorderBuffer::default();
        assert_eq!(ordered.message(0, 'a'), ['a']);
        assert!(ordered.message(2, 'c').is_empty());
        assert!(ordered.message(3, 'd').is_empty());
        assert_eq!(ordered.message(1, 'b'), ['b', 'c', 'd']);
    }

    #[test]
    fn the_end_may_overtake_messages() {
        let mut ordered = ReorderBuffer::default();
        ordered.end(2);
        assert!(!ordered.is_over());
        assert!(ordered.message(1, 'b').is_empty());
        assert!(!ordered.is_over());
        assert_eq!(ordered.message(0, 'a'), ['a', 'b']);
        assert!(ordered.is_over());
    }

    #[test]
    fn an_empty_channel_ends() {
        let mut ordered = ReorderBuffer::<()>::default();
        ordered.end(0);
        assert!(ordered.is_over());
    }

    #[test]
    fn a_repeated_message_is_dropped() {
        let mut ordered = ReorderBuffer::default();
        assert_eq!(ordered.message(0, 'a'), ['a']);
        assert!(ordered.message(0, 'a').is_empty());
    }
}
