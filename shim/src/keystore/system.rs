//! The system's own key store: Secret Service on Linux, Credential Manager on Windows, Keychain on macOS.

use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use keyring::Error;
use keyring::v1::Entry;
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError};

/// What people read in their system's list of secrets.
const SERVICE: &str = "AI Workflow Engine";

/// As long as D-Bus' own library waits for a reply.
const FIRST_ANSWER: Duration = Duration::from_secs(25);

#[derive(Debug)]
pub struct SystemStore {
    /// For the first contact alone, in which nobody is asked for anything. What comes later may wait for a person.
    first_answer: Duration,
}

impl Default for SystemStore {
    fn default() -> Self {
        Self::answering_within(FIRST_ANSWER)
    }
}

impl SystemStore {
    pub fn answering_within(first_answer: Duration) -> Self {
        Self { first_answer }
    }

    fn entry(&self, name: &str) -> Result<Entry, KeyStoreError> {
        self.contact()?;
        Entry::new(SERVICE, name).map_err(told)
    }

    /// Once per process: a store that left the first contact without an answer would let every other one wait as well,
    /// since `keyring` holds a lock meanwhile.
    fn contact(&self) -> Result<(), KeyStoreError> {
        static CONTACT: OnceLock<Result<(), &'static str>> = OnceLock::new();
        CONTACT
            .get_or_init(|| {
                let (answered, answer) = mpsc::sync_channel(1);
                thread::Builder::new()
                    .name("key store".into())
                    .spawn(move || {
                        // What it says is kept by `keyring`.
                        let _ = Entry::store_status();
                        let _ = answered.send(());
                    })
                    .map_err(|_| "no thread could be started to ask it")?;
                answer.recv_timeout(self.first_answer).map_err(|_| "it did not answer in time")
            })
            .map_err(|cause| KeyStoreError::Unavailable(cause.into()))
    }
}

impl KeyStore for SystemStore {
    fn keep(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        self.entry(name)?.set_secret(secret).map_err(told)
    }

    fn find(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        match self.entry(name)?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }
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
