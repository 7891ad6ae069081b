//! The hotkey: pressed in any program, it has the page look at the window in front.

use std::str::FromStr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use protocol::desktop::HotkeyStatus;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};

use super::Assistance;
use crate::window;

/// From the keys to the look of the page.
const STILL_MEANT: Duration = Duration::from_secs(2);

/// The keys as configured; `off` for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Option<String>);

impl Keys {
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromStr for Keys {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let none = text.is_empty() || text.eq_ignore_ascii_case("off");
        Ok(Self((!none).then(|| text.to_owned())))
    }
}

#[derive(Default)]
pub struct Hotkey {
    status: Mutex<HotkeyStatus>,
    listener: Mutex<Option<Channel<()>>>,
    /// What was in front when it was pressed last, and when that was.
    front: Mutex<Option<(u32, Instant)>>,
    #[cfg(target_os = "linux")]
    grabbed: Mutex<Option<desktop::hotkey::GrabbedHotkey>>,
}

impl Hotkey {
    /// Once: the next look may be by the button. A page that was busy did not look.
    pub fn window_in_front(&self) -> Option<u32> {
        let (window, pressed_at) = self.front.lock().take()?;
        (pressed_at.elapsed() < STILL_MEANT).then_some(window)
    }

    fn set_problem(&self, problem: &str) {
        tracing::warn!(problem, "the hotkey does nothing");
        self.status.lock().problem = Some(problem.to_owned());
    }
}

impl Assistance {
    /// From now on the hotkey is reported through `listener`, and no longer to who listened before.
    pub fn watch_hotkey(&self, listener: Channel<()>) -> HotkeyStatus {
        *self.hotkey.listener.lock() = Some(listener);
        self.hotkey.status.lock().clone()
    }

    /// Takes the keys. What is in the way is told to the page.
    pub fn start_hotkey(&self, app: &AppHandle, Keys(keys): &Keys) {
        let Some(keys) = keys else { return };
        self.hotkey.status.lock().keys.clone_from(keys);
        if self.hands.is_none() {
            let words = "Keys for all programs need an X11 session so far.";
            return self.hotkey.set_problem(words);
        }
        self.grab(app, keys);
    }

    #[cfg(target_os = "linux")]
    fn grab(&self, app: &AppHandle, keys: &str) {
        use desktop::hotkey::{GrabbedHotkey, HotkeyError};

        let hotkey = match keys.parse::<desktop::hotkey::Hotkey>() {
            Ok(hotkey) => hotkey,
            Err(error) => return self.hotkey.set_problem(&format!("“{keys}” is no hotkey: {error}.")),
        };
        self.hotkey.status.lock().keys = hotkey.to_string();
        let app = app.clone();
        match GrabbedHotkey::grab(&hotkey, move || pressed(&app)) {
            Ok(grabbed) => *self.hotkey.grabbed.lock() = Some(grabbed),
            Err(error @ (HotkeyError::Taken | HotkeyError::NoKey)) => {
                self.hotkey.set_problem(&format!(
                    "{hotkey} does nothing: {error}. Start with other keys (--hotkey)."
                ));
            }
            Err(error) => self.hotkey.set_problem(&format!("{hotkey} does nothing: {error}.")),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn grab(&self, _: &AppHandle, _: &str) {}

    /// The page looks; before that, nothing of this program may come to the front.
    fn hotkey_pressed(&self) -> bool {
        let front = self.hands.as_ref().and_then(|hands| hands.observer.front());
        *self.hotkey.front.lock() = front.map(|window| (window, Instant::now()));
        let listener = self.hotkey.listener.lock().clone();
        listener.is_some_and(|listener| listener.send(()).is_ok())
    }
}

fn pressed(app: &AppHandle) {
    let heard = app.state::<std::sync::Arc<Assistance>>().hotkey_pressed();
    if !heard && let Some(window) = app.get_webview_window(window::LABEL) {
        // The sign-in, or a page that has not loaded.
        let shown = window.show().and_then(|()| window.set_focus());
        if let Err(error) = shown {
            tracing::warn!(%error, "the window could not be shown");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_is_no_hotkey() {
        for none in ["", " off ", "OFF"] {
            assert_eq!(none.parse(), Ok(Keys(None)));
        }
        assert_eq!("Ctrl+Alt+Space".parse(), Ok(Keys(Some("Ctrl+Alt+Space".to_owned()))));
    }
}
