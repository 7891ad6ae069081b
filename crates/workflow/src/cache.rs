//! Results that need not be computed again.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;

/// Where results of nodes are kept, by the node's name and [`Node::cache_key`](crate::Node::cache_key).
#[async_trait]
pub trait Cache: Send + Sync {
    async fn get(&self, node: &str, key: &str) -> Option<Value>;

    async fn put(&self, node: &str, key: &str, output: Value);
}

type Key = (String, String);

/// The results used last, in memory.
#[derive(Debug)]
pub struct MemoryCache {
    capacity: usize,
    entries: Mutex<(HashMap<Key, Value>, VecDeque<Key>)>,
}

impl MemoryCache {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::default() }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, node: &str, key: &str) -> Option<Value> {
        let key = (node.to_owned(), key.to_owned());
        let (values, order) = &mut *self.entries.lock();
        let value = values.get(&key).cloned()?;
        order.retain(|other| *other != key);
        order.push_back(key);
        Some(value)
    }

    async fn put(&self, node: &str, key: &str, output: Value) {
        let key = (node.to_owned(), key.to_owned());
        let (values, order) = &mut *self.entries.lock();
        if values.insert(key.clone(), output).is_some() {
            order.retain(|other| *other != key);
        }
        order.push_back(key);
        while order.len() > self.capacity {
            if let Some(oldest) = order.pop_front() {
                values.remove(&oldest);
            }
        }
    }
}
