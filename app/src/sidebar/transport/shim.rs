//! The transport of the desktop shim: commands of the program around this page. The program holds the machine's key,
//! the token and the captured pixels; this page gets none of them.
//!
//! Bytes go as Base64 in JSON and come as an `ArrayBuffer`, since forms and blobs as bodies crash WebKitGTK.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use js_sys::{Function, JSON, Object, Promise, Reflect, Uint8Array};
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::mode::ModeSummary;
use protocol::native::{Login, Session};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::order::Ordered;
use super::{Captured, ChallengeInfo, Later, Question, Transport, answer, unexpected};
use crate::sidebar::picture::PictureSource;

/// The bridge that Tauri puts into its windows.
#[derive(Clone)]
pub(super) struct Shim {
    internals: Object,
}

/// `session`: nobody, or somebody.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    signed_in: bool,
    #[serde(flatten)]
    person: Option<Person>,
}

/// A session in the spelling of commands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    email: String,
    device_name: String,
    expires_at: i64,
}

impl From<Person> for Session {
    fn from(person: Person) -> Self {
        Self { email: person.email, device_name: person.device_name, expires_at: person.expires_at }
    }
}

#[derive(Deserialize)]
struct Shot {
    id: String,
    width: u32,
    height: u32,
    monitor: String,
}

impl Transport for Shim {
    fn session(&self) -> Later<'_, Option<Session>> {
        Box::pin(async {
            let kept: Kept = self.command("session", json!({})).await?;
            Ok(kept.person.filter(|_| kept.signed_in).map(Session::from))
        })
    }

    fn login(&self, login: Login) -> Later<'_, ChallengeInfo> {
        Box::pin(async move {
            self.command("login", json!({ "username": login.username, "password": login.password })).await
        })
    }

    fn verify(&self, code: String) -> Later<'_, Session> {
        Box::pin(async move {
            let person: Person = self.command("verify", json!({ "code": code })).await?;
            Ok(person.into())
        })
    }

    fn logout(&self) -> Later<'_, ()> {
        Box::pin(async { self.invoke("logout", &json!({})).await.map(drop) })
    }

    fn modes(&self) -> Later<'_, Vec<ModeSummary>> {
        Box::pin(self.command("modes", json!({})))
    }

    fn analyze(&self, question: Question, mut on_event: Box<dyn FnMut(AnalysisEvent)>) -> Later<'_, ()> {
        Box::pin(async move {
            let picture = match &question.picture {
                PictureSource::Capture { id } => json!({ "kind": "capture", "id": id }),
                PictureSource::Upload { bytes, media_type } => {
                    json!({ "kind": "upload", "data": STANDARD.encode(bytes), "mediaType": media_type.as_str() })
                }
            };
            let (channel, mut messages) = self.channel()?;
            let arguments = json!({
                "picture": picture,
                "context": question.context,
                "mode": question.mode,
                "events": channel,
            });
            let mut guard = CancelOnDrop { shim: self.clone(), running: true };
            let mut work = Box::pin(self.invoke("analyze", &arguments));
            let mut over = false;
            let result = loop {
                match select(messages.next(), work.as_mut()).await {
                    Either::Left((Some(message), _)) => over |= hand_on(&message, &mut on_event)?,
                    Either::Left((None, _)) => break work.await,
                    Either::Right((result, _)) => break result,
                }
            };
            guard.running = false;
            result?;
            // Messages may arrive after the command's result; the last event or the channel's end says that all are there.
            while !over && let Some(message) = messages.next().await {
                over = hand_on(&message, &mut on_event)?;
            }
            Ok(())
        })
    }

    fn capture(&self) -> Option<Later<'_, Captured>> {
        Some(Box::pin(async {
            let shot: Shot = self.command("capture_screen", json!({})).await?;
            let preview = self.invoke("capture_preview", &json!({ "id": shot.id })).await?;
            Ok(Captured {
                id: shot.id,
                width: shot.width,
                height: shot.height,
                monitor: shot.monitor,
                preview: Uint8Array::new(&preview).to_vec(),
            })
        }))
    }

    fn can_capture(&self) -> bool {
        true
    }
}

impl Shim {
    pub(super) fn of_this_window() -> Option<Self> {
        let internals = Reflect::get(&js_sys::global(), &JsValue::from_str("__TAURI_INTERNALS__")).ok()?;
        Some(Self { internals: internals.dyn_into().ok()? })
    }

    async fn command<T: DeserializeOwned>(
        &self,
        name: &str,
        arguments: serde_json::Value,
    ) -> Result<T, Problem> {
        answer::parse(&stringify(&self.invoke(name, &arguments).await?)?)
    }

    async fn invoke(&self, name: &str, arguments: &serde_json::Value) -> Result<JsValue, Problem> {
        let arguments = JSON::parse(&arguments.to_string()).map_err(|error| problem_of(&error))?;
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

    /// Makes a channel: what stands for it in a command's arguments, and the messages that will come through it,
    /// in the order in which they were sent. The stream ends with the channel.
    fn channel(&self) -> Result<(String, mpsc::UnboundedReceiver<JsValue>), Problem> {
        let (sender, receiver) = mpsc::unbounded();
        let sender = RefCell::new(Some(sender));
        let ordered = RefCell::new(Ordered::default());
        let own_id = Rc::new(RefCell::new(None::<JsValue>));
        let (id_inside, shim) = (own_id.clone(), self.clone());
        let receive = Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
            let field = |name: &str| Reflect::get(&raw, &JsValue::from_str(name)).ok();
            let index = field("index").and_then(|index| index.as_f64()).unwrap_or_default() as u64;
            let mut ordered = ordered.borrow_mut();
            if field("end").is_some_and(|end| end.is_truthy()) {
                ordered.end(index);
            } else {
                for message in ordered.message(index, field("message").unwrap_or_default()) {
                    // Nobody listens any more after cancelling.
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
        // The bridge keeps the function until it is unregistered at the channel's end.
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

/// Tells the program to stop when nobody waits for the answer any more.
struct CancelOnDrop {
    shim: Shim,
    running: bool,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.running {
            let shim = self.shim.clone();
            // Its result changes nothing: the page has let go already.
            spawn_local(async move { drop(shim.invoke("cancel_analysis", &json!({})).await) });
        }
    }
}

/// A message is `{event, data}`, with the names of the HTTP event stream. Returns whether it was the last one.
fn hand_on(message: &JsValue, on_event: &mut dyn FnMut(AnalysisEvent)) -> Result<bool, Problem> {
    let field = |name: &str| Reflect::get(message, &JsValue::from_str(name)).unwrap_or_default();
    let name = field("event").as_string().unwrap_or_default();
    let event = AnalysisEvent::from_sse(&name, &stringify(&field("data"))?);
    let Some(event) = event.map_err(|error| unexpected(&error.to_string()))? else { return Ok(false) };
    let last = matches!(event, AnalysisEvent::Done(_) | AnalysisEvent::Error(_));
    on_event(event);
    Ok(last)
}

/// Commands reject with a problem; Tauri itself (an unknown command, wrong arguments) with a string.
fn problem_of(error: &JsValue) -> Problem {
    let stated = stringify(error).ok().and_then(|text| serde_json::from_str(&text).ok());
    stated.unwrap_or_else(|| {
        let said = error.as_string().unwrap_or_else(|| "no reason given".to_owned());
        Problem::new("desktop", 500, "The desktop program could not do this").detail(said)
    })
}

fn stringify(value: &JsValue) -> Result<String, Problem> {
    if value.is_undefined() {
        return Ok("null".to_owned());
    }
    let text = JSON::stringify(value).map_err(|_| unexpected("the program's answer is no JSON"))?;
    Ok(text.into())
}
