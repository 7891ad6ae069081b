//! For tests: a key store that can be away or locked.

use std::collections::BTreeMap;
use std::sync::Mutex;

use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError};

#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Away,
    Locked,
    /// Keeps half of what it is given.
    Spoilt,
}

impl MemoryStore {
    pub fn away() -> Self {
        let store = Self::default();
        *store.state.lock().unwrap() = State::Away;
        store
    }

    pub fn lock(&self) {
        *self.state.lock().unwrap() = State::Locked;
    }

    pub fn leave(&self) {
        *self.state.lock().unwrap() = State::Away;
    }

    pub fn spoil(&self) {
        *self.state.lock().unwrap() = State::Spoilt;
    }

    pub fn come_back(&self) {
        *self.state.lock().unwrap() = State::Open;
    }

    pub fn names(&self) -> Vec<String> {
        self.kept.lock().unwrap().keys().cloned().collect()
    }

    fn check(&self) -> Result<(), KeyStoreError> {
        match *self.state.lock().unwrap() {
            State::Open | State::Spoilt => Ok(()),
            State::Away => Err(KeyStoreError::Unavailable("away".into())),
            State::Locked => Err(KeyStoreError::Locked("locked".into())),
        }
    }
}

impl KeyStore for MemoryStore {
    fn keep(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.check()?;
        let spoilt = *self.state.lock().unwrap() == State::Spoilt;
        let length = if spoilt { secret.len() / 2 } else { secret.len() };
        self.kept.lock().unwrap().insert(name.to_owned(), secret[..length].to_vec());
        Ok(())
    }

    fn find(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        self.check()?;
        Ok(self.kept.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
        self.check()?;
        self.kept.lock().unwrap().remove(name);
        Ok(())
    }
}
