//! Writing where a window and a command line may do so at the same moment.

use std::fs::{File, create_dir_all, rename};
use std::io::{Error, ErrorKind, Write};
use std::path::Path;

/// Waits until nobody else writes; until it is dropped, nobody else does.
#[derive(Debug)]
pub struct Writing {
    _lock: File,
}

impl Writing {
    pub fn begin(folder: &Path) -> Result<Self, Error> {
        create_dir_all(folder)?;
        // It stays: whoever waits for a file that somebody removes would not wait for the same one.
        let lock =
            File::options().create(true).truncate(false).write(true).open(folder.join("identity.lock"))?;
        match lock.lock() {
            // Some network file systems lock nothing.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Self { _lock: lock }),
        }
    }

    /// Written beside it and put in its place: it is never half there.
    pub fn replace(&self, folder: &Path, file: &Path, text: &[u8]) -> Result<(), Error> {
        let beside = file.with_extension("new");
        let mut writing = File::create(&beside)?;
        writing.write_all(text)?;
        writing.sync_all()?;
        rename(&beside, file)?;
        settled(folder)
    }
}

/// So that after a power cut the folder has the new file.
#[cfg(unix)]
fn settled(folder: &Path) -> Result<(), Error> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn settled(_: &Path) -> Result<(), Error> {
    Ok(())
}
