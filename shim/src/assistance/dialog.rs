//! The window in which the user confirms a change.
//!
//! It is a window of its own with a page of this program. The server's page can neither reach it nor answer for the user:
//! requests are told apart by the window that they come from, which the webview cannot choose, and this window has no
//! commands.

use std::time::{Duration, Instant};

use desktop::edit::Offer;
use http::{Method, Request, Response};
use parking_lot::Mutex;
use protocol::Problem;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};
use tokio::sync::oneshot;

use super::dialog_page;
use crate::app_scheme::SCHEME;
use crate::clock::Random;
use crate::window::AppWindow;

/// The window's name. No capability names it.
pub const LABEL: &str = "confirmation";
pub const PATH: &str = "/~shim/confirmation";
/// A yes before this time was meant for what was on the screen before.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

/// What the user decided. A dialog that was closed is a no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// For each change, whether it is to be made.
    Chosen(Vec<bool>),
    Declined,
}

#[derive(Debug)]
pub struct Dialog {
    random: Random,
    open: Mutex<Option<Open>>,
}

/// What the open dialog shows.
#[derive(Debug)]
pub struct Open {
    /// Random: a form of another dialog decides nothing here.
    pub number: String,
    pub offer: Offer,
    pub chosen: Vec<bool>,
    /// Whether the user was asked again, after a yes that came too soon.
    pub asked_again: bool,
    shown_at: Option<Instant>,
    decided: Option<oneshot::Sender<Decision>>,
}

impl Dialog {
    pub fn new(random: Random) -> Self {
        Self { random, open: Mutex::default() }
    }

    /// From now on the dialog shows this. Returns its number.
    pub fn begin(&self, offer: Offer) -> Result<(String, oneshot::Receiver<Decision>), Problem> {
        let mut number = [0; 16];
        if !(self.random)(&mut number) {
            return Err(Problem::internal());
        }
        let chosen = vec![true; protocol::diff::changes(&offer.proposal.parts())];
        let number = hex::encode(number);
        let (sender, decision) = oneshot::channel();
        *self.open.lock() = Some(Open {
            number: number.clone(),
            offer,
            chosen,
            asked_again: false,
            shown_at: None,
            decided: Some(sender),
        });
        Ok((number, decision))
    }

    /// If nothing was decided, the user said no. A window may tell of its end when the next one is open already.
    pub fn end(&self, number: &str) {
        let mut open = self.open.lock();
        if open.as_ref().is_some_and(|open| open.number == number) {
            *open = None;
        }
    }

    /// Answers a request of the dialog's window.
    pub fn handle(&self, request: &Request<Vec<u8>>, now: Instant) -> Response<Vec<u8>> {
        let mut open = self.open.lock();
        let Some(shown) = open.as_mut().filter(|_| request.uri().path() == PATH) else {
            return dialog_page::over();
        };
        if request.method() == Method::POST {
            let form = Form::read(request.body());
            if form.number == shown.number
                && let Some(decision) = shown.decision(&form, now)
                && let Some(decided) = shown.decided.take()
            {
                // Nobody waits any more if the program is ending.
                let _ = decided.send(decision);
                *open = None;
                return dialog_page::over();
            }
        }
        shown.shown_at.get_or_insert(now);
        let mut nonce = [0; 16];
        if !(self.random)(&mut nonce) {
            return dialog_page::over();
        }
        dialog_page::page(shown, &hex::encode(nonce))
    }
}

impl Open {
    fn decision(&mut self, form: &Form, now: Instant) -> Option<Decision> {
        if !form.yes {
            return Some(Decision::Declined);
        }
        self.chosen = (0..self.chosen.len()).map(|change| form.changes.contains(&change)).collect();
        let looked = self.shown_at.map(|shown_at| now.saturating_duration_since(shown_at));
        if looked.is_none_or(|looked| looked < SHORTEST_LOOK) {
            self.asked_again = true;
            return None;
        }
        Some(Decision::Chosen(self.chosen.clone()))
    }
}

struct Form {
    number: String,
    yes: bool,
    changes: Vec<usize>,
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let mut form = Self { number: String::new(), yes: false, changes: Vec::new() };
        let text = std::str::from_utf8(body).unwrap_or_default();
        let fields = Url::parse(&format!("form:?{text}")).ok();
        for (name, value) in fields.iter().flat_map(Url::query_pairs) {
            match &*name {
                "number" => form.number = value.into_owned(),
                "decision" => form.yes = value == "yes",
                "change" => form.changes.extend(value.parse::<usize>()),
                _ => {}
            }
        }
        form
    }
}

/// Opens the dialog over the sidebar. Closing it says no.
pub fn open(app: &AppHandle, beside: &AppWindow, number: &str) -> tauri::Result<WebviewWindow> {
    let address: Url = format!("{SCHEME}://localhost{PATH}")
        .parse()
        .map_err(|_| tauri::Error::InvalidWebviewUrl("the dialog's address is broken"))?;
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::CustomProtocol(address))
        .title("Confirm a change – AI Workflow Engine")
        .min_inner_size(320.0, 320.0)
        .always_on_top(true)
        .visible(false)
        .on_navigation(|url| url.path() == PATH && crate::app_scheme::is_ours(url))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    let (handle, number) = (app.clone(), number.to_owned());
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            handle.state::<std::sync::Arc<super::Assistance>>().dialog.end(&number);
        }
    });
    if let (Ok(position), Ok(size)) = (beside.0.outer_position(), beside.0.inner_size()) {
        window.set_size(size)?;
        window.set_position(position)?;
    }
    window.show()?;
    window.set_focus()?;
    Ok(window)
}

#[cfg(test)]
#[path = "dialog_tests.rs"]
mod tests;
