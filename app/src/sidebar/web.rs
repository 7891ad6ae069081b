//! Browser APIs that the sidebar uses.

use std::time::Duration;

use js_sys::Uint8Array;
use leptos::prelude::{document, event_target, request_animation_frame, set_timeout};
use leptos::web_sys::{ClipboardEvent, DragEvent, Event};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, HtmlAnchorElement, HtmlElement, HtmlInputElement, Storage};

use super::picture;
use protocol::Problem;

const MODE: &str = "aiwe.mode";
const QUESTION: &str = "aiwe.question";
const CONVERSATION: &str = "aiwe.conversation";

/// What browsers call a key that an input method handles (UI Events, `keyCode` 229).
pub const KEY_OF_INPUT_METHOD: u32 = 229;

/// Focuses the element with this id after the next rendering.
pub fn focus(id: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = document().get_element_by_id(id).and_then(|e| e.dyn_into::<HtmlElement>().ok())
        {
            // Does not fail for HTML elements.
            let _ = element.focus();
        }
    });
}

/// The id of the focused element; `None` if the focus was lost with its element.
pub fn focused_id() -> Option<String> {
    let active = document().active_element()?;
    (active.tag_name() != "BODY").then(|| active.id())
}

/// The value of the input with this id.
pub fn value_of(id: &str) -> String {
    input(id).map(|input| input.value()).unwrap_or_default()
}

pub fn set_value(id: &str, value: &str) {
    if let Some(input) = input(id) {
        input.set_value(value);
    }
}

fn input(id: &str) -> Option<HtmlInputElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Makes a text field as high as its text. Its style limits it.
pub fn fit_height(field: &HtmlElement) {
    let style = field.style();
    // Does not fail for a length.
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", field.scroll_height()));
}

/// Milliseconds since the page was opened.
pub fn now() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now())
}

/// Whether a dialog is open: then Esc closes it.
pub fn dialog_is_open() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// The picked file. Clears the input, so that the same file can be picked again.
pub fn picked_file(event: &Event) -> Option<File> {
    let input: HtmlInputElement = event_target(event);
    let file = input.files().and_then(|files| files.get(0));
    input.set_value("");
    file
}

/// A pasted picture. Office programs put a picture beside copied text; into a text field the text is pasted.
pub fn pasted_file(event: &ClipboardEvent) -> Option<File> {
    let data = event.clipboard_data()?;
    let into_text = event
        .target()
        .and_then(|t| t.dyn_into::<HtmlElement>().ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA"));
    let has_text = data.get_data("text/plain").is_ok_and(|text| !text.is_empty());
    if into_text && has_text { None } else { first_file(&data) }
}

/// Whether the drag has left the window.
pub fn has_left(event: &DragEvent) -> bool {
    event.related_target().is_none()
}

pub fn dropped_file(event: &DragEvent) -> Option<File> {
    first_file(&event.data_transfer()?)
}

fn first_file(data: &DataTransfer) -> Option<File> {
    data.files()?.get(0)
}

/// Reads a file, unless its length is out of bounds.
pub async fn read(file: &File) -> Result<Vec<u8>, Problem> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "JavaScript's numbers are floats; a size is a whole number"
    )]
    let bytes = file.size() as u64;
    picture::check_length(bytes)?;
    let buffer = JsFuture::from(file.array_buffer()).await;
    let buffer = buffer.map_err(|_| picture::refusal("This file cannot be read. Choose another one."))?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The mode that was chosen last on this machine.
pub fn remembered_mode() -> Option<String> {
    storage()?.get_item(MODE).ok().flatten()
}

/// Without storage, the first mode is chosen next time.
pub fn remember_mode(id: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(MODE, id);
    }
}

/// The question that was typed in this tab before it was reloaded.
pub fn remembered_question() -> String {
    tab_storage().and_then(|storage| storage.get_item(QUESTION).ok().flatten()).unwrap_or_default()
}

pub fn remember_question(text: &str) {
    if let Some(storage) = tab_storage() {
        let _ =
            if text.is_empty() { storage.remove_item(QUESTION) } else { storage.set_item(QUESTION, text) };
    }
}

/// The conversation that this tab showed before it was reloaded; empty: a new one. `None`: the tab is new.
pub fn remembered_conversation() -> Option<String> {
    tab_storage()?.get_item(CONVERSATION).ok().flatten()
}

pub fn remember_conversation(id: &str) {
    if let Some(storage) = tab_storage() {
        let _ = storage.set_item(CONVERSATION, id);
    }
}

/// Lets the browser save a text as a file.
pub fn save_as(name: &str, media_type: &str, text: &str) {
    let Some(url) = crate::web::object_url(text.as_bytes(), media_type) else { return };
    let anchor = document().create_element("a").ok().and_then(|a| a.dyn_into::<HtmlAnchorElement>().ok());
    if let Some(anchor) = anchor {
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
    }
    // The browser reads it after this task.
    after(10_000, move || crate::web::revoke(&url));
}

fn tab_storage() -> Option<Storage> {
    web_sys::window()?.session_storage().ok().flatten()
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

pub fn after(milliseconds: u64, work: impl FnOnce() + 'static) {
    set_timeout(work, Duration::from_millis(milliseconds));
}
