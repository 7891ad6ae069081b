//! A workflow as a file: into the editor and out of it.

use leptos::prelude::*;

use super::state::EditorState;

/// The document as a link that the browser saves. It works without scripts.
#[component]
pub fn Export(state: EditorState) -> impl IntoView {
    let href =
        move || state.text.with(|text| format!("data:application/json;charset=utf-8,{}", escaped(text)));
    let file = move || state.document.with(|document| format!("{}.json", file_name(&document.name)));
    view! {
        <a href=href download=file class="link">
            "Export as JSON"
        </a>
    }
}

/// Replaces the draft by a file's content.
#[component]
pub fn Import(state: EditorState) -> impl IntoView {
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <label for="workflow-import">"Import from JSON"</label>
            <input
                id="workflow-import"
                type="file"
                accept="application/json,.json"
                class="max-w-full text-sm"
                on:change=move |event| {
                    leptos::task::spawn_local(async move {
                        if let Some(text) = text_of(&event).await {
                            state.import(text);
                        }
                    });
                }
            />
        </div>
    }
}

#[cfg(feature = "hydrate")]
async fn text_of(event: &leptos::ev::Event) -> Option<String> {
    use wasm_bindgen::JsCast;

    let input: web_sys::HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = input.files()?.get(0)?;
    let text = wasm_bindgen_futures::JsFuture::from(file.text()).await.ok()?.as_string();
    // The same file can be chosen again.
    input.set_value("");
    text
}

/// The server reads no files of browsers.
#[cfg(not(feature = "hydrate"))]
async fn text_of(_: &leptos::ev::Event) -> Option<String> {
    None
}

/// As in an address.
fn escaped(text: &str) -> String {
    use std::fmt::Write;

    text.bytes().fold(String::with_capacity(text.len() * 2), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            out.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn file_name(name: &str) -> String {
    let kept: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).take(60).collect();
    let trimmed = kept.trim_matches('-');
    if trimmed.is_empty() { "workflow".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_an_address_and_a_file_name() {
        assert_eq!(escaped("{\"ä\": 1}"), "%7B%22%C3%A4%22%3A%201%7D");
        assert_eq!(file_name("Read, then ask / ../x"), "Read--then-ask------x");
        assert_eq!(file_name("../"), "workflow");
    }
}
