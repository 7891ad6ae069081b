//! The transport of a browser: HTTP to the origin of this page, whose connection carries the machine's certificate.
//!
//! The access token is stored in `sessionStorage`, so that reloading the page does not sign out. That is acceptable because
//! it is bound to this machine's certificate (`cnf.x5t#S256`, RFC 8705): a copied token is useless without the
//! certificate's key, which no script can read. It is deleted with the tab, and since it is not a cookie, no other site can
//! make the browser send it. A further tab gets it from an open one ([`shared_token`]), so it ends with the last of them.

use std::cell::RefCell;

use js_sys::{Array, Uint8Array};
use protocol::analysis::{AnalysisEvent, PersonAnswer};
use protocol::conversation::ConversationSummary;
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor, Session};
use protocol::{Problem, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use web_sys::{Blob, BlobPropertyBag, FormData, RequestInit, Response, Storage};

use super::{ChallengeInfo, Conversations, Question, Transport, TransportFuture, shared_token};
use crate::response::{parse, unexpected};
use crate::sidebar::history::{ExportFormat, RecordedConversation};
use crate::sidebar::picture::PictureSource;
use crate::web;

const TOKEN: &str = "aiwe.native-token";

mod followed;

#[derive(Debug, Default)]
pub(super) struct Browser {
    challenge: RefCell<Option<Secret>>,
}

impl Transport for Browser {
    fn session(&self) -> TransportFuture<'_, Option<Session>> {
        Box::pin(async {
            if token().is_none() {
                let Some(token) = shared_token::of_another_tab().await else { return Ok(None) };
                store_token(Some(&token));
            }
            shared_token::offer(token);
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
            shared_token::offer(token);
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
        Box::pin(followed::ask(question, on_event))
    }

    fn answer(&self, analysis_id: String, answer: PersonAnswer) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            let path = format!("/native/analyses/{}/answers", js_sys::encode_uri_component(&analysis_id));
            send(Call::post(&path, &answer)?).await.map(drop)
        })
    }

    fn conversations(&self) -> Option<&dyn Conversations> {
        Some(self)
    }
}

impl Conversations for Browser {
    fn list(&self, search: String, page: u32) -> TransportFuture<'_, Vec<ConversationSummary>> {
        let search = js_sys::encode_uri_component(&search);
        let path = format!("/native/conversations?search={search}&page={page}");
        Box::pin(json(Call { path, ..Call::get("") }))
    }

    fn open(&self, id: String) -> TransportFuture<'_, RecordedConversation> {
        Box::pin(json(Call { path: path_of(&id), ..Call::get("") }))
    }

    fn rename(&self, id: String, title: String) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            let call = Call::post("", &serde_json::json!({ "title": title }))?;
            send(Call { path: path_of(&id), method: "PATCH", ..call }).await.map(drop)
        })
    }

    fn delete(&self, id: String) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            send(Call { path: path_of(&id), method: "DELETE", ..Call::get("") }).await.map(drop)
        })
    }

    fn export(&self, id: String, format: ExportFormat) -> TransportFuture<'_, String> {
        Box::pin(async move {
            let path = format!("{}/export?format={}", path_of(&id), format.as_str());
            web::text(&send(Call { path, accept: format.media_type(), ..Call::get("") }).await?).await
        })
    }
}

fn path_of(conversation: &str) -> String {
    format!("/native/conversations/{}", js_sys::encode_uri_component(conversation))
}

struct Call {
    path: String,
    method: &'static str,
    /// `None`: the browser sets it, with a form's boundary.
    content_type: Option<&'static str>,
    accept: &'static str,
    /// A further header.
    header: Option<(&'static str, String)>,
    init: RequestInit,
}

impl Call {
    fn get(path: &str) -> Self {
        let init = RequestInit::new();
        let accept = "application/json";
        Self { path: path.to_owned(), method: "GET", content_type: None, accept, header: None, init }
    }

    fn post(path: &str, body: &impl Serialize) -> Result<Self, Problem> {
        let init = RequestInit::new();
        let body = serde_json::to_string(body).map_err(|error| unexpected(&error.to_string()))?;
        init.set_body_opt_str(Some(&body));
        let json = "application/json";
        let path = path.to_owned();
        Ok(Self { path, method: "POST", content_type: Some(json), accept: json, header: None, init })
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
    let header = call.header.as_ref().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<_> =
        [Some(("accept", call.accept)), content_type, authorization, header].into_iter().flatten().collect();
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
    if let Some(conversation) = &question.conversation {
        form.append_with_str("conversation", conversation)?;
    }
    if let Some(mode) = &question.mode {
        form.append_with_str("mode", mode)?;
    }
    // The picture last: the server can read the other fields before it has arrived. A browser has no captures.
    if let Some(PictureSource::Upload { bytes, media_type }) = &question.picture {
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
