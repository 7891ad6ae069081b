//! The server's command line.

mod command;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use domain::error::causes;
use server::config::{Config, ConfigError};
use server::environment::Environment;
use server::start::{Server, StartError, open_environment};
use server::state::AppState;
use tokio_util::sync::CancellationToken;

use command::audit::AuditCommand;
use command::authority::CaCommand;
use command::backup::Archive;
use command::print_line;

/// glibc's would keep the memory of password hashes and pictures for good (docs/decisions/allocator.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// AI Workflow Engine: pages, native API, admin panel and certificate authority in one program.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file (TOML); config.example.toml describes every field.
    #[arg(long, env = "AIWE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// The folder of the database, the data key and everything else that the server stores.
    #[arg(long, env = "AIWE_DATA_DIR", default_value = "data", global = true)]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

/// The commands by what they need: [`Restore`](Self::Restore) nothing, [`Backup`](Self::Backup) the configuration, all
/// others the open database too.
#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    WithDatabase(DatabaseCommand),
    /// Writes everything that cannot be recreated into one archive, while the server runs or not.
    Backup(Archive),
    /// Creates the data folder from an archive. The folder must be empty or not exist yet.
    Restore(Archive),
}

/// Commands that run on the open database, which opening migrates to this version.
#[derive(Debug, Subcommand)]
enum DatabaseCommand {
    /// Serves until it is stopped (SIGTERM, Ctrl-C).
    Serve,
    /// Migrates the database to this version.
    Migrate,
    /// Accounts.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The certificate authority.
    #[command(subcommand)]
    Ca(CaCommand),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Prints a one-time link that creates the first administrator. Earlier links become invalid.
    Create,
}

/// Why the program exits with an error.
enum CommandError {
    Configuration(ConfigError),
    Failed(Box<dyn Error>),
}

fn main() -> ExitCode {
    let Arguments { config: config_file, data_dir, command } = Arguments::parse();
    let result = match command {
        // Does not read the configuration, which may be in the archive.
        Command::Restore(archive) => block_on(archive.restore(&data_dir)),
        // Does not open the database: a backup must not migrate it.
        Command::Backup(archive) => load_config(config_file.as_deref(), &data_dir)
            .and_then(|config| block_on(archive.back_up(&config, config_file.as_deref(), &data_dir))),
        Command::WithDatabase(command) => load_config(config_file.as_deref(), &data_dir)
            .and_then(|config| block_on(run(command, config, &data_dir))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Configuration(error)) => {
            eprintln!("error: {}", causes(&error));
            ExitCode::from(2)
        }
        Err(CommandError::Failed(error)) => {
            eprintln!("error: {}", causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Reads the configuration and starts the log that it describes.
fn load_config(file: Option<&Path>, data_dir: &Path) -> Result<Config, CommandError> {
    let config = Config::load(file, data_dir, std::env::vars()).map_err(CommandError::Configuration)?;
    server::log::init(&config.log);
    Ok(config)
}

fn block_on(command: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(command));
    result.map_err(CommandError::Failed)
}

async fn run(command: DatabaseCommand, config: Config, data_dir: &Path) -> Result<(), Box<dyn Error>> {
    // The HTTP clients for model servers and the mail client use rustls's default provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = open_environment(config, data_dir).await?;
    match command {
        DatabaseCommand::Serve => serve(env).await?,
        // Opening the database has migrated it.
        DatabaseCommand::Migrate => {}
        DatabaseCommand::Admin(AdminCommand::Create) => {
            let state = AppState::assemble(env, Arc::default(), None).await.map_err(StartError::from)?;
            print_setup_link(&state).await?;
        }
        DatabaseCommand::Audit(command) => command.run(&env).await?,
        DatabaseCommand::Ca(command) => command.run(env).await?,
    }
    Ok(())
}

async fn serve(env: Arc<Environment>) -> Result<(), StartError> {
    let shutdown = CancellationToken::new();
    let server = Server::prepare(Arc::clone(&env), shutdown.clone()).await?;
    print_line(&format!("Pages:    {}", env.config.public_url.origin()));
    print_line(&format!("Machines: {}", env.config.machines_url.origin()));
    print_setup_link(&server.state).await?;
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping: running requests get ten seconds");
        shutdown.cancel();
    });
    server.serve().await;
    Ok(())
}

/// Prints the one-time link for the first administrator, as long as there is none.
async fn print_setup_link(state: &AppState) -> Result<(), StartError> {
    if let Some(token) = state.people.first_setup_link().await? {
        let link = state.env.config.public_url.join(&format!("/setup/{}", token.expose()));
        print_line(&format!("First administrator (one-time link): {link}"));
    }
    Ok(())
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
