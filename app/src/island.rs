//! The parts of public pages that are interactive in the browser.
//!
//! A public page is rendered by the server, and most of it never changes afterwards. To keep its WASM module small, the
//! browser hydrates only its [`Island`]s, each by itself. In the panel and the sidebar, which are hydrated as a whole, an
//! island is a component like any other.

use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A part of a page that is hydrated by itself. Its properties are in the page as JSON, so everybody who has the page can
/// read them. Its view uses no router, resources or contexts, which exist only on the server.
pub trait Island: Serialize + DeserializeOwned + 'static {
    const NAME: &'static str;
    /// The class of the surrounding element.
    const CLASS: &'static str = "";

    fn view(self) -> impl IntoView;
}

/// `island` with its surrounding element.
pub fn island<I: Island>(island: I) -> impl IntoView {
    // Serializing plain data does not fail; if it did, the island would stay as the server rendered it.
    let props = serde_json::to_string(&island).unwrap_or_default();
    view! {
        <div data-island=I::NAME data-props=props class=I::CLASS>
            {island.view()}
        </div>
    }
}

/// Hydrates every island of this type in the page, except inside another island, which hydrates it itself.
#[cfg(feature = "hydrate")]
pub fn hydrate<I: Island>() {
    use leptos::mount::hydrate_from;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;

    let selector = format!("[data-island={}]:not([data-island] *)", I::NAME);
    let Ok(found) = document().query_selector_all(&selector) else { return };
    for index in 0..found.length() {
        let Some(element) = found.get(index).and_then(|node| node.dyn_into::<HtmlElement>().ok()) else {
            continue;
        };
        match serde_json::from_str::<I>(&element.get_attribute("data-props").unwrap_or_default()) {
            Ok(island) => hydrate_from(element, move || island.view()).forget(),
            Err(error) => leptos::logging::error!("the island {} of this page: {error}", I::NAME),
        }
    }
}

/// A form that the browser submits without scripts is sent once, however often its button is pressed within ten seconds.
#[cfg(feature = "hydrate")]
pub fn send_forms_once() {
    use leptos::ev;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, SubmitEvent};

    const SENT: &str = "data-sent";
    const BUSY: &str = "aria-busy";
    const AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(10);
    fn release(form: &Element) {
        // Fails for no valid attribute name.
        let _ = form.remove_attribute(SENT);
        if let Ok(Some(button)) = form.query_selector("[aria-busy]") {
            let _ = button.remove_attribute(BUSY);
        }
    }

    let sending = window_event_listener(ev::submit, |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        // Islands submit their forms themselves.
        let Some(form) = form.filter(|form| matches!(form.closest("[data-island]"), Ok(None))) else {
            return;
        };
        if form.has_attribute(SENT) {
            event.prevent_default();
            return;
        }
        let _ = form.set_attribute(SENT, "");
        let sent = form.clone();
        // No event says that the user stopped the request.
        set_timeout(move || release(&sent), AGAIN_AFTER);
        if let Some(button) = event.submitter().map(JsCast::unchecked_into::<HtmlElement>) {
            let _ = button.set_attribute(BUSY, "true");
        }
    });
    // Going back in the history restores the page as it was left.
    let returning = window_event_listener(ev::pageshow, |_| {
        let Ok(sent) = document().query_selector_all("form[data-sent]") else { return };
        for index in 0..sent.length() {
            if let Some(form) = sent.get(index).and_then(|node| node.dyn_into::<Element>().ok()) {
                release(&form);
            }
        }
    });
    // The listeners live as long as the page.
    std::mem::forget((sending, returning));
}
