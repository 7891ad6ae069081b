//! Starting and stopping: from a configuration to two listeners that serve, and back to nothing that was lost.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Location, MachinesTls, TlsFiles};
use crate::edge::{Connections, Edge, Listener, tls};
use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::mail::{Mailer, SmtpMailer};
use crate::random::{Random, SystemRandom};
use crate::routes::router;
use crate::state::AppState;
use crate::store::{Store, StoreError};
use crate::vault::{Vault, VaultError};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {path} cannot be used")]
    DataFolder { path: PathBuf, source: std::io::Error },
    #[error("the data key cannot be used")]
    Key(#[from] VaultError),
    /// A new one would open nothing of what is there.
    #[error(
        "the data key {path} is missing, and the database holds what was encrypted with it: put the file back, or name \
         it as database.data_key_file"
    )]
    KeyLost { path: PathBuf },
    #[error("the database cannot be opened")]
    Store(#[from] StoreError),
    #[error("{what} cannot be used")]
    Tls { what: &'static str, source: tls::TlsError },
    #[error("{field} = {address} cannot be listened on")]
    Listen { field: &'static str, address: SocketAddr, source: std::io::Error },
    #[error("the mail server's settings cannot be used")]
    Mail(#[from] crate::mail::SendError),
    #[error("the server could not be put together")]
    Assemble(#[source] Failure),
    #[error("the server could not be put together: {0}")]
    Refused(protocol::Problem),
}

impl From<Refusal> for StartError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failure(failure) => Self::Assemble(failure),
            Refusal::Problem(problem) => Self::Refused(problem),
        }
    }
}

/// Opens the data folder, the key and the database.
pub async fn open_environment(config: Config, data_dir: &Path) -> Result<Arc<Environment>, StartError> {
    let folder = |source| StartError::DataFolder { path: data_dir.to_owned(), source };
    create_private_folder(data_dir).map_err(folder)?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let store = match &config.database.location {
        Location::Sqlite(file) => Store::open_sqlite(file).await?,
        Location::Postgres(url) => {
            Store::open_postgres(url.expose(), config.database.max_connections).await?
        }
    };
    let vault = match &config.database.data_key {
        Some(key) => Vault::parse(key.expose())
            .ok_or_else(|| VaultError::Form { path: PathBuf::from("the configuration's data_key") })?,
        None => {
            let path = data_dir.join("data.key");
            if !path.exists() && !store.read().await?.authorities().await?.is_empty() {
                return Err(StartError::KeyLost { path });
            }
            Vault::open_or_create(&path, random.as_ref())?
        }
    };
    Ok(Arc::new(Environment { store, config, clock: Arc::new(SystemClock), random, vault }))
}

/// A server that is ready to serve: every port is bound.
pub struct Server {
    pub state: AppState,
    connections: Arc<Connections>,
    listeners: Vec<(Edge, TcpListener)>,
    machines_tls: Option<tls::Replaceable>,
    shutdown: CancellationToken,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}

impl Server {
    /// Puts everything together and binds the ports.
    pub async fn prepare(env: Arc<Environment>, shutdown: CancellationToken) -> Result<Self, StartError> {
        let connections = Arc::new(Connections::default());
        let mailer = mailer(&env)?;
        let state = AppState::assemble(Arc::clone(&env), Arc::clone(&connections), mailer).await?;
        let config = &env.config;

        let pages_tls = match &config.pages.tls {
            Some(files) => {
                let config = from_files("pages.tls_certificate with pages.tls_key", files, tls::pages)?;
                Some(tls::Replaceable::new(config))
            }
            None => None,
        };
        let machines_tls = machines_tls(&state)?.map(tls::Replaceable::new);
        let edge = |which, tls| Edge {
            which,
            tls,
            proxy: config.proxy.clone(),
            connections: Arc::clone(&connections),
            limit: config.limits.connections as usize,
            shutdown: shutdown.clone(),
        };
        let listeners = vec![
            (edge(Listener::Pages, pages_tls), bind("pages.listen", config.pages.listen).await?),
            (
                edge(Listener::Machines, machines_tls.clone()),
                bind("machines.listen", config.machines.listen).await?,
            ),
        ];
        Ok(Self { state, connections, listeners, machines_tls, shutdown })
    }

    /// What a listener was bound to: with port 0 in the configuration the system chose one.
    pub fn address(&self, which: Listener) -> Option<SocketAddr> {
        let (_, listener) = self.listeners.iter().find(|(edge, _)| edge.which == which)?;
        listener.local_addr().ok()
    }

    /// Serves until the shutdown, then until everything that ran has been written down.
    pub async fn serve(self) {
        let router = router(&self.state);
        let jobs = tokio_util::task::TaskTracker::new();
        jobs.spawn(self.state.outbox.clone().run(self.shutdown.clone()));
        jobs.spawn(self.state.access.clone().run(self.shutdown.clone()));
        jobs.spawn(self.state.certificates.clone().watch_revocations(self.shutdown.clone()));
        jobs.spawn(self.state.certificates.clone().watch_authorities(self.shutdown.clone(), {
            let (state, machines_tls) = (self.state.clone(), self.machines_tls);
            move |_| renew_tls(&state, machines_tls.as_ref())
        }));
        jobs.spawn(self.state.access.clone().remind_of_ends(self.shutdown.clone()));
        jobs.spawn(crate::sweep::run(Arc::clone(&self.state.env), self.shutdown.clone()));
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

/// The machines' listener asks for certificates of the authorities that are trusted now, and has one of theirs itself.
fn machines_tls(state: &AppState) -> Result<Option<Arc<rustls::ServerConfig>>, StartError> {
    let (config, authorities) = (&state.env.config, state.certificates.authority_names());
    match &config.machines.tls {
        MachinesTls::BuiltIn => {
            let identity = state.certificates.server_identity(&server_names(config))?;
            let what = "the built-in server certificate";
            let tls = tls::machines(identity, &authorities);
            tls.map(Some).map_err(|source| StartError::Tls { what, source })
        }
        MachinesTls::Files(files) => {
            let what = "machines.tls_certificate with machines.tls_key";
            from_files(what, files, |identity| tls::machines(identity, &authorities)).map(Some)
        }
        MachinesTls::Off => Ok(None),
    }
}

/// After a change of the authorities. What cannot be used is told, and the one before it stays.
fn renew_tls(state: &AppState, current: Option<&tls::Replaceable>) {
    match (machines_tls(state), current) {
        (Ok(Some(config)), Some(current)) => current.replace(config),
        (Ok(_), _) => {}
        (Err(error), _) => {
            let causes = crate::failure::causes(&error);
            tracing::error!(causes, "the machines' listener keeps its certificate: restart the server");
        }
    }
}

fn from_files(
    what: &'static str,
    files: &TlsFiles,
    finish: impl FnOnce(tls::Identity) -> Result<Arc<rustls::ServerConfig>, tls::TlsError>,
) -> Result<Arc<rustls::ServerConfig>, StartError> {
    tls::Identity::from_files(files).and_then(finish).map_err(|source| StartError::Tls { what, source })
}

/// What the built-in certificate is for: the host in `machines_url`, and this machine.
fn server_names(config: &Config) -> Vec<String> {
    let mut names = vec![config.machines_url.host()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|n| n == local) {
            names.push(local.to_owned());
        }
    }
    names
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
