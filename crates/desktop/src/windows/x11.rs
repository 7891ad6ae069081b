//! Windows on X11, by the window manager's lists (EWMH) and the server's own tree.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::res::{ClientIdMask, ClientIdSpec, ConnectionExt as _};
use x11rb::protocol::shape::ConnectionExt as _;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConnectionExt, EventMask, MapState, Window,
    WindowClass,
};

use super::{WindowChange, WindowInfo, Windows, WindowsError};
use crate::geometry::Rect;
use crate::x11::Display;

const FRONT_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(3);
/// With alpha channel.
const TRANSPARENT_DEPTH: u8 = 32;

#[derive(Debug, Clone)]
pub struct X11Windows {
    display: Arc<Display>,
}

impl X11Windows {
    pub fn connect() -> Result<Self, WindowsError> {
        Ok(Self { display: Arc::new(Display::connect()?) })
    }

    /// The changes from now on.
    pub fn changes(&self) -> Result<X11Changes, WindowsError> {
        X11Changes::start()
    }

    /// A window that the window manager knows, wherever its frame stands.
    fn client(&self, id: Window) -> Result<WindowInfo, WindowsError> {
        let frame = self.top_level(id)?;
        self.describe(frame, Some(id))
    }

    /// The ancestor directly below the root window.
    fn top_level(&self, mut id: Window) -> Result<Window, WindowsError> {
        loop {
            let parent = self.display.connection.query_tree(id)?.reply()?.parent;
            if parent == self.display.root || parent == x11rb::NONE {
                return Ok(id);
            }
            id = parent;
        }
    }

    fn describe(&self, top: Window, client: Option<Window>) -> Result<WindowInfo, WindowsError> {
        let (connection, atoms) = (&self.display.connection, &self.display.atoms);
        let id = client.unwrap_or(top);
        let geometry = connection.get_geometry(top)?.reply()?;
        let shape = connection.shape_query_extents(top)?.reply()?;
        let opacity = |window| self.display.property(window, atoms._NET_WM_WINDOW_OPACITY);
        let translucent = opacity(top)?.is_some() || opacity(id)?.is_some();
        let argb = geometry.depth == TRANSPARENT_DEPTH
            || connection.get_geometry(id)?.reply()?.depth == TRANSPARENT_DEPTH;
        let border = u32::from(geometry.border_width) * 2;
        let pid = self.pid(id)?;
        let process = pid.map(|pid| std::path::PathBuf::from(format!("/proc/{pid}")));
        let owner = |path: &std::path::Path| std::fs::metadata(path).ok().map(|data| data.uid());
        Ok(WindowInfo {
            id,
            pid,
            program: self.class(id)?,
            executable: process
                .as_ref()
                .and_then(|process| std::fs::read_link(process.join("exe")).ok())
                .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                .unwrap_or_default(),
            title: self.title(id)?,
            frame: Rect {
                x: geometry.x.into(),
                y: geometry.y.into(),
                width: u32::from(geometry.width) + border,
                height: u32::from(geometry.height) + border,
            },
            managed: client.is_some(),
            opaque: !argb && !translucent && !shape.bounding_shaped,
            foreign: process
                .and_then(|process| owner(&process))
                .is_some_and(|uid| Some(uid) != owner(std::path::Path::new("/proc/self"))),
        })
    }

    fn title(&self, id: Window) -> Result<String, WindowsError> {
        match self.display.text(id, self.display.atoms._NET_WM_NAME)? {
            Some(name) => Ok(name),
            None => Ok(self.display.text(id, AtomEnum::WM_NAME.into())?.unwrap_or_default()),
        }
    }

    fn class(&self, id: Window) -> Result<String, WindowsError> {
        let value = self.display.property(id, AtomEnum::WM_CLASS.into())?.unwrap_or_default();
        let class = value.split(|byte| *byte == 0).nth(1).unwrap_or_default();
        Ok(String::from_utf8_lossy(class).into_owned())
    }

    /// From the server, which knows its local clients' processes; a program can say anything in `_NET_WM_PID`.
    fn pid(&self, id: Window) -> Result<Option<u32>, WindowsError> {
        let spec = ClientIdSpec { client: id, mask: ClientIdMask::LOCAL_CLIENT_PID };
        if let Ok(reply) = self.display.connection.res_query_client_ids(&[spec])?.reply() {
            let known = reply.ids.iter().find_map(|id| id.value.first().copied()).filter(|pid| *pid > 0);
            if known.is_some() {
                return Ok(known);
            }
        }
        let said = self.display.numbers(id, self.display.atoms._NET_WM_PID)?;
        Ok(said.and_then(|pids| pids.first().copied()))
    }

    fn front_id(&self) -> Result<Option<Window>, WindowsError> {
        let active = self.display.numbers(self.display.root, self.display.atoms._NET_ACTIVE_WINDOW)?;
        let active = active.ok_or(WindowsError::NotListed)?;
        Ok(active.first().copied().filter(|id| *id != x11rb::NONE))
    }

    /// Whether what is typed goes to the window, or to one of its program's inside it.
    fn has_keyboard(&self, id: Window) -> Result<bool, WindowsError> {
        let focus = self.display.connection.get_input_focus()?.reply()?.focus;
        Ok(self.display.same_client(focus, id))
    }
}

impl Windows for X11Windows {
    fn stacking(&self) -> Result<Vec<WindowInfo>, WindowsError> {
        let display = &self.display;
        let listed = display.numbers(display.root, display.atoms._NET_CLIENT_LIST_STACKING)?;
        let mut clients = HashMap::new();
        for client in listed.ok_or(WindowsError::NotListed)? {
            // A window that was closed meanwhile is no window any more.
            if let Ok(top) = self.top_level(client) {
                clients.insert(top, client);
            }
        }
        let mut windows = Vec::new();
        for top in display.connection.query_tree(display.root)?.reply()?.children {
            let Ok(attributes) = display.connection.get_window_attributes(top)?.reply() else { continue };
            if attributes.map_state != MapState::VIEWABLE || attributes.class == WindowClass::INPUT_ONLY {
                continue;
            }
            match self.describe(top, clients.get(&top).copied()) {
                Ok(window) => windows.push(window),
                Err(error) => {
                    // Closed meanwhile, or else unknown: then nobody may go on as if it were not there.
                    if display.connection.get_window_attributes(top)?.reply().is_ok() {
                        return Err(error);
                    }
                }
            }
        }
        Ok(windows)
    }

    fn front(&self) -> Result<WindowInfo, WindowsError> {
        self.client(self.front_id()?.ok_or(WindowsError::NoFront)?)
    }

    fn bring_to_front(&self, id: u32) -> Result<(), WindowsError> {
        let display = &self.display;
        if self.front_id()? != Some(id) || !self.has_keyboard(id)? {
            // Source 2: on the user's behalf. Others may be refused, against programs that steal the focus.
            let message = ClientMessageEvent::new(
                32,
                id,
                display.atoms._NET_ACTIVE_WINDOW,
                [2, x11rb::CURRENT_TIME, 0, 0, 0],
            );
            let to = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
            display.connection.send_event(false, display.root, to, message)?.check()?;
        }
        let started = Instant::now();
        while started.elapsed() < FRONT_TIMEOUT {
            if self.front_id()? == Some(id) && self.has_keyboard(id)? {
                return Ok(());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Err(WindowsError::NotBrought)
    }
}

/// Changes as they come. Its thread ends when this is dropped.
#[derive(Debug)]
pub struct X11Changes {
    windows: X11Windows,
    address: Window,
    changes: Receiver<WindowChange>,
    thread: Option<JoinHandle<()>>,
}

impl X11Changes {
    fn start() -> Result<Self, WindowsError> {
        let windows = X11Windows::connect()?;
        let display = Arc::clone(&windows.display);
        let address = display.hidden_window(EventMask::NO_EVENT)?;
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        display.connection.change_window_attributes(display.root, &events)?.check()?;
        let (sender, changes) = channel();
        let watched = windows.clone();
        let thread = std::thread::spawn(move || {
            if let Err(error) = watch(&watched, &sender) {
                tracing::warn!(%error, "changes of windows are no longer seen");
            }
        });
        Ok(Self { windows, address, changes, thread: Some(thread) })
    }

    /// The next change; `Ok(None)` if none came in time, an error once they cannot be seen any more.
    pub fn next(&self, timeout: Duration) -> Result<Option<WindowChange>, WindowsError> {
        match self.changes.recv_timeout(timeout) {
            Ok(change) => Ok(Some(change)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(WindowsError::NotListed),
        }
    }
}

impl Drop for X11Changes {
    fn drop(&mut self) {
        if self.windows.display.send_stop(self.address).is_ok() {
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

fn watch(windows: &X11Windows, changes: &Sender<WindowChange>) -> Result<(), WindowsError> {
    let (connection, atoms) = (&windows.display.connection, &windows.display.atoms);
    let titles = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    let nothing = ChangeWindowAttributesAux::new().event_mask(EventMask::NO_EVENT);
    let mut front = None;
    let mut title = String::new();
    if let Some(id) = windows.front_id()? {
        front = Some(id);
        title = windows.title(id).unwrap_or_default();
        connection.change_window_attributes(id, &titles)?.ignore_error();
    }
    loop {
        connection.flush()?;
        let event = match connection.wait_for_event()? {
            Event::ClientMessage(message) if message.type_ == atoms.STOP => return Ok(()),
            Event::PropertyNotify(event) => event,
            _ => continue,
        };
        let change = if event.window == windows.display.root && event.atom == atoms._NET_ACTIVE_WINDOW {
            let now = windows.front_id()?;
            if now == front {
                continue;
            }
            if let Some(old) = front {
                connection.change_window_attributes(old, &nothing)?.ignore_error();
            }
            if let Some(new) = now {
                connection.change_window_attributes(new, &titles)?.ignore_error();
            }
            front = now;
            let info = now.and_then(|id| windows.client(id).ok());
            title = info.as_ref().map(|info| info.title.clone()).unwrap_or_default();
            WindowChange::Front(info)
        } else if event.window == windows.display.root && event.atom == atoms._NET_CLIENT_LIST_STACKING {
            WindowChange::Stacking
        } else if Some(event.window) == front {
            let Ok(info) = windows.client(event.window) else { continue };
            if info.title == title {
                continue;
            }
            title.clone_from(&info.title);
            WindowChange::Title(info)
        } else {
            continue;
        };
        if changes.send(change).is_err() {
            return Ok(());
        }
    }
}
