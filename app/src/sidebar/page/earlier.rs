//! The earlier questions and answers of the conversation, above the newest: the last few whole, those before on request.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ProblemAdvice;
use super::answer::Asked;
use super::copy::CopyAnswer;
use super::markdown::Markdown;
use crate::design::{Button, ButtonKind, ButtonVariant, Time};
use crate::sidebar::history::Earlier;
use crate::sidebar::state::SidebarState;

/// How many are rendered at first, and with each request for more: a page with a hundred long answers is slow.
const SHOWN: usize = 10;

#[component]
pub fn EarlierQuestions(state: SidebarState) -> impl IntoView {
    let shown = RwSignal::new(SHOWN);
    Effect::new(move |_| {
        state.conversation.track();
        shown.set(SHOWN);
    });
    let hidden = Memo::new(move |_| state.earlier.with(Vec::len).saturating_sub(shown.get()));
    let numbered = move || {
        let all = state.earlier.get().into_iter().enumerate();
        all.skip(hidden.get()).collect::<Vec<_>>()
    };
    view! {
        <Problems state />
        <Show when=move || { hidden.get() > 0 }>
            <Button
                kind=ButtonKind::Button
                variant=ButtonVariant::Quiet
                on:click=move |_| shown.update(|shown| *shown += SHOWN)
            >
                {move || match hidden.get() {
                    1 => "Show 1 earlier question".to_owned(),
                    hidden => format!("Show {hidden} earlier questions"),
                }}
            </Button>
        </Show>
        <For
            each=numbered
            key=|(number, earlier)| (*number, earlier.id.clone(), earlier.answer.len())
            let((_, earlier))
        >
            <Pair earlier />
        </For>
    }
    .into_any()
}

/// Why the conversation could not be opened.
#[component]
fn Problems(state: SidebarState) -> impl IntoView {
    let again = Callback::new(move |()| spawn_local(state.open_again()));
    move || {
        state.open_problem.get().map(|problem| view! { <ProblemAdvice problem again words="Try again" /> })
    }
}

/// One question with its answer.
#[component]
fn Pair(earlier: Earlier) -> impl IntoView {
    let Earlier { question, answer, ending, asked_at, .. } = earlier;
    let text = Signal::stored(answer);
    let when = asked_at.map(|at| view! { <Time at />" · " });
    view! {
        <article aria-label="Earlier answer" class="space-y-3 border-b border-line pb-4">
            <Asked question />
            <Markdown text complete=Signal::stored(true) />
            <p class="text-xs text-muted wrap-anywhere">{when} {ending}</p>
            <div class="flex flex-wrap items-center gap-2">
                <CopyAnswer text />
            </div>
        </article>
    }
    .into_any()
}
