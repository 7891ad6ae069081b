//! Writes the file of an enrolment while the window and a command line may both want to.

use std::fs::{File, create_dir_all, rename};
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Held by one process at a time.
#[derive(Debug)]
pub struct WriteLock {
    folder: PathBuf,
    _lock: File,
}

impl WriteLock {
    /// Waits until nobody else holds it.
    pub fn acquire(folder: &Path) -> Result<Self, Error> {
        create_dir_all(folder)?;
        // The file is never removed: whoever already waits for a removed one would not wait for the new one.
        let lock =
            File::options().create(true).truncate(false).write(true).open(folder.join("identity.lock"))?;
        match lock.lock() {
            // Some network file systems have no locks.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Self { folder: folder.to_owned(), _lock: lock }),
        }
    }

    /// Writes a new file and renames it over the old one, so that the file is never incomplete. `file` is in the folder
    /// of this lock.
    pub fn replace(&self, file: &Path, text: &[u8]) -> Result<(), Error> {
        let temporary = file.with_extension("new");
        let mut new = File::create(&temporary)?;
        new.write_all(text)?;
        new.sync_all()?;
        rename(&temporary, file)?;
        sync_folder(&self.folder)
    }
}

/// So that after a power cut the folder has the new file.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), Error> {
    Ok(())
}
