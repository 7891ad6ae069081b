//! The node that asks the model. A model that turns out to take no pictures is asked once more with the text that was read, one
//! whose context is smaller than thought with less of it.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use protocol::analysis::{Notice, NoticeCode};
use tokio::sync::mpsc;
use workflow::{Context, Node, NodeOutput, SinkClosed};

use super::edit_blocks::EditBlocks;
use super::error::AnalysisError;
use super::nodes::{Failure, NodeResult, failed, recognize, sink_closed};
use super::prompt::{self, TextLimits};
use super::services::Services;
use super::state::{Responder, State, StateUpdate};
use super::turns::{self, FittingTurns};
use crate::provider::{
    AnswerPiece, Completion, PromptPicture, PromptRequest, Provider, ProviderError, tokens,
};
use crate::reader::RecognizedText;

/// Pieces of an answer that wait for a slow receiver before the model has to wait too.
const BUFFERED_PIECES: usize = 16;
/// How often a prompt is made anew because the model cannot take it.
const MAX_NEW_PROMPTS: usize = 3;

/// Asks the model and forwards the pieces of its answer as they come.
pub(super) struct Answer;

/// What the prompts of one answer are made from.
struct Prompts<'a> {
    services: &'a Services,
    state: &'a State,
    provider: &'a dyn Provider,
    model: &'a str,
    /// Read here, because the model takes no pictures after all.
    read: Option<RecognizedText>,
    /// What is left of the screen's text after a model without a known context has refused it, as a divisor.
    shrink: usize,
    notices: Vec<NoticeCode>,
}

#[async_trait]
impl Node<State, Services, AnalysisError> for Answer {
    fn name(&self) -> &'static str {
        "answer"
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> NodeResult {
        let services = context.services();
        let (provider, model) = match &state.responder {
            Responder::Model { provider, model, .. } => (services.provider(provider), model),
            Responder::Fallback | Responder::Reader => return Err(not_configured()),
        };
        let provider = provider.ok_or_else(not_configured)?;
        let (read, notices) = (None, Vec::new());
        let mut prompts = Prompts { services, state, provider, model, read, shrink: 1, notices };
        for _ in 0..MAX_NEW_PROMPTS {
            let request = prompts.request().await?;
            let mut blocks = state.takes_edits().then(|| EditBlocks::new(&services.mark));
            let (answer, result) = ask(provider, request, services, true, blocks.as_mut()).await;
            match result {
                Err(Ended::Receiver(closed)) => {
                    return Err(sink_closed(closed).with_update(prompts.update(answer)));
                }
                Err(Ended::Provider(error)) if answer.is_empty() && prompts.adapt(&error) => {}
                Err(Ended::Provider(error)) => {
                    let mut update = prompts.update(answer);
                    update.failure = Some(error.explanation());
                    return Err(failed(error.explanation(), error).with_update(update));
                }
                Ok(completion) => {
                    let mut update = prompts.update(answer);
                    (update.usage, update.cut) = (Some(completion.usage), completion.cut);
                    update.blocks = blocks.map(EditBlocks::into_found);
                    let output = NodeOutput::update(update);
                    return Ok(match prompts.note(completion) {
                        Some(note) => output.with_note(note),
                        None => output,
                    });
                }
            }
        }
        let error = ProviderError::ContextExceeded { message: String::new() };
        let mut update = prompts.update(String::new());
        update.failure = Some(error.explanation());
        Err(failed(error.note(), error).with_update(update))
    }
}

fn not_configured() -> Failure {
    failed(ProviderError::NotConfigured.note(), ProviderError::NotConfigured)
}

/// Why there is no whole answer.
pub(super) enum Ended {
    Provider(ProviderError),
    Receiver(SinkClosed),
}

/// The answer as far as it came, and how it ended. `streams`: it is the answer to the user's question, not a step before it.
/// `blocks` takes the blocks of edits out of it.
pub(super) async fn ask(
    provider: &dyn Provider,
    request: PromptRequest,
    services: &Services,
    streams: bool,
    mut blocks: Option<&mut EditBlocks>,
) -> (String, Result<Completion, Ended>) {
    let (sender, mut pieces) = mpsc::channel(BUFFERED_PIECES);
    let mut answer = String::new();
    let forward = async {
        while let Some(piece) = pieces.recv().await {
            match piece {
                AnswerPiece::Notice(notice) => services.events.notice(notice).await?,
                AnswerPiece::Reasoning(text) => services.events.reasoning(text, false).await?,
                AnswerPiece::Text(text) => {
                    let text = blocks.as_mut().map_or_else(|| text.clone(), |blocks| blocks.push(&text));
                    answer.push_str(&text);
                    if streams && !text.is_empty() {
                        services.events.delta(text).await?;
                    }
                }
                AnswerPiece::TextWasReasoning => {
                    if let Some(blocks) = &mut blocks {
                        blocks.clear();
                    }
                    services.events.reasoning(std::mem::take(&mut answer), streams).await?;
                }
            }
        }
        let rest = blocks.map(EditBlocks::finish).unwrap_or_default();
        answer.push_str(&rest);
        if streams && !rest.is_empty() {
            services.events.delta(rest).await?;
        }
        // Closes the channel, by which the provider learns that nobody receives its answer.
        drop(pieces);
        Ok(())
    };
    services.asking.store(true, Ordering::Relaxed);
    let (result, forwarded) = tokio::join!(provider.answer(request, sender), forward);
    services.asking.store(false, Ordering::Relaxed);
    let result = match (forwarded, result) {
        (Err(closed), _) => Err(Ended::Receiver(closed)),
        (Ok(()), result) => result.map_err(Ended::Provider),
    };
    (answer, result)
}

impl Prompts<'_> {
    async fn request(&mut self) -> Result<PromptRequest, Failure> {
        let mut system = prompt::system(&self.state.mode.prompt);
        if self.state.takes_edits() {
            system.push_str(&prompt::edits(&self.services.mark));
        }
        let has_text = self.services.text.is_some();
        if !self.services.turns.is_empty() {
            system.push_str(prompt::FOLLOW_UP);
        }
        if !self.state.has_picture() && !has_text {
            system.push_str(prompt::NO_SCREEN);
        }
        let picture = self.picture().await?;
        let turns = self.turns(&system, picture.as_ref()).await?;
        let user = if !has_text && (picture.is_some() || !self.state.has_picture()) {
            self.question()
        } else {
            self.with_text(tokens::estimate(&system) + turns.tokens()).await?
        };
        let (model, temperature) = (self.model.to_owned(), self.state.mode.temperature);
        Ok(PromptRequest { system, turns: turns.turns, user, picture, model, temperature })
    }

    /// The picture as the model takes it, if the model takes any.
    async fn picture(&self) -> Result<Option<PromptPicture>, Failure> {
        if !self.state.has_picture() || !self.provider.takes_pictures(self.model) {
            return Ok(None);
        }
        let picture = self.services.picture().map_err(|error| failed("the picture is gone", error))?;
        let max_pixels = self.provider.config().max_pixels;
        let prepared = self.services.pictures.for_model(picture, max_pixels).await;
        let prepared = prepared.map_err(|error| failed("the picture could not be prepared", error))?;
        let pixels = u64::from(prepared.width) * u64::from(prepared.height);
        Ok(Some(PromptPicture { mime: prepared.format.as_str(), bytes: prepared.bytes, pixels }))
    }

    /// The earlier turns that the prompt has room for.
    async fn turns(
        &mut self,
        system: &str,
        picture: Option<&PromptPicture>,
    ) -> Result<FittingTurns, Failure> {
        let taken = tokens::estimate(system)
            + tokens::estimate(&self.question())
            + picture.map_or(0, |picture| tokens::of_picture(picture.pixels));
        let budget = turns::budget(self.provider, self.model, taken) / self.shrink;
        let (earlier, question) = (&self.services.turns, &self.state.question);
        let fitting = turns::fitting(earlier, question, &self.services.mark, budget);
        if fitting.shortened {
            self.tell(NoticeCode::ConversationShortened).await?;
        }
        Ok(fitting)
    }

    /// The question, with the selection.
    fn question(&self) -> String {
        let selection = self.state.selection.as_deref();
        prompt::with_selection(&self.state.question, selection, &self.services.mark)
    }

    /// `taken`: the tokens of what stands before the user's message.
    async fn with_text(&mut self, taken: usize) -> Result<String, Failure> {
        if self.state.recognized.is_none() && self.read.is_none() {
            self.read = Some(recognize(self.services).await?);
        }
        let text = self.read.as_ref().or(self.state.recognized.as_ref()).map(RecognizedText::text);
        let config = self.provider.config();
        let context = self.provider.context_tokens(self.model).map(|tokens| tokens as usize);
        let room = config.answer_room();
        let limits = TextLimits {
            chars: config.max_text_chars / self.shrink,
            tokens: context.map_or(usize::MAX, |context| {
                let room = room.min(context / 2);
                context.saturating_sub(room + taken) / self.shrink
            }),
        };
        let (question, text, mark) = (self.question(), text.unwrap_or_default(), &self.services.mark);
        let prompt = if self.services.text.is_some() {
            prompt::with_window(&question, &text, mark, limits)
        } else {
            prompt::with_text(&question, &text, mark, limits)
        };
        if prompt.shortened {
            self.tell(NoticeCode::PromptShortened).await?;
        }
        if self.read.is_some() {
            self.tell(NoticeCode::PicturesRefused).await?;
        }
        Ok(prompt.text)
    }

    /// Tells it once.
    async fn tell(&mut self, code: NoticeCode) -> Result<(), Failure> {
        if !self.notices.contains(&code) {
            self.notices.push(code);
            self.services.events.notice(Notice::new(code)).await.map_err(sink_closed)?;
        }
        Ok(())
    }

    /// Whether another prompt may succeed where this one has failed.
    fn adapt(&mut self, error: &ProviderError) -> bool {
        match error {
            ProviderError::ContextExceeded { .. } => {
                self.shrink *= 2;
                self.state.recognized.is_some() || self.read.is_some() || !self.services.turns.is_empty()
            }
            ProviderError::PicturesRefused(_) => true,
            _ => false,
        }
    }

    fn update(&mut self, answer: String) -> StateUpdate {
        StateUpdate { answer: Some(answer), recognized: self.read.take(), ..StateUpdate::default() }
    }

    /// What the step's record says.
    fn note(&self, completion: Completion) -> Option<String> {
        let codes = self.notices.iter().copied().chain(completion.cut.map(NoticeCode::from));
        let server = completion.server.map(|server| format!("Answered by {server}."));
        let notes: Vec<String> = codes.map(|code| code.text().to_owned()).chain(server).collect();
        (!notes.is_empty()).then(|| notes.join(" "))
    }
}
