//! Puts a shim channel's messages back in order. Large ones are fetched in a second step and so may arrive late;
//! each carries the index it was sent with, and the channel's end carries the index after the last.

use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Ordered<T> {
    next: u64,
    early: BTreeMap<u64, T>,
    end: Option<u64>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { next: 0, early: BTreeMap::new(), end: None }
    }
}

impl<T> Ordered<T> {
    /// Takes a message; returns those that are due, in order.
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

    /// Whether every message has come and no other will.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_messages_hold_the_others_back() {
        let mut ordered = Ordered::default();
        assert_eq!(ordered.message(0, 'a'), ['a']);
        assert!(ordered.message(2, 'c').is_empty());
        assert!(ordered.message(3, 'd').is_empty());
        assert_eq!(ordered.message(1, 'b'), ['b', 'c', 'd']);
    }

    #[test]
    fn the_end_may_overtake_messages() {
        let mut ordered = Ordered::default();
        ordered.end(2);
        assert!(!ordered.is_over());
        assert!(ordered.message(1, 'b').is_empty());
        assert!(!ordered.is_over());
        assert_eq!(ordered.message(0, 'a'), ['a', 'b']);
        assert!(ordered.is_over());
    }

    #[test]
    fn an_empty_channel_ends() {
        let mut ordered = Ordered::<()>::default();
        ordered.end(0);
        assert!(ordered.is_over());
    }

    #[test]
    fn a_repeated_message_is_dropped() {
        let mut ordered = Ordered::default();
        assert_eq!(ordered.message(0, 'a'), ['a']);
        assert!(ordered.message(0, 'a').is_empty());
    }
}
