//! When an edge of a document is taken.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::DocumentState;

/// A test of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    /// A text that contains another, ignoring case, or a list that contains a value.
    Contains {
        channel: String,
        value: Value,
    },
    Equals {
        channel: String,
        value: Value,
    },
    /// Neither absent nor null, and no empty text or list.
    Filled {
        channel: String,
    },
    Greater {
        channel: String,
        value: f64,
    },
    Less {
        channel: String,
        value: f64,
    },
    Not(Box<Self>),
}

impl Condition {
    pub fn holds(&self, state: &DocumentState) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(state)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(state)),
            Self::Contains { channel, value } => contains(state.get(channel), value),
            Self::Equals { channel, value } => state.get(channel) == value,
            Self::Filled { channel } => match state.get(channel) {
                Value::Null => false,
                Value::String(text) => !text.trim().is_empty(),
                Value::Array(items) => !items.is_empty(),
                _ => true,
            },
            Self::Greater { channel, value } => {
                state.get(channel).as_f64().is_some_and(|found| found > *value)
            }
            Self::Less { channel, value } => state.get(channel).as_f64().is_some_and(|found| found < *value),
            Self::Not(condition) => !condition.holds(state),
        }
    }

    /// The condition in words.
    pub fn label(&self) -> String {
        let joined = |conditions: &[Self], word: &str| {
            conditions.iter().map(Self::label).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::All(conditions) => joined(conditions, " and "),
            Self::Any(conditions) => joined(conditions, " or "),
            Self::Contains { channel, value } => format!("{channel} contains {value}"),
            Self::Equals { channel, value } => format!("{channel} is {value}"),
            Self::Filled { channel } => format!("{channel} is filled"),
            Self::Greater { channel, value } => format!("{channel} > {value}"),
            Self::Less { channel, value } => format!("{channel} < {value}"),
            Self::Not(condition) => format!("not ({})", condition.label()),
        }
    }

    /// The channels that it reads.
    pub fn channels(&self) -> Vec<&str> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().flat_map(Self::channels).collect()
            }
            Self::Contains { channel, .. }
            | Self::Equals { channel, .. }
            | Self::Filled { channel }
            | Self::Greater { channel, .. }
            | Self::Less { channel, .. } => vec![channel],
            Self::Not(condition) => condition.channels(),
        }
    }
}

fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Array(items), wanted) => items.contains(wanted),
        (Value::String(text), Value::String(wanted)) => text.to_lowercase().contains(&wanted.to_lowercase()),
        _ => false,
    }
}
