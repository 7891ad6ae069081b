//! Writing a backup, also while the server runs.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use domain::secret::Secret;
use store::{StoreError, copy_sqlite};
use time::OffsetDateTime;

use super::archive::{Sink, copy_and_hash};
use super::{CONFIGURATION, DATA_KEY, DATABASE, DatabaseKind, FORMAT, FileEntry, MANIFEST, Manifest};
use crate::config::{Config, Location};

/// The input of a backup.
#[derive(Debug)]
pub struct Backup<'a> {
    pub config: &'a Config,
    /// The file from which the configuration was read.
    pub config_file: Option<&'a Path>,
    pub data_dir: &'a Path,
    /// Encrypts the archive. `None`: whoever can read it has the keys of the authority.
    pub passphrase: Option<&'a Secret>,
    pub now: OffsetDateTime,
}

/// A finished archive.
#[derive(Debug)]
pub struct WrittenArchive {
    pub manifest: Manifest,
    pub bytes: u64,
}

/// Why the backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} exists already: an earlier backup is never overwritten")]
    Exists(PathBuf),
    #[error("{path} cannot be written or read")]
    Io { path: PathBuf, source: io::Error },
    #[error("the database could not be copied")]
    Database(#[from] StoreError),
    #[error("the manifest could not be written")]
    Manifest(#[from] serde_json::Error),
}

impl Backup<'_> {
    /// Writes the archive to `target` with mode 0600, completely or not at all.
    pub async fn write(&self, target: &Path) -> Result<WrittenArchive, BackupError> {
        if target.exists() {
            return Err(BackupError::Exists(target.to_owned()));
        }
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |source| BackupError::Io { path, source }
        };
        // Private like the archive itself, since the copy of the database lies in it.
        let mut folder = tempfile::Builder::new();
        folder.prefix(".aiwe-backup-");
        #[cfg(unix)]
        folder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700));
        let folder = folder.tempdir_in(parent).map_err(io_error(parent))?;

        let mut files = Vec::new();
        let database = match &self.config.database.location {
            Location::Sqlite(file) => {
                let copy = folder.path().join(DATABASE);
                copy_sqlite(file, &copy).await?;
                files.push((DATABASE, copy));
                DatabaseKind::Sqlite
            }
            Location::Postgres(_) => DatabaseKind::Postgres,
        };
        let key = self.data_dir.join("data.key");
        if self.config.database.data_key.is_none() && key.exists() {
            files.push((DATA_KEY, key));
        }
        if let Some(file) = self.config_file {
            files.push((CONFIGURATION, file.to_owned()));
        }

        let mut entries = Vec::new();
        for (name, path) in &files {
            let mut file = File::open(path).map_err(io_error(path))?;
            entries.push(copy_and_hash(name, &mut file, &mut io::sink()).map_err(io_error(path))?);
        }
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: self.now.unix_timestamp(),
            database,
            files: entries,
        };
        let temporary = folder.path().join("archive");
        self.pack(&temporary, &manifest, &files)?;
        move_into_place(&temporary, target, parent).map_err(io_error(target))?;
        let bytes = target.metadata().map_err(io_error(target))?.len();
        Ok(WrittenArchive { manifest, bytes })
    }

    fn pack(&self, path: &Path, manifest: &Manifest, files: &[(&str, PathBuf)]) -> Result<(), BackupError> {
        let io_error = |source| BackupError::Io { path: path.to_owned(), source };
        let sink = private_file_options().open(path).and_then(|file| Sink::new(file, self.passphrase));
        let mut archive = tar::Builder::new(sink.map_err(io_error)?);
        let text = serde_json::to_vec_pretty(manifest)?;
        let mut add = |name: &str, bytes: u64, content: &mut dyn io::Read| {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o600);
            header.set_size(bytes);
            header.set_mtime(manifest.created_at.unsigned_abs());
            archive.append_data(&mut header, name, content)
        };
        add(MANIFEST, text.len() as u64, &mut text.as_slice()).map_err(io_error)?;
        for ((name, file), FileEntry { bytes, .. }) in files.iter().zip(&manifest.files) {
            let mut content =
                File::open(file).map_err(|source| BackupError::Io { path: file.clone(), source })?;
            add(name, *bytes, &mut content).map_err(io_error)?;
        }
        archive.into_inner().and_then(Sink::finish).map_err(io_error)
    }
}

/// Gives the finished archive its final name, durably.
fn move_into_place(temporary: &Path, target: &Path, folder: &Path) -> io::Result<()> {
    // A hard link fails if the target exists by now, while a rename would replace it. Not every file system has hard links.
    match std::fs::hard_link(temporary, target) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => std::fs::rename(temporary, target)?,
        result => result?,
    }
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Options that create a file which only its owner may read.
pub(super) fn private_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
