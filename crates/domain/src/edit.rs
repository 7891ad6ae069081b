//! Edits of text that a model proposes, and the rules that they keep. The server checks them before it sends them, and the
//! desktop program again before it offers them.

use serde::{Deserialize, Serialize};

use crate::joiner::first_hidden;

/// Edits in one answer.
pub const MAX_EDITS: usize = 10;
/// The longest selection, original and replacement, in characters.
pub const MAX_CHARS: usize = 16_000;
/// The longest rationale, in characters.
pub const MAX_RATIONALE_CHARS: usize = 500;

/// A proposed modification. Nothing is typed without the user's confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextEdit {
    /// Unique within its analysis.
    pub id: String,
    /// The selection that was sent, or a part of it that occurs in it once.
    pub original: String,
    pub replacement: String,
    /// Why, for the user; may be empty.
    pub rationale: String,
    /// What became of it, once the desktop program has reported that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<EditOutcome>,
}

/// What became of a proposed edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EditOutcome {
    /// The user said no.
    Declined,
    /// The user confirmed `chosen` of its `changes`, and the program took the text.
    Inserted { method: Method, read_back: ReadBack, chosen: u32, changes: u32 },
    /// Nothing was typed.
    Stopped { reason: Stopped },
}

impl EditOutcome {
    /// Its name in the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Inserted { .. } => "inserted",
            Self::Stopped { .. } => "stopped",
        }
    }
}

/// How a text got into a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Method {
    Paste,
}

/// What the program shows afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ReadBack {
    /// The text as it should be.
    Exact,
    /// Another text: the program changed it, or the user typed meanwhile.
    Different,
    /// The program took the text and does not say what it made of it.
    Unavailable,
}

/// Why nothing was typed. The text can be offered to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Stopped {
    #[error("what the clipboard holds could not be saved")]
    ClipboardNotSaved,
    #[error("nobody decided in time")]
    Expired,
    #[error("the display server refused a request")]
    Failed,
    #[error("another field has the keyboard")]
    FieldChanged,
    #[error("a key such as Shift was held down")]
    ModifiersHeld,
    #[error("this machine does not allow it")]
    NotAllowed,
    #[error("the program did not read the text")]
    NotRead,
    #[error("the text must not be typed there")]
    Refused,
    #[error("something else is selected now")]
    SelectionChanged,
    #[error("the window is gone, has another title, or did not come to the front")]
    WindowChanged,
}

/// Whether a replacement may have line feeds and tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    Allowed,
    /// As for a terminal, where a line feed runs a command.
    Forbidden,
}

/// Why an edit is refused. The text is for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditRefusal {
    #[error("the text to replace occurs more than once in the selection")]
    Ambiguous,
    #[error("it contains a control character")]
    Control,
    #[error("it contains characters that cannot be seen")]
    Invisible,
    #[error("it contains a line break or a tab, which is not allowed here")]
    Lines,
    #[error("the text to replace is not in the selection")]
    NotFound,
    #[error("it overlaps another change")]
    Overlapping,
    #[error("the new text is too long")]
    TooLong,
    #[error("there are too many changes in one answer")]
    TooMany,
    #[error("it changes nothing")]
    Unchanged,
}

/// Checks one edit of `text`, and returns where in it, in bytes, the original stands. Only the replacement's characters are
/// judged: the original is there already.
///
/// # Errors
/// The first rule that the edit breaks.
pub fn check(
    text: &str,
    original: &str,
    replacement: &str,
    lines: Lines,
) -> Result<std::ops::Range<usize>, EditRefusal> {
    if [original, replacement].iter().any(|text| text.chars().nth(MAX_CHARS).is_some()) {
        return Err(EditRefusal::TooLong);
    }
    let start = if original.is_empty() { None } else { text.find(original) };
    let start = start.ok_or(EditRefusal::NotFound)?;
    // Occurrences may overlap: "aa" stands twice in "aaa".
    let next = start + original.chars().next().map_or(1, char::len_utf8);
    if text[next..].contains(original) {
        return Err(EditRefusal::Ambiguous);
    }
    if original == replacement {
        return Err(EditRefusal::Unchanged);
    }
    check_characters(replacement, lines)?;
    Ok(start..start + original.len())
}

/// Whether everything in a text can be shown, so that what a person confirms is what is typed. The one rule of the server
/// and of the desktop program.
///
/// # Errors
/// What it contains that must not be typed.
pub fn check_characters(text: &str, lines: Lines) -> Result<(), EditRefusal> {
    if lines == Lines::Forbidden && text.contains(['\n', '\t']) {
        return Err(EditRefusal::Lines);
    }
    match first_hidden(text) {
        Some(c) if c.is_control() => Err(EditRefusal::Control),
        Some(_) => Err(EditRefusal::Invisible),
        None => Ok(()),
    }
}

/// Checks the edits of one answer, in their order: each by itself, their number, and that none overlaps an earlier one.
pub fn check_all<'a>(
    text: &str,
    edits: impl IntoIterator<Item = (&'a str, &'a str)>,
    lines: Lines,
) -> Vec<Result<(), EditRefusal>> {
    let mut accepted: Vec<std::ops::Range<usize>> = Vec::new();
    let judge = |(original, replacement)| {
        if accepted.len() >= MAX_EDITS {
            return Err(EditRefusal::TooMany);
        }
        let range = check(text, original, replacement, lines)?;
        if accepted.iter().any(|other| other.start < range.end && range.start < other.end) {
            return Err(EditRefusal::Overlapping);
        }
        accepted.push(range);
        Ok(())
    };
    edits.into_iter().map(judge).collect()
}

/// The text with all edits made, none of which may break a rule.
///
/// # Errors
/// The first rule that one of them breaks.
pub fn apply(text: &str, edits: &[TextEdit], lines: Lines) -> Result<String, EditRefusal> {
    let pairs = edits.iter().map(|edit| (edit.original.as_str(), edit.replacement.as_str()));
    check_all(text, pairs, lines).into_iter().collect::<Result<(), _>>()?;
    let find = |edit: &TextEdit| text.find(&edit.original).ok_or(EditRefusal::NotFound);
    let mut places = edits.iter().map(|edit| Ok((find(edit)?, edit))).collect::<Result<Vec<_>, _>>()?;
    places.sort_by_key(|(start, _)| *start);
    let mut made = String::with_capacity(text.len());
    let mut done = 0;
    for (start, edit) in places {
        made.push_str(&text[done..start]);
        made.push_str(&edit.replacement);
        done = start + edit.original.len();
    }
    made.push_str(&text[done..]);
    Ok(made)
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
