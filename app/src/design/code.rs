//! Codes that are compared by eye, read out, or copied.

use leptos::prelude::*;

use super::{Button, ButtonKind, ButtonVariant, Shape, scripts_run};

/// A code in groups of four, large and in monospace. A screen reader spells it.
#[component]
pub fn Code(
    #[prop(into)] code: String,
    /// The largest size, where the page is about this code.
    #[prop(optional)]
    huge: bool,
) -> impl IntoView {
    let spelled = spelled(&code);
    let size = if huge { "text-2xl sm:text-[3rem] sm:leading-[3.5rem]" } else { "text-xl" };
    view! {
        <span class=format!("font-mono font-semibold tracking-[0.08em] whitespace-nowrap select-all {size}")>
            <span aria-hidden="true">{code}</span>
            <span class="sr-only select-none">{spelled}</span>
        </span>
    }
}

/// `ABCD-2345` → `A B C D, 2 3 4 5`.
fn spelled(code: &str) -> String {
    let groups: Vec<String> = code
        .split('-')
        .map(|group| group.chars().map(|c| c.to_string()).collect::<Vec<_>>().join(" "))
        .collect();
    groups.join(", ")
}

/// Copies `text` and says what it copied. Appears only where scripts run.
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// What is copied, as in a sentence: "the link", "the recovery codes".
    what: &'static str,
    #[prop(optional)] variant: ButtonVariant,
) -> impl IntoView {
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move {
            let done = match write_to_clipboard(&text.get_untracked()) {
                Some(writing) => wasm_bindgen_futures::JsFuture::from(writing).await.is_ok(),
                None => false,
            };
            copied.set(Some(done));
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = (text, copied);
    };
    let scripts = scripts_run();
    view! {
        {move || scripts.get().then(|| view! {
            <span class="print-hidden inline-flex flex-wrap items-center gap-3">
                <Button kind=ButtonKind::Button variant icon=Shape::Copy on:click=copy>
                    {format!("Copy {what}")}
                </Button>
                <span role="status" class="text-sm text-muted">
                    {move || match copied.get() {
                        None => String::new(),
                        Some(true) => format!("Copied {what}."),
                        Some(false) => "Copying is not allowed here. Select the text and copy it.".to_owned(),
                    }}
                </span>
            </span>
        })}
    }
}

/// The clipboard exists in secure contexts only (HTTPS or localhost).
#[cfg(feature = "hydrate")]
fn write_to_clipboard(text: &str) -> Option<js_sys::Promise> {
    use wasm_bindgen::JsValue;
    let navigator = web_sys::window()?.navigator();
    let exists =
        js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard")).is_ok_and(|c| c.is_object());
    exists.then(|| navigator.clipboard().write_text(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_is_spelled_for_screen_readers() {
        assert_eq!(super::spelled("ABCD-2345"), "A B C D, 2 3 4 5");
    }
}
