//! Conditions of edges: in words, and as the three fields of a form.

use serde_json::{Value, json};

/// How a condition compares a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Contains,
    Equals,
    Filled,
    Greater,
    Less,
    NotContains,
    NotEquals,
    NotFilled,
}

impl Operator {
    pub const ALL: [Self; 8] = [
        Self::Filled,
        Self::NotFilled,
        Self::Equals,
        Self::NotEquals,
        Self::Contains,
        Self::NotContains,
        Self::Greater,
        Self::Less,
    ];

    /// In the document, and whether `not` stands around it.
    fn key(self) -> (&'static str, bool) {
        match self {
            Self::Contains => ("contains", false),
            Self::Equals => ("equals", false),
            Self::Filled => ("filled", false),
            Self::Greater => ("greater", false),
            Self::Less => ("less", false),
            Self::NotContains => ("contains", true),
            Self::NotEquals => ("equals", true),
            Self::NotFilled => ("filled", true),
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::Equals => "is",
            Self::Filled => "is filled",
            Self::Greater => "is greater than",
            Self::Less => "is less than",
            Self::NotContains => "does not contain",
            Self::NotEquals => "is not",
            Self::NotFilled => "is empty",
        }
    }

    /// The operator with these [words](Self::words).
    pub fn of_words(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.words() == words)
    }

    pub fn takes_value(self) -> bool {
        !matches!(self, Self::Filled | Self::NotFilled)
    }
}

/// A condition that compares one channel with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleCondition {
    pub channel: String,
    pub operator: Operator,
    /// As it is typed: numbers, `true`, `false` and `null` are those values, anything else is a text. In quotation marks, any
    /// text.
    pub value: String,
}

impl SimpleCondition {
    /// `None` for a condition that is made of others.
    pub fn of(condition: &Value) -> Option<Self> {
        let (key, inner) = only_field(condition)?;
        let (key, inner, negated) = match key {
            "not" => {
                let (key, inner) = only_field(inner)?;
                (key, inner, true)
            }
            key => (key, inner, false),
        };
        let operator = Operator::ALL.into_iter().find(|operator| operator.key() == (key, negated))?;
        let channel = inner.get("channel")?.as_str()?.to_owned();
        Some(Self { channel, operator, value: inner.get("value").map(typed).unwrap_or_default() })
    }

    pub fn to_value(&self) -> Value {
        let (key, negated) = self.operator.key();
        let inner = match self.operator {
            Operator::Filled | Operator::NotFilled => json!({ "channel": self.channel }),
            _ => json!({ "channel": self.channel, "value": parsed(&self.value) }),
        };
        let condition = json!({ key: inner });
        if negated { json!({ "not": condition }) } else { condition }
    }
}

fn only_field(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(key, value)| (key.as_str(), value))
}

fn typed(value: &Value) -> String {
    match value {
        Value::String(text) if parsed(text) == *value => text.clone(),
        other => other.to_string(),
    }
}

fn parsed(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

/// A condition in words.
pub fn label(condition: &Value) -> String {
    if let Some(SimpleCondition { channel, operator, value }) = SimpleCondition::of(condition) {
        let value = if operator.takes_value() { format!(" {value}") } else { String::new() };
        return format!("{channel} {}{value}", operator.words());
    }
    let joined = |conditions: &Value, word: &str| {
        conditions.as_array().into_iter().flatten().map(label).collect::<Vec<_>>().join(word)
    };
    match only_field(condition) {
        Some(("all", conditions)) => joined(conditions, " and "),
        Some(("any", conditions)) => joined(conditions, " or "),
        Some(("not", condition)) => format!("not ({})", label(condition)),
        _ => condition.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_shows_of_a_condition_makes_the_same_condition() {
        for (condition, words) in [
            (json!({ "equals": { "channel": "answer", "value": "yes" } }), "answer is yes"),
            (json!({ "equals": { "channel": "answer", "value": "5" } }), "answer is \"5\""),
            (json!({ "equals": { "channel": "answer", "value": "\"" } }), "answer is \""),
            (json!({ "equals": { "channel": "answer", "value": "\"x\"" } }), "answer is \"\\\"x\\\"\""),
            (json!({ "not": { "equals": { "channel": "n", "value": 5 } } }), "n is not 5"),
            (json!({ "greater": { "channel": "n", "value": 1.5 } }), "n is greater than 1.5"),
            (json!({ "filled": { "channel": "n" } }), "n is filled"),
            (json!({ "not": { "filled": { "channel": "n" } } }), "n is empty"),
        ] {
            let simple = SimpleCondition::of(&condition).unwrap();
            assert_eq!(simple.to_value(), condition, "{simple:?}");
            assert_eq!(label(&condition), words);
        }
        for operator in Operator::ALL {
            assert_eq!(Operator::of_words(operator.words()), Some(operator));
        }
    }

    #[test]
    fn conditions_made_of_others_have_words_but_no_form() {
        let filled = |channel: &str| json!({ "filled": { "channel": channel } });
        let all = json!({ "all": [filled("a"), { "not": { "any": [filled("b"), filled("c")] } }] });
        assert_eq!(SimpleCondition::of(&all), None);
        assert_eq!(label(&all), "a is filled and not (b is filled or c is filled)");
        assert_eq!(label(&json!({ "later": 1 })), r#"{"later":1}"#);
    }
}
