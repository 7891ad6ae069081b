//! The text that the user has selected in the window in front.
//!
//! Asked for in the order of least disturbance: from accessibility, then from the primary selection, and last by Ctrl+C,
//! after which the clipboard is given back whole. Never in a password field; never Ctrl+C in a terminal, where it ends the
//! running program.

use std::sync::Arc;
use std::time::Duration;

use crate::accessibility::{Accessibility, FieldKind};
use crate::clipboard::{ClipboardError, Selection, X11Clipboard};
use crate::keyboard::{Keyboard, KeyboardError, Shortcut};
use crate::terminal;
use crate::windows::{WindowInfo, Windows, WindowsError};

const COPY_TIMEOUT: Duration = Duration::from_millis(500);
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedText {
    pub text: String,
    pub source: SelectionSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionSource {
    Accessibility,
    Clipboard,
    Primary,
}

#[derive(Debug, thiserror::Error)]
pub enum SelectedTextError {
    #[error(transparent)]
    Clipboard(#[from] ClipboardError),
    #[error(transparent)]
    Keyboard(#[from] KeyboardError),
    #[error("the window in front changed")]
    Moved,
    #[error("a password field has the keyboard")]
    Password,
    #[error(transparent)]
    Windows(#[from] WindowsError),
}

/// Finds the selected text on X11.
#[derive(Clone)]
pub struct SelectedTextReader {
    pub accessibility: Arc<dyn Accessibility>,
    pub clipboard: Arc<X11Clipboard>,
    pub keyboard: Arc<dyn Keyboard>,
    pub windows: Arc<dyn Windows>,
}

impl std::fmt::Debug for SelectedTextReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelectedTextReader").finish_non_exhaustive()
    }
}

impl SelectedTextReader {
    /// `Ok(None)` if nothing is selected.
    pub fn read(&self, window: &WindowInfo) -> Result<Option<SelectedText>, SelectedTextError> {
        if let Some(selected) = self.read_quietly(window)? {
            return Ok(Some(selected));
        }
        if terminal::is_terminal(window) || window.foreign {
            return Ok(None);
        }
        let text = self.copy(window)?;
        Ok(text.map(|text| SelectedText { text, source: SelectionSource::Clipboard }))
    }

    /// Without touching the clipboard or the keyboard.
    pub fn read_quietly(&self, window: &WindowInfo) -> Result<Option<SelectedText>, SelectedTextError> {
        if let Ok(Some(field)) = self.accessibility.focused(window) {
            if field.kind == FieldKind::Password {
                return Err(SelectedTextError::Password);
            }
            if let Some(text) = field.selection() {
                return Ok(Some(SelectedText { text, source: SelectionSource::Accessibility }));
            }
        }
        // Another program's selection may be old; that of this one is what it shows as selected.
        if self.clipboard.belongs_to(Selection::Primary, window.id)? {
            let text = self.clipboard.text(Selection::Primary)?.filter(|text| !text.is_empty());
            return Ok(text.map(|text| SelectedText { text, source: SelectionSource::Primary }));
        }
        Ok(None)
    }

    fn copy(&self, window: &WindowInfo) -> Result<Option<String>, SelectedTextError> {
        if !self.keyboard.wait_for_release(RELEASE_TIMEOUT)? || self.windows.front()?.id != window.id {
            return Err(SelectedTextError::Moved);
        }
        let saved = self.clipboard.save(Selection::Clipboard)?;
        self.clipboard.clear(Selection::Clipboard)?;
        let copied = self.keyboard.press(Shortcut::Copy).map_err(SelectedTextError::from).and_then(|()| {
            let copied = self.clipboard.wait_for_other_owner(Selection::Clipboard, COPY_TIMEOUT)?;
            Ok(if copied { self.clipboard.text(Selection::Clipboard)? } else { None })
        });
        self.clipboard.take_back(Selection::Clipboard, window.id, saved)?;
        Ok(copied?.filter(|text| !text.is_empty()))
    }
}

#[cfg(test)]
mod tests;
