//! One combination of keys that works in every program, on X11.
//!
//! A grab is for an exact state of all modifiers, so the key is grabbed four times: with and without `CapsLock` and `NumLock`. If
//! another program has the combination already, whoever asks is told.

use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;

use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{ConnectionExt, EventMask, GrabMode, Keycode, Keysym, ModMask, Window};
use x11rb::protocol::{ErrorKind, Event};

use crate::x11::{Display, DisplayError};

/// As people write it, such as `Ctrl+Alt+Space`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hotkey {
    modifiers: Vec<Modifier>,
    key: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Modifier {
    Ctrl,
    Alt,
    Super,
    Shift,
}

impl Modifier {
    const ALL: [Self; 4] = [Self::Ctrl, Self::Alt, Self::Super, Self::Shift];

    fn name(self) -> &'static str {
        match self {
            Self::Ctrl => "Ctrl",
            Self::Alt => "Alt",
            Self::Super => "Super",
            Self::Shift => "Shift",
        }
    }

    fn mask(self) -> ModMask {
        match self {
            Self::Ctrl => ModMask::CONTROL,
            Self::Alt => ModMask::M1,
            Self::Super => ModMask::M4,
            Self::Shift => ModMask::SHIFT,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    name: String,
    symbol: Keysym,
}

const NAMED_KEYS: &[(&str, Keysym)] = &[
    ("Delete", 0xffff),
    ("End", 0xff57),
    ("Enter", 0xff0d),
    ("Home", 0xff50),
    ("Insert", 0xff63),
    ("PageDown", 0xff56),
    ("PageUp", 0xff55),
    ("Pause", 0xff13),
    ("Space", 0x20),
];
const FIRST_FUNCTION_KEY: Keysym = 0xffbe;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a combination such as Ctrl+Alt+Space: Ctrl, Alt, Super or Shift, and one key")]
pub struct NotAHotkey;

impl FromStr for Hotkey {
    type Err = NotAHotkey;

    /// A plain key, or one with Shift alone, would take that key from every program; only function keys may stand so.
    fn from_str(text: &str) -> Result<Self, NotAHotkey> {
        let mut parts: Vec<&str> = text.split('+').map(str::trim).collect();
        let key = parts.pop().ok_or(NotAHotkey)?;
        let modifier = |name: &str| {
            Modifier::ALL
                .into_iter()
                .find(|modifier| modifier.name().eq_ignore_ascii_case(name))
                .ok_or(NotAHotkey)
        };
        let mut modifiers = parts.into_iter().map(modifier).collect::<Result<Vec<_>, _>>()?;
        modifiers.sort();
        modifiers.dedup();
        let (key, function) = key_named(key).ok_or(NotAHotkey)?;
        if !function && modifiers.iter().all(|modifier| *modifier == Modifier::Shift) {
            return Err(NotAHotkey);
        }
        Ok(Self { modifiers, key })
    }
}

/// Also whether it is a function key.
fn key_named(name: &str) -> Option<(Key, bool)> {
    if let Some((name, symbol)) = NAMED_KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some((Key { name: (*name).to_owned(), symbol: *symbol }, false));
    }
    if let [c] = name.as_bytes()
        && c.is_ascii_alphanumeric()
    {
        let symbol = Keysym::from(c.to_ascii_lowercase());
        return Some((Key { name: name.to_uppercase(), symbol }, false));
    }
    let number: u32 = name.strip_prefix(['F', 'f'])?.parse().ok()?;
    let symbol = (1..=12).contains(&number).then(|| FIRST_FUNCTION_KEY + number - 1)?;
    Some((Key { name: format!("F{number}"), symbol }, true))
}

impl std::fmt::Display for Hotkey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for modifier in &self.modifiers {
            write!(f, "{}+", modifier.name())?;
        }
        f.write_str(&self.key.name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum HotkeyError {
    #[error(transparent)]
    Display(#[from] DisplayError),
    #[error("this keyboard has no such key")]
    NoKey,
    #[error("another program has this combination")]
    Taken,
}

/// The keys are grabbed until this is dropped.
#[derive(Debug)]
pub struct GrabbedHotkey {
    display: Arc<Display>,
    address: Window,
    thread: Option<JoinHandle<()>>,
}

impl GrabbedHotkey {
    /// `pressed` is called on a thread of its own, each time.
    pub fn grab(hotkey: &Hotkey, pressed: impl Fn() + Send + 'static) -> Result<Self, HotkeyError> {
        let display = Arc::new(Display::connect()?);
        let address = display.hidden_window(EventMask::NO_EVENT)?;
        let key = display.key(hotkey.key.symbol)?.ok_or(HotkeyError::NoKey)?;
        grab(&display, key, hotkey)?;
        let (watched, hotkey) = (Arc::clone(&display), hotkey.clone());
        let thread = std::thread::spawn(move || {
            if let Err(error) = watch(&watched, key, &hotkey, &pressed) {
                tracing::warn!(%error, "the hotkey is lost");
            }
        });
        Ok(Self { display, address, thread: Some(thread) })
    }
}

impl Drop for GrabbedHotkey {
    fn drop(&mut self) {
        if self.display.send_stop(self.address).is_ok() {
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

fn grab(display: &Display, key: Keycode, hotkey: &Hotkey) -> Result<(), HotkeyError> {
    let wanted = hotkey.modifiers.iter().fold(ModMask::default(), |all, modifier| all | modifier.mask());
    // NumLock is Mod2 on every keymap of today.
    for locks in [ModMask::default(), ModMask::LOCK, ModMask::M2, ModMask::LOCK | ModMask::M2] {
        let asynchronous = GrabMode::ASYNC;
        let grabbed = display
            .connection
            .grab_key(true, display.root, wanted | locks, key, asynchronous, asynchronous)
            .map_err(DisplayError::from)?
            .check();
        match grabbed {
            Ok(()) => {}
            Err(ReplyError::X11Error(error)) if error.error_kind == ErrorKind::Access => {
                return Err(HotkeyError::Taken);
            }
            Err(error) => return Err(DisplayError::from(error).into()),
        }
    }
    Ok(())
}

fn watch(
    display: &Display,
    mut key: Keycode,
    hotkey: &Hotkey,
    pressed: &impl Fn(),
) -> Result<(), HotkeyError> {
    loop {
        match display.connection.wait_for_event().map_err(DisplayError::from)? {
            Event::ClientMessage(message) if message.type_ == display.atoms.STOP => return Ok(()),
            Event::KeyPress(event) if event.detail == key => pressed(),
            // Another layout may have the key elsewhere.
            Event::MappingNotify(_) => {
                if let Some(now) = display.key(hotkey.key.symbol)?.filter(|now| *now != key) {
                    let cookie = display.connection.ungrab_key(key, display.root, ModMask::ANY);
                    cookie.map_err(DisplayError::from)?.ignore_error();
                    grab(display, now, hotkey)?;
                    key = now;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::test_display::{on_desktop, press};

    #[test]
    fn combinations_are_read_as_people_write_them() {
        for (written, shown) in [
            ("ctrl + alt+space", "Ctrl+Alt+Space"),
            ("Shift+Super+k", "Super+Shift+K"),
            ("F9", "F9"),
            ("Ctrl+Ctrl+7", "Ctrl+7"),
            ("Alt+pageup", "Alt+PageUp"),
        ] {
            let hotkey: Hotkey = written.parse().unwrap();
            assert_eq!(hotkey.to_string(), shown);
            assert_eq!(shown.parse(), Ok(hotkey));
        }
        for wrong in ["", "a", "Shift+a", "Ctrl+", "Ctrl", "Hyper+a", "Ctrl+F13", "Ctrl+ä", "Ctrl+a+b"] {
            assert_eq!(wrong.parse::<Hotkey>(), Err(NotAHotkey), "{wrong}");
        }
    }

    #[test]
    fn it_works_with_locks_and_a_second_program_is_told() {
        on_desktop("hotkey::tests::it_works_with_locks_and_a_second_program_is_told", || {
            let (sender, presses) = channel();
            let hotkey: Hotkey = "Ctrl+Alt+Space".parse().unwrap();
            let grabbed = GrabbedHotkey::grab(&hotkey, move || sender.send(()).unwrap()).unwrap();
            let came = || presses.recv_timeout(Duration::from_secs(5)).is_ok();
            for lock in ["", "Num_Lock", "Caps_Lock", "Num_Lock"] {
                if !lock.is_empty() {
                    press(&[lock]);
                }
                press(&["ctrl+alt+space"]);
                assert!(came(), "after {lock}");
            }
            press(&["Caps_Lock"]);
            assert!(matches!(GrabbedHotkey::grab(&hotkey, || {}), Err(HotkeyError::Taken)));
            drop(grabbed);
            GrabbedHotkey::grab(&hotkey, || {}).expect("free again");
        });
    }
}
