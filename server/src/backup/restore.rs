//! Restoring a data folder from a backup.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use domain::secret::Secret;
use store::{ChainBreak, Store, StoreError, check_sqlite};

use super::archive::{OpenError, Source, copy_and_hash};
use super::write::private_file_options;
use super::{CONFIGURATION, DATA_KEY, DATABASE, DatabaseKind, FORMAT, MANIFEST, Manifest};
use crate::certificate::opens;
use crate::failure::Failure;
use crate::vault::{Vault, VaultError};

/// The limit for the manifest, which has a few hundred bytes.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024;

/// What was restored and checked.
#[derive(Debug)]
pub struct Restored {
    pub manifest: Manifest,
    /// The number of entries in the audit log, which is intact. Without the data key only their order was checked. `None`: the database is not in the archive.
    pub audit_entries: Option<u64>,
    /// The number of authorities, all of whose keys could be decrypted. `None`: the data key is not in the archive.
    pub authorities: Option<usize>,
}

/// Why the restore failed. The data folder is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the audit log in the backup is broken at {0}")]
    Audit(ChainBreak),
    #[error("the archive cannot be used")]
    Archive(#[from] OpenError),
    #[error("the database in the backup is damaged: {0}")]
    DatabaseFaults(String),
    #[error("the database in the backup cannot be used")]
    Database(#[from] StoreError),
    #[error("{0} in the archive is not what the manifest says: the archive is damaged")]
    Damaged(String),
    #[error("the data folder {0} is not empty: restore into an empty one, or one that is not there yet")]
    NotEmpty(PathBuf),
    #[error("{path} cannot be written")]
    Io { path: PathBuf, source: io::Error },
    #[error("the authority in the backup does not open with the data key in the backup")]
    Authority(#[source] Failure),
    #[error("the data key in the backup cannot be used")]
    Key(#[from] VaultError),
    #[error("this is no backup: {0}")]
    NotABackup(String),
    #[error("the backup was made by a newer version ({0}): restore it with that one")]
    NewerFormat(String),
}

/// Unpacks the archive into `data_dir`, which must be empty or not exist, and verifies all of it. On an error the folder
/// is left as it was.
pub async fn restore(
    archive: &Path,
    data_dir: &Path,
    passphrase: Option<&Secret>,
) -> Result<Restored, RestoreError> {
    let io_error = |source| RestoreError::Io { path: data_dir.to_owned(), source };
    let existed = data_dir.exists();
    if existed && fs::read_dir(data_dir).map_err(io_error)?.next().is_some() {
        return Err(RestoreError::NotEmpty(data_dir.to_owned()));
    }
    let source = Source::open(archive, passphrase)?;
    crate::start::create_private_folder(data_dir).map_err(io_error)?;
    let restored = match unpack(source, data_dir) {
        Ok(manifest) => verify(data_dir, manifest).await,
        Err(error) => Err(error),
    };
    if restored.is_err() {
        remove_restored(data_dir, existed);
    }
    restored
}

fn unpack(source: Source, folder: &Path) -> Result<Manifest, RestoreError> {
    let unreadable = |error: io::Error| RestoreError::NotABackup(error.to_string());
    let mut archive = tar::Archive::new(source);
    let mut entries = archive.entries().map_err(unreadable)?;
    let first = entries.next().ok_or_else(|| RestoreError::NotABackup("it is empty".to_owned()))?;
    let first = first.map_err(unreadable)?;
    if entry_name(&first) != MANIFEST {
        return Err(RestoreError::NotABackup("it does not begin with a manifest".to_owned()));
    }
    let mut text = Vec::new();
    first.take(MAX_MANIFEST_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| RestoreError::NotABackup(error.to_string()))?;
    if manifest.format > FORMAT {
        return Err(RestoreError::NewerFormat(manifest.program));
    }
    // Only these files, by name and in order: no path in the archive can lead out of the folder.
    for expected in &manifest.files {
        if ![DATABASE, DATA_KEY, CONFIGURATION].contains(&expected.name.as_str()) {
            return Err(RestoreError::NotABackup(format!("it has a file {:?}", expected.name)));
        }
        let damaged = || RestoreError::Damaged(expected.name.clone());
        let mut entry = entries.next().ok_or_else(damaged)?.map_err(|_| damaged())?;
        if entry_name(&entry) != expected.name || !entry.header().entry_type().is_file() {
            return Err(damaged());
        }
        let path = folder.join(&expected.name);
        let mut file = private_file_options()
            .open(&path)
            .map_err(|source| RestoreError::Io { path: path.clone(), source })?;
        let written = copy_and_hash(&expected.name, &mut entry, &mut file).map_err(|_| damaged())?;
        if written != *expected {
            return Err(damaged());
        }
        file.sync_all().map_err(|source| RestoreError::Io { path, source })?;
    }
    Ok(manifest)
}

fn entry_name<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    entry.path().map(|path| path.display().to_string()).unwrap_or_default()
}

/// Checks that a server can start with what was restored.
async fn verify(folder: &Path, manifest: Manifest) -> Result<Restored, RestoreError> {
    let file = folder.join(DATABASE);
    if manifest.database == DatabaseKind::Postgres {
        return Ok(Restored { manifest, audit_entries: None, authorities: None });
    }
    if let Some(faults) = check_sqlite(&file).await? {
        return Err(RestoreError::DatabaseFaults(faults));
    }
    let store = Store::open_sqlite(&file).await?;
    let verified = verify_contents(&store, folder).await;
    store.close().await;
    let (audit_entries, authorities) = verified?;
    Ok(Restored { manifest, audit_entries: Some(audit_entries), authorities })
}

async fn verify_contents(store: &Store, folder: &Path) -> Result<(u64, Option<usize>), RestoreError> {
    let mut tx = store.read().await?;
    let path = folder.join(DATA_KEY);
    let vault = if path.exists() { Some(Vault::read(&path)?) } else { None };
    let key = vault.as_ref().map(Vault::audit_key);
    let log = tx.audit_log().verify_with(key.as_ref(), &[]).await?;
    let entries = log.map_err(RestoreError::Audit)?.entries;
    let Some(vault) = vault else { return Ok((entries, None)) };
    let authorities = tx.authorities().list().await?;
    for authority in &authorities {
        opens(&vault, authority).map_err(RestoreError::Authority)?;
    }
    Ok((entries, Some(authorities.len())))
}

/// Removes what a failed restore has written.
fn remove_restored(folder: &Path, existed: bool) {
    let journals = ["-wal", "-shm", "-journal"].map(|end| format!("{DATABASE}{end}"));
    let names = [DATABASE, DATA_KEY, CONFIGURATION].map(str::to_owned).into_iter().chain(journals);
    for name in names {
        // It may not exist.
        let _ = fs::remove_file(folder.join(name));
    }
    if !existed {
        let _ = fs::remove_dir(folder);
    }
}

/// Reads a secret, such as a passphrase, from the first line of a file.
pub fn first_line(path: &Path) -> io::Result<Secret> {
    let mut text = zeroize::Zeroizing::new(String::new());
    File::open(path)?.read_to_string(&mut text)?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}
