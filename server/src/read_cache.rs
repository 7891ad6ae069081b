//! What was read from the database a moment ago, for calls that come often.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;
use store::Store;
use tokio::time::Instant;

/// How long an entry counts. Another process may change the database meanwhile, and what it revokes is to be refused here
/// within a second.
pub const LIFETIME: Duration = Duration::from_millis(250);

/// Entries end after [`LIFETIME`], and at once when this process commits a transaction, whatever it has changed: a sign-out
/// or a revocation never meets an entry that was read before it.
#[derive(Debug)]
pub struct ReadCache<K, V> {
    entries: Mutex<HashMap<K, Entry<V>>>,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    /// The store's, from before the value was read.
    generation: u64,
    read_at: Instant,
}

impl<V> Entry<V> {
    fn is_current(&self, store: &Store, now: Instant) -> bool {
        self.generation == store.generation() && now.duration_since(self.read_at) < LIFETIME
    }
}

impl<K: Eq + Hash, V: Clone> ReadCache<K, V> {
    pub fn new(capacity: usize) -> Self {
        Self { entries: Mutex::default(), capacity }
    }

    /// The value of `key`; `read` is awaited only if none is known. What is not found is asked for again the next time.
    pub async fn get<E>(
        &self,
        store: &Store,
        key: K,
        read: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let begun = Instant::now();
        if let Some(entry) = self.entries.lock().get(&key)
            && entry.is_current(store, begun)
        {
            return Ok(Some(entry.value.clone()));
        }
        let generation = store.generation();
        let Some(value) = read.await? else { return Ok(None) };
        let mut entries = self.entries.lock();
        if entries.len() >= self.capacity {
            entries.retain(|_, entry| entry.is_current(store, begun));
        }
        if entries.len() < self.capacity {
            entries.insert(key, Entry { value: value.clone(), generation, read_at: begun });
        }
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn store() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Store::open_sqlite(&folder.path().join("aiwe.db")).await.unwrap(), folder)
    }

    async fn get(cache: &ReadCache<u8, u8>, store: &Store, key: u8, stored: Option<u8>) -> Option<u8> {
        cache.get(store, key, async { Ok::<_, Infallible>(stored) }).await.unwrap()
    }

    #[tokio::test]
    async fn a_value_counts_until_this_process_writes() {
        let (store, _folder) = store().await;
        let cache = ReadCache::new(4);
        assert_eq!(get(&cache, &store, 1, Some(1)).await, Some(1));
        assert_eq!(get(&cache, &store, 1, Some(2)).await, Some(1));
        drop(store.read().await.unwrap());
        drop(store.begin().await.unwrap());
        assert_eq!(get(&cache, &store, 1, Some(2)).await, Some(1), "nothing was written");
        store.clone().begin().await.unwrap().commit().await.unwrap();
        assert_eq!(get(&cache, &store, 1, None).await, None);
        assert_eq!(get(&cache, &store, 1, Some(3)).await, Some(3), "what is not found is not kept");
    }

    #[tokio::test]
    async fn what_is_read_while_another_writes_does_not_count() {
        let (store, _folder) = store().await;
        let cache = ReadCache::new(4);
        let read = async {
            store.begin().await.unwrap().commit().await.unwrap();
            Ok::<_, Infallible>(Some(1))
        };
        assert_eq!(cache.get(&store, 1, read).await.unwrap(), Some(1));
        assert_eq!(get(&cache, &store, 1, Some(2)).await, Some(2));
    }

    #[tokio::test]
    async fn a_value_ends_by_itself_and_the_size_is_bounded() {
        let (store, _folder) = store().await;
        let cache = ReadCache::new(2);
        for key in 0..5 {
            get(&cache, &store, key, Some(1)).await;
        }
        assert_eq!(cache.entries.lock().len(), 2);
        tokio::time::pause();
        tokio::time::advance(LIFETIME).await;
        assert_eq!(get(&cache, &store, 0, Some(2)).await, Some(2));
        assert_eq!(get(&cache, &store, 4, Some(2)).await, Some(2), "what has ended makes room");
        assert_eq!(cache.entries.lock().len(), 2);
    }
}
