//! Snapshots and integrity checks of SQLite databases, for backups.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use super::StoreError;

/// Copies a consistent snapshot of the database, while others may write to it. `to` must not exist.
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut connection = open(from).await?;
    let to = to.to_str().ok_or_else(|| StoreError::Address("a path that is not UTF-8".to_owned()))?;
    // A single read transaction, which does not block writers.
    sqlx::query("VACUUM INTO $1").bind(to).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Checks the integrity and the foreign keys of a database file. Returns what is wrong with it; `None`: nothing.
pub async fn check_sqlite(file: &Path) -> Result<Option<String>, StoreError> {
    let mut connection = open(file).await?;
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&mut connection).await?;
    if found != ["ok"] {
        return Ok(Some(found.join("; ")));
    }
    let violation = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut connection).await?;
    connection.close().await?;
    violation.map(|row| Ok(format!("rows of {} point nowhere", row.try_get::<String, _>(0)?))).transpose()
}

/// Opens a file read-only, without creating it.
async fn open(file: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .read_only(true)
        .busy_timeout(Duration::from_secs(30));
    Ok(SqliteConnection::connect_with(&options).await?)
}
