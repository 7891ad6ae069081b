//! Which certificates have something open, so that a revocation ends it at once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// What is open, by the certificate's fingerprint (SHA-256, lower-case hex): connections, and behind a proxy single
/// requests, since their connections are the proxy's.
#[derive(Debug, Default)]
pub struct Connections(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    last: u64,
    by_fingerprint: HashMap<String, HashMap<u64, CancellationToken>>,
}

impl Connections {
    /// Ends everything that is open with this certificate. Says how many things that were.
    pub fn close(&self, fingerprint: &str) -> usize {
        let closed = self.lock().by_fingerprint.remove(fingerprint).unwrap_or_default();
        closed.values().for_each(CancellationToken::cancel);
        closed.len()
    }

    /// How many things are open with this certificate.
    pub fn count(&self, fingerprint: &str) -> usize {
        self.lock().by_fingerprint.get(fingerprint).map_or(0, HashMap::len)
    }

    /// Notes something open until the entry is dropped.
    pub fn enter(self: &Arc<Self>, fingerprint: String) -> Entry {
        let closed = CancellationToken::new();
        let mut open = self.lock();
        open.last += 1;
        let number = open.last;
        open.by_fingerprint.entry(fingerprint.clone()).or_default().insert(number, closed.clone());
        Entry { connections: Arc::clone(self), fingerprint, number, closed }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock()
    }
}

/// Something open.
#[derive(Debug)]
pub struct Entry {
    connections: Arc<Connections>,
    fingerprint: String,
    number: u64,
    closed: CancellationToken,
}

impl Entry {
    /// Returns when [`Connections::close`] names this entry's certificate.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        if let Some(entries) = open.by_fingerprint.get_mut(&self.fingerprint) {
            entries.remove(&self.number);
            if entries.is_empty() {
                open.by_fingerprint.remove(&self.fingerprint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn closing_ends_one_certificates_entries_only() {
        let connections = Arc::new(Connections::default());
        let (a, b) = (connections.enter("a".to_owned()), connections.enter("b".to_owned()));
        let another = connections.enter("a".to_owned());
        assert_eq!(connections.close("a"), 2);
        a.closed().await;
        another.closed().await;
        assert!(!b.closed.is_cancelled());
        let later = connections.enter("a".to_owned());
        drop((a, another));
        assert_eq!(connections.count("a"), 1, "an old entry's end does not touch a new one");
        drop((later, b));
        assert!(connections.lock().by_fingerprint.is_empty());
    }
}
