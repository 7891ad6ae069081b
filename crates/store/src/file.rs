//! The file of an SQLite database: whether it is still where it was opened, and the reserve beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;

/// Enough for some dozens of revocations.
const RESERVE_BYTES: usize = 1024 * 1024;

/// An open database file.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
    /// The write-ahead log.
    log: PathBuf,
    /// Next to the database, so that it takes room on the same disk.
    reserve: PathBuf,
    /// The reserve is used up, or there was no room for it: what is left of the disk is not for everybody.
    is_spent: AtomicBool,
}

/// What tells a file from another one at the same path.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// Only whether there is a file.
#[cfg(not(unix))]
#[derive(Debug, PartialEq, Eq)]
struct Identity;

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|_| Self)
    }
}

impl DatabaseFile {
    /// Of a database that has just been opened.
    pub fn opened(path: &Path) -> Result<Self, StoreError> {
        let lost = |source| StoreError::Lost { path: path.to_owned(), source: Some(source) };
        // Links are followed: the log is beside the file, and not beside a link to it.
        let file = fs::canonicalize(path).map_err(lost)?;
        let beside = |end: &str| {
            let mut name = file.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        Ok(Self {
            identity: Identity::of(path).map_err(lost)?,
            log: beside("-wal"),
            reserve: beside("-reserve"),
            path: path.to_owned(),
            is_spent: AtomicBool::new(false),
        })
    }

    /// Fails if the path no longer leads to the open file. SQLite would go on writing to a file that nobody can open again.
    pub fn check(&self) -> Result<(), StoreError> {
        let lost = |source| StoreError::Lost { path: self.path.clone(), source };
        match Identity::of(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) => Err(lost(None)),
            Err(error) => Err(lost(Some(error))),
        }
    }

    /// Fails if the write-ahead log was removed. There is one while a transaction is open.
    pub fn check_log(&self) -> Result<(), StoreError> {
        let lost = |source| StoreError::Lost { path: self.log.clone(), source: Some(source) };
        fs::metadata(&self.log).map(drop).map_err(lost)
    }

    pub fn is_reserve_spent(&self) -> bool {
        self.is_spent.load(Ordering::Relaxed)
    }

    pub fn has_reserve(&self) -> bool {
        fs::metadata(&self.reserve).is_ok_and(|found| found.len() == RESERVE_BYTES as u64)
    }

    /// Deletes the reserve, which makes room. Returns whether there was one.
    pub fn release_reserve(&self) -> bool {
        // First, so that nobody else takes the room.
        self.is_spent.store(true, Ordering::Relaxed);
        fs::remove_file(&self.reserve).is_ok()
    }

    /// Writes the reserve. Without room for it nothing is left of the attempt.
    pub fn make_reserve(&self) -> io::Result<()> {
        let made = write_reserve(&self.reserve);
        if made.is_err() {
            let _ = fs::remove_file(&self.reserve);
        }
        let is_full =
            |error: &io::Error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        self.is_spent.store(made.as_ref().is_err_and(is_full), Ordering::Relaxed);
        made
    }
}

fn write_reserve(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Twice as much, so that it never takes back the room that it has just been released for. Not zeros, for which some file
    // systems allocate nothing.
    file.write_all(&vec![0xA5; 2 * RESERVE_BYTES])?;
    file.set_len(RESERVE_BYTES as u64)?;
    file.sync_all()
}
