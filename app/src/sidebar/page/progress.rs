//! What happens while an answer is waited for: steps, and the time.

use std::time::Duration;

use domain::text::visible_prose;
use leptos::prelude::*;

use crate::design::{BriefNotice, Icon, Shape};
use crate::sidebar::run::{Run, ShownStep, StepStatus, duration, elapsed, step_label};
use crate::sidebar::state::SidebarState;
use crate::sidebar::web;

#[component]
pub fn Steps(steps: Vec<ShownStep>) -> impl IntoView {
    let steps: Vec<_> = steps.into_iter().filter(ShownStep::is_shown).collect();
    (!steps.is_empty()).then(|| {
        view! {
            <ol aria-label="Steps" class="space-y-0.5 text-xs text-muted">
                {steps.into_iter().map(|step| view! { <StepLine step /> }).collect_view()}
            </ol>
        }
    })
}

#[component]
fn StepLine(step: ShownStep) -> impl IntoView {
    let (icon, state) = match step.status {
        StepStatus::Failed => (Shape::Cross, "failed"),
        StepStatus::Finished => (Shape::Check, "done"),
        StepStatus::Running => (Shape::Clock, "under way"),
        StepStatus::Stopped => (Shape::Stop, "stopped"),
    };
    let label = step_label(&step.node).to_owned();
    view! {
        <li class="flex items-start gap-2" class=("text-bad", step.status == StepStatus::Failed)>
            <Icon shape=icon />
            <span class="min-w-0 wrap-anywhere">
                {label}
                <span class="sr-only">{format!(", {state}")}</span>
                {step.note.map(|note| format!(": {note}"))}
            </span>
            <span class="ml-auto whitespace-nowrap tabular-nums">{step.ms.and_then(duration)}</span>
        </li>
    }
}

/// What one should know about the answer, beside it.
#[component]
pub fn Notices(state: SidebarState) -> impl IntoView {
    let notices = Memo::new(move |_| {
        state
            .run
            .with(|run| run.answer().map(|answer| answer.shown_notices(run.is_running())).unwrap_or_default())
    });
    move || {
        let notices = notices.get().into_iter().map(|notice| view! { <BriefNotice title=notice.text /> });
        notices.collect_view()
    }
}

/// What the model thinks, folded: it is no part of the answer, and not copied.
#[component]
pub fn Reasoning(state: SidebarState) -> impl IntoView {
    let text = Memo::new(move |_| {
        state.run.with(|run| run.answer().map(|answer| visible_prose(&answer.reasoning)).unwrap_or_default())
    });
    let any = Memo::new(move |_| text.with(|text| !text.is_empty()));
    view! {
        <Show when=move || any.get()>
            <details class="rounded-md border border-line px-3 py-1.5 text-muted">
                <summary>"The model’s reasoning"</summary>
                <p class="pt-2 whitespace-pre-wrap wrap-anywhere" dir="auto">
                    {move || text.get()}
                </p>
            </details>
        </Show>
    }
}

/// A moving sign and the time, until the answer has ended. Nothing is told of the first second.
#[component]
pub fn Waiting(state: SidebarState) -> impl IntoView {
    let running = Memo::new(move |_| state.run.with(Run::is_running));
    move || running.get().then(|| view! { <Clock state /> })
}

#[component]
fn Clock(state: SidebarState) -> impl IntoView {
    let since = web::now();
    let seconds = RwSignal::new(0_u64);
    let tick = move || {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "JavaScript's numbers are floats; the clock does not run backwards"
        )]
        seconds.set(((web::now() - since) / 1_000.0) as u64);
    };
    // Fails only where there is no window.
    if let Ok(timer) = set_interval_with_handle(tick, Duration::from_secs(1)) {
        on_cleanup(move || timer.clear());
    }
    let words = move || {
        let waiting = state.run.with(|run| run.answer().is_none_or(|answer| answer.text.is_empty()));
        let place = state.run.with(|run| run.answer().and_then(|answer| answer.place));
        match (place, waiting) {
            (Some(1), _) => "Next in the queue".to_owned(),
            (Some(place), _) => format!("Number {place} in the queue"),
            (None, true) => "Waiting for the answer".to_owned(),
            (None, false) => "Answering".to_owned(),
        }
    };
    view! {
        <p class="flex items-center gap-2 text-xs text-muted">
            <span aria-hidden="true" class="flex gap-1">
                <span class="size-1.5 rounded-full bg-current motion-safe:animate-pulse-slow"></span>
                <span class="size-1.5 rounded-full bg-current motion-safe:animate-pulse-slow [animation-delay:400ms]"></span>
                <span class="size-1.5 rounded-full bg-current motion-safe:animate-pulse-slow [animation-delay:800ms]"></span>
            </span>
            {words}
            <span role="timer" class="tabular-nums">
                {move || Some(seconds.get()).filter(|seconds| *seconds > 0).map(elapsed)}
            </span>
        </p>
    }
}
