//! The desktop program: one window with the server's own pages, and what a webview cannot do for them.
//!
//! The pages come from the server through an app scheme ([`app_scheme`]) over mutual TLS ([`transport`]);
//! what they may ask of this machine stands in [`commands`]. Whatever is missing or wrong, the window says
//! so: it is never empty.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod app_scheme;
mod assistant;
mod capture;
mod commands;
mod configuration;
#[cfg(target_os = "linux")]
mod display;
mod hiding;
mod identity;
mod native;
mod navigation;
mod secret;
#[cfg(test)]
mod test_server;
mod transport;
mod window;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use protocol::Problem;
use tauri::generate_handler;
use tracing_subscriber::EnvFilter;

use app_scheme::AppScheme;
use assistant::Assistant;
use capture::DisplaySession;
use configuration::{Arguments, Configuration, ConfigurationError};
use native::NativeClient;
use transport::{SetUpError, Transport};

/// The desktop assistant of the AI Workflow Engine.
#[derive(Debug, Parser)]
#[command(name = "shim", version)]
struct CommandLine {
    #[command(flatten)]
    connection: Arguments,
    /// Ask the server whether it takes this machine's certificate, print the answer, and end; needs no display
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    log();
    let CommandLine { connection, check: only_check } = CommandLine::parse();
    if only_check {
        return check(&connection);
    }
    #[cfg(target_os = "linux")]
    display::prepare();
    match run(&connection) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the window cannot be opened");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> tauri::Result<()> {
    let variable = |name: &str| std::env::var(name).ok();
    let transport = connect(arguments, variable);
    let native = transport.clone().map(NativeClient::new);
    let screen = capture::for_session(DisplaySession::detect(variable));
    let scheme = AppScheme::new(transport);
    tauri::Builder::default()
        .register_asynchronous_uri_scheme_protocol(app_scheme::SCHEME, move |_, request, responder| {
            let scheme = scheme.clone();
            tauri::async_runtime::spawn(async move { responder.respond(scheme.answer(request).await) });
        })
        .manage(Assistant::new(native, Arc::from(screen)))
        .invoke_handler(generate_handler![
            commands::analyze,
            commands::cancel_analysis,
            commands::capture_preview,
            commands::capture_screen,
            commands::login,
            commands::logout,
            commands::modes,
            commands::session,
            commands::verify,
        ])
        .setup(|app| {
            window::open(app.handle())?;
            Ok(())
        })
        .run(tauri::generate_context!())
}

/// For whoever sets machines up, and where there is no display: the same connection as the window's, once.
fn check(arguments: &Arguments) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let answer = connect(arguments, variable).and_then(|transport| {
        let server = transport.server().to_string();
        let client = NativeClient::new(transport);
        tauri::async_runtime::block_on(client.certificate()).map(|()| server)
    });
    // Standard output may be closed, which is no reason to stop.
    let mut out = std::io::stdout().lock();
    match answer {
        Ok(server) => {
            let _ = writeln!(out, "{server} takes this machine's certificate.");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            let _ = writeln!(out, "{}: {problem}", problem.kind);
            ExitCode::FAILURE
        }
    }
}

/// The transport, or what the window says instead.
fn connect(
    arguments: &Arguments,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Arc<Transport>, Problem> {
    let configuration = Configuration::read(arguments, variable).map_err(|error| {
        tracing::error!(%error, "the configuration is not complete");
        not_configured(&error)
    })?;
    tracing::info!(server = %configuration.server, "starting");
    Transport::new(configuration).map(Arc::new).map_err(|error: SetUpError| {
        tracing::error!(%error, source = ?std::error::Error::source(&error), "the transport cannot be made");
        Problem::new("configuration", 500, "The program needs another setting").detail(error.to_string())
    })
}

fn not_configured(error: &ConfigurationError) -> Problem {
    Problem::new("configuration", 500, "The program needs another setting")
        .detail("Correct what stands below, and start the program again.")
        .field(error.field, &error.expected)
}

/// To standard error. `AIWE_LOG` says how much, such as `debug` or `shim=debug`. Addresses below the origin
/// and everything that people type stay out of the log: both can hold secrets.
fn log() {
    let filter = EnvFilter::try_from_env("AIWE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}
