//! The desktop program: one window with the server's own pages, and what a webview cannot do for them.
//!
//! The pages come from the server through an app scheme ([`app_scheme`]) over mutual TLS ([`transport`]);
//! what they may call on this machine is in [`commands`]. A machine without a certificate fetches one by itself
//! ([`enrolment`]). The window says what is missing or wrong, so it is never empty.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod analyses;
mod app_scheme;
mod app_state;
mod assistance;
mod clock;
mod commands;
mod configuration;
mod connection;
mod deep_link;
mod enrolment;
mod enrolment_store;
mod identity;
mod keystore;
mod lifecycle;
mod link;
mod native_api;
mod navigation;
mod page;
mod policy;
mod renewal;
#[cfg(test)]
mod test_server;
mod transport;
mod trust;
mod window;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use desktop::capture::ScreenCapture;
use desktop::session::DisplaySession;
use protocol::Problem;
use protocol::enrolment::SCHEME;
use tauri::{Url, generate_handler};
use tracing_subscriber::EnvFilter;

use app_scheme::AppScheme;
use app_state::AppState;
use assistance::{Assistance, DIALOG_LABEL, Dialog, Keys};
use configuration::Arguments;
use connection::{Connection, ConnectionState};
use enrolment_store::EnrolmentStore;
use lifecycle::EnrolmentLifecycle;
use policy::PolicyKeeper;

/// The desktop assistant of the AI Workflow Engine.
#[derive(Debug, Parser)]
#[command(name = "shim", version)]
struct CommandLine {
    #[command(flatten)]
    connection: Arguments,
    /// Ask the server whether it takes this machine's certificate, print the answer, and end; needs no display
    #[arg(long)]
    check: bool,
    /// Say what works in this desktop session, what is missing and why, and end
    #[arg(long, conflicts_with = "check")]
    doctor: bool,
    /// The keys that ask about the window in front, from any program; `off` for none
    #[arg(long, env = "AIWE_HOTKEY", value_name = "KEYS", default_value = "Ctrl+Alt+Space")]
    hotkey: Keys,
    /// Remove what this machine was enrolled with, key and all, and end
    #[arg(long, conflicts_with = "check")]
    forget: bool,
    /// The link that sets this machine up, from the page behind the mail's link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

impl CommandLine {
    /// The link among the arguments of a second instance. `None` also for a link that comes as an event: where the system
    /// passes links as arguments, the deep-link plugin takes a lone argument with the scheme.
    fn handed_over(arguments: Vec<String>) -> Option<String> {
        let alone = arguments.len() == 2 && cfg!(any(target_os = "linux", windows));
        let link = Self::try_parse_from(arguments).ok()?.link?;
        let is_event = alone && Url::parse(&link).is_ok_and(|url| url.scheme() == SCHEME);
        (!is_event).then_some(link)
    }
}

fn main() -> ExitCode {
    log();
    let CommandLine { connection, check: only_check, doctor: only_doctor, forget: only_forget, hotkey, link } =
        CommandLine::parse();
    if only_check {
        return check(&connection);
    }
    if only_doctor {
        return doctor(&hotkey);
    }
    if only_forget {
        return forget();
    }
    #[cfg(target_os = "linux")]
    desktop::environment::prepare();
    match run(&connection, &hotkey, link) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the window cannot be opened");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, hotkey: &Keys, link: Option<String>) -> tauri::Result<()> {
    let connection = Arc::new(Connection::opening());
    let lifecycle = enrolment_lifecycle(arguments, &connection);
    let hotkey = hotkey.clone();
    let wizard = lifecycle.as_ref().map(|lifecycle| Arc::new(lifecycle.wizard()));
    let session = DisplaySession::detect(variable);
    let screen: Arc<dyn ScreenCapture> = Arc::from(desktop::capture::for_session(session));
    let dialog = Arc::new(Dialog::new(clock::system_random));
    let hands = desktop::look::for_session(session, &screen);
    let folder = EnrolmentStore::of_account().map(|store| store.folder().to_owned());
    let policy = Arc::new(PolicyKeeper::new(folder, clock::system_now, policy::system_offset));
    let kept = Arc::clone(&policy);
    let permissions = Box::new(move || kept.permissions());
    let assistance = Arc::new(Assistance::new(hands, permissions, Arc::clone(&dialog)));
    let second = wizard.clone();
    let scheme = AppScheme::new(Arc::clone(&connection), wizard.clone());
    tauri::Builder::default()
        // First, so that a second instance hands its link over and ends before it does anything else.
        .plugin(tauri_plugin_single_instance::init(move |app, arguments, _| {
            deep_link::hand_over(app, second.as_ref(), CommandLine::handed_over(arguments));
        }))
        .plugin(tauri_plugin_deep_link::init())
        .register_asynchronous_uri_scheme_protocol(app_scheme::SCHEME, move |context, request, responder| {
            if context.webview_label() == DIALOG_LABEL {
                return responder.respond(dialog.handle(&request, Instant::now()));
            }
            let scheme = scheme.clone();
            tauri::async_runtime::spawn(async move { responder.respond(scheme.handle(request).await) });
        })
        .manage(AppState::new(Arc::clone(&connection), screen))
        .manage(Arc::clone(&assistance))
        .manage(Arc::clone(&policy))
        .invoke_handler(generate_handler![
            commands::analyze,
            commands::answer_question,
            commands::cancel_analysis,
            commands::capture_preview,
            commands::capture_screen,
            commands::conversations,
            commands::current_policy,
            commands::login,
            commands::logout,
            commands::look,
            commands::modes,
            commands::review_edits,
            commands::session,
            commands::verify,
            commands::watch_hotkey,
        ])
        .setup(move |app| {
            // First, since a link navigates the window.
            window::open(app.handle())?;
            tauri::async_runtime::spawn(policy.keep_fresh(Arc::clone(&connection)));
            assistance.start_hotkey(app.handle(), &hotkey);
            if let (Some(lifecycle), Some(wizard)) = (lifecycle, wizard) {
                deep_link::listen(app.handle(), &wizard);
                deep_link::start(app.handle(), lifecycle, wizard, connection, link);
            } else if link.is_some() {
                tracing::warn!("the command line says how to connect, so the link is not used");
            }
            Ok(())
        })
        .run(tauri::generate_context!())
}

/// `None` where the command line describes the connection, which is then made. Otherwise this machine is to be enrolled.
fn enrolment_lifecycle(
    arguments: &Arguments,
    connection: &Arc<Connection>,
) -> Option<Arc<EnrolmentLifecycle>> {
    if arguments.are_given() {
        let state = lifecycle::as_configured(arguments, variable)
            .map_or_else(ConnectionState::Failed, ConnectionState::Connected);
        connection.set_state(state);
        return None;
    }
    let Some(store) = EnrolmentStore::of_account() else {
        connection.set_state(ConnectionState::Failed(no_folder()));
        return None;
    };
    Some(Arc::new(EnrolmentLifecycle::new(store, Arc::clone(connection))))
}

/// Makes the window's connection once, without a display: for whoever sets machines up.
fn check(arguments: &Arguments) -> ExitCode {
    let connected = if arguments.are_given() {
        lifecycle::as_configured(arguments, variable)
    } else {
        EnrolmentStore::of_account().ok_or_else(no_folder).and_then(|store| lifecycle::as_enrolled(&store))
    };
    let answer = connected.and_then(|connected| {
        let server = connected.transport.server().to_string();
        tauri::async_runtime::block_on(connected.native_api.certificate()).map(|()| server)
    });
    match answer {
        Ok(server) => print(&format!("{server} takes this machine's certificate."), ExitCode::SUCCESS),
        Err(problem) => print(&format!("{}: {problem}", problem.kind), ExitCode::FAILURE),
    }
}

/// What the session offers, without the window.
fn doctor(hotkey: &Keys) -> ExitCode {
    let findings = desktop::doctor::examine(DisplaySession::detect(variable), hotkey.as_str());
    let all = findings.iter().all(desktop::doctor::Finding::works);
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    print(&lines.join("\n"), if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn forget() -> ExitCode {
    match EnrolmentStore::of_account()
        .map(|store| store.forget().map_err(|error| (error, store.folder().to_owned())))
    {
        Some(Ok(true)) => print("This machine's certificate and key were removed.", ExitCode::SUCCESS),
        Some(Ok(false)) => print("This machine was not enrolled.", ExitCode::SUCCESS),
        Some(Err((error, folder))) => {
            let words = format!(
                "Not all was removed: {error}. Keys may remain: under the name “AI Workflow Engine” in your system's key store, \
                 and in {}.",
                folder.display()
            );
            print(&words, ExitCode::FAILURE)
        }
        None => print(&no_folder().detail, ExitCode::FAILURE),
    }
}

fn print(words: &str, code: ExitCode) -> ExitCode {
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
    fn a_second_instances_link_is_taken_once() {
        let of = |arguments: &[&str]| {
            let arguments = std::iter::once("shim").chain(arguments.iter().copied()).map(str::to_owned);
            CommandLine::handed_over(arguments.collect())
        };
        let (program, mail) = ("aiwe://enrol?server=x", "https://h.example/public/download-certs/x");
        assert_eq!(of(&[mail]).as_deref(), Some(mail));
        // The deep-link plugin takes it when it is the only argument, and only then.
        assert_eq!(of(&[program]).is_none(), cfg!(any(target_os = "linux", windows)));
        assert_eq!(of(&["--", program]).as_deref(), Some(program));
        assert_eq!(of(&["--server", "https://h.example", program]).as_deref(), Some(program));
        assert_eq!(of(&["what is no link"]).as_deref(), Some("what is no link"));
        assert_eq!((of(&[]), of(&["--unknown"])), (None, None));
    }
}
