//! An analysis that goes on when its connection is lost: its stream is joined again. Dropping the future cancels it.

use std::cell::RefCell;
use std::rc::Rc;

use futures::StreamExt;
use js_sys::Uint8Array;
use leptos::task::spawn_local;
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::following::{Following, ON_DISCONNECT};
use wasm_bindgen::JsCast;
use web_sys::{AbortController, RequestInit, Response};

use super::{Call, form_of, send};
use crate::response::unexpected;
use crate::sidebar::run::interrupted;
use crate::sidebar::transport::Question;
use crate::sidebar::transport::event_stream::read_events;
use crate::web;

const EVENT_STREAM: &str = "text/event-stream";

pub(super) async fn ask(
    question: Question,
    mut on_event: Box<dyn FnMut(AnalysisEvent)>,
) -> Result<(), Problem> {
    let mut cancelled = CancelOnDrop::default();
    let mut following = Following::default();
    let form = form_of(&question).map_err(web::refused_by_browser)?;
    let init = RequestInit::new();
    init.set_body_opt_form_data(Some(&form));
    let (name, value) = ON_DISCONNECT;
    let mut call = Call {
        path: "/native/analyze".to_owned(),
        method: "POST",
        content_type: None,
        accept: EVENT_STREAM,
        header: Some((name, value.to_owned())),
        init,
    };
    loop {
        let id = Rc::clone(&cancelled.analysis_id);
        let noted = |event: AnalysisEvent| {
            if let AnalysisEvent::Started(started) = &event {
                *id.borrow_mut() = Some(started.analysis_id.clone());
            }
            on_event(event);
        };
        let lost = match read(call, &mut following, noted).await {
            Ok(()) if following.is_over() => {
                cancelled.is_over = true;
                return Ok(());
            }
            Ok(()) => interrupted(),
            Err(problem) => problem,
        };
        // What the server refuses, it refuses again.
        let refused = (400..500).contains(&lost.status);
        let pause = if refused { None } else { following.next_attempt() };
        let (Some(pause), Some(analysis)) = (pause, following.analysis_id()) else {
            // It may still be running: its answer will be among the earlier questions.
            cancelled.is_over = true;
            return Err(lost);
        };
        let path = format!("/native/analyses/{}/events", js_sys::encode_uri_component(analysis));
        let last = following.last_event_id().map(|id| ("last-event-id", id.to_owned()));
        call = Call { accept: EVENT_STREAM, header: last, ..Call::get(&path) };
        web::sleep(pause).await;
    }
}

async fn read(
    call: Call,
    following: &mut Following,
    on_event: impl FnMut(AnalysisEvent),
) -> Result<(), Problem> {
    let abort = AbortOnDrop::new()?;
    call.init.set_signal(Some(&abort.0.signal()));
    let response: Response = send(call).await?;
    if !web::header(&response, "content-type").starts_with(EVENT_STREAM) {
        return Err(unexpected("no event stream"));
    }
    let body = response.body().ok_or_else(|| unexpected("no body"))?;
    let chunks = wasm_streams::ReadableStream::from_raw(body.unchecked_into()).into_stream();
    let bytes = chunks.map(|chunk| {
        // Not `unreachable`: part of the answer has arrived.
        let chunk = chunk.map_err(|_| interrupted())?;
        Ok(chunk.unchecked_into::<Uint8Array>().to_vec())
    });
    read_events(bytes, following, on_event).await
}

/// Aborts the request when the future that awaits it is dropped. Aborting a finished request does nothing.
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

/// Cancels the analysis on the server when it was left before its end.
#[derive(Default)]
struct CancelOnDrop {
    analysis_id: Rc<RefCell<Option<String>>>,
    is_over: bool,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(id) = self.analysis_id.borrow_mut().take().filter(|_| !self.is_over) else { return };
        spawn_local(async move {
            let path = format!("/native/analyses/{}/cancel", js_sys::encode_uri_component(&id));
            // The result does not matter: nobody awaits it.
            if let Ok(call) = Call::post(&path, &()) {
                drop(send(call).await);
            }
        });
    }
}
