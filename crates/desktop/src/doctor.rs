//! What works in this session, and what is missing and why. Nothing is changed, and nothing of the screen is kept.

use crate::capture::{self, CaptureError};
use crate::session::DisplaySession;

/// One thing that the program needs from the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub subject: &'static str,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// With what was found.
    Works(String),
    /// With why, and what helps.
    Missing(String),
}

impl Finding {
    fn new(subject: &'static str, found: Result<String, String>) -> Self {
        let state = match found {
            Ok(found) => State::Works(found),
            Err(why) => State::Missing(why),
        };
        Self { subject, state }
    }

    pub fn works(&self) -> bool {
        matches!(self.state, State::Works(_))
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.state {
            State::Works(found) => write!(f, "works    {}: {found}", self.subject),
            State::Missing(why) => write!(f, "missing  {}: {why}", self.subject),
        }
    }
}

/// Tries everything once. `hotkey`: the keys to try; `None` for none. Takes up to a second.
pub fn examine(session: DisplaySession, hotkey: Option<&str>) -> Vec<Finding> {
    let mut findings =
        vec![Finding::new("session", named(session)), Finding::new("pictures", pictures(session))];
    if session == DisplaySession::Direct {
        findings.extend(of_desktop(hotkey));
    }
    findings
}

fn named(session: DisplaySession) -> Result<String, String> {
    match session {
        DisplaySession::Direct if cfg!(target_os = "linux") => Ok("X11".to_owned()),
        DisplaySession::Direct => Ok("this system's own".to_owned()),
        DisplaySession::None => Err("neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned()),
        DisplaySession::Wayland => {
            Err("Wayland keeps programs apart: pictures, windows, the hotkey and changes of \
                                        text are not available yet. Choose a session on Xorg when you log in"
                .to_owned())
        }
    }
}

fn pictures(session: DisplaySession) -> Result<String, String> {
    let frame =
        capture::for_session(session).capture(None).map_err(|error: CaptureError| error.to_string())?;
    let (width, height) = frame.pixels.dimensions();
    Ok(format!("{width} × {height} pixels of {}", frame.monitor))
}

#[cfg(not(target_os = "linux"))]
fn of_desktop(_: Option<&str>) -> Vec<Finding> {
    let not_yet = || Err("not available on this system yet".to_owned());
    ["windows", "text of windows", "changes of text", "hotkey"]
        .into_iter()
        .map(|subject| Finding::new(subject, not_yet()))
        .collect()
}

#[cfg(target_os = "linux")]
fn of_desktop(hotkey: Option<&str>) -> Vec<Finding> {
    let mut findings = vec![
        Finding::new("windows", windows()),
        Finding::new("text of windows", text()),
        Finding::new("changes of text", changes()),
    ];
    if let Some(keys) = hotkey {
        findings.push(Finding::new("hotkey", grabbed(keys)));
    }
    findings
}

#[cfg(target_os = "linux")]
fn windows() -> Result<String, String> {
    use crate::windows::{Windows, WindowsError, X11Windows};

    let listed = X11Windows::connect().and_then(|windows| windows.stacking());
    match listed {
        Ok(windows) => Ok(format!("{} of them are on the screen", windows.len())),
        Err(error @ WindowsError::NotListed) => {
            Err(format!("{error}, so nothing can be left out and nothing is taken. Start a window manager"))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(target_os = "linux")]
fn text() -> Result<String, String> {
    crate::accessibility::AtSpi::new().reach().map_err(|error| {
        format!("{error}. Install at-spi2-core, and start this program in the session of the desktop")
    })?;
    Ok("the accessibility bus answers".to_owned())
}

#[cfg(target_os = "linux")]
fn changes() -> Result<String, String> {
    crate::clipboard::X11Clipboard::connect().map_err(|error| error.to_string())?;
    crate::keyboard::X11Keyboard::connect().map_err(|error| error.to_string())?;
    Ok("by paste; the clipboard is given back".to_owned())
}

#[cfg(target_os = "linux")]
fn grabbed(keys: &str) -> Result<String, String> {
    use crate::hotkey::{GrabbedHotkey, Hotkey, HotkeyError};

    let hotkey: Hotkey = keys.parse().map_err(|error| format!("“{keys}”: {error}"))?;
    match GrabbedHotkey::grab(&hotkey, || {}) {
        Ok(_) => Ok(format!("{hotkey} is free")),
        Err(HotkeyError::Taken) => Err(format!(
            "another program has {hotkey}, or this one runs already. Choose others with --hotkey"
        )),
        Err(error) => Err(format!("{hotkey}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_display_it_says_what_is_missing() {
        for session in [DisplaySession::None, DisplaySession::Wayland] {
            let findings = examine(session, Some("Ctrl+Alt+Space"));
            assert_eq!(findings.len(), 2, "the rest needs the first");
            assert!(findings.iter().all(|finding| !finding.works()), "{findings:?}");
        }
        let lines: Vec<_> = examine(DisplaySession::Wayland, None).iter().map(ToString::to_string).collect();
        assert!(lines[0].starts_with("missing  session: Wayland"), "{lines:?}");
        assert!(lines[1].contains("portal"), "{lines:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn on_a_whole_desktop_everything_works() {
        crate::test_display::on_desktop("doctor::tests::on_a_whole_desktop_everything_works", || {
            let _window = crate::test_display::terminal("any", "#203040", "30x8+140+150", &["sleep", "60"]);
            crate::test_display::front("any");
            let findings = examine(DisplaySession::Direct, Some("Ctrl+Alt+Space"));
            assert_eq!(findings.iter().filter(|finding| finding.works()).count(), 6, "{findings:?}");
            let wrong = examine(DisplaySession::Direct, Some("Space"));
            assert!(!wrong.last().unwrap().works());
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_window_manager_and_a_bus_it_says_so() {
        let name = "doctor::tests::without_a_window_manager_and_a_bus_it_says_so";
        crate::test_display::on_x_server(
            name,
            |_| Vec::new(),
            || {
                let findings = examine(DisplaySession::Direct, None);
                let windows = findings.iter().find(|finding| finding.subject == "windows").unwrap();
                assert!(windows.to_string().contains("Start a window manager"), "{windows}");
            },
        );
    }
}
