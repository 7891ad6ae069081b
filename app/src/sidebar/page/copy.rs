//! Copying an answer.

use domain::text::visible_prose;
use leptos::prelude::*;

use crate::design::{ButtonVariant, CopyButton};
use crate::sidebar::markdown::{Document, text_of};

/// As text, to paste anywhere; and as Markdown, as the model wrote it. Neither holds what a reader cannot see.
#[component]
pub fn CopyAnswer(text: Signal<String>) -> impl IntoView {
    let plain = Signal::derive(move || {
        let mut document = Document::default();
        text.with(|text| document.update(text, true));
        let blocks: Vec<_> = document.blocks().cloned().collect();
        format!("{}{}", text_of(&blocks), visible_prose(document.rest()))
    });
    let markdown = Signal::derive(move || text.with(|text| visible_prose(text)));
    view! {
        <Show when=move || text.with(|text| !text.is_empty())>
            <CopyButton text=plain what="as text" />
            <CopyButton text=markdown what="as Markdown" variant=ButtonVariant::Quiet />
        </Show>
    }
}
