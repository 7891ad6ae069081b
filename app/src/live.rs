//! What of the public pages lives in the browser.
//!
//! A public page is written by the server, and most of it never changes afterwards. So that its module stays small, the
//! browser brings only [`Part`]s of it to life, each by itself. In the panel and the sidebar, which live as a
//! whole, a part is a piece of the page like any other.

use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A piece of a page with a life of its own. It travels in the page as JSON: what it holds, everybody who has the
/// page can read. Its view asks nothing of the router, of resources or of contexts, which only the server has.
pub trait Part: Serialize + DeserializeOwned + 'static {
    const NAME: &'static str;
    /// Of the element around it.
    const CLASS: &'static str = "";

    fn view(self) -> impl IntoView;
}

/// `part` in its page.
pub fn live<P: Part>(part: P) -> impl IntoView {
    // Text and numbers alone always have JSON; a part without it would stay as the server wrote it.
    let json = serde_json::to_string(&part).unwrap_or_default();
    view! {
        <div data-live=P::NAME data-part=json class=P::CLASS>
            {part.view()}
        </div>
    }
}

/// Brings every such part of the page to life, except inside another part, which does so itself.
#[cfg(feature = "hydrate")]
pub fn wake<P: Part>() {
    use leptos::mount::hydrate_from;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;

    let selector = format!("[data-live={}]:not([data-live] *)", P::NAME);
    let Ok(found) = document().query_selector_all(&selector) else { return };
    for index in 0..found.length() {
        let Some(element) = found.get(index).and_then(|node| node.dyn_into::<HtmlElement>().ok()) else {
            continue;
        };
        match serde_json::from_str::<P>(&element.get_attribute("data-part").unwrap_or_default()) {
            Ok(part) => hydrate_from(element, move || part.view()).forget(),
            Err(error) => leptos::logging::error!("the part {} of this page: {error}", P::NAME),
        }
    }
}

/// A form that the browser itself sends is sent once, however often its button is pressed within ten seconds.
#[cfg(feature = "hydrate")]
pub fn send_forms_once() {
    use leptos::ev;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, SubmitEvent};

    const SENT: &str = "data-sent";
    const BUSY: &str = "aria-busy";
    const AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(10);
    fn release(form: &Element) {
        // Plain names cannot be refused.
        let _ = form.remove_attribute(SENT);
        if let Ok(Some(button)) = form.query_selector("[aria-busy]") {
            let _ = button.remove_attribute(BUSY);
        }
    }

    let sending = window_event_listener(ev::submit, |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        // What lives sends for itself.
        let Some(form) = form.filter(|form| matches!(form.closest("[data-live]"), Ok(None))) else { return };
        if form.has_attribute(SENT) {
            event.prevent_default();
            return;
        }
        let _ = form.set_attribute(SENT, "");
        let sent = form.clone();
        // Also when the person stopped the browser, which tells nobody.
        set_timeout(move || release(&sent), AGAIN_AFTER);
        if let Some(button) = event.submitter().map(|button| button.unchecked_into::<HtmlElement>()) {
            let _ = button.set_attribute(BUSY, "true");
        }
    });
    // Back in the history, the page comes as it was left.
    let returning = window_event_listener(ev::pageshow, |_| {
        let Ok(sent) = document().query_selector_all("form[data-sent]") else { return };
        for index in 0..sent.length() {
            if let Some(form) = sent.get(index).and_then(|node| node.dyn_into::<Element>().ok()) {
                release(&form);
            }
        }
    });
    // For as long as the page is there.
    std::mem::forget((sending, returning));
}
