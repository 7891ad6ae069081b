//! Signing in once for all tabs of this browser: a tab without an access token asks the others for theirs.
//!
//! The channel reaches pages of the same origin in the same browser profile only, whose scripts could read the token anyway.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use crate::web::sleep;

const CHANNEL: &str = "aiwe.native-token";
/// What a tab without a token sends.
const REQUEST: &str = "?";
/// What stands before a token.
const TOKEN: &str = "=";
/// How long the other tabs may take. They answer within milliseconds if there are any.
const PATIENCE: Duration = Duration::from_millis(400);

type OnMessage = Closure<dyn FnMut(MessageEvent)>;

thread_local! {
    /// The channel on which this tab answers, while it does.
    static OFFER: RefCell<Option<(BroadcastChannel, OnMessage)>> = const { RefCell::new(None) };
}

/// The token of another open tab.
pub(super) async fn of_another_tab() -> Option<String> {
    let channel = BroadcastChannel::new(CHANNEL).ok()?;
    let (sender, answered) = oneshot::channel();
    let sender = Rc::new(RefCell::new(Some(sender)));
    let receive = OnMessage::new(move |event: MessageEvent| {
        if let Some(token) =
            event.data().as_string().and_then(|data| Some(data.strip_prefix(TOKEN)?.to_owned()))
            && let Some(sender) = sender.borrow_mut().take()
        {
            // Nobody waits any more.
            let _ = sender.send(token);
        }
    });
    channel.set_onmessage(Some(receive.as_ref().unchecked_ref()));
    let found = match channel.post_message(&JsValue::from_str(REQUEST)) {
        Ok(()) => match select(answered, Box::pin(sleep(PATIENCE))).await {
            Either::Left((token, _)) => token.ok(),
            Either::Right(_) => None,
        },
        Err(_) => None,
    };
    channel.close();
    found
}

/// Answers the other tabs from now on, with what `token` returns when they ask.
pub(super) fn offer(token: fn() -> Option<String>) {
    OFFER.with_borrow_mut(|offer| {
        if offer.is_some() {
            return;
        }
        let Ok(channel) = BroadcastChannel::new(CHANNEL) else { return };
        let answering = channel.clone();
        let answer = OnMessage::new(move |event: MessageEvent| {
            if event.data().as_string().as_deref() == Some(REQUEST)
                && let Some(token) = token()
            {
                // A closed channel has nobody to answer.
                let _ = answering.post_message(&JsValue::from_str(&format!("{TOKEN}{token}")));
            }
        });
        channel.set_onmessage(Some(answer.as_ref().unchecked_ref()));
        *offer = Some((channel, answer));
    });
}
