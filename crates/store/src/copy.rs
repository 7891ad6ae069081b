//! Copies of an SQLite database, and whether one is whole.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use super::StoreError;

/// Copies the database as it is at one instant, while others write to it. `to` must not exist.
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut connection = open(from).await?;
    let to = to.to_str().ok_or_else(|| StoreError::Address("a path that is not UTF-8".to_owned()))?;
    // One read transaction; writers go on beside it.
    sqlx::query("VACUUM INTO $1").bind(to).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// What SQLite finds wrong with a database file. `None`: nothing.
pub async fn faults_of_sqlite(file: &Path) -> Result<Option<String>, StoreError> {
    let mut connection = open(file).await?;
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&mut connection).await?;
    if found != ["ok"] {
        return Ok(Some(found.join("; ")));
    }
    let strays = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut connection).await?;
    connection.close().await?;
    strays.map(|row| Ok(format!("rows of {} point nowhere", row.try_get::<String, _>(0)?))).transpose()
}

/// For reading; a file that is not there is not made.
async fn open(file: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .read_only(true)
        .busy_timeout(Duration::from_secs(30));
    Ok(SqliteConnection::connect_with(&options).await?)
}
