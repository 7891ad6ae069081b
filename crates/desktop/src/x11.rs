//! A connection to the X server, with the names (atoms) that the other modules use.

use x11rb::connection::Connection;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, Keycode, Keysym, Window,
};
use x11rb::rust_connection::RustConnection;

x11rb::atom_manager! {
    /// The atoms, asked for at once.
    pub(crate) Atoms: AtomsCookie {
        CLIPBOARD, INCR, MULTIPLE, SAVE_TARGETS, TARGETS, TIMESTAMP, UTF8_STRING,
        HINT: b"x-kde-passwordManagerHint",
        PASTED: b"_DESKTOP_SELECTION",
        STOP: b"_DESKTOP_STOP",
        TEXT_PLAIN: b"text/plain",
        TEXT_PLAIN_UTF8: b"text/plain;charset=utf-8",
        _NET_ACTIVE_WINDOW,
        _NET_CLIENT_LIST_STACKING,
        _NET_WM_NAME,
        _NET_WM_PID,
        _NET_WM_WINDOW_OPACITY,
    }
}

/// Why the X server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    #[error("no connection to the X server")]
    Connect(#[from] ConnectError),
    #[error("the connection to the X server is lost")]
    Connection(#[from] ConnectionError),
    #[error("the X server has no more ids")]
    Id(#[from] ReplyOrIdError),
    #[error("the X server refused a request")]
    Reply(#[from] ReplyError),
    #[error("memory to share with the X server could not be had")]
    Memory(#[source] std::io::Error),
    #[error("the X server does not have {0}")]
    Unsupported(&'static str),
}

#[derive(Debug)]
pub(crate) struct Display {
    pub connection: RustConnection,
    pub root: Window,
    pub atoms: Atoms,
    visual: u32,
}

impl Display {
    /// To the X server that `DISPLAY` names.
    pub fn connect() -> Result<Self, DisplayError> {
        let (connection, screen) = x11rb::connect(None)?;
        let (root, visual) = {
            let screen = &connection.setup().roots[screen];
            (screen.root, screen.root_visual)
        };
        let atoms = Atoms::new(&connection)?.reply()?;
        Ok(Self { connection, root, atoms, visual })
    }

    /// A window that is never shown: an address for selections and messages.
    pub fn hidden_window(&self, events: EventMask) -> Result<Window, DisplayError> {
        use x11rb::protocol::xproto::{CreateWindowAux, WindowClass};

        let id = self.connection.generate_id()?;
        let options = CreateWindowAux::new().event_mask(events);
        let class = WindowClass::INPUT_OUTPUT;
        self.connection
            .create_window(0, id, self.root, -1, -1, 1, 1, 0, class, self.visual, &options)?
            .check()?;
        Ok(id)
    }

    /// Wakes whoever waits for events of `window`, to tell it to end.
    pub fn send_stop(&self, window: Window) -> Result<(), DisplayError> {
        let message = ClientMessageEvent::new(32, window, self.atoms.STOP, [0; 5]);
        self.connection.send_event(false, window, EventMask::NO_EVENT, message)?;
        Ok(self.connection.flush()?)
    }

    /// The key that has this symbol without Shift, in any of the layouts that are switched between.
    pub fn key(&self, symbol: Keysym) -> Result<Option<Keycode>, DisplayError> {
        let connection = &self.connection;
        let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
        let map = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
        let per_key = usize::from(map.keysyms_per_keycode).max(1);
        let has = |column: usize| {
            map.keysyms.chunks(per_key).position(|symbols| symbols.get(column) == Some(&symbol))
        };
        // Columns come in pairs, without and with Shift; a pair for each layout.
        let found = (0..per_key).step_by(2).find_map(has);
        Ok(found.and_then(|offset| Keycode::try_from(usize::from(first) + offset).ok()))
    }

    /// A property of up to 64 KB, whatever its type; `None` without it.
    pub fn property(&self, window: Window, name: Atom) -> Result<Option<Vec<u8>>, DisplayError> {
        let cookie = self.connection.get_property(false, window, name, AtomEnum::ANY, 0, 16_384)?;
        let reply = cookie.reply()?;
        Ok((reply.type_ != x11rb::NONE).then_some(reply.value))
    }

    /// A property that is text: Latin-1 if its type is `STRING`, else UTF-8.
    pub fn text(&self, window: Window, name: Atom) -> Result<Option<String>, DisplayError> {
        let cookie = self.connection.get_property(false, window, name, AtomEnum::ANY, 0, 16_384)?;
        let reply = cookie.reply()?;
        Ok(match reply.type_ {
            x11rb::NONE => None,
            latin1 if latin1 == u32::from(AtomEnum::STRING) => {
                Some(reply.value.into_iter().map(char::from).collect())
            }
            _ => Some(String::from_utf8_lossy(&reply.value).into_owned()),
        })
    }

    /// A property that is a list of numbers or ids.
    pub fn numbers(&self, window: Window, name: Atom) -> Result<Option<Vec<u32>>, DisplayError> {
        let cookie = self.connection.get_property(false, window, name, AtomEnum::ANY, 0, 16_384)?;
        Ok(cookie.reply()?.value32().map(Iterator::collect))
    }

    /// Whether two windows were made by the same program: the server gives each connection a range of ids.
    pub fn same_client(&self, one: Window, other: Window) -> bool {
        let mask = !self.connection.setup().resource_id_mask;
        one & mask == other & mask
    }
}
