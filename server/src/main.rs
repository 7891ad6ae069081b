//! The server's command line.

mod command;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use server::config::Config;
use server::environment::Environment;
use server::start::{Server, StartError, open_environment};
use tokio_util::sync::CancellationToken;

use command::authority::CaCommand;
use command::backup::Archive;
use command::say;

/// AI Workflow Engine: pages, native API, admin panel and certificate authority in one program.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file (TOML); config.example.toml describes every field.
    #[arg(long, env = "AIWE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Where the database, the data key and all else that the server keeps lie.
    #[arg(long, env = "AIWE_DATA_DIR", default_value = "data", global = true)]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until it is told to stop (SIGTERM, Ctrl-C).
    Serve,
    /// Brings the database to this version.
    Migrate,
    /// Accounts.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Writes everything that the server cannot be made anew without into one archive, while it runs or not.
    Backup(Archive),
    /// The certificate authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// Makes the data folder of an archive, which must not be there yet, or be empty.
    Restore(Archive),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Prints a one-time link that creates the first administrator. Earlier ones end.
    Create,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Checks the whole chain of hashes.
    Verify,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::Restore(archive) = &arguments.command {
        // The configuration may be what is to be restored.
        return ended(runtime(archive.restore(&arguments.data_dir)));
    }
    let config = match Config::load(arguments.config.as_deref(), &arguments.data_dir, std::env::vars()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {}", server::failure::causes(&error));
            return ExitCode::from(2);
        }
    };
    server::log::start(&config.log);
    if let Command::Backup(archive) = &arguments.command {
        // Before anything opens the database: a backup must not bring it to this version.
        return ended(runtime(archive.back_up(&config, arguments.config.as_deref(), &arguments.data_dir)));
    }
    match runtime(run(arguments, config)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

/// Carries out a command.
fn runtime<T>(command: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(command))
}

fn ended(result: std::io::Result<Result<(), Box<dyn std::error::Error>>>) -> ExitCode {
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(error.as_ref()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("error: {}", server::failure::causes(error));
    ExitCode::FAILURE
}

async fn run(arguments: Arguments, config: Config) -> Result<ExitCode, StartError> {
    // Model servers and mail go through rustls too; every client there takes this provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = open_environment(config, &arguments.data_dir).await?;
    match arguments.command {
        Command::Serve => serve(env).await.map(|()| ExitCode::SUCCESS),
        // Opening the store has done it.
        Command::Migrate => Ok(ExitCode::SUCCESS),
        Command::Admin(AdminCommand::Create) => first_administrator(&prepare(env).await?).await,
        Command::Audit(AuditCommand::Verify) => verify_audit(&env).await,
        // Carried out by `main`, without the environment.
        Command::Backup(_) | Command::Restore(_) => Ok(ExitCode::SUCCESS),
        Command::Ca(command) => command.run(env).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn prepare(env: Arc<Environment>) -> Result<server::state::AppState, StartError> {
    Ok(server::state::AppState::assemble(env, Arc::default(), None).await?)
}

async fn serve(env: Arc<Environment>) -> Result<(), StartError> {
    let shutdown = CancellationToken::new();
    let server = Server::prepare(Arc::clone(&env), shutdown.clone()).await?;
    say(&format!("Pages:    {}", env.config.public_url.origin()));
    say(&format!("Machines: {}", env.config.machines_url.origin()));
    first_administrator(&server.state).await?;
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping: running requests get ten seconds");
        shutdown.cancel();
    });
    server.serve().await;
    Ok(())
}

/// Prints the one-time link while there is no administrator.
async fn first_administrator(state: &server::state::AppState) -> Result<ExitCode, StartError> {
    if let Some(token) = state.people.first_setup_link().await? {
        let link = state.env.config.public_url.join(&format!("/setup/{}", token.expose()));
        say(&format!("First administrator (one-time link): {link}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify_audit(env: &Environment) -> Result<ExitCode, StartError> {
    match env.store.read().await?.audit_log().verify().await? {
        Ok(entries) => {
            say(&format!("The audit log is whole: {entries} entries."));
            Ok(ExitCode::SUCCESS)
        }
        Err(broken) => {
            eprintln!("error: the audit log is broken at entry {}", broken.sequence);
            Ok(ExitCode::FAILURE)
        }
    }
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
