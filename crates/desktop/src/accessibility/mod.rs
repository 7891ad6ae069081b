//! The text of the window in front, as programs describe it to assistive technology: exact, with positions, and without
//! recognising anything in a picture.
//!
//! What is in a password field is never asked for.

#[cfg(target_os = "linux")]
mod atspi;
#[cfg(target_os = "linux")]
mod walk;

use std::time::Duration;

use crate::geometry::Rect;
use crate::windows::WindowInfo;
#[cfg(target_os = "linux")]
pub use atspi::AtSpi;

/// After this time what was read so far is the answer.
pub const TIME_LIMIT: Duration = Duration::from_millis(200);

/// Where a text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextSource {
    /// Linux's accessibility interface over D-Bus.
    AtSpi,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessibleText {
    pub source: TextSource,
    /// What the window shows, in the program's order.
    pub lines: Vec<Line>,
    /// What is selected in the focused field.
    pub selection: Option<String>,
    /// What has the keyboard, as far as the program says.
    pub focused: Option<Field>,
    /// False if the time was over before everything was read.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// On the screen; `None` where the program does not say.
    pub bounds: Option<Rect>,
}

/// A part of a window that takes the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub id: FieldId,
    pub kind: FieldKind,
    pub name: String,
    pub bounds: Option<Rect>,
    /// The whole text, in characters as the program counts them; `None` for passwords and very long texts.
    pub text: Option<String>,
    /// What is selected, as positions in `text`; equal where only the cursor stands.
    pub selected: Option<(usize, usize)>,
}

impl Field {
    /// The selected text; `None` without a selection.
    pub fn selection(&self) -> Option<String> {
        let (start, end) = self.selected.filter(|(start, end)| start < end)?;
        Some(self.text.as_ref()?.chars().skip(start).take(end - start).collect())
    }

    /// The text as it will be once `replacement` stands in place of the selection, or at the cursor.
    pub fn replaced(&self, replacement: &str) -> Option<String> {
        let (start, end) = self.selected?;
        let mut characters = self.text.as_ref()?.chars();
        let mut text: String = characters.by_ref().take(start).collect();
        text.push_str(replacement);
        text.extend(characters.skip(end.checked_sub(start)?));
        Some(text)
    }
}

/// The same for the same field, as long as its window exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldId(pub(crate) String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Other,
    Password,
    Terminal,
    Text,
}

/// Reads what programs show. Blocks, at most for [`TIME_LIMIT`].
pub trait Accessibility: Send + Sync {
    fn read(&self, window: &WindowInfo) -> Result<AccessibleText, AccessibilityError>;

    /// Only the focused field, which is quicker; `None` if the program names none.
    fn focused(&self, window: &WindowInfo) -> Result<Option<Field>, AccessibilityError>;
}

#[derive(Debug, thiserror::Error)]
pub enum AccessibilityError {
    #[cfg(target_os = "linux")]
    #[error("the accessibility bus did not answer")]
    Bus(#[from] zbus::Error),
    #[error("this program does not describe its windows")]
    NotDescribed,
    #[error("the question could not be asked")]
    Runtime(#[from] std::io::Error),
    #[error("the program did not answer in time")]
    TooSlow,
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
