//! Stores a machine's key: in the system's key store, or, where there is none, in a file that only its owner can read.
//!
//! Every call may block while the system asks the user to unlock the store: never call it on an async thread.

mod file;
#[cfg(test)]
mod memory;
mod system;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[cfg(test)]
pub use memory::MemoryStore;

/// Stores secrets under names.
pub trait KeyStore: Send + Sync + std::fmt::Debug {
    /// Replaces what is stored under this name.
    fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError>;
    /// `Ok(None)`: nothing is stored under this name.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError>;
    /// No error when there is nothing.
    fn remove(&self, name: &str) -> Result<(), KeyStoreError>;
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    #[error("the key store failed")]
    Failed(#[source] Cause),
    #[error("the key store is locked")]
    Locked(#[source] Cause),
    #[error("this system has no key store that programs can use")]
    Unavailable(#[source] Cause),
}

/// Which of the two stores has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyLocation {
    File,
    System,
}

#[derive(Debug, Clone)]
pub struct Keys {
    system: Arc<dyn KeyStore>,
    /// `None` where files cannot be made readable by their owner alone.
    file: Option<Arc<dyn KeyStore>>,
}

impl Keys {
    /// Of this system; files go below `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { system: Arc::new(system::SystemStore::default()), file: file::store(folder) }
    }

    #[cfg(test)]
    pub fn of(system: Arc<dyn KeyStore>, folder: &Path) -> Self {
        Self { system, file: file::store(folder) }
    }

    /// In the system's store; in a file only where there is no store at all, not where it is locked.
    pub fn set(&self, name: &str, secret: &[u8]) -> Result<KeyLocation, KeyStoreError> {
        match (self.system.set(name, secret), &self.file) {
            (Ok(()), _) => Ok(KeyLocation::System),
            (Err(KeyStoreError::Unavailable(cause)), Some(file)) => {
                tracing::warn!(%cause, "no key store: the key goes into a file");
                file.set(name, secret)?;
                Ok(KeyLocation::File)
            }
            (Err(error), _) => Err(error),
        }
    }

    pub fn set_in(&self, location: KeyLocation, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.store(location)?.set(name, secret)
    }

    pub fn get(
        &self,
        location: KeyLocation,
        name: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        self.store(location)?.get(name)
    }

    pub fn remove(&self, location: KeyLocation, name: &str) -> Result<(), KeyStoreError> {
        self.store(location)?.remove(name)
    }

    fn store(&self, location: KeyLocation) -> Result<&dyn KeyStore, KeyStoreError> {
        match location {
            KeyLocation::System => Ok(self.system.as_ref()),
            KeyLocation::File => self
                .file
                .as_deref()
                .ok_or_else(|| KeyStoreError::Unavailable("no files of their owner alone here".into())),
        }
    }
}

#[cfg(test)]
mod tests;
