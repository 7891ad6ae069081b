//! `aiwe://` links: the system starts this program with one, or hands it to the instance that runs.
//!
//! An installer registers the scheme. Where none did (Linux, Windows), the program does so itself, for this account, while
//! it has no connection: then a link is what it waits for.

use std::sync::Arc;

use protocol::enrolment::SCHEME;
use tauri::{AppHandle, Manager};
use tauri_plugin_deep_link::DeepLinkExt;

use crate::connection::{Connection, ConnectionState};
use crate::enrolment::Wizard;
use crate::lifecycle::EnrolmentLifecycle;
use crate::{app_scheme, window};

/// Takes the links that come while the program runs.
pub fn listen(app: &AppHandle, wizard: &Arc<Wizard>) {
    let (handle, wizard) = (app.clone(), Arc::clone(wizard));
    app.deep_link().on_open_url(move |event| {
        if let Some(url) = event.urls().into_iter().find(|url| url.scheme() == SCHEME) {
            open(&handle, &wizard, url.to_string());
        }
    });
}

/// Connects if this machine is enrolled, then takes the link that the program was started with.
pub fn start(
    app: &AppHandle,
    lifecycle: Arc<EnrolmentLifecycle>,
    wizard: Arc<Wizard>,
    connection: Arc<Connection>,
    link: Option<String>,
) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        lifecycle.open().await;
        if !matches!(connection.state(), ConnectionState::Connected(_)) {
            register(&app);
        }
        if let Some(link) = link {
            open(&app, &wizard, link);
        }
    });
}

/// Makes this program the one that the system opens such links with.
fn register(app: &AppHandle) {
    let app = app.clone();
    std::thread::spawn(move || {
        let links = app.deep_link();
        // On macOS only an installed program can be.
        if cfg!(target_os = "macos") || links.is_registered(SCHEME).unwrap_or(false) {
            return;
        }
        if let Err(error) = links.register(SCHEME) {
            tracing::warn!(%error, "links cannot open this program; they can be pasted");
        }
    });
}

/// A second instance was started, and ends: the window is shown, with the link of the second one.
pub fn hand_over(app: &AppHandle, wizard: Option<&Arc<Wizard>>, link: Option<String>) {
    match (wizard, link) {
        (Some(wizard), Some(link)) => open(app, wizard, link),
        (None, Some(_)) => {
            tracing::warn!("the command line says how to connect, so the link is not used");
            show(app);
        }
        (_, None) => show(app),
    }
}

/// Shows the window, whoever asked for it.
fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(window::LABEL) else { return };
    let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "the window could not be shown");
    }
}

fn open(app: &AppHandle, wizard: &Arc<Wizard>, link: String) {
    let (app, wizard) = (app.clone(), Arc::clone(wizard));
    tauri::async_runtime::spawn(async move {
        wizard.accept_link(&link).await;
        if let (Some(window), Ok(page)) = (app.get_webview_window(window::LABEL), app_scheme::enrol())
            && let Err(error) = window.navigate(page)
        {
            tracing::warn!(%error, "the link's page could not be shown");
        }
        show(&app);
    });
}
