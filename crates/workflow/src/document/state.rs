//! The state of a run of a document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::state::WorkflowState;

/// How a channel takes a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Numbers are added up.
    Add,
    /// A list: its items are added behind those that are there, anything else as one item.
    Append,
    /// The last value; one node per superstep may write it.
    Last,
    /// The larger number.
    Maximum,
    /// An object: its fields are added to, or replace, those that are there.
    Merge,
}

/// The values of the channels, and how they take new ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentState {
    channels: BTreeMap<String, ChannelKind>,
    values: BTreeMap<String, Value>,
}

/// New values by channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentUpdate(pub BTreeMap<String, Value>);

impl DocumentUpdate {
    /// A value for one channel.
    pub fn of(channel: impl Into<String>, value: impl Into<Value>) -> Self {
        Self(BTreeMap::from([(channel.into(), value.into())]))
    }
}

impl DocumentState {
    pub fn new(channels: BTreeMap<String, ChannelKind>) -> Self {
        Self { channels, values: BTreeMap::new() }
    }

    /// `null` when nothing was written yet.
    pub fn get(&self, channel: &str) -> &Value {
        self.values.get(channel).unwrap_or(&Value::Null)
    }

    pub fn values(&self) -> &BTreeMap<String, Value> {
        &self.values
    }
}

impl WorkflowState for DocumentState {
    type Update = DocumentUpdate;

    fn apply(&mut self, update: DocumentUpdate) {
        for (channel, new) in update.0 {
            let kind = self.channels.get(&channel).copied().unwrap_or(ChannelKind::Last);
            let old = self.values.entry(channel).or_insert(Value::Null);
            *old = reduced(kind, old.take(), new);
        }
    }

    fn exclusive_writes(&self, update: &DocumentUpdate) -> Vec<String> {
        let exclusive =
            |channel: &&String| matches!(self.channels.get(*channel), None | Some(ChannelKind::Last));
        update.0.keys().filter(exclusive).cloned().collect()
    }
}

fn reduced(kind: ChannelKind, old: Value, new: Value) -> Value {
    match (kind, old, new) {
        (ChannelKind::Append, old, new) => {
            let mut items = match old {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            match new {
                Value::Array(more) => items.extend(more),
                one => items.push(one),
            }
            Value::Array(items)
        }
        (ChannelKind::Add, Value::Number(old), Value::Number(new)) => sum(&old, &new),
        (ChannelKind::Maximum, Value::Number(old), Value::Number(new)) => {
            Value::Number(if new.as_f64() > old.as_f64() { new } else { old })
        }
        (ChannelKind::Merge, Value::Object(mut old), Value::Object(new)) => {
            old.extend(new);
            Value::Object(old)
        }
        (_, _, new) => new,
    }
}

fn sum(old: &Number, new: &Number) -> Value {
    if let (Some(old), Some(new)) = (old.as_i64(), new.as_i64()) {
        return old.saturating_add(new).into();
    }
    (old.as_f64().unwrap_or_default() + new.as_f64().unwrap_or_default()).into()
}
