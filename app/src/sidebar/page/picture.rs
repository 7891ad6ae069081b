//! The picture for the model: captured, chosen, pasted or dropped; shown small, and in full with one key.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ProblemAdvice;
use super::edit::TargetLines;
use crate::design::{Button, ButtonKind, ButtonVariant, Shape};
use crate::sidebar::picture::Picture;
use crate::sidebar::run::{CaptureState, Run};
use crate::sidebar::state::SidebarState;
use crate::sidebar::web;

const FILE: &str = "picture-file";

#[component]
pub fn PictureField(state: SidebarState) -> impl IntoView {
    let error = state.error_of("image");
    let failure = Memo::new(move |_| match state.capture.get() {
        CaptureState::Failed(problem) => Some(problem),
        CaptureState::Idle | CaptureState::Capturing => None,
    });
    let again = Callback::new(move |()| spawn_local(state.capture_screen()));
    view! {
        <div role="group" aria-label="Picture" class="space-y-2">
            {move || state.picture.get().map(|picture| view! { <Preview state picture /> })}
            <Show when=move || state.picture.with(Option::is_none)>
                <p class="px-1 text-muted empty:hidden">
                    {move || {
                        if state.conversation.with(|id| !id.is_empty()) {
                            Some("No picture: the next question is answered from the conversation alone.")
                        } else if state.can_capture() {
                            None
                        } else {
                            Some("Choose a picture, or paste or drop one here.")
                        }
                    }}
                </p>
            </Show>
            <p id="picture-error" role="alert" class="font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
            {move || failure.get().map(|problem| view! { <ProblemAdvice problem again words="Try again" /> })}
        </div>
    }
}

/// Captures the screen. In the desktop program only.
#[component]
pub fn CaptureButton(state: SidebarState) -> impl IntoView {
    let busy = Signal::derive(move || state.capture.with(|capture| *capture == CaptureState::Capturing));
    let running = Signal::derive(move || state.run.with(Run::is_running));
    view! {
        <Button
            kind=ButtonKind::Button
            variant=ButtonVariant::Secondary
            busy
            disabled=running
            on:click=move |_| spawn_local(state.capture_screen())
        >
            "Look at my screen"
        </Button>
    }
}

/// A file input with a label that looks like a button: for the keyboard, screen readers and tests it is a plain input.
#[component]
pub fn FilePicker(state: SidebarState) -> impl IntoView {
    let pick = move |event: ev::Event| {
        if let Some(file) = web::picked_file(&event) {
            super::read_picture(state, file);
        }
    };
    view! {
        <span>
            <input
                id=FILE
                type="file"
                accept="image/png,image/jpeg,image/webp"
                class="peer sr-only"
                aria-describedby="picture-error"
                on:change=pick
            />
            <label
                for=FILE
                class="inline-flex min-h-8 items-center rounded-md border border-line-strong bg-raised px-3 py-1 text-sm font-semibold hover:border-muted peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-focus"
            >
                {move || if state.picture.with(Option::is_some) { "Choose another picture" } else { "Choose a picture" }}
            </label>
        </span>
    }
}

/// A thumbnail with its size, which opens in full. Revokes its `blob:` URL when it is removed.
#[component]
fn Preview(state: SidebarState, picture: Picture) -> impl IntoView {
    let url = crate::web::object_url(&picture.preview, picture.preview_type.as_str()).unwrap_or_default();
    let revoked = url.clone();
    on_cleanup(move || crate::web::revoke(&revoked));
    let dialog = NodeRef::<html::Dialog>::new();
    let open = move || {
        if let Some(dialog) = dialog.get_untracked().filter(|dialog| !dialog.open()) {
            // Fails only when the element was just removed from the page.
            let _ = dialog.show_modal();
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.alt_key() && event.code() == "KeyP" {
            event.prevent_default();
            if web::dialog_is_open() { close() } else { open() }
        }
    });
    on_cleanup(move || keys.remove());
    let remove = move |_| {
        state.remove_picture();
        web::focus(FILE);
    };
    let caption = picture.caption();
    let unreadable = RwSignal::new(false);
    let zoomed = RwSignal::new(false);
    view! {
        <div class="flex items-center gap-3">
            <button
                type="button"
                class="shrink-0 rounded-md border border-line bg-sunken hover:border-line-strong"
                aria-keyshortcuts="Alt+P"
                title="Show the picture that the model gets (Alt+P)"
                on:click=move |_| open()
            >
                <img
                    src=url.clone()
                    alt="Show the picture that the model gets"
                    class="h-14 w-20 rounded-md object-contain"
                    on:error=move |_| unreadable.set(true)
                />
            </button>
            <div class="min-w-0 grow">
                {match picture.front.clone() {
                    Some(front) => view! { <TargetLines state front /> }.into_any(),
                    None => {
                        view! {
                            <p class="truncate" title=caption.clone()>
                                <bdi>{picture.name.clone()}</bdi>
                            </p>
                        }
                            .into_any()
                    }
                }}
                <p class="text-xs text-muted tabular-nums">{picture.dimensions()}</p>
                <p class="text-xs text-muted empty:hidden">
                    {move || state.shows_same_picture().then_some("The same picture as in your last question")}
                </p>
                <Show when=move || unreadable.get()>
                    <p role="alert" class="font-semibold text-bad">
                        "This picture seems to be damaged. Choose another one."
                    </p>
                </Show>
            </div>
            <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet icon=Shape::Cross on:click=remove>
                "Remove"
                <span class="sr-only">" the picture"</span>
            </Button>
        </div>
        <dialog
            node_ref=dialog
            aria-label="The picture that the model gets"
            class="m-auto max-h-[calc(100dvh-1rem)] max-w-[calc(100vw-1rem)] space-y-2 rounded-lg border border-line-strong bg-raised p-3 shadow-float"
        >
            <div class="flex flex-wrap items-center justify-between gap-3">
                <p class="min-w-0 grow text-muted wrap-anywhere">{caption}</p>
                <Button
                    kind=ButtonKind::Button
                    attr:aria-pressed=move || if zoomed.get() { "true" } else { "false" }
                    on:click=move |_| zoomed.update(|zoomed| *zoomed = !*zoomed)
                >
                    "Actual size"
                </Button>
                <Button kind=ButtonKind::Button autofocus=true on:click=move |_| close()>
                    "Close"
                </Button>
            </div>
            // Whole at first.
            <img
                src=url
                alt=""
                class=move || if zoomed.get() { "max-w-none" } else { "mx-auto max-h-[calc(100dvh-8rem)] max-w-full object-contain" }
            />
        </dialog>
    }
}
