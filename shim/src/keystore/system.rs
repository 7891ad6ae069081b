//! The system's own key store: Secret Service on Linux, Credential Manager on Windows, Keychain on macOS.

use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use keyring::Error;
use keyring::v1::Entry;
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError};

/// Shown to users in their system's list of secrets.
const SERVICE: &str = "AI Workflow Engine";

/// As long as D-Bus' own library waits for a reply.
const FIRST_CONTACT_TIMEOUT: Duration = Duration::from_secs(25);

#[derive(Debug)]
pub struct SystemStore {
    /// For the first contact only, in which the user is asked nothing. Later calls may wait for the user.
    first_contact_timeout: Duration,
}

impl Default for SystemStore {
    fn default() -> Self {
        Self::with_first_contact_timeout(FIRST_CONTACT_TIMEOUT)
    }
}

impl SystemStore {
    pub fn with_first_contact_timeout(first_contact_timeout: Duration) -> Self {
        Self { first_contact_timeout }
    }

    fn entry(&self, name: &str) -> Result<Entry, KeyStoreError> {
        self.contact()?;
        Entry::new(SERVICE, name).map_err(convert_error)
    }

    /// Once per process: while a store does not answer the first contact, every other call would block as well, since
    /// `keyring` holds a lock.
    fn contact(&self) -> Result<(), KeyStoreError> {
        static CONTACT: OnceLock<Result<(), &'static str>> = OnceLock::new();
        CONTACT
            .get_or_init(|| {
                let (answered, answer) = mpsc::sync_channel(1);
                thread::Builder::new()
                    .name("key store".into())
                    .spawn(move || {
                        // `keyring` remembers the result.
                        let _ = Entry::store_status();
                        let _ = answered.send(());
                    })
                    .map_err(|_| "no thread could be started to ask it")?;
                answer.recv_timeout(self.first_contact_timeout).map_err(|_| "it did not answer in time")
            })
            .map_err(|cause| KeyStoreError::Unavailable(cause.into()))
    }
}

impl KeyStore for SystemStore {
    fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.entry(name)?.set_secret(secret).map_err(convert_error)
    }

    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        match self.entry(name)?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(convert_error(error)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(convert_error(error)),
        }
    }
}

fn convert_error(error: Error) -> KeyStoreError {
    match error {
        // The first contact failed, and `keyring` does not try again. Its status says why.
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
