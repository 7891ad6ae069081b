//! `server backup` and `server restore`.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::clock::{Clock, SystemClock};
use domain::secret::Secret;
use server::backup::{self, Backup, DatabaseKind, Manifest, first_line};
use server::config::Config;

use super::print_line;

/// An archive and its passphrase.
#[derive(Debug, Args)]
pub struct Archive {
    /// The archive's file.
    file: PathBuf,
    /// A file whose first line is the archive's passphrase.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

type BoxError = Box<dyn std::error::Error>;

const POSTGRES: &str = "The database is PostgreSQL's and not in the archive: pg_dump and pg_restore copy it \
                        (docs/backup.md).";

impl Archive {
    /// Writes the archive, while the server runs or not.
    pub async fn back_up(
        &self,
        config: &Config,
        config_file: Option<&Path>,
        data_dir: &Path,
    ) -> Result<(), BoxError> {
        let passphrase = self.passphrase()?;
        let backup =
            Backup { config, config_file, data_dir, passphrase: passphrase.as_ref(), now: SystemClock.now() };
        let written = backup.write(&self.file).await?;
        print_line(&format!("{} ({} bytes) holds:", self.file.display(), written.bytes));
        list(&written.manifest);
        if config.database.data_key.is_some() {
            print_line(
                "The data key is given from outside and not in the archive: nothing opens without it.",
            );
        }
        if passphrase.is_none() {
            print_line(
                "It is not locked: whoever can read it holds the authority's keys. --passphrase-file locks it.",
            );
        }
        Ok(())
    }

    /// Creates a data folder from the archive.
    pub async fn restore(&self, data_dir: &Path) -> Result<(), BoxError> {
        let passphrase = self.passphrase()?;
        let restored = backup::restore(&self.file, data_dir, passphrase.as_ref()).await?;
        print_line(&format!(
            "{}: restored from the backup of {}",
            data_dir.display(),
            app::instant::readable(restored.manifest.created_at)
        ));
        list(&restored.manifest);
        match (restored.audit_entries, restored.authorities) {
            (Some(entries), Some(_)) => {
                print_line(&format!("The database is whole, and so is the audit log: {entries} entries."));
            }
            (Some(entries), None) => print_line(&format!(
                "The database is whole. The audit log ({entries} entries) is checked with the data key: server audit verify."
            )),
            (None, _) => {}
        }
        match (restored.manifest.database, restored.authorities) {
            (DatabaseKind::Sqlite, None) => {
                print_line("The data key is not in the archive: the server needs the one that it had.");
            }
            (_, Some(authorities)) => {
                print_line(&format!("The data key opens the keys of the authority ({authorities})."));
            }
            (DatabaseKind::Postgres, None) => {}
        }
        Ok(())
    }

    fn passphrase(&self) -> Result<Option<Secret>, BoxError> {
        let Some(file) = &self.passphrase_file else { return Ok(None) };
        let passphrase = first_line(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
        if passphrase.is_empty() {
            return Err(format!("{} has no passphrase in its first line", file.display()).into());
        }
        Ok(Some(passphrase))
    }
}

fn list(manifest: &Manifest) {
    for file in &manifest.files {
        print_line(&format!("  {} ({} bytes)", file.name, file.bytes));
    }
    if manifest.database == DatabaseKind::Postgres {
        print_line(POSTGRES);
    }
}
