//! The keys that a command needs: a few combinations, never text.

use std::time::{Duration, Instant};

use x11rb::protocol::xproto::{ConnectionExt, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode, Keysym};
use x11rb::protocol::xtest::ConnectionExt as _;

use crate::x11::{Display, DisplayError};

const CONTROL: Keysym = 0xffe3;
const INSERT: Keysym = 0xff63;
const SHIFT: Keysym = 0xffe1;
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// In the modifier map: Shift, Control, Mod1, Mod4 and Mod5. Lock and Mod2 (`NumLock`) are states rather than held keys.
const HELD: [usize; 5] = [0, 2, 3, 6, 7];

/// A command that programs know by its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortcut {
    Copy,
    Paste,
    /// In terminals, where Ctrl+V means something else.
    PasteInTerminal,
    Undo,
}

/// Presses keys, as far as the assistant ever does.
pub trait Keyboard: Send + Sync {
    /// Waits until no modifier is held, so that it does not change what is pressed. Returns whether that came in time.
    fn wait_for_release(&self, timeout: Duration) -> Result<bool, KeyboardError>;

    fn press(&self, shortcut: Shortcut) -> Result<(), KeyboardError>;
}

#[derive(Debug, thiserror::Error)]
pub enum KeyboardError {
    #[error(transparent)]
    Display(#[from] DisplayError),
    #[error("the keyboard's layout has no key for this command")]
    NoKey,
}

macro_rules! from_x11 {
    ($($error:ty),*) => {$(
        impl From<$error> for KeyboardError {
            fn from(error: $error) -> Self {
                Self::Display(error.into())
            }
        }
    )*};
}

from_x11!(x11rb::errors::ConnectionError, x11rb::errors::ReplyError);

/// By the XTEST extension. The keymap is read each time and never changed: the user may switch layouts.
#[derive(Debug)]
pub struct X11Keyboard {
    display: Display,
}

impl X11Keyboard {
    pub fn connect() -> Result<Self, KeyboardError> {
        Ok(Self { display: Display::connect()? })
    }

    fn press_keys(&self, keys: [Keycode; 2]) -> Result<(), KeyboardError> {
        let [modifier, key] = keys;
        let events = [
            (KEY_PRESS_EVENT, modifier),
            (KEY_PRESS_EVENT, key),
            (KEY_RELEASE_EVENT, key),
            (KEY_RELEASE_EVENT, modifier),
        ];
        for (event, key) in events {
            self.display.connection.xtest_fake_input(event, key, 0, x11rb::NONE, 0, 0, 0)?;
        }
        self.display.connection.get_input_focus()?.reply()?;
        Ok(())
    }
}

impl Keyboard for X11Keyboard {
    fn wait_for_release(&self, timeout: Duration) -> Result<bool, KeyboardError> {
        let connection = &self.display.connection;
        let map = connection.get_modifier_mapping()?.reply()?;
        let per_modifier = (map.keycodes.len() / 8).max(1);
        let modifiers: Vec<Keycode> = HELD
            .iter()
            .filter_map(|index| map.keycodes.chunks(per_modifier).nth(*index))
            .flatten()
            .copied()
            .filter(|key| *key != 0)
            .collect();
        let started = Instant::now();
        loop {
            let pressed = connection.query_keymap()?.reply()?.keys;
            let held = |key: &Keycode| pressed[usize::from(key / 8)] & (1 << (key % 8)) != 0;
            if !modifiers.iter().any(held) {
                return Ok(true);
            }
            if started.elapsed() > timeout {
                return Ok(false);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn press(&self, shortcut: Shortcut) -> Result<(), KeyboardError> {
        // Shift+Insert pastes as well, and every layout has it: Russian alone has no Latin V.
        let choices: &[(Keysym, Keysym)] = match shortcut {
            Shortcut::Copy => &[(CONTROL, 'c' as Keysym), (CONTROL, INSERT)],
            Shortcut::Paste => &[(CONTROL, 'v' as Keysym), (SHIFT, INSERT)],
            Shortcut::PasteInTerminal => &[(SHIFT, INSERT)],
            Shortcut::Undo => &[(CONTROL, 'z' as Keysym)],
        };
        for (modifier, key) in choices {
            if let (Some(modifier), Some(key)) = (self.display.key(*modifier)?, self.display.key(*key)?) {
                return self.press_keys([modifier, key]);
            }
        }
        Err(KeyboardError::NoKey)
    }
}
