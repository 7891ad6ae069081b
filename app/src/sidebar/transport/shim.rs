//! The transport of the desktop shim: Tauri commands. The program keeps the machine's key, the token and the captured
//! pixels; this page gets none of them.
//!
//! Bytes are sent as Base64 in JSON and received as an `ArrayBuffer`, since forms and blobs as bodies crash WebKitGTK.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use js_sys::{Function, JSON, Object, Promise, Reflect, Uint8Array};
use protocol::analysis::{AnalysisEvent, PersonAnswer};
use protocol::conversation::ConversationSummary;
use protocol::desktop::{
    Analyze, AnswerQuestion, CAPTURE_PREVIEW, CancelAnalysis, CapturePreview, CaptureScreen, CapturedScreen,
    Command, CurrentPolicy, CurrentSession, HotkeyStatus, ImageSource, Logout, Look, Looked, Modes,
    PolicyNotice, ReviewEdits, ReviewedEdits, Verify, WatchHotkey,
};
use protocol::mode::ModeSummary;
use protocol::native::{Login, Session};
use protocol::{Problem, desktop};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::reorder::ReorderBuffer;
use super::{Captured, ChallengeInfo, Conversations, Question, Transport, TransportFuture};
use crate::response::{parse, unexpected};
use crate::sidebar::history::{ExportFormat, RecordedConversation};
use crate::sidebar::picture::PictureSource;

/// The object that Tauri injects into its windows.
#[derive(Clone)]
pub(super) struct Shim {
    internals: Object,
    /// How many analyses this page has started.
    analyses: Rc<Cell<u64>>,
}

impl Transport for Shim {
    fn session(&self) -> TransportFuture<'_, Option<Session>> {
        Box::pin(async { Ok(self.command(CurrentSession {}).await?.into()) })
    }

    fn login(&self, login: Login) -> TransportFuture<'_, ChallengeInfo> {
        Box::pin(async move {
            let challenge = self.command(login).await?;
            Ok(ChallengeInfo { methods: challenge.methods, expires_in: challenge.expires_in })
        })
    }

    fn verify(&self, code: String) -> TransportFuture<'_, Session> {
        Box::pin(async move { Ok(self.command(Verify { code: code.into() }).await?.into()) })
    }

    fn logout(&self) -> TransportFuture<'_, ()> {
        Box::pin(self.command(Logout {}))
    }

    fn modes(&self) -> TransportFuture<'_, Vec<ModeSummary>> {
        Box::pin(self.command(Modes {}))
    }

    fn analyze(
        &self,
        question: Question,
        mut on_event: Box<dyn FnMut(AnalysisEvent)>,
    ) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            let image = match &question.picture {
                None => ImageSource::None,
                Some(PictureSource::Capture { id }) => ImageSource::Capture { id: id.clone() },
                Some(PictureSource::Upload { bytes, .. }) => {
                    ImageSource::Upload { data: STANDARD.encode(bytes) }
                }
            };
            let (events, mut messages) = self.channel()?;
            let analysis_id = self.next_analysis_id();
            let mut guard =
                CancelOnDrop { shim: self.clone(), analysis_id: analysis_id.clone(), running: true };
            let Question { context, conversation, mode, .. } = question;
            let analyze = Analyze { analysis_id, image, context, conversation, mode, events };
            let mut work = Box::pin(self.command(analyze));
            let mut over = false;
            let result = loop {
                match select(messages.next(), work.as_mut()).await {
                    Either::Left((Some(message), _)) => over |= forward(&message, &mut on_event)?,
                    Either::Left((None, _)) => break work.await,
                    Either::Right((result, _)) => break result,
                }
            };
            guard.running = false;
            result?;
            // Messages may arrive after the command's result, until the last event or the channel's end.
            while !over && let Some(message) = messages.next().await {
                over = forward(&message, &mut on_event)?;
            }
            Ok(())
        })
    }

    fn answer(&self, analysis_id: String, answer: PersonAnswer) -> TransportFuture<'_, ()> {
        let PersonAnswer { question, answer } = answer;
        Box::pin(self.command(AnswerQuestion { analysis_id, question, answer }))
    }

    fn conversations(&self) -> Option<&dyn Conversations> {
        Some(self)
    }

    fn capture(&self) -> Option<TransportFuture<'_, Captured>> {
        Some(Box::pin(async {
            let (screen, front) = match self.command(Look {}).await {
                Ok(Looked { screen, front }) => (screen, Some(front)),
                // A program of an earlier version knows only the picture.
                Err(problem) if problem.is("desktop") => (self.command(CaptureScreen {}).await?, None),
                Err(problem) => return Err(problem),
            };
            let CapturedScreen { id, width, height, monitor } = screen;
            let preview = self.invoke(CAPTURE_PREVIEW, &CapturePreview { id: id.clone() }).await?;
            Ok(Captured { id, width, height, monitor, preview: Uint8Array::new(&preview).to_vec(), front })
        }))
    }

    fn can_capture(&self) -> bool {
        true
    }

    /// A webview has no downloads.
    fn saves_files(&self) -> bool {
        false
    }

    fn review(&self, review: ReviewEdits) -> Option<TransportFuture<'_, ReviewedEdits>> {
        Some(Box::pin(self.command(review)))
    }

    fn can_review(&self) -> bool {
        true
    }

    fn policy(&self) -> Option<TransportFuture<'_, PolicyNotice>> {
        Some(Box::pin(self.command(CurrentPolicy {})))
    }

    fn watch_hotkey(&self, pressed: Box<dyn Fn()>) -> Option<TransportFuture<'_, HotkeyStatus>> {
        Some(Box::pin(async move {
            let (events, mut messages) = self.channel()?;
            let status = self.command(WatchHotkey { events }).await?;
            spawn_local(async move {
                while messages.next().await.is_some() {
                    pressed();
                }
            });
            Ok(status)
        }))
    }
}

impl Conversations for Shim {
    fn list(&self, search: String, page: u32) -> TransportFuture<'_, Vec<ConversationSummary>> {
        Box::pin(self.about_conversations(desktop::Conversations::List { search, page }))
    }

    fn open(&self, id: String) -> TransportFuture<'_, RecordedConversation> {
        Box::pin(self.about_conversations(desktop::Conversations::Open { id }))
    }

    fn rename(&self, id: String, title: String) -> TransportFuture<'_, ()> {
        Box::pin(self.about_conversations(desktop::Conversations::Rename { id, title }))
    }

    fn delete(&self, id: String) -> TransportFuture<'_, ()> {
        Box::pin(self.about_conversations(desktop::Conversations::Delete { id }))
    }

    fn export(&self, id: String, format: ExportFormat) -> TransportFuture<'_, String> {
        let format = format.as_str().to_owned();
        Box::pin(self.about_conversations(desktop::Conversations::Export { id, format }))
    }
}

impl Shim {
    async fn about_conversations<T: DeserializeOwned>(
        &self,
        asked: desktop::Conversations,
    ) -> Result<T, Problem> {
        let reply = self.command(asked).await?;
        serde_json::from_value(reply).map_err(|error| unexpected(&error.to_string()))
    }

    pub(super) fn of_this_window() -> Option<Self> {
        let internals = Reflect::get(&js_sys::global(), &JsValue::from_str("__TAURI_INTERNALS__")).ok()?;
        Some(Self { internals: internals.dyn_into().ok()?, analyses: Rc::default() })
    }

    fn next_analysis_id(&self) -> String {
        self.analyses.set(self.analyses.get() + 1);
        self.analyses.get().to_string()
    }

    async fn command<C: Command>(&self, arguments: C) -> Result<C::Reply, Problem> {
        parse(&stringify(&self.invoke(C::NAME, &arguments).await?)?)
    }

    async fn invoke(&self, name: &str, arguments: &impl Serialize) -> Result<JsValue, Problem> {
        let arguments = serde_json::to_string(arguments).map_err(|error| unexpected(&error.to_string()))?;
        let arguments = JSON::parse(&arguments).map_err(|error| problem_of(&error))?;
        let promise = self
            .method("invoke")?
            .call2(&self.internals, &JsValue::from_str(name), &arguments)
            .map_err(|error| problem_of(&error))?;
        JsFuture::from(promise.unchecked_into::<Promise>()).await.map_err(|error| problem_of(&error))
    }

    fn method(&self, name: &str) -> Result<Function, Problem> {
        let found = Reflect::get(&self.internals, &JsValue::from_str(name));
        found.and_then(JsCast::dyn_into).map_err(|_| unexpected(&format!("the program has no {name}")))
    }

    /// Makes a channel: its representation in a command's arguments, and its messages in the order in which they were
    /// sent. The stream ends with the channel.
    fn channel(&self) -> Result<(String, mpsc::UnboundedReceiver<JsValue>), Problem> {
        let (sender, receiver) = mpsc::unbounded();
        let sender = RefCell::new(Some(sender));
        let ordered = RefCell::new(ReorderBuffer::default());
        let own_id = Rc::new(RefCell::new(None::<JsValue>));
        let (id_inside, shim) = (own_id.clone(), self.clone());
        let receive = Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
            let field = |name: &str| Reflect::get(&raw, &JsValue::from_str(name)).ok();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "JavaScript's numbers are floats; the index counts from 0"
            )]
            let index = field("index").and_then(|index| index.as_f64()).unwrap_or_default() as u64;
            let mut ordered = ordered.borrow_mut();
            if field("end").is_some_and(|end| end.is_truthy()) {
                ordered.end(index);
            } else {
                for message in ordered.message(index, field("message").unwrap_or_default()) {
                    // After cancelling, nobody listens any more.
                    let _ = sender.borrow().as_ref().map(|sender| sender.unbounded_send(message));
                }
            }
            if ordered.is_over() {
                *sender.borrow_mut() = None;
                if let (Ok(unregister), Some(id)) =
                    (shim.method("unregisterCallback"), id_inside.borrow_mut().take())
                {
                    let _ = unregister.call1(&shim.internals, &id);
                }
            }
        });
        // Tauri keeps the function until it is unregistered at the channel's end.
        let callback = receive.into_js_value();
        let id = self
            .method("transformCallback")?
            .call2(&self.internals, &callback, &JsValue::FALSE)
            .map_err(|error| problem_of(&error))?;
        let name = format!("__CHANNEL__:{}", id.as_f64().unwrap_or_default());
        *own_id.borrow_mut() = Some(id);
        Ok((name, receiver))
    }
}

/// Cancels the analysis in the program when its future is dropped.
struct CancelOnDrop {
    shim: Shim,
    analysis_id: String,
    running: bool,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.running {
            let shim = self.shim.clone();
            let cancel = CancelAnalysis { analysis_id: std::mem::take(&mut self.analysis_id) };
            // The result does not matter: nobody awaits it.
            spawn_local(async move { drop(shim.command(cancel).await) });
        }
    }
}

/// A message is `{event, data}`, with the names of the HTTP event stream. Returns whether it was the last one.
fn forward(message: &JsValue, on_event: &mut dyn FnMut(AnalysisEvent)) -> Result<bool, Problem> {
    let field = |name: &str| Reflect::get(message, &JsValue::from_str(name)).unwrap_or_default();
    let name = field("event").as_string().unwrap_or_default();
    let event = AnalysisEvent::from_sse(&name, &stringify(&field("data"))?);
    let Some(event) = event.map_err(|error| unexpected(&error.to_string()))? else { return Ok(false) };
    let last = matches!(event, AnalysisEvent::Done(_) | AnalysisEvent::Error(_));
    on_event(event);
    Ok(last)
}

/// Commands reject with a problem document; Tauri itself (an unknown command, wrong arguments) with a string.
fn problem_of(error: &JsValue) -> Problem {
    let stated = stringify(error).ok().and_then(|text| serde_json::from_str(&text).ok());
    stated.unwrap_or_else(|| {
        let message = error.as_string().unwrap_or_else(|| "no reason given".to_owned());
        Problem::new("desktop", 500, "The desktop program could not do this").detail(message)
    })
}

fn stringify(value: &JsValue) -> Result<String, Problem> {
    if value.is_undefined() {
        return Ok("null".to_owned());
    }
    let text = JSON::stringify(value).map_err(|_| unexpected("the program’s answer is no JSON"))?;
    Ok(text.into())
}
