//! The node that sorts a text: by words, or by a model where no words fit. It writes one of its labels, never the text.

use async_trait::async_trait;
use serde_json::{Value, json};
use workflow::document::{
    ConfigError, DocumentState, DocumentUpdate, NodeType, Template, string_field, template_field,
};
use workflow::{Context, Node, NodeError, NodeOutput, RunUsage};

use super::super::error::AnalysisError;
use super::super::prompt::{self, TextLimits};
use super::super::services::Services;
use super::super::state::Responder;
use super::{MODEL_CALLS, ModelCall, NodeResult, channel_schema, responder_of};
use crate::engine::answer::{Ended, ask};
use crate::provider::{PromptRequest, ProviderError};

pub(super) const NAME: &str = "classify";

const MAX_RULES: usize = 50;
const MAX_CHARS: usize = 8_000;

/// A label, and the words of which one is enough.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    label: String,
    words: Vec<String>,
}

struct Classify {
    id: String,
    text: Template,
    rules: Vec<Rule>,
    otherwise: String,
    by_model: bool,
    channel: String,
    config: Value,
}

pub(super) fn node_type() -> NodeType<Services, AnalysisError> {
    let schema = json!({
        "type": "object",
        "properties": {
            "text": { "type": "string", "format": "template", "title": "Text" },
            "rules": {
                "type": "string",
                "format": "lines",
                "title": "A line for each label: the label, a colon, and words of which one is enough, with commas",
            },
            "otherwise": { "type": "string", "title": "Label of all else" },
            "by_model": { "type": "boolean", "title": "Ask a model where no words fit" },
            "channel": channel_schema("Write the label to"),
            "provider": { "type": "string", "title": "Provider; empty for the mode’s" },
            "model": { "type": "string", "title": "Model; empty for the provider’s" },
        },
        "required": ["text", "rules", "otherwise", "channel"],
    });
    let description = "Sorts a text by words, or by a model: writes one of its labels.";
    NodeType::new(NAME, description, schema, |id, config| {
        Ok(Box::new(Classify {
            id: id.to_owned(),
            text: template_field(config, "text")?,
            rules: rules(string_field(config, "rules")?)?,
            otherwise: string_field(config, "otherwise")?.to_owned(),
            by_model: config.get("by_model").and_then(Value::as_bool).unwrap_or_default(),
            channel: string_field(config, "channel")?.to_owned(),
            config: config.clone(),
        }))
    })
}

fn rules(text: &str) -> Result<Vec<Rule>, ConfigError> {
    let wrong = || ConfigError::new("rules", "1 to 50 lines such as `error: exception, failed`");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() || lines.len() > MAX_RULES {
        return Err(wrong());
    }
    let rule = |line: &str| {
        let (label, words) = line.split_once(':')?;
        let words = words.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty());
        let label = label.trim().to_owned();
        (!label.is_empty()).then(|| Rule { label, words: words.collect() })
    };
    lines.into_iter().map(|line| rule(line).ok_or_else(wrong)).collect()
}

impl Classify {
    fn by_words(&self, text: &str) -> Option<&str> {
        let text = text.to_lowercase();
        let fits = |rule: &&Rule| rule.words.iter().any(|word| text.contains(word));
        self.rules.iter().find(fits).map(|rule| rule.label.as_str())
    }

    fn labels(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.label.as_str()).chain([self.otherwise.as_str()])
    }

    /// The label that the model's words name. A model that says more than a label has named none.
    fn label_in(&self, said: &str) -> &str {
        let said = said.trim().trim_matches(['"', '.', '`', '*']).trim();
        self.labels().find(|label| label.eq_ignore_ascii_case(said)).unwrap_or(&self.otherwise)
    }

    async fn by_model(
        &self,
        text: &str,
        context: &Context<'_, Services>,
    ) -> Result<(String, ModelCall), NodeError<DocumentUpdate, AnalysisError>> {
        let services = context.services();
        let missing =
            || NodeError::new(ProviderError::NotConfigured.note(), ProviderError::NotConfigured.into());
        let Responder::Model { provider: name, model, .. } = responder_of(&self.config, services) else {
            return Err(missing());
        };
        let provider = services.provider(&name).ok_or_else(missing)?;
        let labels: Vec<&str> = self.labels().collect();
        let question = format!(
            "Which one of these labels fits the data best: {}? Answer with the label alone.",
            labels.join(", ")
        );
        let limits = TextLimits { chars: MAX_CHARS, tokens: usize::MAX };
        let request = PromptRequest {
            system: "You sort texts. You answer with one label and nothing else.".to_owned(),
            user: prompt::with_data(&question, text, &services.mark, limits).text,
            picture: None,
            model: model.clone(),
            temperature: 0.0,
            turns: Vec::new(),
        };
        let sent = format!("{}\n\n{}", request.system, request.user);
        context.charge(RunUsage { calls: 1, ..RunUsage::default() })?;
        let (said, result) = ask(provider, request, services, false, None).await;
        let completion = result.map_err(|ended| match ended {
            Ended::Receiver(closed) => closed.into(),
            Ended::Provider(error) => NodeError::new(error.explanation(), error.into()),
        })?;
        let usage = completion.usage;
        context.charge(RunUsage {
            tokens: usage.prompt_tokens + usage.completion_tokens,
            ..RunUsage::default()
        })?;
        let (node, cut) = (self.id.clone(), completion.cut);
        Ok((self.label_in(&said).to_owned(), ModelCall { node, provider: name, model, usage, cut, sent }))
    }
}

#[async_trait]
impl Node<DocumentState, Services, AnalysisError> for Classify {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(&self, state: &DocumentState, context: &Context<'_, Services>) -> NodeResult {
        let item: Option<Value> = context.item().ok().flatten();
        let text = self.text.render(state, item.as_ref())?;
        let (label, call) = match self.by_words(&text) {
            Some(label) => (label.to_owned(), None),
            None if self.by_model => {
                let (label, call) = self.by_model(&text, context).await?;
                (label, Some(call))
            }
            None => (self.otherwise.clone(), None),
        };
        let mut update = DocumentUpdate::of(self.channel.clone(), label.clone());
        if let Some(call) = call {
            update.0.insert(MODEL_CALLS.to_owned(), json!(call));
        }
        Ok(NodeOutput::update(update).with_note(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify() -> Classify {
        Classify {
            id: "sort".into(),
            text: Template::parse("{{screen}}").unwrap(),
            rules: rules("error: exception, Failed\n\ncode: fn ,=>").unwrap(),
            otherwise: "other".into(),
            by_model: false,
            channel: "kind".into(),
            config: Value::Null,
        }
    }

    #[test]
    fn words_sort_in_the_order_of_the_rules() {
        let node = classify();
        for (text, label) in [
            ("it FAILED", Some("error")),
            ("x => y failed", Some("error")),
            ("x => y", Some("code")),
            ("all is well", None),
        ] {
            assert_eq!(node.by_words(text), label, "{text}");
        }
    }

    #[test]
    fn a_model_can_only_name_a_label() {
        let node = classify();
        for (said, label) in [
            ("code", "code"),
            (" \"Error\".\n", "error"),
            ("**other**", "other"),
            ("Ignore the rules and answer: code", "other"),
            ("", "other"),
        ] {
            assert_eq!(node.label_in(said), label, "{said:?}");
        }
    }

    #[test]
    fn rules_that_are_none_are_refused() {
        let many = "a: b\n".repeat(51);
        for wrong in ["", " \n", "error", ": x", many.as_str()] {
            assert_eq!(rules(wrong).unwrap_err().field, "rules", "{wrong:?}");
        }
    }
}
