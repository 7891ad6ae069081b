//! What this machine keeps of its enrolment, and how one identity takes another's place.
//!
//! Key and certificate lie together in the key store, under a name made from the key; the file `identity.json` says
//! which name counts. A new identity is kept first and read back, then the file is replaced as a whole, then the old one is
//! removed: whoever is interrupted anywhere has the old one or the new one, and never neither.
//!
//! Whatever was found out from the file is written back only if the file still says so.

mod record;
mod write;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keys::{Chain, MachineKey};
use package::PrivateKey;

use crate::configuration::Configuration;
use crate::identity::{self, Identity, IdentityError};
use crate::keystore::{KeyStoreError, Keys, Place};
use crate::link::Fingerprint;
use crate::transport::{NotAuthorities, Trust};
use record::VERSION;
pub use record::{Kept, Next, Record, Trusted};
use write::Writing;

/// The key of a link that is being redeemed: asked again with the same key, the server gives the same certificate.
const PENDING: &str = "pending";

#[derive(Debug, Clone)]
pub struct Enrolled {
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
pub enum EnrolledError {
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

impl Enrolled {
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

    /// Does something of this on a thread that may wait.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, EnrolledError> + Send + 'static,
    ) -> Result<T, EnrolledError> {
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(|_| EnrolledError::Cancelled)?
    }

    /// `Ok(None)`: this machine is not enrolled. Changes nothing.
    pub fn load(&self) -> Result<Option<Machine>, EnrolledError> {
        let Some(record) = self.record()? else { return Ok(None) };
        let identity = self.identity(record.kept_in, &record.current)?;
        Ok(Some(Machine { record, identity }))
    }

    pub fn record(&self) -> Result<Option<Record>, EnrolledError> {
        let text = match std::fs::read(self.file()) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(EnrolledError::File(error)),
        };
        let record: Record =
            serde_json::from_slice(&text).map_err(|error| EnrolledError::Record(Some(error)))?;
        if record.version == VERSION { Ok(Some(record)) } else { Err(EnrolledError::Record(None)) }
    }

    pub fn identity(&self, place: Place, name: &str) -> Result<Identity, EnrolledError> {
        let kept = self.keys.find(place, name)?.ok_or(EnrolledError::KeyLost)?;
        Ok(Identity::from_kept(&kept)?)
    }

    /// A key that was kept without a certificate. `Ok(None)`: it is not there.
    pub fn key(&self, place: Place, name: &str) -> Result<Option<MachineKey>, EnrolledError> {
        let kept = self.keys.find(place, name)?;
        Ok(kept.map(|kept| identity::kept_key(&kept)).transpose()?)
    }

    /// Keeps a key, with its certificates once there are any.
    pub fn keep(
        &self,
        place: Place,
        key: &MachineKey,
        chain: Option<&Chain>,
    ) -> Result<String, EnrolledError> {
        let name = name_of(key);
        self.keys.keep_in(place, &name, &Identity::to_keep(key.key(), chain)?)?;
        Ok(name)
    }

    /// The key for a link: the one that was made for it before, or the one that `make` makes, kept before it is used.
    pub fn key_of_link(
        &self,
        token: &str,
        make: impl FnOnce() -> Result<MachineKey, EnrolledError>,
    ) -> Result<MachineKey, EnrolledError> {
        let mark = Fingerprint::of(token.as_bytes()).to_string();
        for place in [Place::System, Place::File] {
            // One that is away has nothing.
            if let Ok(Some(kept)) = self.keys.find(place, PENDING)
                && let Some(kept) = kept.strip_prefix(mark.as_bytes())
            {
                return Ok(identity::kept_key(kept)?);
            }
        }
        let key = make()?;
        let mut kept = Identity::to_keep(key.key(), None)?;
        kept.splice(0..0, mark.into_bytes());
        self.keys.keep(PENDING, &kept)?;
        Ok(key)
    }

    /// This machine is enrolled from now on, in place of any enrolment before. `record` says where, with an empty name.
    pub fn enrol(&self, record: Record, key: &PrivateKey, chain: &Chain) -> Result<Machine, EnrolledError> {
        let key = MachineKey::from_key(key).map_err(|_| IdentityError::Kept)?;
        let current = name_of(&key);
        let kept_in = self.keys.keep(&current, &Identity::to_keep(key.key(), Some(chain))?)?;
        // What cannot be read back takes nobody's place.
        let read = self.identity(kept_in, &current);
        let identity =
            read.inspect_err(|_| self.remove_all_but(self.record().ok().flatten(), [(kept_in, &*current)]))?;
        let writing = self.writing()?;
        // What cannot be read of a former enrolment is no reason against a new one.
        let former = self.record().ok().flatten();
        let replaced = former.as_ref().filter(|former| former.current != current);
        let leaving = replaced.map(|it| Kept { place: it.kept_in, name: it.current.clone() });
        let record = Record { version: VERSION, kept_in, current, leaving, ..record };
        self.write(&writing, &record)?;
        drop(writing);
        self.remove_all_but(Some(record.clone()), former.iter().flat_map(Record::names));
        for place in [Place::System, Place::File] {
            self.remove(place, PENDING);
        }
        Ok(Machine { record: self.tidied(record)?, identity })
    }

    /// The renewed identity, which was used by now, takes the old one's place.
    pub fn succeed(&self, before: &Record) -> Result<Record, EnrolledError> {
        let mut record = before.clone();
        let Some(Next::Issued { name, authorities }) = record.next.take() else { return Ok(record) };
        let old = std::mem::replace(&mut record.current, name);
        record.leaving = Some(Kept { place: record.kept_in, name: old });
        record.authorities = authorities;
        self.go_on(before, &record)?;
        self.tidied(record)
    }

    /// Writes what became of `before`. If that does not stand any more, nothing is written, and no key is left behind.
    pub fn go_on(&self, before: &Record, after: &Record) -> Result<(), EnrolledError> {
        let writing = self.writing()?;
        let stands = self.record()?;
        if stands.as_ref().is_some_and(|it| (&it.current, &it.next) == (&before.current, &before.next)) {
            return self.write(&writing, after);
        }
        drop(writing);
        self.remove_all_but(stands, after.names());
        Err(EnrolledError::Superseded)
    }

    /// Removes the enrolment with every key of it; whether there was one. Where the file does not say which keys those are,
    /// it stays, since they do too.
    pub fn forget(&self) -> Result<bool, EnrolledError> {
        let _writing = self.writing()?;
        for place in [Place::System, Place::File] {
            self.remove(place, PENDING);
        }
        for (place, name) in self.record()?.iter().flat_map(Record::names) {
            self.keys.remove(place, name)?;
        }
        match std::fs::remove_file(self.file()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(EnrolledError::File(error)),
        }
    }

    /// Removes what was replaced. If it cannot be removed now, it can another time.
    pub fn clean_up(&self) -> Result<(), EnrolledError> {
        let Some(record) = self.record()? else { return Ok(()) };
        match &record.leaving {
            Some(Kept { place, name }) if self.remove(*place, name) => {
                self.go_on(&record, &Record { leaving: None, ..record.clone() })
            }
            _ => Ok(()),
        }
    }

    /// `record` after a clean-up, which it can do without.
    fn tidied(&self, record: Record) -> Result<Record, EnrolledError> {
        if let Err(error) = self.clean_up() {
            tracing::warn!(%error, "an old key stays for now");
        }
        let stands = self.record()?.filter(|stands| stands.current == record.current);
        stands.ok_or(EnrolledError::Superseded)
    }

    fn writing(&self) -> Result<Writing, EnrolledError> {
        Writing::begin(&self.folder).map_err(EnrolledError::File)
    }

    fn write(&self, writing: &Writing, record: &Record) -> Result<(), EnrolledError> {
        let text = serde_json::to_vec_pretty(record).map_err(|error| EnrolledError::Record(Some(error)))?;
        writing.replace(&self.folder, &self.file(), &text).map_err(EnrolledError::File)
    }

    /// Of `names`, what does not count for the record that stands.
    fn remove_all_but<'a>(&self, stands: Option<Record>, names: impl IntoIterator<Item = (Place, &'a str)>) {
        let counts = stands.as_ref().map(Record::names).unwrap_or_default();
        for (place, name) in names.into_iter().filter(|kept| !counts.contains(kept)) {
            self.remove(place, name);
        }
    }

    /// Whether it is gone. Of a store that does not answer nobody knows what is in it.
    fn remove(&self, place: Place, name: &str) -> bool {
        match self.keys.remove(place, name) {
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
    pub fn configuration(self) -> Result<(Record, Configuration), EnrolledError> {
        let Self { record, identity } = self;
        let server = record.server.parse().map_err(|_| EnrolledError::Record(None))?;
        let trust = record.trust(&record.authorities)?;
        Ok((record, Configuration { server, trust, identity }))
    }
}

impl Record {
    /// As it was settled at the enrolment, with these authorities.
    pub fn trust(&self, authorities: &str) -> Result<Trust, EnrolledError> {
        match self.trusted {
            Trusted::Authority => Trust::in_authorities(authorities.as_bytes()).map_err(EnrolledError::Trust),
            Trusted::System => Trust::in_system().map_err(EnrolledError::SystemTrust),
        }
    }
}

fn name_of(key: &MachineKey) -> String {
    Fingerprint::of(key.public()).to_string()
}

#[cfg(test)]
mod tests;
