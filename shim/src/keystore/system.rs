//! The system's own key store: Secret Service on Linux, Credential Manager on Windows, Keychain on macOS.

use keyring::Error;
use keyring::v1::Entry;
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError};

/// What people read in their system's list of secrets.
const SERVICE: &str = "AI Workflow Engine";

#[derive(Debug)]
pub struct SystemStore;

impl KeyStore for SystemStore {
    fn keep(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        entry(name)?.set_secret(secret).map_err(told)
    }

    fn find(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        match entry(name)?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
        match entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }
}

fn entry(name: &str) -> Result<Entry, KeyStoreError> {
    Entry::new(SERVICE, name).map_err(told)
}

fn told(error: Error) -> KeyStoreError {
    match error {
        // Nothing answered when the store was first asked for, and it is not asked again. Why, only that time knew.
        Error::NoDefaultStore => KeyStoreError::Unavailable(match Entry::store_status() {
            Err(cause) => cause.to_string().into(),
            Ok(()) => Box::new(error),
        }),
        Error::NoStorageAccess(ref cause) if has_no_collection(cause.as_ref()) => {
            KeyStoreError::Unavailable(Box::new(error))
        }
        Error::NoStorageAccess(_) => KeyStoreError::Locked(Box::new(error)),
        other => KeyStoreError::Failed(Box::new(other)),
    }
}

/// A Secret Service that nobody has ever signed in to has nothing to keep secrets in.
#[cfg(target_os = "linux")]
fn has_no_collection(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(secret_service::Error::NoResult))
}

#[cfg(not(target_os = "linux"))]
fn has_no_collection(_: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    false
}
