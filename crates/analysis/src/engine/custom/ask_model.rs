//! The node that asks a model.

use async_trait::async_trait;
use protocol::analysis::{Notice, NoticeCode};
use serde_json::{Value, json};
use workflow::document::{
    ConfigError, DocumentState, DocumentUpdate, NodeType, Template, string_field, template_field,
};
use workflow::{Context, Node, NodeError, NodeOutput, RunUsage};

use super::super::error::AnalysisError;
use super::super::prompt::{self, TextLimits};
use super::super::services::Services;
use super::super::state::Responder;
use super::super::turns::{self, FittingTurns};
use super::{
    ANSWER, Failure, MODEL_CALLS, ModelCall, NodeResult, PIECES, QUESTION, channel_schema, responder_of,
    text_of,
};
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
    streams: bool,
    channel: String,
    config: Value,
}

/// `streams`: what goes to `answer` is sent as it comes.
pub(super) fn node_type(streams: bool) -> NodeType<Services, AnalysisError> {
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
    NodeType::new(NAME, "Asks a model. What it writes to `answer` is streamed.", schema, move |id, config| {
        let channel = string_field(config, "channel")?.to_owned();
        Ok(Box::new(AskModel {
            id: id.to_owned(),
            prompt: template_field(config, "prompt")?,
            system: config.get("system").map(|_| template_field(config, "system")).transpose()?,
            data: data_channels(config)?,
            picture: config.get("picture").and_then(Value::as_bool).unwrap_or_default(),
            streams: streams && channel == ANSWER,
            channel,
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
        // Before the call: the one too many is not made.
        context.charge(RunUsage { calls: 1, ..RunUsage::default() })?;
        let sent = prompt_of(&request);
        let streams = self.streams;
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
                let tokens = usage.prompt_tokens + usage.completion_tokens;
                context.charge(RunUsage { tokens, ..RunUsage::default() })?;
                let (node, cut) = (self.id.clone(), completion.cut);
                let server = completion.server.map(|server| format!("Answered by {server}."));
                let call = ModelCall { node, provider: name, model, usage, cut, sent };
                let mut update = DocumentUpdate::of(self.channel.clone(), answer.clone());
                if streams {
                    update.0.insert(PIECES.to_owned(), json!([answer]));
                }
                update.0.insert(MODEL_CALLS.to_owned(), json!(call));
                let output = NodeOutput::update(update);
                Ok(match server {
                    Some(note) => output.with_note(note),
                    None => output,
                })
            }
            Err(Ended::Receiver(_)) => {
                Err(NodeError::new("nobody receives the answer any more", AnalysisError::Cancelled))
            }
            Err(Ended::Provider(error)) => Err(NodeError::new(error.explanation(), error.into())),
        }
    }
}

/// What is sent, for whoever looks at the run; at most so many characters of it.
fn prompt_of(request: &PromptRequest) -> String {
    const MAX_CHARS: usize = 20_000;
    let whole = format!("{}\n\n{}", request.system, request.user);
    match whole.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
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
        let mut system = match &self.system {
            Some(template) => template.render(state, item.as_ref())?,
            None => prompt::system(&services.mode_prompt),
        };
        let question = self.prompt.render(state, item.as_ref())?;
        let picture = if self.picture && provider.takes_pictures(model) {
            let picture = services.picture().map_err(|error| NodeError::new("the picture is gone", error))?;
            let prepared = services.pictures.for_model(picture, config.max_pixels).await;
            let prepared = prepared
                .map_err(|error| NodeError::new("the picture could not be prepared", error.into()))?;
            let pixels = u64::from(prepared.width) * u64::from(prepared.height);
            Some(PromptPicture { mime: prepared.format.as_str(), bytes: prepared.bytes, pixels })
        } else {
            None
        };
        let turns = self.turns(state, services, (provider, model), &mut system, picture.as_ref()).await?;
        let user = if self.data.is_empty() {
            question
        } else {
            let data: Vec<String> = self.data.iter().map(|channel| text_of(state.get(channel))).collect();
            let context = provider.context_tokens(model).map(|tokens| tokens as usize);
            let limits = TextLimits {
                chars: config.max_text_chars,
                tokens: context.map_or(usize::MAX, |context| {
                    let room = config.answer_room().min(context / 2);
                    context.saturating_sub(room + tokens::estimate(&system) + turns.tokens())
                }),
            };
            prompt::with_data(&question, &data.join("\n\n"), &services.mark, limits).text
        };
        Ok(PromptRequest {
            system,
            turns: turns.turns,
            user,
            picture,
            model: model.to_owned(),
            temperature: services.temperature,
        })
    }
    /// The earlier turns of the conversation, where the model writes the answer to its question.
    async fn turns(
        &self,
        state: &DocumentState,
        services: &Services,
        (provider, model): (&dyn Provider, &str),
        system: &mut String,
        picture: Option<&PromptPicture>,
    ) -> Result<FittingTurns, Failure> {
        if self.channel != ANSWER || services.turns.is_empty() {
            return Ok(FittingTurns::default());
        }
        system.push_str(prompt::FOLLOW_UP);
        let question = text_of(state.get(QUESTION));
        let taken = tokens::estimate(system)
            + tokens::estimate(&question)
            + picture.map_or(0, |picture| tokens::of_picture(picture.pixels));
        let budget = turns::budget(provider, model, taken);
        let fitting = turns::fitting(&services.turns, &question, &services.mark, budget);
        if fitting.shortened {
            let notice = Notice::new(NoticeCode::ConversationShortened);
            services.events.notice(notice).await?;
        }
        Ok(fitting)
    }
}
