//! Where the webview may go: to the user interface's own origin and nowhere else.
//!
//! The window that may call the commands never shows another site. A link to one opens in the system's
//! browser.

use std::process::Stdio;

use tauri::Url;

use crate::app_scheme;
use crate::configuration::PASSWORD_VARIABLE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// In the system's program for it.
    OpenOutside,
    Refuse,
}

pub fn decide(url: &Url) -> Decision {
    match url.scheme() {
        _ if app_scheme::is_ours(url) => Decision::Allow,
        // What a frame or window has before it navigates; it has no permissions of its own.
        "about" if matches!(url.path(), "blank" | "srcdoc") => Decision::Allow,
        "http" | "https" if url.has_host() => Decision::OpenOutside,
        "mailto" => Decision::OpenOutside,
        _ => Decision::Refuse,
    }
}

/// Decides on a navigation, and opens it outside if so decided. Returns whether the webview navigates.
pub fn guard(url: &Url) -> bool {
    match decide(url) {
        Decision::Allow => true,
        Decision::OpenOutside => {
            open_outside(url);
            false
        }
        Decision::Refuse => {
            tracing::warn!(scheme = url.scheme(), "navigation refused");
            false
        }
    }
}

/// Tries the system's commands for opening an address until one works. None of them gets the identity's password.
fn open_outside(url: &Url) {
    let commands = open::commands(url.as_str());
    std::thread::spawn(move || {
        let opened = commands.into_iter().any(|mut command| {
            command
                .env_remove(PASSWORD_VARIABLE)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
        if !opened {
            tracing::warn!("the system's browser could not be started");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_interface_is_shown_here() {
        let cases = [
            ("assistant://localhost/sidebar?x=1", Decision::Allow),
            ("about:blank", Decision::Allow),
            ("assistant://elsewhere/sidebar", Decision::Refuse),
            ("https://localhost:8443/sidebar", Decision::OpenOutside),
            ("http://example.org/", Decision::OpenOutside),
            ("mailto:admin@example.org", Decision::OpenOutside),
            ("file:///etc/passwd", Decision::Refuse),
            ("javascript:alert(1)", Decision::Refuse),
            ("data:text/html,x", Decision::Refuse),
            ("aiwe://x", Decision::Refuse),
            ("tauri://localhost/", Decision::Refuse),
        ];
        for (address, decision) in cases {
            assert_eq!(decide(&Url::parse(address).unwrap()), decision, "{address}");
        }
    }
}
