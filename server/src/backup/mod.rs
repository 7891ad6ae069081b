//! Backup and restore: one archive with everything that a server cannot be made anew without.
//!
//! | in the archive | what it is |
//! |---|---|
//! | `manifest.json` | when and by which version it was made, and each file's length and SHA-256 |
//! | `aiwe.db` | the SQLite database as it was at one instant: accounts, certificates, the authority with its keys (sealed), requests, analyses, mails, the audit log |
//! | `data.key` | the key that opens what is sealed in the database |
//! | `config.toml` | the configuration file, with the secrets that stand in it |
//!
//! Never in it: files that the configuration names (TLS keys, `…_file`), variables of the environment, a PostgreSQL
//! database, a data key that is given from outside. Whoever holds an archive that is not locked holds the authority.

mod archive;
mod restore;
mod write;

use serde::{Deserialize, Serialize};

pub use restore::{RestoreError, Restored, first_line, restore};
pub use write::{Backup, BackupError, Written};

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "aiwe.db";
const DATA_KEY: &str = "data.key";
const CONFIGURATION: &str = "config.toml";

/// The archive's form. A program refuses one that is newer than itself.
const FORMAT: u32 = 1;

/// What the archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    pub database: DatabaseKind,
    pub files: Vec<Entry>,
}

/// Where the server keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// Not in the archive: PostgreSQL has tools of its own.
    Postgres,
    Sqlite,
}

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}
