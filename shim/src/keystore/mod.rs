//! Where a machine's key is kept: in the system's key store, or, where there is none, in a file that only its owner can
//! read.
//!
//! Every call may wait for the person, whom the system asks to open the store: never on a thread that others wait for.

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

/// What keeps secrets under names.
pub trait KeyStore: Send + Sync + std::fmt::Debug {
    /// In place of what was there under this name.
    fn keep(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError>;
    /// `Ok(None)`: nothing is kept under this name.
    fn find(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError>;
    /// It is no error when there is nothing.
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

/// Which of the two keeps something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
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

    /// Into the system's store; into a file only where there is none. One that is locked is one.
    pub fn keep(&self, name: &str, secret: &[u8]) -> Result<Place, KeyStoreError> {
        match (self.system.keep(name, secret), &self.file) {
            (Ok(()), _) => Ok(Place::System),
            (Err(KeyStoreError::Unavailable(cause)), Some(file)) => {
                tracing::warn!(%cause, "no key store: the key goes into a file");
                file.keep(name, secret)?;
                Ok(Place::File)
            }
            (Err(error), _) => Err(error),
        }
    }

    pub fn keep_in(&self, place: Place, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.store(place)?.keep(name, secret)
    }

    pub fn find(&self, place: Place, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        self.store(place)?.find(name)
    }

    pub fn remove(&self, place: Place, name: &str) -> Result<(), KeyStoreError> {
        self.store(place)?.remove(name)
    }

    fn store(&self, place: Place) -> Result<&dyn KeyStore, KeyStoreError> {
        match place {
            Place::System => Ok(self.system.as_ref()),
            Place::File => self
                .file
                .as_deref()
                .ok_or_else(|| KeyStoreError::Unavailable("no files of their owner alone here".into())),
        }
    }
}

#[cfg(test)]
mod tests;
