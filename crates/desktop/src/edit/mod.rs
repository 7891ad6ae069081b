//! Changes text in other programs, once the user has confirmed it.
//!
//! ```text
//! Proposal::new ──► Gate::propose ──► Offer ──► the dialog ──► Gate::confirm ──► Confirmation
//!                                                                                  │
//!                              Outcome ◄── TextInput::replace ◄── Edit ◄── Gate::admit
//! ```
//!
//! What always holds:
//!
//! - An [`Edit`] is the only thing that a [`TextInput`] takes, and only [`Gate::admit`] makes one, from a confirmation that it
//!   consumes. A confirmation is bound to the hash of text and target that the dialog showed, works once, and ends by time.
//! - The text has no character that people cannot see (`domain::edit::check_characters`), apart from line feeds, tabs, and the
//!   joiners within emoji and several scripts. No line feed or tab goes into a terminal, and nothing into password fields or the windows
//!   of other users.
//! - The target is compared before anything is typed and again when the text is handed over. On any difference nothing
//!   is.

mod gate;
#[cfg(target_os = "linux")]
mod paste;

use std::time::Duration;

use domain::diff::{self, Part};
use domain::edit::{EditRefusal, Lines, check_characters};
pub use domain::edit::{Method, ReadBack, Stopped};
use sha2::{Digest as _, Sha256};

use crate::accessibility::{Accessibility, Field, FieldId, FieldKind};
use crate::terminal;
use crate::windows::WindowInfo;
pub use gate::{Confirmation, Edit, Gate, Offer, OfferId};
#[cfg(target_os = "linux")]
pub use paste::PasteInput;

/// In characters.
pub const MAX_LENGTH: usize = 20_000;
/// Long enough to read a long change, short enough that the user still knows what it was about.
pub const OFFER_LIFETIME: Duration = Duration::from_mins(10);
/// From the click to the typing.
pub const CONFIRMATION_LIFETIME: Duration = Duration::from_secs(30);

/// A text that can be shown exactly as it is, to be put in place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    text: String,
    replaces: Option<String>,
}

impl Proposal {
    /// `replaces` is what must be selected; `None` to insert at the cursor.
    pub fn new(text: String, replaces: Option<String>) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        if text.chars().count() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        check_characters(&text, Lines::Allowed)?;
        Ok(Self { text, replaces: replaces.filter(|text| !text.is_empty()) })
    }

    /// The changes, in the words around them.
    pub fn parts(&self) -> Vec<Part> {
        diff::parts(self.replaces().unwrap_or_default(), &self.text)
    }

    /// With only some of its changes, in the order of [`Self::parts`].
    pub fn with_changes(&self, chosen: &[bool]) -> Result<Self, Refusal> {
        if !chosen.contains(&true) {
            return Err(Refusal::NothingChosen);
        }
        Self::new(diff::merged(&self.parts(), chosen), self.replaces.clone())
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn replaces(&self) -> Option<&str> {
        self.replaces.as_deref()
    }
}

/// Where the text goes, as it was when the user asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub window: u32,
    pub pid: Option<u32>,
    pub program: String,
    pub title: String,
    /// `None` where the program does not describe its fields.
    pub field: Option<FieldId>,
    pub selection: Option<String>,
    pub kind: TargetKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    Field,
    /// Belongs to another user, such as root.
    Foreign,
    Password,
    Terminal,
}

impl Target {
    /// The window with its focused field and its selection.
    pub fn new(window: &WindowInfo, field: Option<&Field>, selection: Option<String>) -> Self {
        let field_is = |kind| field.is_some_and(|field| field.kind == kind);
        let kind = if window.foreign {
            TargetKind::Foreign
        } else if field_is(FieldKind::Password) {
            TargetKind::Password
        } else if field_is(FieldKind::Terminal) || terminal::is_terminal(window) {
            TargetKind::Terminal
        } else {
            TargetKind::Field
        };
        Self {
            window: window.id,
            pid: window.pid,
            program: window.program.clone(),
            title: window.title.clone(),
            field: field.map(|field| field.id.clone()),
            selection,
            kind,
        }
    }

    /// The window with the field that accessibility names, if it does.
    pub fn observe(
        window: &WindowInfo,
        accessibility: &dyn Accessibility,
        selection: Option<String>,
    ) -> Self {
        let field = accessibility.focused(window).ok().flatten();
        Self::new(window, field.as_ref(), selection)
    }

    /// Whether this is still the same window, with the same title.
    pub fn is_window(&self, window: &WindowInfo) -> bool {
        self.window == window.id
            && self.pid == window.pid
            && self.program == window.program
            && self.title == window.title
            && !window.foreign
    }
}

/// Of text and target, as the dialog showed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(proposal: &Proposal, target: &Target) -> Self {
        let pid = target.pid.map(|pid| pid.to_string());
        let parts = [
            Some(proposal.text.as_str()),
            proposal.replaces.as_deref(),
            pid.as_deref(),
            Some(target.program.as_str()),
            Some(target.title.as_str()),
            target.field.as_ref().map(|field| field.0.as_str()),
            target.selection.as_deref(),
        ];
        let mut hash = Sha256::new();
        hash.update(target.window.to_be_bytes());
        hash.update([target.kind as u8]);
        for part in parts {
            // With its length, so that no two lists of parts are the same bytes.
            hash.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a text is not typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("what was confirmed is not what would be typed")]
    Different,
    #[error("there is no text")]
    Empty,
    #[error("the confirmation is too old")]
    Expired,
    #[error("the window belongs to another user")]
    ForeignWindow,
    #[error("the text has characters that cannot be seen")]
    Invisible,
    #[error("a line feed or tab in a terminal would run something")]
    LineFeedInTerminal,
    #[error("no change was chosen")]
    NothingChosen,
    #[error("a password field has the keyboard")]
    Password,
    #[error("what is to be replaced is not selected")]
    Selection,
    #[error("the text is too long")]
    TooLong,
    #[error("nothing of the kind was proposed, or it was confirmed already")]
    Unknown,
}

impl From<EditRefusal> for Refusal {
    /// Of a check of characters, where lines are allowed.
    fn from(_: EditRefusal) -> Self {
        Self::Invisible
    }
}

/// Carries out a confirmed change. Blocks while it does.
pub trait TextInput: Send + Sync {
    fn replace(&self, edit: Edit) -> Outcome;
}

/// What happened, for the user and the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub method: Method,
    pub result: Result<ReadBack, Stopped>,
    /// Whether the clipboard holds what it held before. Always true if it was not touched.
    pub clipboard_restored: bool,
}

#[cfg(test)]
mod gate_tests;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
