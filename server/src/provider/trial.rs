//! A small question to a provider's model, by which an administrator sees that it answers.

use std::time::Duration;

use ::analysis::provider::{AnswerPiece, PromptPicture, PromptRequest, Provider, ProviderError};
use bytes::Bytes;
use protocol::provider::ProviderTest;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A large model has to be loaded first.
const TIME_LIMIT: Duration = Duration::from_secs(200);
/// The side of the picture for models that see, in pixels.
const BLUE_SIDE: u32 = 64;
/// In characters.
const MAX_WORDS: usize = 300;

pub(super) async fn ask(provider: &dyn Provider) -> ProviderTest {
    let (question, picture) = if provider.config().vision {
        let pixels = u64::from(BLUE_SIDE * BLUE_SIDE);
        let bytes = Bytes::from_static(include_bytes!("blue.png"));
        ("Which colour is this picture?", Some(PromptPicture { mime: "image/png", bytes, pixels }))
    } else {
        ("Which colour does a clear sky have by day?", None)
    };
    let request = PromptRequest {
        system: "You answer briefly.".to_owned(),
        turns: Vec::new(),
        user: format!("{question} Answer in one word."),
        picture,
        model: provider.config().model.clone(),
        temperature: 0.0,
    };
    let since = Instant::now();
    let (sender, mut pieces) = mpsc::channel(16);
    let collect = async {
        let (mut words, mut first, mut notices) = (String::new(), None, Vec::new());
        while let Some(piece) = pieces.recv().await {
            match piece {
                AnswerPiece::Text(text) => words.push_str(&text),
                AnswerPiece::TextWasReasoning => words.clear(),
                AnswerPiece::Reasoning(_) => {}
                AnswerPiece::Notice(notice) => {
                    notices.push(notice.text);
                    continue;
                }
            }
            first.get_or_insert_with(|| milliseconds(since));
        }
        (words, first, notices)
    };
    let asked = async { tokio::join!(provider.answer(request, sender), collect) };
    let (result, (words, first_ms, notices)) = match timeout(TIME_LIMIT, asked).await {
        Ok(ended) => ended,
        Err(_) => (Err(ProviderError::Timeout(TIME_LIMIT)), (String::new(), None, Vec::new())),
    };
    let (answered, words) = match result {
        Ok(_) => (true, words),
        Err(error) => (false, error.explanation()),
    };
    let words = words.trim().chars().take(MAX_WORDS).collect();
    ProviderTest { words, answered, ms: milliseconds(since), first_ms, notices }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
