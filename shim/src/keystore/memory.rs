//! For tests: a key store that can be unavailable or locked.

use std::collections::BTreeMap;
use std::sync::Mutex;

use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError};

#[derive(Debug, Default)]
pub struct MemoryStore {
    secrets: Mutex<BTreeMap<String, Vec<u8>>>,
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Unavailable,
    Locked,
    /// Stores half of what it is given.
    Truncating,
}

impl MemoryStore {
    pub fn unavailable() -> Self {
        let store = Self::default();
        *store.state.lock().unwrap() = State::Unavailable;
        store
    }

    pub fn lock(&self) {
        *self.state.lock().unwrap() = State::Locked;
    }

    pub fn make_unavailable(&self) {
        *self.state.lock().unwrap() = State::Unavailable;
    }

    pub fn truncate_writes(&self) {
        *self.state.lock().unwrap() = State::Truncating;
    }

    pub fn recover(&self) {
        *self.state.lock().unwrap() = State::Open;
    }

    pub fn names(&self) -> Vec<String> {
        self.secrets.lock().unwrap().keys().cloned().collect()
    }

    fn check(&self) -> Result<(), KeyStoreError> {
        match *self.state.lock().unwrap() {
            State::Open | State::Truncating => Ok(()),
            State::Unavailable => Err(KeyStoreError::Unavailable("away".into())),
            State::Locked => Err(KeyStoreError::Locked("locked".into())),
        }
    }
}

impl KeyStore for MemoryStore {
    fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.check()?;
        let truncating = *self.state.lock().unwrap() == State::Truncating;
        let length = if truncating { secret.len() / 2 } else { secret.len() };
        self.secrets.lock().unwrap().insert(name.to_owned(), secret[..length].to_vec());
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        self.check()?;
        Ok(self.secrets.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
        self.check()?;
        self.secrets.lock().unwrap().remove(name);
        Ok(())
    }
}
