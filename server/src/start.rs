//! Start and graceful shutdown of the server.

mod open_files;
mod tls_reload;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::clock::{Clock, SystemClock};
use domain::random::{Random, SystemRandom};
use protocol::ServiceError;
use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::Listener;

use crate::certificate::Connections;
use crate::config::{Config, Location};
use crate::edge::{Edge, NetworkLimit};
use crate::environment::Environment;
use crate::mail::{Mailer, SmtpMailer};
use crate::readiness::watch_storage;
use crate::routes::router;
use crate::state::AppState;
use crate::tls;
use crate::vault::{Vault, VaultError};
use tls_reload::TlsReloader;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {path} cannot be used")]
    DataFolder { path: PathBuf, source: std::io::Error },
    #[error("the data key cannot be used")]
    Key(#[from] VaultError),
    /// A new key could not decrypt what the database holds.
    #[error(
        "the data key {path} is missing, and the database holds what was encrypted with it: put the file back, or name \
         it as database.data_key_file"
    )]
    KeyMissing { path: PathBuf },
    /// A new database would have another authority, which no machine trusts, and a new first administrator.
    #[error(
        "the database {database} is missing or empty, though its data key {key} is there: restore a backup (server restore, \
         into an empty folder), or remove the data key to begin anew"
    )]
    DatabaseMissing { database: String, key: PathBuf },
    #[error("the database cannot be opened")]
    Store(#[from] StoreError),
    #[error("{what} cannot be used")]
    Tls { what: &'static str, source: tls::TlsError },
    #[error("{field} = {address} cannot be listened on")]
    Listen { field: &'static str, address: SocketAddr, source: std::io::Error },
    #[error("the mail server's settings cannot be used")]
    Mail(#[from] crate::mail::SendError),
    #[error("the server could not be put together")]
    Assemble(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the server could not be put together: {0}")]
    Refused(protocol::Problem),
}

impl From<ServiceError> for StartError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Internal(cause)
            | ServiceError::Overload(cause)
            | ServiceError::StorageFull(cause)
            | ServiceError::StorageLost(cause) => Self::Assemble(cause),
            ServiceError::Problem(problem) => Self::Refused(problem),
        }
    }
}

/// Opens the data folder, the key and the database.
pub async fn open_environment(config: Config, data_dir: &Path) -> Result<Arc<Environment>, StartError> {
    let folder = |source| StartError::DataFolder { path: data_dir.to_owned(), source };
    create_private_folder(data_dir).map_err(folder)?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let key_path = data_dir.join("data.key");
    // The key is made after the first database. A key from the configuration may be older than both.
    if config.database.data_key.is_none() && key_path.exists() && is_new(&config.database.location).await? {
        let database = match &config.database.location {
            Location::Sqlite(file) => file.display().to_string(),
            Location::Postgres(_) => "at database.url".to_owned(),
        };
        return Err(StartError::DatabaseMissing { database, key: key_path });
    }
    let store = match &config.database.location {
        Location::Sqlite(file) => Store::open_sqlite(file).await?,
        Location::Postgres(url) => {
            Store::open_postgres(url.expose(), config.database.max_connections).await?
        }
    };
    let vault = if let Some(key) = &config.database.data_key {
        Vault::parse(key.expose())
            .ok_or_else(|| VaultError::Form { path: PathBuf::from("the configuration's data_key") })?
    } else {
        if !key_path.exists() && !store.read().await?.authorities().list().await?.is_empty() {
            return Err(StartError::KeyMissing { path: key_path });
        }
        Vault::open_or_create(&key_path, random.as_ref())?
    };
    let store = store.with_audit_key(vault.audit_key(), SystemClock.unix()).await?;
    Ok(Arc::new(Environment { store, config, clock: Arc::new(SystemClock), random, vault }))
}

/// Whether no server has used this database yet.
async fn is_new(database: &Location) -> Result<bool, StoreError> {
    match database {
        Location::Sqlite(file) => Ok(std::fs::metadata(file).map_or(true, |found| found.len() == 0)),
        Location::Postgres(url) => store::is_new_postgres(url.expose()).await,
    }
}

/// A server whose ports are bound.
pub struct Server {
    pub state: AppState,
    connections: Arc<Connections>,
    listeners: Vec<(Edge, TcpListener)>,
    tls: TlsReloader,
    shutdown: CancellationToken,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}

impl Server {
    /// Creates the services and binds the ports.
    pub async fn prepare(env: Arc<Environment>, shutdown: CancellationToken) -> Result<Self, StartError> {
        let connections = Arc::new(Connections::default());
        let mailer = mailer(&env)?;
        let state = AppState::assemble(Arc::clone(&env), Arc::clone(&connections), mailer).await?;
        let config = &env.config;

        let tls = TlsReloader::new(&state)?;
        let limits = &config.limits;
        let max_connections =
            open_files::connections_per_listener(limits.connections as usize, open_files::raise_limit());
        // However few there are, they are for more than one network.
        let per_address = (limits.connections_per_address as usize).min(max_connections.div_ceil(4));
        let networks = Arc::new(NetworkLimit::new(per_address));
        let edge = |listener, tls| Edge {
            listener,
            tls,
            proxy: config.proxy.clone(),
            connections: Arc::clone(&connections),
            max_connections,
            networks: Arc::clone(&networks),
            shutdown: shutdown.clone(),
        };
        let listeners = vec![
            (edge(Listener::Pages, tls.pages.clone()), bind("pages.listen", config.pages.listen).await?),
            (
                edge(Listener::Machines, tls.machines.clone()),
                bind("machines.listen", config.machines.listen).await?,
            ),
        ];
        Ok(Self { state, connections, listeners, tls, shutdown })
    }

    /// The address that a listener is bound to: for port 0 in the configuration the system chooses the port.
    pub fn address(&self, listener: Listener) -> Option<SocketAddr> {
        let (_, socket) = self.listeners.iter().find(|(edge, _)| edge.listener == listener)?;
        socket.local_addr().ok()
    }

    /// Serves until the shutdown, then waits until running work has ended and is recorded.
    pub async fn serve(self) {
        let router = router(&self.state);
        let jobs = tokio_util::task::TaskTracker::new();
        jobs.spawn(self.state.outbox.clone().run(self.shutdown.clone()));
        jobs.spawn(self.state.access.clone().run(self.shutdown.clone()));
        jobs.spawn(self.state.certificates.clone().watch_revocations(self.shutdown.clone()));
        jobs.spawn(self.state.people.clone().watch_failures(self.shutdown.clone()));
        jobs.spawn(self.state.providers.clone().watch(self.shutdown.clone()));
        jobs.spawn(self.state.providers.clone().probe(self.shutdown.clone()));
        jobs.spawn(self.state.certificates.clone().watch_authorities(self.shutdown.clone(), {
            let (state, tls) = (self.state.clone(), self.tls.clone());
            move |_| tls.reload(&state)
        }));
        jobs.spawn(self.tls.reload_daily(self.state.clone(), self.shutdown.clone()));
        jobs.spawn(self.state.access.clone().run_expiry_reminders(self.shutdown.clone()));
        jobs.spawn(crate::cleanup::run(Arc::clone(&self.state.env), self.shutdown.clone()));
        jobs.spawn(watch_storage(Arc::clone(&self.state.env), self.shutdown.clone()));
        jobs.spawn(self.state.analyses.clone().keep_runs(self.shutdown.clone()));
        // Not among the jobs, which it outlives.
        tokio::spawn(self.state.analyses.clone().hand_over_at(self.shutdown.clone()));
        let check = self.state.analyses.clone().check_reader();
        jobs.spawn(self.shutdown.clone().run_until_cancelled_owned(check));
        for (edge, listener) in self.listeners {
            jobs.spawn(edge.serve(listener, router.clone()));
        }
        jobs.close();
        jobs.wait().await;
        self.state.analyses.finish().await;
        self.state.env.store.close().await;
        drop(self.connections);
    }
}

async fn bind(field: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { field, address, source })
}

fn mailer(env: &Environment) -> Result<Option<Arc<dyn Mailer>>, StartError> {
    let Some(smtp) = &env.config.smtp else { return Ok(None) };
    let clock: Arc<dyn Clock> = Arc::clone(&env.clock);
    let mailer = SmtpMailer::new(smtp, &env.config.organisation, &env.config.public_url.host(), clock)?;
    Ok(Some(Arc::new(mailer)))
}

#[cfg(unix)]
pub(crate) fn create_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
pub(crate) fn create_private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}
