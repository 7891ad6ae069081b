//! What keeps the store writable, and finds out when it is not: connections are thrown away after a transaction that did not
//! end, and a reserve lets revocations succeed on a full disk.

use std::io;
use std::sync::Arc;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::query::execute;
use crate::{Pools, Store, StoreError, Tx};

/// Whether a connection that is given back may be used again.
///
/// SQLite ends a transaction by itself when the disk is full, and the `ROLLBACK` that follows then fails. sqlx would still
/// count the transaction as open, and begin no other on this connection.
pub(crate) async fn is_reusable<C: Connection>(connection: &mut C) -> Result<bool, sqlx::Error> {
    // Waits for the rollback that a dropped transaction has queued.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

impl Store {
    /// Writes a row and commits it, to find out whether anything can be stored.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let statement = match &tx {
            // As much as other changes need, since a full write-ahead log may have room for a page or two.
            Tx::Sqlite(_) => "UPDATE readiness SET checks = checks + 1, filling = randomblob(65536)",
            Tx::Postgres(_) => "UPDATE readiness SET checks = checks + 1",
        };
        execute!(&mut tx, statement)?;
        tx.commit().await
    }

    /// Fails if the database file was removed or replaced since it was opened.
    pub fn check_file(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { file, .. } => file.check(),
            Pools::Postgres(_) => Ok(()),
        }
    }

    /// Deletes the reserve, so that [`Store::begin_urgent`] finds room on a full disk. Until there is a reserve again, nothing
    /// else is written. Returns whether there was one.
    pub fn release_reserve(&self) -> bool {
        match &self.pools {
            Pools::Sqlite { file, .. } => file.release_reserve(),
            Pools::Postgres(_) => false,
        }
    }

    /// Makes the reserve if there is none and the disk has room for it. Returns whether there is one now; PostgreSQL has none.
    pub async fn keep_reserve(&self) -> Result<bool, StoreError> {
        let Pools::Sqlite { file, .. } = &self.pools else { return Ok(false) };
        if file.has_reserve() {
            return Ok(true);
        }
        // Nobody writes meanwhile: an attempt that finds too little room takes all of it for a moment.
        let tx = self.begin_urgent().await?;
        let made = tokio::task::spawn_blocking({
            let file = Arc::clone(file);
            move || file.make_reserve()
        });
        let made = made.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        drop(tx);
        if let Err(error) = &made {
            tracing::warn!(%error, "there is no room for the reserve");
        }
        Ok(made.is_ok())
    }
}

/// Whether a PostgreSQL database has never been used by a server.
pub async fn is_new_postgres(url: &str) -> Result<bool, StoreError> {
    let mut connection = PgConnection::connect(url).await?;
    let is_new = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NULL");
    let is_new: bool = is_new.fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use domain::error::{ClassifiedError, ErrorClass};

    use super::*;

    async fn open() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("aiwe.db")).await.unwrap();
        (folder, store)
    }

    async fn refusal(store: &Store) -> Option<ErrorClass> {
        store.begin().await.err().map(|error| error.class())
    }

    #[tokio::test]
    async fn the_next_transaction_after_a_full_disk_writes_again() {
        let (_folder, store) = open().await;
        let mut tx = store.begin().await.unwrap();
        // Not below the current size. The limit ends with the connection.
        execute!(&mut tx, "PRAGMA max_page_count = 1").unwrap();
        // A change of a single row, after which SQLite ends the transaction by itself.
        let grow = "UPDATE readiness SET filling = randomblob(1000000) WHERE id = 1";
        let error = execute!(&mut tx, grow).unwrap_err();
        assert_eq!(error.class(), ErrorClass::StorageFull, "{error:?}");
        drop(tx);
        store.check_writable().await.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_file_that_was_removed_or_replaced() {
        let (folder, store) = open().await;
        let (path, elsewhere) = (folder.path().join("aiwe.db"), folder.path().join("elsewhere.db"));
        store.check_file().unwrap();
        fs::rename(&path, &elsewhere).unwrap();
        assert_eq!(store.check_file().unwrap_err().class(), ErrorClass::StorageLost);
        assert_eq!(refusal(&store).await, Some(ErrorClass::StorageLost));
        if cfg!(unix) {
            fs::copy(&elsewhere, &path).unwrap();
            assert_eq!(refusal(&store).await, Some(ErrorClass::StorageLost));
        }
        fs::rename(&elsewhere, &path).unwrap();
        store.check_writable().await.unwrap();
        if cfg!(unix) {
            // What was committed last is in the write-ahead log.
            fs::remove_file(folder.path().join("aiwe.db-wal")).unwrap();
            assert_eq!(refusal(&store).await, Some(ErrorClass::StorageLost));
        }
    }

    #[tokio::test]
    async fn what_the_reserve_has_left_is_for_the_urgent_alone() {
        let (folder, store) = open().await;
        let reserve = folder.path().join("aiwe.db-reserve");
        assert!(store.keep_reserve().await.unwrap() && store.keep_reserve().await.unwrap());
        assert_eq!(fs::metadata(&reserve).unwrap().len(), 1024 * 1024);
        store.check_writable().await.unwrap();

        assert!(store.release_reserve() && !reserve.exists());
        assert!(!store.release_reserve(), "only once");
        assert_eq!(refusal(&store).await, Some(ErrorClass::StorageFull));
        store.begin_urgent().await.unwrap().commit().await.unwrap();

        assert!(store.keep_reserve().await.unwrap() && reserve.exists());
        assert_eq!(refusal(&store).await, None);
    }

    #[tokio::test]
    async fn a_reserve_that_cannot_be_written_for_another_reason_stops_nobody() {
        let (folder, store) = open().await;
        fs::create_dir(folder.path().join("aiwe.db-reserve")).unwrap();
        assert!(!store.keep_reserve().await.unwrap());
        assert_eq!(refusal(&store).await, None);
    }
}
