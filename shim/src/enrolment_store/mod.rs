//! What this machine stores of its enrolment, and how one identity replaces another.
//!
//! Key and certificate are stored together in the key store, under a name made from the key; the file `identity.json` says
//! which name is current. A new identity is stored first and read back, then the file is replaced as a whole, then the old
//! identity is removed: after an interruption at any point the old one or the new one is there.
//!
//! A record is written only if the file still has the one that it was made from.

mod record;
mod write_lock;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keys::{Chain, MachineKey};
use package::PrivateKey;

use crate::configuration::Configuration;
use crate::identity::{self, Identity, IdentityError};
use crate::keystore::{KeyLocation, KeyStoreError, Keys};
use crate::link::Fingerprint;
use crate::trust::{NotAuthorities, Trust};
use record::VERSION;
pub use record::{Next, Record, StoredKey, Trusted};
use write_lock::WriteLock;

/// The key of a link that is being redeemed: asked again with the same key, the server gives the same certificate.
const PENDING: &str = "pending";

#[derive(Debug, Clone)]
pub struct EnrolmentStore {
    folder: PathBuf,
    keys: Keys,
}

/// An enrolled machine.
#[derive(Debug)]
pub struct Machine {
    pub record: Record,
    pub identity: Identity,
}

#[derive(Debug, thiserror::Error)]
pub enum EnrolmentStoreError {
    #[error("the file with this machine's enrolment cannot be read or written")]
    File(#[source] std::io::Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the key store does not have this machine's key any more")]
    KeyLost,
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error("this system gives no random numbers")]
    NoRandom,
    #[error("the file with this machine's enrolment is damaged, or of a newer version of this program")]
    Record(#[source] Option<serde_json::Error>),
    #[error("this machine was enrolled anew, or its enrolment was removed, in the meantime")]
    Superseded,
    #[error("the file with this machine's enrolment names no authority")]
    Trust(#[source] NotAuthorities),
    #[error("this system's certificates cannot be read")]
    SystemTrust(#[source] rustls::Error),
    #[error("the work was cancelled")]
    Cancelled,
}

impl EnrolmentStore {
    /// Of this account on this system.
    pub fn of_account() -> Option<Self> {
        let folder = dirs::data_local_dir()?.join("ai-workflow-engine");
        let keys = Keys::new(&folder);
        Some(Self { folder, keys })
    }

    #[cfg(test)]
    pub fn new(folder: &Path, keys: Keys) -> Self {
        Self { folder: folder.to_owned(), keys }
    }

    /// Runs blocking work on a thread for it.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, EnrolmentStoreError> + Send + 'static,
    ) -> Result<T, EnrolmentStoreError> {
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(|_| EnrolmentStoreError::Cancelled)?
    }

    /// `Ok(None)`: this machine is not enrolled. Changes nothing.
    pub fn load(&self) -> Result<Option<Machine>, EnrolmentStoreError> {
        let Some(record) = self.record()? else { return Ok(None) };
        let identity = self.identity(record.key_location, &record.current)?;
        Ok(Some(Machine { record, identity }))
    }

    pub fn record(&self) -> Result<Option<Record>, EnrolmentStoreError> {
        let text = match std::fs::read(self.file()) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(EnrolmentStoreError::File(error)),
        };
        let record: Record =
            serde_json::from_slice(&text).map_err(|error| EnrolmentStoreError::Record(Some(error)))?;
        if record.version == VERSION { Ok(Some(record)) } else { Err(EnrolmentStoreError::Record(None)) }
    }

    pub fn identity(&self, location: KeyLocation, name: &str) -> Result<Identity, EnrolmentStoreError> {
        let stored = self.keys.get(location, name)?.ok_or(EnrolmentStoreError::KeyLost)?;
        Ok(Identity::decode(&stored)?)
    }

    /// A key that was stored without a certificate. `Ok(None)`: it is not there.
    pub fn key(&self, location: KeyLocation, name: &str) -> Result<Option<MachineKey>, EnrolmentStoreError> {
        let stored = self.keys.get(location, name)?;
        Ok(stored.map(|stored| identity::decode_key(&stored)).transpose()?)
    }

    /// Stores a key, with its certificates once there are any. Returns its name.
    pub fn store_key(
        &self,
        location: KeyLocation,
        key: &MachineKey,
        chain: Option<&Chain>,
    ) -> Result<String, EnrolmentStoreError> {
        let name = name_of(key);
        self.keys.set_in(location, &name, &Identity::encode(key.key(), chain)?)?;
        Ok(name)
    }

    /// The key for a link: the one that was made for it before, or the one that `make` makes, stored before it is used.
    pub fn key_for_link(
        &self,
        token: &str,
        make: impl FnOnce() -> Result<MachineKey, EnrolmentStoreError>,
    ) -> Result<MachineKey, EnrolmentStoreError> {
        let mark = Fingerprint::of(token.as_bytes()).to_string();
        for location in [KeyLocation::System, KeyLocation::File] {
            // A store that is unavailable has nothing.
            if let Ok(Some(stored)) = self.keys.get(location, PENDING)
                && let Some(stored) = stored.strip_prefix(mark.as_bytes())
            {
                return Ok(identity::decode_key(stored)?);
            }
        }
        let key = make()?;
        let mut stored = Identity::encode(key.key(), None)?;
        stored.splice(0..0, mark.into_bytes());
        self.keys.set(PENDING, &stored)?;
        Ok(key)
    }

    /// Replaces any enrolment before. `record` says everything but the key's location and name.
    pub fn enrol(
        &self,
        record: Record,
        key: &PrivateKey,
        chain: &Chain,
    ) -> Result<Machine, EnrolmentStoreError> {
        let key = MachineKey::from_key(key).map_err(|_| IdentityError::Damaged)?;
        let current = name_of(&key);
        let key_location = self.keys.set(&current, &Identity::encode(key.key(), Some(chain))?)?;
        // An identity that cannot be read back must not replace the old one.
        let read = self.identity(key_location, &current);
        let identity = read
            .inspect_err(|_| self.remove_unused(self.record().ok().flatten(), [(key_location, &*current)]))?;
        let lock = self.lock()?;
        // A former enrolment that cannot be read must not prevent a new one.
        let former = self.record().ok().flatten();
        let replaced = former.as_ref().filter(|former| former.current != current);
        let obsolete = replaced.map(|it| StoredKey { location: it.key_location, name: it.current.clone() });
        let record = Record { version: VERSION, key_location, current, obsolete, ..record };
        self.write(&lock, &record)?;
        drop(lock);
        self.remove_unused(Some(record.clone()), former.iter().flat_map(Record::names));
        for location in [KeyLocation::System, KeyLocation::File] {
            self.remove(location, PENDING);
        }
        Ok(Machine { record: self.without_obsolete_key(record)?, identity })
    }

    /// The renewed identity, which has been used by now, replaces the old one.
    pub fn activate_next(&self, before: &Record) -> Result<Record, EnrolmentStoreError> {
        let mut record = before.clone();
        let Some(Next::Issued { name, authorities }) = record.next.take() else { return Ok(record) };
        let old = std::mem::replace(&mut record.current, name);
        record.obsolete = Some(StoredKey { location: record.key_location, name: old });
        record.authorities = authorities;
        self.replace_record(before, &record)?;
        self.without_obsolete_key(record)
    }

    /// Writes `after` if the file still has `before`. If not, nothing is written, and the keys of `after` are removed.
    pub fn replace_record(&self, before: &Record, after: &Record) -> Result<(), EnrolmentStoreError> {
        let lock = self.lock()?;
        let on_disk = self.record()?;
        if on_disk.as_ref().is_some_and(|it| (&it.current, &it.next) == (&before.current, &before.next)) {
            return self.write(&lock, after);
        }
        drop(lock);
        self.remove_unused(on_disk, after.names());
        Err(EnrolmentStoreError::Superseded)
    }

    /// Removes the enrolment with all its keys; returns whether there was one. A file that cannot be read stays, since the
    /// keys that it names would stay too.
    pub fn forget(&self) -> Result<bool, EnrolmentStoreError> {
        let _lock = self.lock()?;
        for location in [KeyLocation::System, KeyLocation::File] {
            self.remove(location, PENDING);
        }
        for (location, name) in self.record()?.iter().flat_map(Record::names) {
            self.keys.remove(location, name)?;
        }
        match std::fs::remove_file(self.file()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(EnrolmentStoreError::File(error)),
        }
    }

    /// Removes the replaced key. If that fails now, it can be done later.
    pub fn clean_up(&self) -> Result<(), EnrolmentStoreError> {
        let Some(record) = self.record()? else { return Ok(()) };
        match &record.obsolete {
            Some(StoredKey { location, name }) if self.remove(*location, name) => {
                self.replace_record(&record, &Record { obsolete: None, ..record.clone() })
            }
            _ => Ok(()),
        }
    }

    /// `record` after a clean-up, which may fail.
    fn without_obsolete_key(&self, record: Record) -> Result<Record, EnrolmentStoreError> {
        if let Err(error) = self.clean_up() {
            tracing::warn!(%error, "an old key stays for now");
        }
        let on_disk = self.record()?.filter(|on_disk| on_disk.current == record.current);
        on_disk.ok_or(EnrolmentStoreError::Superseded)
    }

    fn lock(&self) -> Result<WriteLock, EnrolmentStoreError> {
        WriteLock::acquire(&self.folder).map_err(EnrolmentStoreError::File)
    }

    fn write(&self, lock: &WriteLock, record: &Record) -> Result<(), EnrolmentStoreError> {
        let text =
            serde_json::to_vec_pretty(record).map_err(|error| EnrolmentStoreError::Record(Some(error)))?;
        lock.replace(&self.file(), &text).map_err(EnrolmentStoreError::File)
    }

    /// Removes the keys of `names` that the record on disk does not use.
    fn remove_unused<'a>(
        &self,
        on_disk: Option<Record>,
        names: impl IntoIterator<Item = (KeyLocation, &'a str)>,
    ) {
        let used = on_disk.as_ref().map(Record::names).unwrap_or_default();
        for (location, name) in names.into_iter().filter(|stored| !used.contains(stored)) {
            self.remove(location, name);
        }
    }

    /// Returns whether it is gone; false also where the store does not answer.
    fn remove(&self, location: KeyLocation, name: &str) -> bool {
        match self.keys.remove(location, name) {
            Ok(()) => true,
            Err(KeyStoreError::Unavailable(_)) => false,
            Err(error) => {
                tracing::warn!(%error, "an old key could not be removed");
                false
            }
        }
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self) -> PathBuf {
        self.folder.join("identity.json")
    }
}

impl Machine {
    pub fn configuration(self) -> Result<(Record, Configuration), EnrolmentStoreError> {
        let Self { record, identity } = self;
        let server = record.server.parse().map_err(|_| EnrolmentStoreError::Record(None))?;
        let trust = record.trust(&record.authorities)?;
        Ok((record, Configuration { server, trust, identity }))
    }
}

impl Record {
    /// What was decided at the enrolment, with these authorities.
    pub fn trust(&self, authorities: &str) -> Result<Trust, EnrolmentStoreError> {
        match self.trusted {
            Trusted::Authority => {
                Trust::in_authorities(authorities.as_bytes()).map_err(EnrolmentStoreError::Trust)
            }
            Trusted::System => Trust::in_system().map_err(EnrolmentStoreError::SystemTrust),
        }
    }
}

fn name_of(key: &MachineKey) -> String {
    Fingerprint::of(key.public()).to_string()
}

#[cfg(test)]
mod tests;
