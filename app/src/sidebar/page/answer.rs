//! The answer as it is streamed: steps, Markdown, attribution and actions.
//!
//! The shown text lags the stream by at most [`RENDER_INTERVAL_MS`], so that a fast model does not cause a rendering per
//! token. Screen readers get whole sentences at most every [`ANNOUNCE_INTERVAL_MS`] from a separate live region; the
//! visible answer is not a live region, since it would be read out again with every rendering.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::analysis::{Step, StepState, TextEdit};

use super::ProblemAdvice;
use super::markdown::Markdown;
use crate::design::{Button, ButtonKind, ButtonVariant, CopyButton, EmptyState, Icon, Shape};
use crate::sidebar::run::{Answer, Run, attribution, next_announcement, step_label};
use crate::sidebar::state::SidebarState;
use crate::sidebar::web;

const RENDER_INTERVAL_MS: u64 = 80;
const ANNOUNCE_INTERVAL_MS: u64 = 2_000;
/// While the answer grows, the view scrolls along if it is this near to the end, in CSS pixels.
const SCROLL_THRESHOLD: i32 = 60;

#[component]
pub fn AnswerView(state: SidebarState) -> impl IntoView {
    let shown = shown_text(state);
    let said = announcement(state);
    let section = NodeRef::<html::Section>::new();
    scroll_to_end(section, shown);
    let of_answer = move |take: fn(&Answer) -> String| {
        Memo::new(move |_| state.run.with(|run| run.answer().map(take).unwrap_or_default()))
    };
    let question = of_answer(|answer| answer.question.clone());
    let steps =
        Memo::new(move |_| state.run.with(|run| run.answer().map(|a| a.steps.clone()).unwrap_or_default()));
    let edits =
        Memo::new(move |_| state.run.with(|run| run.answer().map(|a| a.edits.clone()).unwrap_or_default()));
    let idle = Memo::new(move |_| state.run.with(|run| *run == Run::Idle));
    view! {
        <section
            node_ref=section
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
            <End state />
        </section>
        <div aria-live="polite" class="sr-only">
            {move || said.get()}
        </div>
    }
}

/// How the analysis ended, and the next actions.
#[component]
fn End(state: SidebarState) -> impl IntoView {
    // Changes only with the run's state, not with each token.
    let end = Memo::new(move |_| {
        state.run.with(|run| match run {
            Run::Idle | Run::Sending(_) | Run::Answering(_) => None,
            Run::Answered(_, done) => Some((attribution(done), None)),
            Run::Cancelled(_) => Some(("Cancelled.".to_owned(), None)),
            Run::Failed(_, problem) => Some((String::new(), Some(problem.clone()))),
        })
    });
    let text = Signal::derive(move || {
        state.run.with(|run| run.answer().map(|answer| answer.text.clone()).unwrap_or_default())
    });
    let again = Callback::new(move |()| spawn_local(state.ask()));
    move || {
        end.get().map(|(line, problem)| {
            let failed = problem.is_some();
            view! {
                <div class="space-y-3">
                    {problem.map(|problem| view! { <ProblemAdvice problem again words="Ask again" /> })}
                    <p class="text-xs text-muted empty:hidden">{line}</p>
                    <div class="flex flex-wrap items-center gap-2">
                        <Show when=move || text.with(|text| !text.is_empty())>
                            <CopyButton text what="the answer" />
                        </Show>
                        <Show when=move || !failed>
                            <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=move |_| again.run(())>
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

fn text_now(state: SidebarState) -> String {
    let text = state.run.try_with_untracked(|run| run.answer().map(|answer| answer.text.clone()));
    text.flatten().unwrap_or_default()
}

/// The shown text: updated at intervals while it grows, at once when it is complete.
fn shown_text(state: SidebarState) -> ReadSignal<String> {
    let (shown, show) = signal(String::new());
    let pending = StoredValue::new(false);
    Effect::new(move |_| {
        if !state.run.with(Run::is_running) {
            show.set(text_now(state));
        } else if !pending.get_value() {
            pending.set_value(true);
            web::after(RENDER_INTERVAL_MS, move || {
                // Both are disposed of with the page.
                pending.try_set_value(false);
                show.try_set(text_now(state));
            });
        }
    });
    shown
}

/// The text to announce to screen readers next.
fn announcement(state: SidebarState) -> ReadSignal<String> {
    let (announcement, set_announcement) = signal(String::new());
    let announced = StoredValue::new(0_usize);
    let pending = StoredValue::new(false);
    let announce = move |complete: bool| {
        let text = text_now(state);
        let from = announced.try_get_value().unwrap_or_default();
        if let Some((now, words)) = next_announcement(&text, from, complete) {
            announced.try_set_value(now);
            set_announcement.try_set(words.to_owned());
        }
    };
    Effect::new(move |_| {
        let (running, empty) = state
            .run
            .with(|run| (run.is_running(), run.answer().is_none_or(|answer| answer.text.is_empty())));
        if empty {
            announced.set_value(0);
        }
        if !running {
            announce(true);
        } else if !pending.get_value() {
            pending.set_value(true);
            web::after(ANNOUNCE_INTERVAL_MS, move || {
                pending.try_set_value(false);
                // If the answer has ended meanwhile, everything was announced.
                announce(false);
            });
        }
    });
    announcement
}

/// Keeps the end visible while the answer grows, unless the reader has scrolled up.
fn scroll_to_end(node: NodeRef<html::Section>, shown: ReadSignal<String>) {
    Effect::new(move |_| {
        shown.track();
        let Some(section) = node.get_untracked() else { return };
        let below = section.scroll_height() - section.client_height() - section.scroll_top();
        if below <= SCROLL_THRESHOLD {
            request_animation_frame(move || section.set_scroll_top(section.scroll_height()));
        }
    });
}
