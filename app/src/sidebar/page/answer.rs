//! The answer as it comes: quiet steps, Markdown, who answered, and what one can do with it.
//!
//! What is shown lags the stream by at most [`SHOW_EVERY`] ms, so that a fast model does not redraw for each token.
//! Screen readers get whole sentences at most every [`SAY_EVERY`] ms from a region of their own; the visible answer is
//! no live region, for its redrawing would be read out again and again.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::analysis::{Step, StepState, TextEdit};

use super::Told;
use super::markdown::Markdown;
use crate::design::{Button, ButtonKind, CopyButton, EmptyState, Icon, Look, Shape};
use crate::sidebar::desk::Desk;
use crate::sidebar::run::{Answer, Run, next_words, origin, step_label};
use crate::sidebar::web;

const SHOW_EVERY: u64 = 80;
const SAY_EVERY: u64 = 2_000;
/// How near to its end the answer is still followed while it grows, in CSS pixels.
const FOLLOW_WITHIN: i32 = 60;

#[component]
pub fn AnswerView(desk: Desk) -> impl IntoView {
    let shown = shown_text(desk);
    let said = said_words(desk);
    let place = NodeRef::<html::Section>::new();
    follow_the_end(place, shown);
    let of_answer = move |take: fn(&Answer) -> String| {
        Memo::new(move |_| desk.run.with(|run| run.answer().map(take).unwrap_or_default()))
    };
    let question = of_answer(|answer| answer.question.clone());
    let steps =
        Memo::new(move |_| desk.run.with(|run| run.answer().map(|a| a.steps.clone()).unwrap_or_default()));
    let edits =
        Memo::new(move |_| desk.run.with(|run| run.answer().map(|a| a.edits.clone()).unwrap_or_default()));
    let idle = Memo::new(move |_| desk.run.with(|run| *run == Run::Idle));
    view! {
        <section
            node_ref=place
            aria-label="Answer"
            tabindex="0"
            class="min-h-0 grow space-y-4 overflow-y-auto p-3 -outline-offset-2"
        >
            <Show when=move || idle.get()>
                <EmptyState title="Your answer will appear here">
                    <p>"Add a picture, say what you want to know about it, and ask."</p>
                </EmptyState>
            </Show>
            {move || {
                Some(question.get())
                    .filter(|question| !question.is_empty())
                    .map(|question| {
                        view! {
                            <p class="border-l-2 border-line-strong pl-3 whitespace-pre-wrap text-muted wrap-anywhere">
                                <span class="sr-only">"You asked: "</span>
                                {question}
                            </p>
                        }
                    })
            }}
            {move || view! { <Steps steps=steps.get() /> }}
            <Markdown text=shown />
            {move || edits.get().into_iter().map(|edit| view! { <Proposal edit /> }).collect_view()}
            <End desk />
        </section>
        <div aria-live="polite" class="sr-only">
            {move || said.get()}
        </div>
    }
}

/// How it ended, and what one can do now.
#[component]
fn End(desk: Desk) -> impl IntoView {
    // Changes only when the run's state does, not with each word.
    let end = Memo::new(move |_| {
        desk.run.with(|run| match run {
            Run::Idle | Run::Sending(_) | Run::Answering(_) => None,
            Run::Answered(_, done) => Some((origin(done), None)),
            Run::Cancelled(_) => Some(("Cancelled.".to_owned(), None)),
            Run::Failed(_, problem) => Some((String::new(), Some(problem.clone()))),
        })
    });
    let text = Signal::derive(move || {
        desk.run.with(|run| run.answer().map(|answer| answer.text.clone()).unwrap_or_default())
    });
    let again = Callback::new(move |()| spawn_local(desk.ask()));
    move || {
        end.get().map(|(line, problem)| {
            let failed = problem.is_some();
            view! {
                <div class="space-y-3">
                    {problem.map(|problem| view! { <Told problem again words="Ask again" /> })}
                    <p class="text-xs text-muted empty:hidden">{line}</p>
                    <div class="flex flex-wrap items-center gap-2">
                        <Show when=move || text.with(|text| !text.is_empty())>
                            <CopyButton text what="the answer" />
                        </Show>
                        <Show when=move || !failed>
                            <Button kind=ButtonKind::Button look=Look::Quiet on:click=move |_| again.run(())>
                                "Ask again"
                            </Button>
                        </Show>
                    </div>
                </div>
            }
        })
    }
}

#[component]
fn Steps(steps: Vec<Step>) -> impl IntoView {
    (!steps.is_empty()).then(|| {
        view! {
            <ol aria-label="Steps" class="space-y-0.5 text-xs text-muted">
                {steps.into_iter().map(|step| view! { <StepLine step /> }).collect_view()}
            </ol>
        }
    })
}

#[component]
fn StepLine(step: Step) -> impl IntoView {
    let (icon, state) = match step.state {
        StepState::Failed => (Shape::Cross, "failed"),
        StepState::Finished => (Shape::Check, "done"),
        StepState::Started => (Shape::Clock, "under way"),
    };
    let label = step_label(&step.node).to_owned();
    let time = step.ms.map(|ms| format!("{ms} ms"));
    view! {
        <li class="flex items-start gap-2" class=("text-bad", step.state == StepState::Failed)>
            <Icon shape=icon />
            <span class="min-w-0 wrap-anywhere">
                {label}
                <span class="sr-only">{format!(", {state}")}</span>
                {step.note.map(|note| format!(": {note}"))}
            </span>
            <span class="ml-auto whitespace-nowrap tabular-nums">{time}</span>
        </li>
    }
}

/// A proposed edit, to read and copy. This page types nothing.
#[component]
fn Proposal(edit: TextEdit) -> impl IntoView {
    let replacement = edit.replacement.clone();
    view! {
        <section aria-label="Proposed text" class="space-y-2 rounded-lg border border-line p-3">
            <p class="text-muted">{edit.rationale}</p>
            <p class="rounded-md bg-sunken p-2 font-mono whitespace-pre-wrap line-through wrap-anywhere">
                <span class="sr-only">"Instead of: "</span>
                {edit.original}
            </p>
            <p class="rounded-md bg-sunken p-2 font-mono whitespace-pre-wrap wrap-anywhere">
                <span class="sr-only">"Proposed: "</span>
                {edit.replacement}
            </p>
            <CopyButton text=Signal::derive(move || replacement.clone()) what="the proposed text" />
        </section>
    }
}

fn text_now(desk: Desk) -> String {
    let text = desk.run.try_with_untracked(|run| run.answer().map(|answer| answer.text.clone()));
    text.flatten().unwrap_or_default()
}

/// The answer's text as it is shown: at once when it is whole, at intervals while it grows.
fn shown_text(desk: Desk) -> ReadSignal<String> {
    let (shown, show) = signal(String::new());
    let pending = StoredValue::new(false);
    Effect::new(move |_| {
        if !desk.run.with(Run::is_running) {
            show.set(text_now(desk));
        } else if !pending.get_value() {
            pending.set_value(true);
            web::after(SHOW_EVERY, move || {
                // Both are gone when the page is.
                pending.try_set_value(false);
                show.try_set(text_now(desk));
            });
        }
    });
    shown
}

/// What screen readers are told next.
fn said_words(desk: Desk) -> ReadSignal<String> {
    let (said, say) = signal(String::new());
    let heard = StoredValue::new(0_usize);
    let pending = StoredValue::new(false);
    let tell = move |whole: bool| {
        let text = text_now(desk);
        let from = heard.try_get_value().unwrap_or_default();
        if let Some((now, words)) = next_words(&text, from, whole) {
            heard.try_set_value(now);
            say.try_set(words.to_owned());
        }
    };
    Effect::new(move |_| {
        let (running, empty) =
            desk.run.with(|run| (run.is_running(), run.answer().is_none_or(|answer| answer.text.is_empty())));
        if empty {
            heard.set_value(0);
        }
        if !running {
            tell(true);
        } else if !pending.get_value() {
            pending.set_value(true);
            web::after(SAY_EVERY, move || {
                pending.try_set_value(false);
                // If it has ended meanwhile, all is said.
                tell(false);
            });
        }
    });
    said
}

/// Keeps the end in sight while the answer grows, unless the reader has scrolled up.
fn follow_the_end(place: NodeRef<html::Section>, shown: ReadSignal<String>) {
    Effect::new(move |_| {
        shown.track();
        let Some(section) = place.get_untracked() else { return };
        let below = section.scroll_height() - section.client_height() - section.scroll_top();
        if below <= FOLLOW_WITHIN {
            request_animation_frame(move || section.set_scroll_top(section.scroll_height()));
        }
    });
}
