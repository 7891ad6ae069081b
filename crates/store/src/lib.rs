//! The database of the server, SQLite or PostgreSQL, behind one interface: one repository per subject, such as
//! [`Tx::access_requests`]. All SQL is in this crate.
//!
//! Every statement runs in a transaction ([`Tx`]), and in a tracing span with its duration. A change and its side effects (a
//! mail, an audit entry) are written in the same transaction. "Not found" is `Ok(None)`; the caller chooses the error. Methods
//! that return `Result<bool, _>` return `false` if the row was not in the state that the change requires, for example because
//! another transaction came first.
//!
//! Row types are private to their modules; callers get the types of the `domain` crate. Instants are seconds since the Unix
//! epoch.

mod access_request;
mod account;
mod analysis;
mod audit;
mod authority;
mod certificate;
mod checkpoint;
mod conversation;
mod copy;
mod file;
mod group;
mod ledger;
mod mail;
mod mode;
mod permissions;
mod policy;
mod provider;
mod query;
mod rate_budget;
mod renewal;
mod revocation_list;
mod run;
mod search;
mod session;
mod skeleton;
mod storage;
mod workflow_document;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::error::{ClassifiedError, ErrorClass};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Database, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::file::DatabaseFile;
use crate::search::like_pattern;

pub use audit::{AuditEntry, AuditHead, AuditKey, ChainBreak, ChainFault, InvalidHead, VerifiedLog};
pub use checkpoint::DatabaseCheckpoints;
pub use conversation::EarlierTurn;
pub use copy::{check_sqlite, copy_sqlite};
pub use rate_budget::RateBudget;
pub use revocation_list::StoredRevocationList;
pub use run::RunEnd;
pub use storage::is_new_postgres;

/// An open, migrated database. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    pools: Pools,
    /// `None` until [`Store::with_audit_key`].
    audit_key: Option<AuditKey>,
    /// See [`Store::generation`].
    generation: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum Pools {
    /// The write pool has one connection: SQLite allows one writer, and a second would only wait in the busy handler.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
        file: Arc<DatabaseFile>,
    },
    Postgres(PgPool),
}

/// A transaction. It is rolled back when dropped without [`Tx::commit`].
#[derive(Debug)]
pub enum Tx {
    Sqlite(DatabaseTransaction<Sqlite>),
    Postgres(DatabaseTransaction<Postgres>),
}

/// A transaction of one of the databases, with the key for what it appends to the audit log. It dereferences to its connection.
#[derive(Debug)]
pub struct DatabaseTransaction<DB: Database> {
    transaction: Transaction<'static, DB>,
    audit_key: Option<AuditKey>,
    /// The store's, of a transaction that may write.
    generation: Option<Arc<AtomicU64>>,
}

impl<DB: Database> DatabaseTransaction<DB> {
    async fn commit(self) -> Result<(), sqlx::Error> {
        let _ended = self.generation.map(Ended);
        self.transaction.commit().await
    }
}

/// Counts a transaction as ended when it is dropped: also after a failure, and when the caller is gone. A connection may be
/// lost after the database has committed and before it has said so.
struct Ended(Arc<AtomicU64>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl<DB: Database> Deref for DatabaseTransaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.transaction
    }
}

impl<DB: Database> DerefMut for DatabaseTransaction<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.transaction
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused or did not answer")]
    Database(#[source] sqlx::Error),
    /// The disk is full, or the database has reached its largest size.
    #[error("the database has no room left")]
    Full(#[source] sqlx::Error),
    /// As [`Self::Full`], for those that the reserve is not for.
    #[error("the database has no room left but the reserve for revocations")]
    Reserved,
    #[error(
        "the database file {path} was removed or replaced while it is open: what is written to it is lost. Stop the server \
         and restore a backup"
    )]
    Lost { path: PathBuf, source: Option<std::io::Error> },
    #[error("the database has too much to do, or too little memory or connections")]
    Overloaded(#[source] sqlx::Error),
    #[error("the database could not be migrated to this version")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A unique constraint was violated.
    #[error("a row like this one exists already")]
    Duplicate,
    /// PostgreSQL can neither store nor compare a NUL character in a text.
    #[error("a text holds a character that the database cannot store")]
    InvalidText,
    /// A stored row violates an invariant, so this program cannot have written it.
    #[error("the row {id} of {table} is inconsistent: {what}")]
    Inconsistent { table: &'static str, id: String, what: String },
    #[error("the database address is not usable: {0}")]
    Address(String),
}

/// PostgreSQL's codes for a character that its encoding lacks, and for an escaped one in JSON.
const INVALID_TEXT: [&str; 2] = ["22021", "22P05"];
/// `SQLITE_FULL`, `SQLITE_IOERR_SHMSIZE` (no room for the index of the write-ahead log), and PostgreSQL's `disk_full`.
const FULL: [&str; 3] = ["13", "4874", "53100"];
/// `SQLITE_BUSY` (after `busy_timeout`), and PostgreSQL's class of insufficient resources but `disk_full`.
const OVERLOADED: [&str; 5] = ["5", "53000", "53200", "53300", "53400"];

impl StoreError {
    /// Of a statement that may break a uniqueness constraint.
    fn of(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate,
            _ => error.into(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let code = code.map(std::borrow::Cow::into_owned).unwrap_or_default();
        match code.as_str() {
            code if INVALID_TEXT.contains(&code) => Self::InvalidText,
            code if FULL.contains(&code) => Self::Full(error),
            code if OVERLOADED.contains(&code) => Self::Overloaded(error),
            _ => Self::Database(error),
        }
    }
}

impl ClassifiedError for StoreError {
    fn class(&self) -> ErrorClass {
        match self {
            // Others had all connections for too long.
            Self::Database(sqlx::Error::PoolTimedOut) | Self::Overloaded(_) => ErrorClass::Overload,
            Self::InvalidText => ErrorClass::InvalidText,
            Self::Full(_) | Self::Reserved => ErrorClass::StorageFull,
            Self::Lost { .. } => ErrorClass::StorageLost,
            _ => ErrorClass::Internal,
        }
    }
}

impl Store {
    /// Opens or creates an SQLite file and migrates it to this version.
    pub async fn open_sqlite(file: &Path) -> Result<Self, StoreError> {
        permissions::make_private(file);
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            // An acknowledged issuance or revocation must survive a power failure.
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = || {
            SqlitePoolOptions::new().after_release(|connection, _| Box::pin(storage::is_reusable(connection)))
        };
        let write = pool().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("../../migrations/sqlite").run(&write).await?;
        let read = pool().max_connections(8).connect_with(options.clone().read_only(true)).await?;
        // A connection that is opened later must not make a new database in place of a removed one.
        write.set_connect_options(options.create_if_missing(false));
        let file = Arc::new(DatabaseFile::opened(file)?);
        Ok(Self { pools: Pools::Sqlite { read, write, file }, audit_key: None, generation: Arc::default() })
    }

    /// Connects to PostgreSQL and migrates the database to this version.
    pub async fn open_postgres(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|e| StoreError::Address(e.to_string()))?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(10))
            .after_release(|connection, _| Box::pin(storage::is_reusable(connection)))
            .connect_with(options)
            .await?;
        sqlx::migrate!("../../migrations/postgres").run(&pool).await?;
        Ok(Self { pools: Pools::Postgres(pool), audit_key: None, generation: Arc::default() })
    }

    /// Begins a transaction that may write.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match &self.pools {
            Pools::Sqlite { file, .. } if file.is_reserve_spent() => Err(StoreError::Reserved),
            _ => self.begin_urgent().await,
        }
    }

    /// As [`Self::begin`], for a revocation, the end of a session, and the sign-in before them: these may use what the reserve
    /// has left of a full disk ([`Self::release_reserve`]).
    pub async fn begin_urgent(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pools {
            Pools::Sqlite { write, file, .. } => {
                file.check()?;
                // A deferred transaction that reads first and then writes could fail with SQLITE_BUSY_SNAPSHOT.
                let tx = write.begin_with("BEGIN IMMEDIATE").await?;
                file.check_log()?;
                Tx::Sqlite(self.writing(tx))
            }
            Pools::Postgres(pool) => Tx::Postgres(self.writing(pool.begin().await?)),
        })
    }

    /// Begins a transaction for reading. It does not block writers and is not blocked by them. It must not write: on SQLite
    /// its connection is read-only.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.pools {
            Pools::Sqlite { read, file, .. } => {
                file.check()?;
                Tx::Sqlite(self.reading(read.begin().await?))
            }
            Pools::Postgres(pool) => Tx::Postgres(self.reading(pool.begin().await?)),
        })
    }

    fn writing<DB: Database>(&self, transaction: Transaction<'static, DB>) -> DatabaseTransaction<DB> {
        let generation = Some(Arc::clone(&self.generation));
        DatabaseTransaction { transaction, audit_key: self.audit_key.clone(), generation }
    }

    fn reading<DB: Database>(&self, transaction: Transaction<'static, DB>) -> DatabaseTransaction<DB> {
        DatabaseTransaction { transaction, audit_key: self.audit_key.clone(), generation: None }
    }

    /// A number that grows with each transaction that this process has committed. What was read after the number was, is up to
    /// date for as long as it stays, but for what other processes write.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres(_) => "postgres",
        }
    }

    /// Closes all connections once their running statements have ended.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write, .. } => {
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
    /// E-mail addresses and their skeletons, which show confusable ones.
    addresses: Addresses,
    /// Analyses, their steps and stored pictures.
    analyses: Analyses,
    /// The audit log with its hash chain.
    audit_log: AuditLog,
    /// Certificate authorities.
    authorities: Authorities,
    /// Runs of workflows and their checkpoints.
    checkpoints: Checkpoints,
    /// Client certificates of machines.
    certificates: Certificates,
    /// Conversations: questions that follow one another.
    conversations: Conversations,
    /// Groups of people.
    groups: Groups,
    /// What left each machine.
    ledger: Ledger,
    /// Mails of the outbox.
    mails: Mails,
    /// Modes.
    modes: Modes,
    /// Model servers that administrators enter in the panel.
    providers: Providers,
    /// The fleet policy.
    policies: Policies,
    /// Reminders of expiring certificates, and renewal links.
    renewals: Renewals,
    /// Runs of workflows, and which server has them.
    runs: Runs,
    /// Sessions, sign-in challenges and set-up links.
    sessions: Sessions,
    /// Budgets of attempts that servers on one database share.
    rate_budgets: RateBudgets,
    /// Suppressed access requests.
    suppressed_requests: SuppressedRequests,
    /// Workflows that administrators make.
    workflows: Workflows,
}

impl Tx {
    /// Commits everything that the transaction has written.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    fn audit_key(&self) -> Option<&AuditKey> {
        match self {
            Self::Sqlite(tx) => tx.audit_key.as_ref(),
            Self::Postgres(tx) => tx.audit_key.as_ref(),
        }
    }
}

/// Parses a stored text. [`StoreError::Inconsistent`] if it is not valid.
fn parsed<T: FromStr>(table: &'static str, text: String) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Inconsistent {
        table,
        what: "a value of another form".to_owned(),
        id: text,
    })
}
