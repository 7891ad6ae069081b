//! A modal confirmation. The browser's `<dialog>` keeps the focus inside, closes on Esc, and hides the rest of the page
//! from screen readers.

use leptos::html;
use leptos::prelude::*;

use super::{Button, ButtonKind};

/// The children say what would happen, and end with [`DialogActions`] (inside the form, if there is one).
#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    /// Action and object: "Revoke the certificate of Anna's laptop".
    #[prop(into)]
    title: Signal<String>,
    /// Unique on the page.
    id: &'static str,
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let closed = modal(node, open);
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <dialog
            node_ref=node
            id=id
            aria-labelledby=labelled_by
            class="m-auto w-[min(34rem,calc(100vw-2rem))] rounded-lg border border-line-strong bg-raised p-6 shadow-float motion-safe:open:animate-appear"
            on:close=closed
        >
            <h2 id=title_id class="text-lg">
                {title}
            </h2>
            <div class="mt-3 space-y-4">{children()}</div>
        </dialog>
    }
}

/// Opens and closes the dialog as `open` says. Returns what its `close` event has to call.
pub fn modal(node: NodeRef<html::Dialog>, open: RwSignal<bool>) -> impl Fn(leptos::ev::Event) + Clone {
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only when the element was just removed from the page.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    // The event comes after the dialog has closed; by then it may have been opened again.
    move |_| {
        if node.get_untracked().is_none_or(|dialog| !dialog.open()) {
            open.set(false);
        }
    }
}

/// The safe choice, which has the focus when the dialog opens, and beside it the one that acts.
#[component]
pub fn DialogActions(
    open: RwSignal<bool>,
    #[prop(default = "Cancel")] cancel: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex flex-wrap justify-end gap-3 pt-2">
            <Button kind=ButtonKind::Button autofocus=true on:click=move |_| open.set(false)>
                {cancel}
            </Button>
            {children()}
        </div>
    }
}
