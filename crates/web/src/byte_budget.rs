//! A budget of the bytes that are held in memory at the same time, for all together and for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// A budget that is shared by its clones.
#[derive(Debug)]
pub struct ByteBudget<K>(Arc<Shared<K>>);

#[derive(Debug)]
struct Shared<K> {
    total: usize,
    per_key: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    total: usize,
    by_key: HashMap<K, usize>,
}

/// The bytes that one holder has of the budget. They are given back when this is dropped.
#[derive(Debug)]
pub struct Reservation<K: Eq + Hash> {
    budget: Arc<Shared<K>>,
    key: K,
    bytes: usize,
}

/// The budget does not have so many bytes left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget of bytes is exhausted")]
pub struct BudgetExhausted;

impl<K> Clone for ByteBudget<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash> ByteBudget<K> {
    /// `total`: in bytes, of all holders. `per_key`: of the holders with the same key.
    pub fn new(total: usize, per_key: usize) -> Self {
        let held = Mutex::new(Held { total: 0, by_key: HashMap::new() });
        Self(Arc::new(Shared { total, per_key, held }))
    }

    /// A reservation of no bytes yet.
    pub fn reservation(&self, key: K) -> Reservation<K> {
        Reservation { budget: Arc::clone(&self.0), key, bytes: 0 }
    }
}

impl<K: Clone + Eq + Hash> Reservation<K> {
    /// Reserves more bytes, or none if there are not so many left.
    pub fn grow(&mut self, bytes: usize) -> Result<(), BudgetExhausted> {
        if bytes == 0 {
            return Ok(());
        }
        let mut held = self.budget.held.lock();
        let of_key = held.by_key.get(&self.key).copied().unwrap_or_default();
        if held.total.saturating_add(bytes) > self.budget.total
            || of_key.saturating_add(bytes) > self.budget.per_key
        {
            return Err(BudgetExhausted);
        }
        held.total += bytes;
        held.by_key.insert(self.key.clone(), of_key + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl<K: Eq + Hash> Drop for Reservation<K> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.budget.held.lock();
        held.total = held.total.saturating_sub(self.bytes);
        if let Some(of_key) = held.by_key.get_mut(&self.key) {
            *of_key = of_key.saturating_sub(self.bytes);
            if *of_key == 0 {
                held.by_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_and_each_key_have_a_limit_and_give_back_what_they_held() {
        let budget = ByteBudget::new(100, 60);
        let mut first = budget.reservation("a");
        first.grow(60).unwrap();
        assert_eq!(first.grow(1), Err(BudgetExhausted));
        assert_eq!(budget.reservation("a").grow(1), Err(BudgetExhausted), "of the same key");
        let mut other = budget.reservation("b");
        assert_eq!(other.grow(41), Err(BudgetExhausted), "of all");
        other.grow(40).unwrap();
        drop(first);
        let mut again = budget.clone().reservation("a");
        again.grow(60).unwrap();
        drop((other, again));
        let held = budget.0.held.lock();
        assert!(held.total == 0 && held.by_key.is_empty());
    }
}
