//! Reads selections of other programs (ICCCM, section 2.4), also piece by piece (INCR).

use std::sync::Mutex;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt, EventMask, GetPropertyReply, Property, Window};

use super::{ClipboardError, Offered};
use crate::x11::Display;

const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// For an owner that offers a form and then does not give it.
const FORM_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Reader {
    display: Display,
    window: Window,
    /// One conversation at a time: answers come to one window.
    busy: Mutex<()>,
}

impl Reader {
    pub(super) fn connect() -> Result<Self, ClipboardError> {
        let display = Display::connect()?;
        let window = display.hidden_window(EventMask::PROPERTY_CHANGE)?;
        Ok(Self { display, window, busy: Mutex::new(()) })
    }

    pub(super) fn display(&self) -> &Display {
        &self.display
    }

    /// One form of the selection; `None` if its owner does not give it.
    pub(super) fn read(
        &self,
        selection: Atom,
        target: Atom,
        limit: usize,
        timeout: Duration,
    ) -> Result<Option<Offered>, ClipboardError> {
        let _one = self.busy.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.convert(selection, target, limit, Instant::now() + timeout)
    }

    /// All forms that the owner gives. An error if it gives none of those that it has.
    pub(super) fn read_all(
        &self,
        selection: Atom,
        limit: usize,
        timeout: Duration,
    ) -> Result<Vec<Offered>, ClipboardError> {
        let _one = self.busy.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let deadline = Instant::now() + timeout;
        let atoms = &self.display.atoms;
        let protocol = [atoms.MULTIPLE, atoms.SAVE_TARGETS, atoms.TARGETS, atoms.TIMESTAMP];
        let Some(list) = self.convert(selection, atoms.TARGETS, limit, deadline)? else {
            // An owner of the oldest kind gives text and no list.
            let text = self.convert(selection, AtomEnum::STRING.into(), limit, deadline)?;
            return text.map(|text| vec![text]).ok_or(ClipboardError::NoAnswer);
        };
        let mut left = limit;
        let (mut offers, mut refused) = (Vec::new(), false);
        for target in list.data.chunks_exact(4).map(|bytes| {
            let mut id = [0; 4];
            id.copy_from_slice(bytes);
            Atom::from_ne_bytes(id)
        }) {
            if protocol.contains(&target) || offers.iter().any(|offer: &Offered| offer.target == target) {
                continue;
            }
            if Instant::now() > deadline {
                return Err(ClipboardError::NoAnswer);
            }
            let until = deadline.min(Instant::now() + FORM_TIMEOUT);
            if let Some(offer) = self.convert(selection, target, left, until)? {
                left -= offer.data.len();
                offers.push(offer);
            } else {
                refused = true;
            }
        }
        if offers.is_empty() && refused { Err(ClipboardError::NoAnswer) } else { Ok(offers) }
    }

    fn convert(
        &self,
        selection: Atom,
        target: Atom,
        limit: usize,
        deadline: Instant,
    ) -> Result<Option<Offered>, ClipboardError> {
        let (connection, property) = (&self.display.connection, self.display.atoms.PASTED);
        connection.delete_property(self.window, property)?;
        connection.convert_selection(self.window, selection, target, property, x11rb::CURRENT_TIME)?;
        connection.flush()?;
        let given = self.wait(deadline, |event| match event {
            Event::SelectionNotify(event) if event.selection == selection && event.target == target => {
                Some(event.property != x11rb::NONE)
            }
            _ => None,
        })?;
        if !given {
            return Ok(None);
        }
        let first = self.take(limit)?;
        if first.type_ != self.display.atoms.INCR {
            return Ok(Some(offered(target, first.type_, first.format, first.value)));
        }
        let (mut type_, mut format, mut whole) = (x11rb::NONE, 8, Vec::new());
        loop {
            self.wait(deadline, |event| match event {
                Event::PropertyNotify(event)
                    if event.atom == property && event.state == Property::NEW_VALUE =>
                {
                    Some(())
                }
                _ => None,
            })?;
            let piece = self.take(limit.saturating_sub(whole.len()))?;
            if piece.value.is_empty() {
                return Ok(Some(offered(target, type_, format, whole)));
            }
            (type_, format) = (piece.type_, piece.format);
            whole.extend(piece.value);
        }
    }

    /// What arrived; deleting it asks for the next piece.
    fn take(&self, limit: usize) -> Result<GetPropertyReply, ClipboardError> {
        let (connection, property) = (&self.display.connection, self.display.atoms.PASTED);
        let length = u32::try_from(limit / 4 + 1).unwrap_or(u32::MAX);
        let reply =
            connection.get_property(true, self.window, property, AtomEnum::ANY, 0, length)?.reply()?;
        if reply.bytes_after > 0 || reply.value.len() > limit {
            return Err(ClipboardError::TooLarge);
        }
        connection.flush()?;
        Ok(reply)
    }

    fn wait<T>(&self, deadline: Instant, wanted: impl Fn(&Event) -> Option<T>) -> Result<T, ClipboardError> {
        loop {
            while let Some(event) = self.display.connection.poll_for_event()? {
                if let Some(found) = wanted(&event) {
                    return Ok(found);
                }
            }
            if Instant::now() > deadline {
                return Err(ClipboardError::NoAnswer);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

fn offered(target: Atom, type_: Atom, format: u8, data: Vec<u8>) -> Offered {
    Offered { target, type_, format, data: data.into() }
}
