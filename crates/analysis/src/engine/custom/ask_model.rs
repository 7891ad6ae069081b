//! The node that asks a model.

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
use super::{ANSWER, Failure, MODEL_CALLS, ModelCall, NodeResult, channel_schema, responder_of, text_of};
use crate::engine::answer::{Ended, ask};
use crate::provider::{PromptPicture, PromptRequest, Provider, ProviderError, tokens};

pub(super) const NAME: &str = "ask_model";

struct AskModel {
    id: String,
    prompt: Template,
    system: Option<Template>,
    /// Channels that the model gets as data.
    data: Vec<String>,
    picture: bool,
    channel: String,
    config: Value,
}

pub(super) fn node_type() -> NodeType<Services, AnalysisError> {
    let schema = json!({
        "type": "object",
        "properties": {
            "prompt": { "type": "string", "format": "template", "title": "Prompt" },
            "system": { "type": "string", "format": "template", "title": "System prompt; empty for the mode’s" },
            "data": {
                "type": "array",
                "items": { "type": "string", "format": "channel" },
                "title": "Channels that are given as data: what the screen shows belongs here",
            },
            "picture": { "type": "boolean", "title": "With the picture, if the model takes one" },
            "channel": channel_schema("Write the answer to"),
            "provider": { "type": "string", "title": "Provider; empty for the mode’s" },
            "model": { "type": "string", "title": "Model; empty for the provider’s" },
        },
        "required": ["prompt", "channel"],
    });
    NodeType::new(NAME, "Asks a model. What it writes to `answer` is streamed.", schema, |id, config| {
        Ok(Box::new(AskModel {
            id: id.to_owned(),
            prompt: template_field(config, "prompt")?,
            system: config.get("system").map(|_| template_field(config, "system")).transpose()?,
            data: data_channels(config)?,
            picture: config.get("picture").and_then(Value::as_bool).unwrap_or_default(),
            channel: string_field(config, "channel")?.to_owned(),
            config: config.clone(),
        }))
    })
}

/// The channels that a node's configuration gives to the model as data.
pub(super) fn data_channels(config: &Value) -> Result<Vec<String>, ConfigError> {
    let wrong = || ConfigError::new("data", "a list of channels");
    match config.get("data") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(list) => serde_json::from_value(list.clone()).map_err(|_| wrong()),
    }
}

fn not_configured() -> Failure {
    NodeError::new(ProviderError::NotConfigured.note(), ProviderError::NotConfigured.into())
}

#[async_trait]
impl Node<DocumentState, Services, AnalysisError> for AskModel {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(&self, state: &DocumentState, context: &Context<'_, Services>) -> NodeResult {
        let services = context.services();
        let Responder::Model { provider: name, model, .. } = responder_of(&self.config, services) else {
            return Err(not_configured());
        };
        let provider = services.provider(&name).ok_or_else(not_configured)?;
        let request = self.request(state, context, provider, &model).await?;
        let streams = self.channel == ANSWER;
        if streams {
            services.begin_paragraph().await?;
        }
        let (answer, result) = ask(provider, request, services, streams, None).await;
        if streams {
            services.streamed.lock().push_str(&answer);
        }
        match result {
            Ok(completion) => {
                let usage = completion.usage;
                context
                    .charge(RunUsage { tokens: usage.prompt_tokens + usage.completion_tokens, cost: 0 })?;
                let call = ModelCall { provider: name, model, usage, cut: completion.cut };
                let mut update = DocumentUpdate::of(self.channel.clone(), answer);
                update.0.insert(MODEL_CALLS.to_owned(), json!(call));
                Ok(NodeOutput::update(update))
            }
            Err(Ended::Receiver(_)) => {
                Err(NodeError::new("nobody receives the answer any more", AnalysisError::Cancelled))
            }
            Err(Ended::Provider(error)) => Err(NodeError::new(error.explanation(), error.into())),
        }
    }
}

impl AskModel {
    async fn request(
        &self,
        state: &DocumentState,
        context: &Context<'_, Services>,
        provider: &dyn Provider,
        model: &str,
    ) -> Result<PromptRequest, Failure> {
        let services = context.services();
        let item: Option<Value> = context.item().ok().flatten();
        let config = provider.config();
        let system = match &self.system {
            Some(template) => template.render(state, item.as_ref())?,
            None => prompt::system(&services.mode_prompt),
        };
        let question = self.prompt.render(state, item.as_ref())?;
        let picture = if self.picture && provider.takes_pictures(model) {
            let prepared = services.pictures.for_model(&services.picture, config.max_pixels).await;
            let prepared = prepared
                .map_err(|error| NodeError::new("the picture could not be prepared", error.into()))?;
            let pixels = u64::from(prepared.width) * u64::from(prepared.height);
            Some(PromptPicture { mime: prepared.format.as_str(), bytes: prepared.bytes, pixels })
        } else {
            None
        };
        let user = if self.data.is_empty() {
            question
        } else {
            let data: Vec<String> = self.data.iter().map(|channel| text_of(state.get(channel))).collect();
            let context = provider.context_tokens(model).map(|tokens| tokens as usize);
            let limits = TextLimits {
                chars: config.max_text_chars,
                tokens: context.map_or(usize::MAX, |context| {
                    let room = config.answer_room().min(context / 2);
                    context.saturating_sub(room + tokens::estimate(&system))
                }),
            };
            prompt::with_data(&question, &data.join("\n\n"), &services.mark, limits).text
        };
        Ok(PromptRequest {
            system,
            user,
            picture,
            model: model.to_owned(),
            temperature: services.temperature,
        })
    }
}
