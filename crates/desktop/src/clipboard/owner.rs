//! Owns selections: a thread that answers requests (ICCCM, section 2.2), large data piece by piece.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt, EventMask, PropMode, Property,
    PropertyNotifyEvent, SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window,
};

use super::{ClipboardError, Guard, Offered, Reading};
use crate::x11::{Display, DisplayError};

/// What goes in one piece. Servers take at least 256 KB in a request.
const PIECE: usize = 128 * 1024;
/// A program is done reading when it has asked for nothing for this time. Some read twice: browsers for the page's script,
/// and again to paste, with lists of the forms in between. Given back between the two, nothing would be pasted; on a busy
/// computer the pauses were up to 0.8 s.
const QUIET: Duration = Duration::from_millis(1200);
/// A busy program gets as many times the longest pause that it has made so far.
const QUIET_PAUSES: u32 = 3;
/// For a program that goes on asking, after its first reading.
const QUIET_LIMIT: Duration = Duration::from_secs(6);
/// Between two looks whether the text is shown already.
const SHOWN_INTERVAL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Owner {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    display: Display,
    window: Window,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    offers: HashMap<Atom, Offer>,
    transfers: Vec<Transfer>,
    refused: bool,
    reading: Option<Progress>,
}

/// How the program that a text is for reads it.
#[derive(Debug)]
struct Progress {
    /// When it asked last; when the text was offered, before it asked.
    last_asked: Instant,
    longest_pause: Duration,
    /// When it first had the text.
    read: Option<Instant>,
}

impl Progress {
    fn start(now: Instant) -> Self {
        Self { last_asked: now, longest_pause: Duration::ZERO, read: None }
    }

    fn asked(&mut self, now: Instant) {
        self.longest_pause = self.longest_pause.max(now.saturating_duration_since(self.last_asked));
        self.last_asked = now;
    }

    fn has_read(&mut self, now: Instant) {
        self.asked(now);
        self.read.get_or_insert(now);
    }

    /// When it is taken to be done, unless it asks again; `None` before it has read.
    fn done_at(&self) -> Option<Instant> {
        let quiet = QUIET.max(self.longest_pause * QUIET_PAUSES);
        Some((self.last_asked + quiet).min(self.read? + QUIET_LIMIT))
    }
}

struct Offer {
    forms: Vec<Offered>,
    only_for: Option<(Window, Guard)>,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let window = self.only_for.as_ref().map(|(window, _)| window);
        f.debug_struct("Offer").field("forms", &self.forms.len()).field("only_for", &window).finish()
    }
}

/// A large form on its way.
#[derive(Debug)]
struct Transfer {
    requestor: Window,
    property: Atom,
    form: Offered,
    sent: usize,
    counts: bool,
}

impl Owner {
    pub(super) fn start() -> Result<Self, ClipboardError> {
        let display = Display::connect()?;
        let window = display.hidden_window(EventMask::NO_EVENT)?;
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { display, window, state, changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            if let Err(error) = serving.serve() {
                tracing::warn!(%error, "the clipboard is no longer answered for");
            }
        });
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn window(&self) -> Window {
        self.shared.window
    }

    /// Owns the selection with these forms; without any, nobody owns it.
    pub(super) fn offer(
        &self,
        selection: Atom,
        forms: Vec<Offered>,
        only_for: Option<(Window, Guard)>,
    ) -> Result<(), ClipboardError> {
        let shared = &self.shared;
        let owner = if forms.is_empty() { x11rb::NONE } else { shared.window };
        // Kept until the selection is owned: see `lost`.
        let mut state = shared.state();
        state.refused = false;
        state.reading = only_for.is_some().then(|| Progress::start(Instant::now()));
        state.offers.insert(selection, Offer { forms, only_for });
        let connection = &shared.display.connection;
        connection.set_selection_owner(owner, selection, x11rb::CURRENT_TIME)?.check()?;
        if connection.get_selection_owner(selection)?.reply()?.owner == owner {
            Ok(())
        } else {
            Err(ClipboardError::NotOwned)
        }
    }

    pub(super) fn wait_for_reading(&self, timeout: Duration, shown: impl Fn() -> bool) -> Reading {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state();
        loop {
            let now = Instant::now();
            if state.refused {
                return Reading::Refused;
            }
            let done_at = state.reading.as_ref().and_then(Progress::done_at);
            let wait = match done_at {
                Some(done) if now >= done && state.transfers.is_empty() => return Reading::Done,
                None if now >= deadline => return Reading::TimedOut,
                Some(_) => SHOWN_INTERVAL,
                None => deadline - now,
            };
            state = self.shared.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
            if done_at.is_some() {
                drop(state);
                if shown() {
                    return Reading::Done;
                }
                state = self.shared.state();
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.shared.display.send_stop(self.shared.window).is_ok() {
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) -> Result<(), DisplayError> {
        loop {
            let answered = match self.display.connection.wait_for_event()? {
                Event::ClientMessage(message) if message.type_ == self.display.atoms.STOP => return Ok(()),
                Event::PropertyNotify(event) if event.state == Property::DELETE => self.go_on(&event),
                Event::SelectionClear(event) => self.lost(event.selection),
                Event::SelectionRequest(request) => self.answer(&request),
                _ => Ok(()),
            };
            // The one who asked may be gone. The next one is answered all the same.
            if let Err(error) = answered {
                tracing::debug!(%error, "a request for the clipboard could not be answered");
            }
            self.display.connection.flush()?;
        }
    }

    /// Another program has taken the selection. This may be seen late, when it has been taken back: then what is offered now
    /// is newer than the loss.
    fn lost(&self, selection: Atom) -> Result<(), DisplayError> {
        let mut state = self.state();
        if self.display.connection.get_selection_owner(selection)?.reply()?.owner != self.window {
            state.offers.remove(&selection);
        }
        Ok(())
    }

    fn answer(&self, request: &SelectionRequestEvent) -> Result<(), DisplayError> {
        // Of the oldest programs, which name no property.
        let property = if request.property == x11rb::NONE { request.target } else { request.property };
        let given = self.give(request, property)?;
        let notify = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if given { property } else { x11rb::NONE },
        };
        self.display.connection.send_event(false, request.requestor, EventMask::NO_EVENT, notify)?.check()?;
        Ok(())
    }

    fn give(&self, request: &SelectionRequestEvent, property: Atom) -> Result<bool, DisplayError> {
        let (connection, atoms) = (&self.display.connection, &self.display.atoms);
        let mut state = self.state();
        let State { offers, transfers, refused, reading } = &mut *state;
        let Some(offer) = offers.get(&request.selection) else { return Ok(false) };
        let for_window = offer.only_for.as_ref().map(|(window, _)| *window);
        // Lists count: a browser asks for several between its two readings.
        if let Some(reading) = reading
            && for_window.is_some_and(|window| self.display.same_client(request.requestor, window))
        {
            reading.asked(Instant::now());
        }
        if request.target == atoms.TARGETS {
            let own = [atoms.TARGETS, atoms.TIMESTAMP];
            let list: Vec<Atom> = own.into_iter().chain(offer.forms.iter().map(|form| form.target)).collect();
            let bytes: Vec<u8> = list.iter().flat_map(|atom| atom.to_ne_bytes()).collect();
            let form = Offered {
                target: request.target,
                type_: AtomEnum::ATOM.into(),
                format: 32,
                data: bytes.into(),
            };
            self.put(request.requestor, property, &form, 0, usize::MAX)?;
            return Ok(true);
        }
        let Some(form) = offer.forms.iter().find(|form| form.target == request.target).cloned() else {
            return Ok(false);
        };
        let counts = form.target != atoms.HINT && offer.only_for.is_some();
        if let Some((window, guard)) = offer.only_for.as_ref().filter(|_| counts) {
            if !self.display.same_client(request.requestor, *window) {
                return Ok(false);
            }
            if !guard() {
                *refused = true;
                self.changed.notify_all();
                return Ok(false);
            }
        }
        if form.data.len() > PIECE {
            let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
            connection.change_window_attributes(request.requestor, &watch)?.check()?;
            let size = u32::try_from(form.data.len()).unwrap_or(u32::MAX).to_ne_bytes();
            let start =
                Offered { target: form.target, type_: atoms.INCR, format: 32, data: Arc::from(&size[..]) };
            self.put(request.requestor, property, &start, 0, usize::MAX)?;
            let transfer = Transfer { requestor: request.requestor, property, form, sent: 0, counts };
            transfers.push(transfer);
            return Ok(true);
        }
        self.put(request.requestor, property, &form, 0, usize::MAX)?;
        if counts && let Some(reading) = reading {
            reading.has_read(Instant::now());
            self.changed.notify_all();
        }
        Ok(true)
    }

    /// The requestor has taken a piece: sends the next one, and an empty one at the end.
    fn go_on(&self, event: &PropertyNotifyEvent) -> Result<(), DisplayError> {
        let mut state = self.state();
        let of = |transfer: &Transfer| transfer.requestor == event.window && transfer.property == event.atom;
        let Some(position) = state.transfers.iter().position(of) else { return Ok(()) };
        let transfer = &mut state.transfers[position];
        let from = transfer.sent;
        let to = transfer.form.data.len().min(from + PIECE);
        transfer.sent = to;
        let put = self.put(transfer.requestor, transfer.property, &transfer.form, from, to);
        if from == to || put.is_err() {
            let transfer = state.transfers.swap_remove(position);
            if transfer.counts
                && put.is_ok()
                && let Some(reading) = &mut state.reading
            {
                reading.has_read(Instant::now());
            }
            self.changed.notify_all();
        }
        put
    }

    fn put(
        &self,
        requestor: Window,
        property: Atom,
        form: &Offered,
        from: usize,
        to: usize,
    ) -> Result<(), DisplayError> {
        let bytes = &form.data[from..to.min(form.data.len())];
        let units = bytes.len() / usize::from(form.format.max(8) / 8);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let (mode, format) = (PropMode::REPLACE, form.format.max(8));
        self.display
            .connection
            .change_property(mode, requestor, property, form.type_, format, units, bytes)?
            .check()?;
        Ok(())
    }
}
