//! What the answer waits for: questions of the workflow to its person, with their choices as buttons.

use domain::text::visible_prose;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::analysis::{MAX_CONTEXT_CHARS, PersonQuestion};

use crate::design::{Button, ButtonKind, ButtonVariant};
use crate::sidebar::advice::message;
use crate::sidebar::state::SidebarState;

/// The open questions. A live region: one appears long after the person has asked.
#[component]
pub fn Questions(state: SidebarState) -> impl IntoView {
    let questions = Memo::new(move |_| {
        state.run.with(|run| run.answer().map(|answer| answer.questions.clone()).unwrap_or_default())
    });
    view! {
        <div aria-live="polite" class="space-y-3 empty:hidden">
            <For each=move || questions.get() key=|question| question.id.clone() let:question>
                <Asked state question />
            </For>
        </div>
    }
    .into_any()
}

#[component]
fn Asked(state: SidebarState, question: PersonQuestion) -> impl IntoView {
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    let text = RwSignal::new(String::new());
    let (id, shown) = (format!("question-{}", question.id), visible_prose(&question.text));
    let takes_text = question.choices.is_empty() || question.free_text;
    let choices = question.choices.clone();
    let question = StoredValue::new(question);
    let give = move |answer: String| {
        if busy.get_untracked() || answer.trim().is_empty() {
            return;
        }
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            let refused = state.answer(question.get_value(), answer).await;
            busy.try_set(false);
            problem.try_set(refused.as_ref().map(message));
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        give(text.get_untracked());
    };
    let button = move |choice: String| {
        let (label, answer) = (visible_prose(&choice), choice);
        view! {
            <Button
                kind=ButtonKind::Button
                variant=ButtonVariant::Secondary
                busy
                on:click=move |_| give(answer.clone())
            >
                {label}
            </Button>
        }
    };
    view! {
        <form
            role="group"
            aria-labelledby=id.clone()
            class="space-y-2 rounded-md border border-edge bg-raised p-3"
            on:submit=submit
        >
            <p id=id.clone() class="font-semibold whitespace-pre-wrap wrap-anywhere" dir="auto">
                {shown}
            </p>
            <div class="flex flex-wrap gap-2 empty:hidden">
                {choices.into_iter().map(button).collect_view()}
            </div>
            {takes_text
                .then(|| {
                    view! {
                        <div class="flex gap-2">
                            <input
                                type="text"
                                aria-labelledby=id.clone()
                                maxlength=MAX_CONTEXT_CHARS.to_string()
                                autocomplete="off"
                                class="w-full min-w-0 rounded-md border border-edge bg-paper px-2 py-1"
                                on:input=move |event| text.set(event_target_value(&event))
                            />
                            <Button busy>"Answer"</Button>
                        </div>
                    }
                })}
            <p role="alert" class="text-sm font-semibold text-bad empty:hidden">
                {move || problem.get()}
            </p>
        </form>
    }
    .into_any()
}
