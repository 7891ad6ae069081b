//! The transport of a browser: HTTP to the origin of this page, whose connection carries the machine's certificate.
//!
//! The access token is stored in `sessionStorage`, so that reloading the page does not sign out. That is acceptable because
//! it is bound to this machine's certificate (`cnf.x5t#S256`, RFC 8705): a copied token is useless without the
//! certificate's key, which no script can read. It is deleted with the tab, and since it is not a cookie, no other site can
//! make the browser send it.

use std::cell::RefCell;

use futures::StreamExt;
use js_sys::{Array, Uint8Array};
use protocol::analysis::AnalysisEvent;
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor, Session};
use protocol::{Problem, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Blob, BlobPropertyBag, FormData, RequestInit, Response, Storage};

use super::event_stream::read_events;
use super::{ChallengeInfo, Question, Transport, TransportFuture};
use crate::response::{parse, unexpected};
use crate::sidebar::history::RecordedAnalysis;
use crate::sidebar::picture::PictureSource;
use crate::web;

const TOKEN: &str = "aiwe.native-token";

#[derive(Debug, Default)]
pub(super) struct Browser {
    challenge: RefCell<Option<Secret>>,
}

impl Transport for Browser {
    fn session(&self) -> TransportFuture<'_, Option<Session>> {
        Box::pin(async {
            if token().is_none() {
                return Ok(None);
            }
            match json(Call::get("/native/session")).await {
                Err(problem) if problem.status == 401 => Ok(None),
                found => found.map(Some),
            }
        })
    }

    fn login(&self, login: Login) -> TransportFuture<'_, ChallengeInfo> {
        Box::pin(async move {
            let challenge: Challenge = json(Call::post("/native/login", &login)?).await?;
            let info = ChallengeInfo::from(&challenge);
            *self.challenge.borrow_mut() = Some(challenge.challenge);
            Ok(info)
        })
    }

    fn verify(&self, code: String) -> TransportFuture<'_, Session> {
        Box::pin(async move {
            let challenge = self.challenge.borrow().clone().unwrap_or_default();
            let call = Call::post("/native/verify-2fa", &SecondFactor { challenge, code: code.into() })?;
            let granted: AccessToken = json(call).await?;
            *self.challenge.borrow_mut() = None;
            store_token(Some(granted.access_token.expose()));
            json(Call::get("/native/session")).await
        })
    }

    fn logout(&self) -> TransportFuture<'_, ()> {
        Box::pin(async {
            let result = send(Call::post("/native/logout", &())?).await;
            store_token(None);
            match result {
                Err(problem) if problem.status != 401 => Err(problem),
                _ => Ok(()),
            }
        })
    }

    fn modes(&self) -> TransportFuture<'_, Vec<ModeSummary>> {
        Box::pin(json(Call::get("/native/modes")))
    }

    fn analyze(
        &self,
        question: Question,
        on_event: Box<dyn FnMut(AnalysisEvent)>,
    ) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            let abort = AbortOnDrop::new()?;
            let form = form_of(&question).map_err(web::refused_by_browser)?;
            let init = RequestInit::new();
            init.set_signal(Some(&abort.0.signal()));
            init.set_body_opt_form_data(Some(&form));
            let accept = "text/event-stream";
            let call =
                Call { path: "/native/analyze".to_owned(), method: "POST", content_type: None, accept, init };
            let response = send(call).await?;
            if !web::header(&response, "content-type").starts_with(accept) {
                return Err(unexpected("no event stream"));
            }
            let body = response.body().ok_or_else(|| unexpected("no body"))?;
            let chunks = wasm_streams::ReadableStream::from_raw(body.unchecked_into()).into_stream();
            let bytes = chunks.map(|chunk| {
                // Not `unreachable`: part of the answer has arrived.
                let chunk = chunk.map_err(|_| crate::sidebar::run::interrupted())?;
                Ok(chunk.unchecked_into::<Uint8Array>().to_vec())
            });
            read_events(bytes, on_event).await
        })
    }

    fn history(&self, search: String) -> Option<TransportFuture<'_, Vec<RecordedAnalysis>>> {
        let path = format!("/native/analyses?search={}", js_sys::encode_uri_component(&search));
        Some(Box::pin(json(Call { path, ..Call::get("") })))
    }
}

/// Aborts the request when the future that awaits it is dropped: this is how cancelling reaches the server. Aborting a
/// finished request does nothing.
struct AbortOnDrop(AbortController);

impl AbortOnDrop {
    fn new() -> Result<Self, Problem> {
        AbortController::new().map(Self).map_err(web::refused_by_browser)
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Call {
    path: String,
    method: &'static str,
    /// `None`: the browser sets it, with a form's boundary.
    content_type: Option<&'static str>,
    accept: &'static str,
    init: RequestInit,
}

impl Call {
    fn get(path: &str) -> Self {
        let init = RequestInit::new();
        Self { path: path.to_owned(), method: "GET", content_type: None, accept: "application/json", init }
    }

    fn post(path: &str, body: &impl Serialize) -> Result<Self, Problem> {
        let init = RequestInit::new();
        let body = serde_json::to_string(body).map_err(|error| unexpected(&error.to_string()))?;
        init.set_body_opt_str(Some(&body));
        let json = "application/json";
        Ok(Self { path: path.to_owned(), method: "POST", content_type: Some(json), accept: json, init })
    }
}

async fn json<T: DeserializeOwned>(call: Call) -> Result<T, Problem> {
    parse(&web::text(&send(call).await?).await?)
}

/// Sends with the token, if there is one. A 401 to any request means that the token is no longer valid.
async fn send(call: Call) -> Result<Response, Problem> {
    let bearer = token().map(|token| format!("Bearer {token}"));
    let authorization = bearer.as_deref().map(|bearer| ("authorization", bearer));
    let content_type = call.content_type.map(|content_type| ("content-type", content_type));
    let headers: Vec<_> =
        [Some(("accept", call.accept)), content_type, authorization].into_iter().flatten().collect();
    call.init.set_method(call.method);
    let answered = web::fetch(&call.path, &call.init, &headers).await;
    if answered.as_ref().is_err_and(|problem| problem.status == 401) {
        store_token(None);
    }
    answered
}

fn form_of(question: &Question) -> Result<FormData, JsValue> {
    let form = FormData::new()?;
    form.append_with_str("context", &question.context)?;
    if let Some(mode) = &question.mode {
        form.append_with_str("mode", mode)?;
    }
    // The picture last: the server can read the other fields before it has arrived. A browser has no captures.
    if let PictureSource::Upload { bytes, media_type } = &question.picture {
        let options = BlobPropertyBag::new();
        options.set_type(media_type.as_str());
        let parts = Array::of1(&Uint8Array::from(&bytes[..]));
        let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
        form.append_with_blob_and_filename("image", &blob, &format!("picture.{}", media_type.extension()))?;
    }
    Ok(form)
}

fn token() -> Option<String> {
    storage()?.get_item(TOKEN).ok().flatten()
}

/// Without storage (a browser may forbid it) the sign-in does not last: the next request gets a 401.
fn store_token(token: Option<&str>) {
    if let Some(storage) = storage() {
        let _ = match token {
            Some(token) => storage.set_item(TOKEN, token),
            None => storage.remove_item(TOKEN),
        };
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.session_storage().ok().flatten()
}
