//! Edits of text that a model proposes, and the rules that they keep. The server checks them before it sends them, and the
//! desktop program again before it offers them.

use serde::{Deserialize, Serialize};

use crate::text::is_invisible;

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
    for c in replacement.chars() {
        match c {
            '\n' | '\t' if lines == Lines::Allowed => {}
            '\n' | '\t' => return Err(EditRefusal::Lines),
            c if c.is_control() => return Err(EditRefusal::Control),
            c if is_invisible(c) => return Err(EditRefusal::Invisible),
            _ => {}
        }
    }
    Ok(start..start + original.len())
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

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
