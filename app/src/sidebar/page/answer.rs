//! The answer as it is streamed: steps, Markdown, attribution and actions.
//!
//! The shown text lags the stream by the pause that [`Document::pause_ms`] asks for, so that neither a fast model nor a long
//! table keeps the page busy. Screen readers get whole sentences at most every [`ANNOUNCE_INTERVAL_MS`] from a separate live region; the
//! visible answer is not a live region, since it would be read out again with every rendering.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::analysis::TextEdit;

use super::ProblemAdvice;
use super::copy::CopyAnswer;
use super::earlier::EarlierQuestions;
use super::edit::Edits;
use super::markdown::Markdown;
use super::progress::{Notices, Reasoning, Steps, Waiting};
use super::question::Questions;
use crate::design::{Button, ButtonKind, ButtonVariant, CopyButton, EmptyState};
use crate::sidebar::follow::{Follow, Position};
use crate::sidebar::markdown::Document;
use crate::sidebar::run::{Answer, Run, attribution, next_announcement};
use crate::sidebar::state::SidebarState;
use crate::sidebar::web;

const ANNOUNCE_INTERVAL_MS: u64 = 2_000;

#[component]
pub fn AnswerView(state: SidebarState) -> impl IntoView {
    let document = StoredValue::new(Document::default());
    let shown = shown_text(state, document);
    let said = announcement(state);
    let section = NodeRef::<html::Section>::new();
    let running = Memo::new(move |_| state.run.with(Run::is_running));
    let of_answer = move |take: fn(&Answer) -> String| {
        Memo::new(move |_| state.run.with(|run| run.answer().map(take).unwrap_or_default()))
    };
    let question = of_answer(|answer| answer.question.clone());
    let steps =
        Memo::new(move |_| state.run.with(|run| run.answer().map(|a| a.steps.clone()).unwrap_or_default()));
    let edits =
        Memo::new(move |_| state.run.with(|run| run.answer().map(|a| a.edits.clone()).unwrap_or_default()));
    let idle = Memo::new(move |_| state.run.with(|run| *run == Run::Idle));
    let has_earlier = Memo::new(move |_| state.earlier.with(|earlier| !earlier.is_empty()));
    let empty =
        Memo::new(move |_| idle.get() && !has_earlier.get() && state.open_problem.with(Option::is_none));
    let grows = move || {
        shown.track();
        steps.track();
        edits.track();
        running.track();
        state.earlier.track();
    };
    let scrolled = follow_the_end(section, grows, running);
    view! {
        <section
            node_ref=section
            aria-label="Answer"
            tabindex="0"
            class="min-h-0 grow space-y-4 overflow-x-hidden overflow-y-auto p-3 -outline-offset-2 [overflow-anchor:none]"
            on:scroll=move |_| scrolled()
        >
            <EarlierQuestions state />
            <Show when=move || empty.get()>
                <EmptyState title="Your answer will appear here">
                    <p>"Add a picture, say what you want to know about it, and ask."</p>
                </EmptyState>
            </Show>
            // As high as the view: a new question stands at the top, and its answer grows below it.
            <article
                aria-label="Newest answer"
                class="space-y-4"
                class:hidden=move || idle.get()
                class=("min-h-full", move || has_earlier.get())
            >
                {move || {
                    Some(question.get())
                        .filter(|question| !question.is_empty())
                        .map(|question| view! { <Asked question /> })
                }}
                {move || view! { <Steps steps=steps.get() /> }}
                <Notices state />
                <Reasoning state />
                <Markdown text=shown complete=Signal::derive(move || !running.get()) document />
                {move || edits.get().into_iter().map(|edit| view! { <Proposal edit /> }).collect_view()}
                <Edits state />
                <Questions state />
                <Waiting state />
                <End state />
            </article>
        </section>
        <div aria-live="polite" class="sr-only">
            {move || said.get()}
        </div>
    }
    .into_any()
}

/// The question stays visible, as far as it is short.
#[component]
pub fn Asked(question: String) -> impl IntoView {
    let whole = question.clone();
    view! {
        <div class="sticky -top-3 z-10 -mx-3 bg-paper px-3 py-2">
            <p
                class="line-clamp-3 border-l-2 border-line-strong pl-3 whitespace-pre-wrap text-muted wrap-anywhere"
                title=whole
                dir="auto"
            >
                <span class="sr-only">"You asked: "</span>
                {question}
            </p>
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
    let again = Callback::new(move |()| spawn_local(state.retry()));
    let can_go_on = Memo::new(move |_| state.run.with(Run::can_go_on));
    move || {
        end.get().map(|(line, problem)| {
            let failed = problem.is_some();
            view! {
                <div class="space-y-3">
                    {problem.map(|problem| view! { <ProblemAdvice problem again words="Ask again" /> })}
                    <p class="text-xs text-muted wrap-anywhere empty:hidden">{line}</p>
                    <div class="flex flex-wrap items-center gap-2">
                        <CopyAnswer text />
                        <Show when=move || can_go_on.get()>
                            <Button kind=ButtonKind::Button on:click=move |_| spawn_local(state.go_on())>
                                "Continue"
                            </Button>
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
fn shown_text(state: SidebarState, document: StoredValue<Document>) -> ReadSignal<String> {
    let (shown, show) = signal(String::new());
    let pending = StoredValue::new(false);
    Effect::new(move |_| {
        if !state.run.with(Run::is_running) {
            show.set(text_now(state));
        } else if !pending.get_value() {
            pending.set_value(true);
            web::after(document.with_value(Document::pause_ms), move || {
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

/// Keeps the end visible while the answer grows, until the reader scrolls up; a new question is followed again. Returns what
/// has to hear of every scrolling.
fn follow_the_end(
    node: NodeRef<html::Section>,
    grows: impl Fn() + 'static,
    running: Memo<bool>,
) -> impl Fn() + Copy + 'static {
    let follow = StoredValue::new(Follow::default());
    Effect::new(move |_| {
        if running.get() {
            follow.set_value(Follow::default());
        }
    });
    Effect::new(move |_| {
        grows();
        // After the elements of what was added are there.
        request_animation_frame(move || {
            let following = follow.try_with_value(|follow| follow.is_following()).unwrap_or_default();
            if let Some(section) = node.try_get_untracked().flatten().filter(|_| following) {
                section.set_scroll_top(section.scroll_height());
            }
        });
    });
    move || {
        if let Some(section) = node.get_untracked() {
            let top = section.scroll_top();
            let below = section.scroll_height() - section.client_height() - top;
            follow.update_value(|follow| *follow = follow.scrolled(Position { top, below }));
        }
    }
}
