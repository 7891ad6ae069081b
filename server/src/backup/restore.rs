//! Making a data folder from a backup.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::archive::{OpenError, Source, copy_and_hash};
use super::write::owner_only;
use super::{CONFIGURATION, DATA_KEY, DATABASE, DatabaseKind, FORMAT, MANIFEST, Manifest};
use crate::certificate::opens;
use crate::failure::Failure;
use crate::vault::{Vault, VaultError};
use domain::secret::Secret;
use store::{Store, StoreError, faults_of_sqlite};

/// A manifest has a few hundred bytes.
const MANIFEST_BYTES: u64 = 64 * 1024;

/// What is there now.
#[derive(Debug)]
pub struct Restored {
    pub manifest: Manifest,
    /// Of the audit log, all of which fit together. `None`: the database is not in the archive.
    pub audit_entries: Option<u64>,
    /// The authorities whose keys opened. `None`: the data key is not in the archive, so nobody tried.
    pub authorities: Option<usize>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the audit log in the backup is broken at entry {0}")]
    Audit(i64),
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
    NoBackup(String),
    #[error("the backup was made by a newer version ({0}): restore it with that one")]
    Newer(String),
}

/// Writes what the archive holds into `data_dir`, which must be empty or not there, and checks all of it. When
/// anything is wrong the folder is left as it was.
pub async fn restore(
    archive: &Path,
    data_dir: &Path,
    passphrase: Option<&Secret>,
) -> Result<Restored, RestoreError> {
    let at = |source| RestoreError::Io { path: data_dir.to_owned(), source };
    let existed = data_dir.exists();
    if existed && fs::read_dir(data_dir).map_err(at)?.next().is_some() {
        return Err(RestoreError::NotEmpty(data_dir.to_owned()));
    }
    let source = Source::open(archive, passphrase)?;
    crate::start::create_private_folder(data_dir).map_err(at)?;
    let restored = match unpack(source, data_dir) {
        Ok(manifest) => check(data_dir, manifest).await,
        Err(error) => Err(error),
    };
    if restored.is_err() {
        clear(data_dir, existed);
    }
    restored
}

fn unpack(source: Source, folder: &Path) -> Result<Manifest, RestoreError> {
    let unreadable = |error: io::Error| RestoreError::NoBackup(error.to_string());
    let mut archive = tar::Archive::new(source);
    let mut entries = archive.entries().map_err(unreadable)?;
    let first = entries.next().ok_or_else(|| RestoreError::NoBackup("it is empty".to_owned()))?;
    let first = first.map_err(unreadable)?;
    if name_of(&first) != MANIFEST {
        return Err(RestoreError::NoBackup("it does not begin with a manifest".to_owned()));
    }
    let mut text = Vec::new();
    first.take(MANIFEST_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| RestoreError::NoBackup(error.to_string()))?;
    if manifest.format > FORMAT {
        return Err(RestoreError::Newer(manifest.program));
    }
    // By name and in order: an archive writes nothing but these, whatever paths it has.
    for expected in &manifest.files {
        if ![DATABASE, DATA_KEY, CONFIGURATION].contains(&expected.name.as_str()) {
            return Err(RestoreError::NoBackup(format!("it has a file {:?}", expected.name)));
        }
        let damaged = || RestoreError::Damaged(expected.name.clone());
        let mut entry = entries.next().ok_or_else(damaged)?.map_err(|_| damaged())?;
        if name_of(&entry) != expected.name || !entry.header().entry_type().is_file() {
            return Err(damaged());
        }
        let path = folder.join(&expected.name);
        let mut file =
            owner_only().open(&path).map_err(|source| RestoreError::Io { path: path.clone(), source })?;
        let written = copy_and_hash(&expected.name, &mut entry, &mut file).map_err(|_| damaged())?;
        if written != *expected {
            return Err(damaged());
        }
        file.sync_all().map_err(|source| RestoreError::Io { path, source })?;
    }
    Ok(manifest)
}

fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    entry.path().map(|path| path.display().to_string()).unwrap_or_default()
}

/// Whether a server can start with it.
async fn check(folder: &Path, manifest: Manifest) -> Result<Restored, RestoreError> {
    let file = folder.join(DATABASE);
    if manifest.database == DatabaseKind::Postgres {
        return Ok(Restored { manifest, audit_entries: None, authorities: None });
    }
    if let Some(faults) = faults_of_sqlite(&file).await? {
        return Err(RestoreError::DatabaseFaults(faults));
    }
    let store = Store::open_sqlite(&file).await?;
    let checked = check_contents(&store, folder).await;
    store.close().await;
    let (audit_entries, authorities) = checked?;
    Ok(Restored { manifest, audit_entries: Some(audit_entries), authorities })
}

async fn check_contents(store: &Store, folder: &Path) -> Result<(u64, Option<usize>), RestoreError> {
    let mut tx = store.read().await?;
    let entries = tx.audit_log().verify().await?.map_err(|broken| RestoreError::Audit(broken.sequence))?;
    let path = folder.join(DATA_KEY);
    if !path.exists() {
        return Ok((entries, None));
    }
    let vault = Vault::read(&path)?;
    let authorities = tx.authorities().list().await?;
    for authority in &authorities {
        opens(&vault, authority).map_err(RestoreError::Authority)?;
    }
    Ok((entries, Some(authorities.len())))
}

/// Removes what a restore that failed has written.
fn clear(folder: &Path, existed: bool) {
    let journals = ["-wal", "-shm", "-journal"].map(|end| format!("{DATABASE}{end}"));
    let names = [DATABASE, DATA_KEY, CONFIGURATION].map(str::to_owned).into_iter().chain(journals);
    for name in names {
        // What is not there need not go.
        let _ = fs::remove_file(folder.join(name));
    }
    if !existed {
        let _ = fs::remove_dir(folder);
    }
}

/// The first line of a file, such as one that holds a passphrase.
pub fn first_line(path: &Path) -> io::Result<Secret> {
    let mut text = zeroize::Zeroizing::new(String::new());
    File::open(path)?.read_to_string(&mut text)?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}
