//! All SQL of the server, on SQLite and on PostgreSQL behind one interface: a repository per subject, such as
//! [`Tx::access_requests`].
//!
//! Every statement runs in a transaction ([`Tx`]) and in a span of its own, which gets its time; what causes a side effect and the side effect's record (a mail, an
//! audit entry) are committed together or not at all. "Not found" is `Ok(None)`; the caller names the error.
//! Row types are private to their modules: what leaves the crate is the domain's own.

mod access_request;
mod account;
mod analysis;
mod audit;
mod authority;
mod certificate;
mod copy;
mod mail;
mod mode;
mod query;
mod renewal;
mod session;
mod skeleton;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

pub use audit::{AuditEntry, ChainBreak};
pub use copy::{copy_sqlite, faults_of_sqlite};

/// The database, open and migrated.
#[derive(Debug, Clone)]
pub struct Store(Pools);

#[derive(Debug, Clone)]
enum Pools {
    /// One writer: SQLite has no more, and a second would only wait in the busy handler.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused or did not answer")]
    Database(#[from] sqlx::Error),
    #[error("the database could not be brought to this version")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Such a row exists already.
    #[error("a row like this one exists already")]
    Duplicate,
    /// A row that this program cannot have written.
    #[error("the row {id} of {table} is inconsistent: {what}")]
    Inconsistent { table: &'static str, id: String, what: String },
    #[error("the database address is not usable: {0}")]
    Address(String),
}

impl StoreError {
    /// Others had all connections for too long.
    pub fn is_overload(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::PoolTimedOut))
    }

    fn of(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate,
            _ => Self::Database(error),
        }
    }
}

impl Store {
    /// Opens an SQLite file and brings it to this version.
    pub async fn open_sqlite(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            // An acknowledged issuance or revocation must survive a power cut.
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("../../migrations/sqlite").run(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(8).connect_with(options.read_only(true)).await?;
        Ok(Self(Pools::Sqlite { read, write }))
    }

    /// Connects to PostgreSQL and brings the database to this version.
    pub async fn open_postgres(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|e| StoreError::Address(e.to_string()))?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await?;
        sqlx::migrate!("../../migrations/postgres").run(&pool).await?;
        Ok(Self(Pools::Postgres(pool)))
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            // IMMEDIATE: a reader that later writes would fail with SQLITE_BUSY_SNAPSHOT.
            Pools::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that only reads: writers do not wait for it, nor it for them.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            Pools::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Pools::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.0 {
            Pools::Sqlite { read, .. } => sqlx::query("SELECT 1").execute(read).await.map(drop)?,
            Pools::Postgres(pool) => sqlx::query("SELECT 1").execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    pub fn kind(&self) -> &'static str {
        match self.0 {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres(_) => "postgres",
        }
    }

    /// Waits for running statements and closes all connections.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

macro_rules! repositories {
    ($($(#[$doc:meta])* $method:ident: $name:ident),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name<'t>(&'t mut Tx);
        )+

        impl Tx {
            $(
                $(#[$doc])*
                pub fn $method(&mut self) -> $name<'_> {
                    $name(self)
                }
            )+
        }
    };
}

repositories! {
    /// Access requests and the links of approved ones.
    access_requests: AccessRequests,
    /// Accounts and recovery codes.
    accounts: Accounts,
    /// E-mail addresses, and which of them look alike.
    addresses: Addresses,
    /// Answered questions and their steps.
    analyses: Analyses,
    /// The chained audit log.
    audit_log: AuditLog,
    /// Certificate authorities.
    authorities: Authorities,
    /// Machines' certificates.
    certificates: Certificates,
    /// The outbox.
    mails: Mails,
    /// Modes.
    modes: Modes,
    /// Certificates that end, and the links to the next ones.
    renewals: Renewals,
    /// Sessions, sign-ins that wait for their second factor, and set-up links.
    sessions: Sessions,
    /// Access requests that nobody hears of.
    suppressed_requests: SuppressedRequests,
}

impl Tx {
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A stored text as the type that it was written from.
fn parsed<T: FromStr>(table: &'static str, text: String) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Inconsistent {
        table,
        what: "a value of another form".to_owned(),
        id: text,
    })
}

/// `LIKE` with the user's text as text: its own wildcards are escaped with a backslash.
fn like_pattern(search: &str) -> String {
    let escaped = search.trim().to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
