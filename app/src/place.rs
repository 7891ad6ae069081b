//! Where the keyboard is. A button that acts often goes away with what it did, as with a row that is drawn anew; browsers
//! would then begin at the page's top.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// With what had the focus gone, Tab goes on from where it was, for as long as the calling component is there.
pub fn keep_place() {
    // What has the focus, and what it stands in, from the inside out.
    let place = StoredValue::new_local(Vec::<Element>::new());
    let arriving = window_event_listener(ev::focusin, move |event| {
        let focused = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        place.set_value(std::iter::successors(focused, |inner| inner.parent_element()).collect());
    });
    let leaving = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Tab" && nothing_has_focus() {
            place.with_value(|place| go_back(place));
        }
    });
    on_cleanup(move || {
        arriving.remove();
        leaving.remove();
    });
}

fn nothing_has_focus() -> bool {
    document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}

/// To the innermost that is left. If nothing has gone, somebody has clicked elsewhere, and the browser knows where.
fn go_back(place: &[Element]) {
    let Some(left) = place.iter().position(|element| element.is_connected()).filter(|left| *left > 0) else {
        return;
    };
    let Some(left) = place.get(left).and_then(|element| element.dyn_ref::<HtmlElement>()) else { return };
    if left.tag_name() == "BODY" {
        return;
    }
    if !left.has_attribute("tabindex") {
        // A plain name cannot be refused.
        let _ = left.set_attribute("tabindex", "-1");
    }
    // Refused only by what is not shown; Tab then begins at the top.
    let _ = left.focus();
}
