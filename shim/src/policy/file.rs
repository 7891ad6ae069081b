//! The policy on disk, readable by its user alone.

use std::fs::{File, create_dir_all, rename};
use std::io::{Error, Read, Write};
use std::path::{Path, PathBuf};

use desktop::policy::{ReceivedPolicy, Refusal};
use protocol::policy::PolicyRules;
use serde::{Deserialize, Serialize};

/// Far more than the longest policy has.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Debug)]
pub struct PolicyFile {
    path: PathBuf,
    server: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// Whose policy it is, as in the `Origin` header.
    server: String,
    received: ReceivedPolicy,
}

impl PolicyFile {
    pub fn new(folder: &Path, server: String) -> Self {
        Self { path: folder.join("policy.json"), server }
    }

    /// `None` if there is none of this server that can be read.
    pub fn read(&self) -> Option<ReceivedPolicy> {
        let mut text = Vec::new();
        File::open(&self.path).ok()?.take(MAX_BYTES).read_to_end(&mut text).ok()?;
        let stored: Stored = serde_json::from_slice(&text).ok()?;
        (stored.server == self.server).then_some(stored.received)
    }

    /// Writes a new file and renames it over the old one, so that it is never incomplete.
    pub fn write(&self, received: &ReceivedPolicy) -> Result<(), Error> {
        let stored = Stored { server: self.server.clone(), received: received.clone() };
        let text = serde_json::to_vec(&stored)?;
        if let Some(folder) = self.path.parent() {
            create_dir_all(folder)?;
        }
        let temporary = self.path.with_extension("new");
        // A left-over file may have other permissions.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut new = private(&temporary)?;
        new.write_all(&text)?;
        new.sync_all()?;
        rename(&temporary, &self.path)
    }
}

/// The user's own rules: `own-policy.json`, written by hand. Without the file there are none.
pub fn own_rules(folder: &Path) -> Result<PolicyRules, Refusal> {
    let file = match File::open(folder.join("own-policy.json")) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(PolicyRules::unrestricted()),
        Err(_) => return Err(Refusal::OwnRules),
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).map_err(|_| Refusal::OwnRules)?;
    serde_json::from_slice(&text).map_err(|_| Refusal::OwnRules)
}

#[cfg(unix)]
fn private(path: &Path) -> Result<File, Error> {
    use std::os::unix::fs::OpenOptionsExt;

    File::options().create_new(true).write(true).mode(0o600).open(path)
}

/// A folder below the user's own data is private on Windows.
#[cfg(not(unix))]
fn private(path: &Path) -> Result<File, Error> {
    File::options().create_new(true).write(true).open(path)
}
