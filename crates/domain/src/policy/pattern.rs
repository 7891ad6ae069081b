//! Patterns of names and titles.

use std::str::FromStr;

use crate::text::{Invalid, checked_string, is_invisible};

/// A text with `*` for any characters, compared without regard to case: 1 to 200 visible characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    pub const MAX_CHARS: usize = 200;

    /// Takes time in proportion to the lengths: nothing is tried twice.
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.0, &text.to_lowercase())
    }
}

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_lowercase();
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS || text.chars().any(is_invisible) {
            return Err(Invalid(
                "Use 1 to 200 visible characters in each line; * stands for any characters.",
            ));
        }
        Ok(Self(text))
    }
}

checked_string!(Pattern);

/// The first place of each part is the right one, since the next star takes whatever follows.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
