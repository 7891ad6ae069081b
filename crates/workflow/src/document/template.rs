//! Texts with channels in them.

use serde_json::Value;

use super::state::DocumentState;
use crate::error::LimitExceeded;

/// A text in which `{{name}}` stands for the value of a channel, and `{{item}}` for the item of a map edge. `{{{{` is
/// two braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Channel(String),
    Text(String),
}

/// A template is not well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{{{` at character {0} has no `}}}}`")]
    Unclosed(usize),
    #[error("`{{{{` at character {0} names no channel")]
    Unnamed(usize),
}

/// The longest text that a template makes, in bytes: one that doubles a channel in a loop must not fill the memory.
const MAX_RENDERED: usize = 1 << 20;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        let mut literal = String::new();
        while let Some((before, after)) = rest.split_once(OPEN) {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix(OPEN) {
                literal.push_str(OPEN);
                rest = after;
                continue;
            }
            let character = || text.chars().count() - after.chars().count() - OPEN.len();
            let (name, behind) =
                after.split_once(CLOSE).ok_or_else(|| TemplateError::Unclosed(character()))?;
            let name = name.trim();
            if name.is_empty() {
                return Err(TemplateError::Unnamed(character()));
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Channel(name.to_owned()));
            rest = behind;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The channels that it reads, `item` among them when it stands for the item.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Channel(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Texts are put in as they are, null as nothing, anything else as JSON.
    ///
    /// # Errors
    /// When the text would be longer than 1 MiB.
    pub fn render(&self, state: &DocumentState, item: Option<&Value>) -> Result<String, LimitExceeded> {
        let mut rendered = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => rendered.push_str(text),
                Part::Channel(name) => {
                    let value = item.filter(|_| name == "item").unwrap_or_else(|| state.get(name));
                    match value {
                        Value::Null => {}
                        Value::String(text) => rendered.push_str(text),
                        other => rendered.push_str(&other.to_string()),
                    }
                }
            }
            if rendered.len() > MAX_RENDERED {
                return Err(LimitExceeded::Text(MAX_RENDERED));
            }
        }
        Ok(rendered)
    }
}
