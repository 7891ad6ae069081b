//! One's own earlier questions, above the current one: folded, searched on the server, and rendered only once opened.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ProblemAdvice;
use super::copy::CopyAnswer;
use super::markdown::Markdown;
use crate::design::Time;
use crate::sidebar::history::Earlier;
use crate::sidebar::state::SidebarState;

#[component]
pub fn EarlierQuestions(state: SidebarState) -> impl IntoView {
    let search = RwSignal::new(String::new());
    let shown = Memo::new(move |_| {
        search.with(|search| !search.is_empty())
            || state.earlier.with(|earlier| !earlier.is_empty())
            || state.history_problem.with(Option::is_some)
    });
    view! {
        <Show when=move || shown.get()>
            <details class="rounded-md border border-line">
                <summary class="px-3 py-1.5 font-semibold">"Earlier questions"</summary>
                <div class="space-y-2 px-3 pb-3">
                    {state.keeps_history().then(|| view! { <Search state search /> })}
                    <Problems state search />
                    <ol class="divide-y divide-line">
                        <For
                            each=move || state.earlier.get()
                            key=|earlier| (earlier.id.clone(), earlier.question.clone(), earlier.answer.len())
                            let(earlier)
                        >
                            <Entry earlier />
                        </For>
                    </ol>
                    <Show when=move || {
                        state.earlier.with(Vec::is_empty) && state.history_problem.with(Option::is_none)
                    }>
                        <p role="status" class="text-muted">
                            "No matching questions."
                        </p>
                    </Show>
                </div>
            </details>
        </Show>
    }
    .into_any()
}

#[component]
fn Search(state: SidebarState, search: RwSignal<String>) -> impl IntoView {
    view! {
        <input
            type="search"
            aria-label="Search earlier questions"
            placeholder="Search questions and answers"
            maxlength="200"
            class="w-full min-w-0 rounded-md border border-edge bg-raised px-2 py-1"
            on:change:target=move |event| {
                search.set(event.target().value().trim().to_owned());
                spawn_local(state.load_history(search.get_untracked()));
            }
        />
    }
}

#[component]
fn Problems(state: SidebarState, search: RwSignal<String>) -> impl IntoView {
    let again = Callback::new(move |()| spawn_local(state.load_history(search.get_untracked())));
    move || {
        state.history_problem.get().map(|problem| view! { <ProblemAdvice problem again words="Try again" /> })
    }
}

#[component]
fn Entry(earlier: Earlier) -> impl IntoView {
    let opened = RwSignal::new(false);
    let title = earlier.title().to_owned();
    let whole = title.clone();
    let when = earlier.asked_at.map(|at| view! { <Time at /> });
    view! {
        <li>
            <details>
                <summary class="py-1.5" title=whole on:click=move |_| opened.set(true)>
                    <bdi class="inline-block max-w-[calc(100%-2rem)] truncate align-bottom">{title}</bdi>
                    <span class="block pl-4 text-xs text-muted">{when}</span>
                </summary>
                <Show when=move || opened.get()>
                    <Opened earlier=earlier.clone() />
                </Show>
            </details>
        </li>
    }
    .into_any()
}

#[component]
fn Opened(earlier: Earlier) -> impl IntoView {
    let Earlier { question, answer, ending, .. } = earlier;
    let text = Signal::stored(answer);
    view! {
        <div class="space-y-3 pb-3">
            <p class="border-l-2 border-line-strong pl-3 whitespace-pre-wrap text-muted wrap-anywhere" dir="auto">
                {question}
            </p>
            <Markdown text complete=Signal::stored(true) />
            <p class="text-xs text-muted wrap-anywhere">{ending}</p>
            <CopyAnswer text />
        </div>
    }
}
