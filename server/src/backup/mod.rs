//! Backup and restore: one archive with everything of a server that cannot be recreated.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | when and by which version the archive was written, and each file's length and SHA-256 |
//! | `aiwe.db` | a consistent snapshot of the SQLite database: accounts, certificates, the authority with its keys (sealed), requests, analyses, mails, the audit log |
//! | `data.key` | the key that decrypts what is sealed in the database |
//! | `config.toml` | the configuration file, including the secrets in it |
//!
//! Not included: files that the configuration names (TLS keys, `…_file`), environment variables, a PostgreSQL database, a
//! data key from the configuration. Whoever has an unencrypted archive has the keys of the authority.

mod archive;
mod restore;
mod write;

use serde::{Deserialize, Serialize};

pub use restore::{RestoreError, Restored, first_line, restore};
pub use write::{Backup, BackupError, WrittenArchive};

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "aiwe.db";
const DATA_KEY: &str = "data.key";
const CONFIGURATION: &str = "config.toml";

/// The version of the archive format. Newer versions are refused.
const FORMAT: u32 = 1;

/// The archive's description of itself: its first file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The version of the program that wrote the archive.
    pub program: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    pub database: DatabaseKind,
    pub files: Vec<FileEntry>,
}

/// The server's database system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// The database is not in the archive: PostgreSQL has its own tools.
    Postgres,
    Sqlite,
}

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}
