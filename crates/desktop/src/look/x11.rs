//! Looking at an X11 desktop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::analysis::MAX_TEXT_BYTES;

use super::{Front, Observer, Seen, SeenText, Sight};
use crate::Point;
use crate::accessibility::{Accessibility, AccessibleText, AtSpi};
use crate::capture::ScreenCapture;
use crate::clipboard::{ClipboardError, X11Clipboard};
use crate::edit::{PasteInput, Target};
use crate::exclusion::{ExclusionError, Exclusions};
use crate::keyboard::{KeyboardError, X11Keyboard};
use crate::selected_text::SelectedTextReader;
use crate::windows::{WindowInfo, Windows, WindowsError, X11Windows};

/// Below the protocol's limit, since quotation marks and line feeds take two bytes in JSON.
const MAX_BYTES: usize = MAX_TEXT_BYTES / 2;
/// For a program to say which of its fields has the keyboard, after it came to the front.
const FOCUS_TIMEOUT: Duration = Duration::from_millis(300);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

pub struct X11Observer {
    accessibility: Arc<dyn Accessibility>,
    screen: Arc<dyn ScreenCapture>,
    selected: SelectedTextReader,
    windows: Arc<dyn Windows>,
    own_pid: u32,
}

impl std::fmt::Debug for X11Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("X11Observer").finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Clipboard(#[from] ClipboardError),
    #[error(transparent)]
    Keyboard(#[from] KeyboardError),
    #[error(transparent)]
    Windows(#[from] WindowsError),
}

impl X11Observer {
    /// With what types, over the same connections.
    pub fn connect(screen: Arc<dyn ScreenCapture>) -> Result<(Self, PasteInput), ConnectError> {
        let windows: Arc<dyn Windows> = Arc::new(X11Windows::connect()?);
        let accessibility: Arc<dyn Accessibility> = Arc::new(AtSpi::new());
        let clipboard = Arc::new(X11Clipboard::connect()?);
        let keyboard = Arc::new(X11Keyboard::connect()?);
        let input = PasteInput::new(
            Arc::clone(&windows),
            Arc::clone(&accessibility),
            Arc::clone(&clipboard),
            keyboard.clone(),
        );
        let selected = SelectedTextReader {
            accessibility: Arc::clone(&accessibility),
            clipboard,
            keyboard,
            windows: Arc::clone(&windows),
        };
        let own_pid = std::process::id();
        Ok((Self { accessibility, screen, selected, windows, own_pid }, input))
    }

    fn is_foreign(&self, window: &WindowInfo) -> bool {
        window.pid != Some(self.own_pid)
    }

    /// The window that the user works in, as it is now.
    fn window(&self, wanted: Option<u32>) -> Result<Option<WindowInfo>, WindowsError> {
        let stacking = self.windows.stacking()?;
        let wanted = wanted.or_else(|| self.front());
        let found = wanted.and_then(|id| stacking.iter().find(|window| window.id == id));
        let topmost = || stacking.iter().rev().find(|window| window.managed && self.is_foreign(window));
        Ok(found.or_else(topmost).cloned())
    }

    /// Programs name the field with the keyboard only while they are in front.
    fn bring(&self, window: &WindowInfo) {
        if self.windows.front().is_ok_and(|front| front.id == window.id) {
            return;
        }
        if let Err(error) = self.windows.bring_to_front(window.id) {
            tracing::debug!(%error, "the window is looked at where it is");
            return;
        }
        let started = Instant::now();
        while started.elapsed() < FOCUS_TIMEOUT
            && !self.accessibility.focused(window).is_ok_and(|field| field.is_some())
        {
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn see(&self, exclusions: &Exclusions, window: WindowInfo) -> Result<Front, WindowsError> {
        if exclusions.excludes(&window) {
            return Ok(Front::LeftOut);
        }
        self.bring(&window);
        let read = self.accessibility.read(&window).inspect_err(|error| {
            tracing::debug!(%error, "the window's text is not read");
        });
        let read = read.ok();
        let field = read.as_ref().and_then(|read| read.focused.as_ref());
        // As `PasteInput` compares it later.
        let known = field.filter(|field| field.text.is_some() && field.selected.is_some());
        let selection = match known {
            Some(field) => field.selection(),
            None => self.selected.read_quietly(&window).ok().flatten().map(|selected| selected.text),
        };
        let target = Target::new(&window, field, selection);
        // A page of a private window may have taken the place of another one meanwhile.
        let now = self.window(Some(window.id))?.filter(|now| now.id == window.id);
        match now {
            Some(now) if !exclusions.excludes(&now) && now.title == window.title => {}
            _ => return Ok(Front::LeftOut),
        }
        Ok(Front::Window(Box::new(Seen { window, text: read.map(text_of).filter(has_text), target })))
    }
}

impl Observer for X11Observer {
    fn front(&self) -> Option<u32> {
        self.windows.front().ok().filter(|window| self.is_foreign(window)).map(|window| window.id)
    }

    fn look(
        &self,
        exclusions: &Exclusions,
        window: Option<u32>,
        at: Option<Point>,
    ) -> Result<Sight, ExclusionError> {
        let front = match self.window(window)? {
            Some(window) => self.see(exclusions, window)?,
            None => Front::None,
        };
        let frame = exclusions.capture(self.windows.as_ref(), self.screen.as_ref(), at)?;
        Ok(Sight { frame, front })
    }

    fn bring_to_front(&self, window: u32) -> bool {
        self.windows.bring_to_front(window).is_ok()
    }
}

fn has_text(text: &SeenText) -> bool {
    !text.text.trim().is_empty()
}

/// Line by line, as far as it is sent.
fn text_of(read: AccessibleText) -> SeenText {
    let mut text = String::new();
    let mut complete = read.complete;
    for line in read.lines {
        if text.len() + line.text.len() + 1 > MAX_BYTES {
            complete = false;
            break;
        }
        text.push_str(&line.text);
        text.push('\n');
    }
    SeenText { text, complete }
}
