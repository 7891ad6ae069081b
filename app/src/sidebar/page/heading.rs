//! The conversation's title, and the way to a new one and to the earlier ones.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::design::{Button, ButtonKind, ButtonVariant, Shape};
use crate::sidebar::history::shown_title;
use crate::sidebar::state::SidebarState;
use crate::sidebar::web;

#[component]
pub fn Heading(state: SidebarState) -> impl IntoView {
    let listed = Memo::new(move |_| state.history.with(Option::is_some));
    let begun = Memo::new(move |_| {
        state.conversation.with(|id| !id.is_empty())
            || state.run.with(|run| run.answer().is_some())
            || state.earlier.with(|earlier| !earlier.is_empty())
    });
    let title = move || {
        if listed.get() {
            "History".to_owned()
        } else if begun.get() {
            state.title.with(|title| shown_title(title).to_owned())
        } else {
            "New conversation".to_owned()
        }
    };
    let toggle = move |_| {
        if listed.get_untracked() {
            state.hide_history();
        } else {
            spawn_local(state.show_history(String::new()));
        }
    };
    let begin = move |_| {
        state.new_conversation();
        web::focus("question");
    };
    view! {
        <div class="flex min-h-10 shrink-0 items-center gap-1 border-b border-line px-3 py-1">
            <h2 class="min-w-0 grow truncate text-sm font-semibold" title=title>
                <bdi>{title}</bdi>
            </h2>
            <Show when=move || begun.get() || listed.get()>
                <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet icon=Shape::Plus on:click=begin>
                    "New"
                    <span class="sr-only">" conversation"</span>
                </Button>
            </Show>
            {state
                .keeps_history()
                .then(|| {
                    view! {
                        <Button
                            attr:id="history"
                            attr:aria-expanded=move || if listed.get() { "true" } else { "false" }
                            kind=ButtonKind::Button
                            variant=ButtonVariant::Quiet
                            icon=Shape::Clock
                            on:click=toggle
                        >
                            {move || if listed.get() { "Close" } else { "History" }}
                            <span class="sr-only">{move || listed.get().then_some(" the history")}</span>
                        </Button>
                    }
                })}
        </div>
    }
    .into_any()
}
