//! The desktop program: one window with the server's own pages, and what a webview cannot do for them.
//!
//! The pages come from the server through an app scheme ([`app_scheme`]) over mutual TLS ([`transport`]);
//! what they may ask of this machine stands in [`commands`]. A machine without a certificate fetches one by itself
//! ([`enrolment`]). Whatever is missing or wrong, the window says so: it is never empty.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod app_scheme;
mod assistant;
mod capture;
mod clock;
mod commands;
mod configuration;
mod connection;
mod deep_link;
#[cfg(target_os = "linux")]
mod display;
mod enrolled;
mod enrolment;
mod hiding;
mod identity;
mod keystore;
mod link;
mod native;
mod navigation;
mod page;
mod renewal;
mod secret;
mod start;
#[cfg(test)]
mod test_server;
mod transport;
mod window;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use protocol::Problem;
use protocol::enrolment::SCHEME;
use tauri::{Url, generate_handler};
use tracing_subscriber::EnvFilter;

use app_scheme::AppScheme;
use assistant::Assistant;
use capture::DisplaySession;
use configuration::Arguments;
use connection::{Connection, Standing};
use enrolled::Enrolled;
use start::Enrolling;

/// The desktop assistant of the AI Workflow Engine.
#[derive(Debug, Parser)]
#[command(name = "shim", version)]
struct CommandLine {
    #[command(flatten)]
    connection: Arguments,
    /// Ask the server whether it takes this machine's certificate, print the answer, and end; needs no display
    #[arg(long)]
    check: bool,
    /// Remove what this machine was enrolled with, key and all, and end
    #[arg(long, conflicts_with = "check")]
    forget: bool,
    /// The link that sets this machine up, from the page behind the mail's link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

impl CommandLine {
    /// The link among the arguments of a second program. `None` also for one that comes as an event: where links are
    /// arguments, the plugin for them takes what has their scheme and stands alone.
    fn handed_over(arguments: Vec<String>) -> Option<String> {
        let alone = arguments.len() == 2 && cfg!(any(target_os = "linux", windows));
        let link = Self::try_parse_from(arguments).ok()?.link?;
        let is_event = alone && Url::parse(&link).is_ok_and(|url| url.scheme() == SCHEME);
        (!is_event).then_some(link)
    }
}

fn main() -> ExitCode {
    log();
    let CommandLine { connection, check: only_check, forget: only_forget, link } = CommandLine::parse();
    if only_check {
        return check(&connection);
    }
    if only_forget {
        return forget();
    }
    #[cfg(target_os = "linux")]
    display::prepare();
    match run(&connection, link) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the window cannot be opened");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, link: Option<String>) -> tauri::Result<()> {
    let connection = Arc::new(Connection::opening());
    let enrolling = enrolling(arguments, &connection);
    let wizard = enrolling.as_ref().map(|enrolling| Arc::new(enrolling.wizard()));
    let screen = capture::for_session(DisplaySession::detect(variable));
    let second = wizard.clone();
    let scheme = AppScheme::new(Arc::clone(&connection), wizard.clone());
    tauri::Builder::default()
        // First, so that a second program hands its link over and ends before it does anything else.
        .plugin(tauri_plugin_single_instance::init(move |app, arguments, _| {
            deep_link::hand_over(app, second.as_ref(), CommandLine::handed_over(arguments));
        }))
        .plugin(tauri_plugin_deep_link::init())
        .register_asynchronous_uri_scheme_protocol(app_scheme::SCHEME, move |_, request, responder| {
            let scheme = scheme.clone();
            tauri::async_runtime::spawn(async move { responder.respond(scheme.answer(request).await) });
        })
        .manage(Assistant::new(Arc::clone(&connection), Arc::from(screen)))
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
        .setup(move |app| {
            // First, since a link leads it to its own page.
            window::open(app.handle())?;
            if let (Some(enrolling), Some(wizard)) = (enrolling, wizard) {
                deep_link::listen(app.handle(), &wizard);
                deep_link::start(app.handle(), enrolling, wizard, connection, link);
            } else if link.is_some() {
                tracing::warn!("the command line says how to connect, so the link is not used");
            }
            Ok(())
        })
        .run(tauri::generate_context!())
}

/// Settles the connection when the command line says all of it. If not, this machine stands on its enrolment.
fn enrolling(arguments: &Arguments, connection: &Arc<Connection>) -> Option<Arc<Enrolling>> {
    if arguments.are_given() {
        let standing =
            start::as_configured(arguments, variable).map_or_else(Standing::Failed, Standing::Connected);
        connection.settle(standing);
        return None;
    }
    let Some(enrolled) = Enrolled::of_account() else {
        connection.settle(Standing::Failed(no_folder()));
        return None;
    };
    Some(Arc::new(Enrolling::new(enrolled, Arc::clone(connection))))
}

/// For whoever sets machines up, and where there is no display: the same connection as the window's, once.
fn check(arguments: &Arguments) -> ExitCode {
    let connected = if arguments.are_given() {
        start::as_configured(arguments, variable)
    } else {
        Enrolled::of_account().ok_or_else(no_folder).and_then(|enrolled| start::as_enrolled(&enrolled))
    };
    let answer = connected.and_then(|connected| {
        let server = connected.transport.server().to_string();
        tauri::async_runtime::block_on(connected.native.certificate()).map(|()| server)
    });
    match answer {
        Ok(server) => tell(&format!("{server} takes this machine's certificate."), ExitCode::SUCCESS),
        Err(problem) => tell(&format!("{}: {problem}", problem.kind), ExitCode::FAILURE),
    }
}

fn forget() -> ExitCode {
    match Enrolled::of_account()
        .map(|enrolled| enrolled.forget().map_err(|error| (error, enrolled.folder().to_owned())))
    {
        Some(Ok(true)) => tell("This machine's certificate and key were removed.", ExitCode::SUCCESS),
        Some(Ok(false)) => tell("This machine was not enrolled.", ExitCode::SUCCESS),
        Some(Err((error, folder))) => {
            let words = format!(
                "Not all was removed: {error}. Keys may remain: under the name “AI Workflow Engine” in your system's key store, \
                 and in {}.",
                folder.display()
            );
            tell(&words, ExitCode::FAILURE)
        }
        None => tell(&no_folder().detail, ExitCode::FAILURE),
    }
}

fn tell(words: &str, code: ExitCode) -> ExitCode {
    // Standard output may be closed, which is no reason to stop.
    let _ = writeln!(std::io::stdout().lock(), "{words}");
    code
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn no_folder() -> Problem {
    Problem::new("configuration", 500, "This account has no folder for data")
        .detail("Set HOME, or say with --server, --ca and --identity how to connect.")
}

/// To standard error. `AIWE_LOG` says how much, such as `debug` or `shim=debug`. Addresses below the origin
/// and everything that people type stay out of the log: both can hold secrets.
fn log() {
    let filter = EnvFilter::try_from_env("AIWE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_programs_link_is_taken_once() {
        let of = |arguments: &[&str]| {
            let arguments = std::iter::once("shim").chain(arguments.iter().copied()).map(str::to_owned);
            CommandLine::handed_over(arguments.collect())
        };
        let (program, mail) = ("aiwe://enrol?server=x", "https://h.example/public/download-certs/x");
        assert_eq!(of(&[mail]).as_deref(), Some(mail));
        // The plugin for links takes it when it stands alone, and only then.
        assert_eq!(of(&[program]).is_none(), cfg!(any(target_os = "linux", windows)));
        assert_eq!(of(&["--", program]).as_deref(), Some(program));
        assert_eq!(of(&["--server", "https://h.example", program]).as_deref(), Some(program));
        assert_eq!(of(&["what is no link"]).as_deref(), Some("what is no link"));
        assert_eq!((of(&[]), of(&["--unknown"])), (None, None));
    }
}
