//! The node that waits for a person's answer.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::registry::{ConfigError, NodeType, string_field, template_field};
use super::state::{DocumentState, DocumentUpdate};
use super::template::Template;
use crate::context::Context;
use crate::node::{Node, NodeError, NodeOutput};

const MAX_CHOICES: usize = 10;
const MAX_CHOICE_CHARS: usize = 100;
const DEFAULT_MINUTES: u32 = 15;
const MAX_MINUTES: u32 = 24 * 60;

/// What `ask_person` asks: the value of [`Interrupt::question`](crate::Interrupt::question).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub text: String,
    /// Empty: any text is an answer.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Whether another text than one of the choices is an answer too.
    #[serde(default)]
    pub free_text: bool,
    /// How long an answer is waited for.
    #[serde(default = "default_minutes")]
    pub minutes: u32,
}

fn default_minutes() -> u32 {
    DEFAULT_MINUTES
}

impl Question {
    /// Whether this text may be its answer.
    pub fn takes(&self, answer: &str) -> bool {
        self.choices.is_empty() || self.free_text || self.choices.iter().any(|choice| choice == answer)
    }
}

struct AskPerson {
    id: String,
    question: Template,
    choices: Vec<String>,
    free_text: bool,
    minutes: u32,
    channel: String,
}

pub(super) fn ask_person<C: Sync + 'static, E: Send + Sync + 'static>() -> NodeType<C, E> {
    let schema = json!({
        "type": "object",
        "properties": {
            "question": { "type": "string", "format": "template", "title": "Question" },
            "choices": {
                "type": "array",
                "format": "texts",
                "items": { "type": "string" },
                "title": "Choices, one a line, at most 10; none: any text is an answer",
            },
            "free_text": { "type": "boolean", "title": "Any text is an answer, beside the choices" },
            "minutes": { "type": "integer", "title": "Minutes to wait for the answer; 15 if empty" },
            "channel": { "type": "string", "format": "channel", "title": "Write the answer to" },
        },
        "required": ["question", "channel"],
    });
    NodeType::new("ask_person", "Waits until a person has answered a question.", schema, |id, config| {
        Ok(Box::new(AskPerson {
            id: id.to_owned(),
            question: template_field(config, "question")?,
            choices: choices(config)?,
            free_text: config.get("free_text").and_then(Value::as_bool).unwrap_or_default(),
            minutes: minutes(config)?,
            channel: string_field(config, "channel")?.to_owned(),
        }))
    })
}

fn choices(config: &Value) -> Result<Vec<String>, ConfigError> {
    let wrong = || ConfigError::new("choices", "at most 10 different texts of 1 to 100 characters");
    let choices: Vec<String> = match config.get("choices") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => serde_json::from_value(list.clone()).map_err(|_| wrong())?,
    };
    let fits = |choice: &String| {
        (1..=MAX_CHOICE_CHARS).contains(&choice.chars().count()) && !choice.trim().is_empty()
    };
    let differ =
        choices.iter().enumerate().all(|(index, choice)| !choices.iter().take(index).any(|c| c == choice));
    if choices.len() <= MAX_CHOICES && choices.iter().all(fits) && differ {
        Ok(choices)
    } else {
        Err(wrong())
    }
}

fn minutes(config: &Value) -> Result<u32, ConfigError> {
    match config.get("minutes") {
        None | Some(Value::Null) => Ok(DEFAULT_MINUTES),
        Some(minutes) => minutes
            .as_u64()
            .and_then(|minutes| u32::try_from(minutes).ok())
            .filter(|minutes| (1..=MAX_MINUTES).contains(minutes))
            .ok_or_else(|| ConfigError::new("minutes", "a whole number from 1 to 1440")),
    }
}

#[async_trait]
impl<C: Sync, E: Send> Node<DocumentState, C, E> for AskPerson {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(
        &self,
        state: &DocumentState,
        context: &Context<'_, C>,
    ) -> Result<NodeOutput<DocumentUpdate>, NodeError<DocumentUpdate, E>> {
        let question = Question {
            text: self.question.render(state, context.item_value())?,
            choices: self.choices.clone(),
            free_text: self.free_text || self.choices.is_empty(),
            minutes: self.minutes,
        };
        let answer = context.ask(json!(question)).await?;
        Ok(NodeOutput::update(DocumentUpdate::of(self.channel.clone(), answer)))
    }
}
