//! The clipboard and the primary selection of X11: read, saved whole, owned for one paste, and given back.
//!
//! On X11 a selection is not stored anywhere: its owner answers each request. So one who owns it for a paste sees who reads,
//! can refuse everybody but the window that the text is for, and knows when it was read. And giving back means to answer
//! in the former owner's place, with everything that it offered.

mod owner;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt, Window};

use crate::x11::DisplayError;
use owner::Owner;
use reader::Reader;

/// More than that is not copied to be given back.
const MAX_SAVED_BYTES: usize = 64 * 1024 * 1024;
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;
const TEXT_TIMEOUT: Duration = Duration::from_millis(500);
/// For all that an owner offers. It may have to make pictures of it first.
const SAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    Clipboard,
    /// What is selected with the mouse, pasted with its middle button.
    Primary,
}

/// One form in which a selection is offered, such as text, HTML or a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub target: Atom,
    pub type_: Atom,
    /// Bits of each unit: 8, 16 or 32.
    pub format: u8,
    pub data: Arc<[u8]>,
}

/// Everything that a selection held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    offers: Vec<Offered>,
}

impl Saved {
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }
}

/// Decides, at the moment in which the text is asked for, whether it is given.
pub(crate) type Guard = Box<dyn Fn() -> bool + Send>;

#[derive(Debug)]
pub struct X11Clipboard {
    reader: Reader,
    owner: Owner,
}

#[derive(Debug, thiserror::Error)]
pub enum ClipboardError {
    #[error(transparent)]
    Display(#[from] DisplayError),
    #[error("the owner of the selection did not answer")]
    NoAnswer,
    #[error("another program owns the selection")]
    NotOwned,
    #[error("the selection is too large")]
    TooLarge,
}

macro_rules! from_x11 {
    ($($error:ty),*) => {$(
        impl From<$error> for ClipboardError {
            fn from(error: $error) -> Self {
                Self::Display(error.into())
            }
        }
    )*};
}

from_x11!(x11rb::errors::ConnectionError, x11rb::errors::ReplyError);

impl X11Clipboard {
    pub fn connect() -> Result<Self, ClipboardError> {
        Ok(Self { reader: Reader::connect()?, owner: Owner::start()? })
    }

    /// The text that the selection holds; `None` if it holds nothing, or no text.
    pub fn text(&self, selection: Selection) -> Result<Option<String>, ClipboardError> {
        if self.owner_window(selection)?.is_none() {
            return Ok(None);
        }
        let utf8 = self.reader.display().atoms.UTF8_STRING;
        let atom = self.atom(selection);
        let read = self.reader.read(atom, utf8, MAX_TEXT_BYTES, TEXT_TIMEOUT)?;
        Ok(read.map(|offered| String::from_utf8_lossy(&offered.data).into_owned()))
    }

    /// Everything that the selection holds. An error if it cannot be had whole: then it must not be replaced.
    pub fn save(&self, selection: Selection) -> Result<Saved, ClipboardError> {
        let started = std::time::Instant::now();
        loop {
            if self.owner_window(selection)?.is_none() {
                return Ok(Saved::default());
            }
            match self.reader.read_all(self.atom(selection), MAX_SAVED_BYTES, SAVE_TIMEOUT) {
                // Refused while it answers another program, or gone since.
                Err(ClipboardError::NoAnswer) if started.elapsed() < TEXT_TIMEOUT => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                answer => return Ok(Saved { offers: answer? }),
            }
        }
    }

    /// Gives back what was saved, unless another program has taken the selection meanwhile: then its contents are
    /// newer. Returns whether it was given back.
    pub fn give_back(&self, selection: Selection, saved: Saved) -> Result<bool, ClipboardError> {
        if self.owner_window(selection)? != Some(self.owner.window()) {
            return Ok(false);
        }
        self.owner.offer(self.atom(selection), saved.offers, None)?;
        Ok(true)
    }

    /// Gives back what was saved, although the program of `window` owns the selection now: it was made to copy.
    pub(crate) fn take_back(
        &self,
        selection: Selection,
        window: Window,
        saved: Saved,
    ) -> Result<bool, ClipboardError> {
        if self.belongs_to(selection, window)? {
            self.owner.offer(self.atom(selection), saved.offers, None)?;
            return Ok(true);
        }
        self.give_back(selection, saved)
    }

    /// Puts a text on the clipboard for the user to paste.
    pub fn put(&self, text: &str) -> Result<(), ClipboardError> {
        self.owner.offer(self.atom(Selection::Clipboard), self.forms(text), None)
    }

    /// Offers the text to the program of `window` alone, and to it only while `guard` allows it.
    pub(crate) fn offer_to(
        &self,
        selection: Selection,
        text: &str,
        window: Window,
        guard: Guard,
    ) -> Result<(), ClipboardError> {
        let mut forms = self.forms(text);
        let secret: Arc<[u8]> = Arc::from(&b"secret"[..]);
        let hint = self.reader.display().atoms.HINT;
        forms.push(Offered { target: hint, type_: AtomEnum::STRING.into(), format: 8, data: secret });
        self.owner.offer(self.atom(selection), forms, Some((window, guard)))
    }

    /// Owns the selection with nothing in it, so that another program's copy can be told from what was there before.
    pub(crate) fn clear(&self, selection: Selection) -> Result<(), ClipboardError> {
        let hint = self.reader.display().atoms.HINT;
        let secret: Arc<[u8]> = Arc::from(&b"secret"[..]);
        let marker = Offered { target: hint, type_: AtomEnum::STRING.into(), format: 8, data: secret };
        self.owner.offer(self.atom(selection), vec![marker], None)
    }

    /// Waits until what was offered has been read, and after that until it is `shown` or is not asked for any more.
    pub(crate) fn wait_for_reading(&self, timeout: Duration, shown: impl Fn() -> bool) -> Reading {
        self.owner.wait_for_reading(timeout, shown)
    }

    /// Waits until another program owns the selection. Returns whether one does.
    pub(crate) fn wait_for_other_owner(
        &self,
        selection: Selection,
        timeout: Duration,
    ) -> Result<bool, ClipboardError> {
        let started = std::time::Instant::now();
        loop {
            if self.owner_window(selection)?.is_some_and(|owner| owner != self.owner.window()) {
                return Ok(true);
            }
            if started.elapsed() > timeout {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Whether the selection belongs to the program of this window.
    pub(crate) fn belongs_to(&self, selection: Selection, window: Window) -> Result<bool, ClipboardError> {
        let owner = self.owner_window(selection)?;
        Ok(owner.is_some_and(|owner| self.reader.display().same_client(owner, window)))
    }

    fn owner_window(&self, selection: Selection) -> Result<Option<Window>, ClipboardError> {
        let connection = &self.reader.display().connection;
        connection.flush()?;
        let owner = connection.get_selection_owner(self.atom(selection))?.reply()?.owner;
        Ok((owner != x11rb::NONE).then_some(owner))
    }

    fn atom(&self, selection: Selection) -> Atom {
        match selection {
            Selection::Clipboard => self.reader.display().atoms.CLIPBOARD,
            Selection::Primary => AtomEnum::PRIMARY.into(),
        }
    }

    fn forms(&self, text: &str) -> Vec<Offered> {
        let atoms = &self.reader.display().atoms;
        let data: Arc<[u8]> = Arc::from(text.as_bytes());
        [atoms.UTF8_STRING, atoms.TEXT_PLAIN_UTF8, atoms.TEXT_PLAIN]
            .map(|target| Offered { target, type_: target, format: 8, data: Arc::clone(&data) })
            .into()
    }
}

/// What became of an offered text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The right program has it.
    Done,
    /// The right program asked, when it was no longer right to give it.
    Refused,
    /// The right program did not ask.
    TimedOut,
}

#[cfg(test)]
mod tests;
