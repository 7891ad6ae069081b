//! What the desktop program adds: the window that is looked at, the review of proposed edits, the hotkey.

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::desktop::LookedAt;

use super::ProblemAdvice;
use crate::design::{Button, ButtonKind, ButtonVariant, CopyButton, Notice, NoticeTone};
use crate::sidebar::edit::Review;
use crate::sidebar::edit::quick::{QuickAction, quick_actions};
use crate::sidebar::run::Run;
use crate::sidebar::state::SidebarState;
use crate::sidebar::target::{details, heading, sources};
use crate::sidebar::web;

/// The hotkey does what the button does, and puts the cursor into the question.
pub fn watch_hotkey(state: SidebarState) {
    let pressed = move || {
        let signed_in = state.access.try_with_untracked(|access| access.session().is_some());
        if signed_in == Some(true) {
            spawn_local(async move {
                state.capture_screen().await;
                web::focus("question");
            });
        }
    };
    spawn_local(state.watch_hotkey(Box::new(pressed)));
}

/// Which window the next question is about, and what goes with its picture.
#[component]
pub fn TargetLines(state: SidebarState, front: LookedAt) -> impl IntoView {
    let (heading, details) = (heading(&front), details(&front));
    let actions = quick_actions(&front).iter().map(|action| view! { <Quick state action=*action /> });
    let actions = actions.collect_view();
    view! {
        <p class="truncate font-semibold" title=heading.clone()>
            <bdi>{heading.clone()}</bdi>
        </p>
        <p class="text-xs text-muted tabular-nums">{details}</p>
        <div class="flex flex-wrap gap-1 empty:hidden" role="group" aria-label="About the selection">
            {actions}
        </div>
    }
    .into_any()
}

/// Asks at once.
#[component]
fn Quick(state: SidebarState, action: QuickAction) -> impl IntoView {
    let running = Signal::derive(move || state.run.with(Run::is_running));
    let ask = move |_| {
        state.question.set(action.question.to_owned());
        spawn_local(state.ask());
    };
    view! {
        <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet disabled=running on:click=ask>
            {action.name}
        </Button>
    }
    .into_any()
}

/// The keys, or why they do nothing.
#[component]
pub fn HotkeyNote(state: SidebarState) -> impl IntoView {
    move || {
        let status = state.hotkey.get();
        match status.problem {
            Some(problem) => {
                Some(view! { <p class="text-xs font-semibold text-bad">{problem}</p> }.into_any())
            }
            None if !status.keys.is_empty() => {
                let words = format!("{} looks at the window in front, from any program", status.keys);
                Some(view! { <p class="text-xs text-muted">{words}</p> }.into_any())
            }
            None => None,
        }
    }
}

/// What the answer was made from, and the way to its proposed changes.
#[component]
pub fn Edits(state: SidebarState) -> impl IntoView {
    // A new question has a new review.
    Effect::new(move |last: Option<String>| {
        let question = state.run.with(|run| run.answer().map(|a| a.question.clone())).unwrap_or_default();
        if last.is_some_and(|last| last != question) {
            state.review.set(Review::None);
        }
        question
    });
    let answered = Memo::new(move |_| state.run.with(|run| matches!(run, Run::Answered(..))));
    let looked = move || {
        let (_, target) = state.asked_target().filter(|_| answered.get())?;
        Some(view! { <p class="text-xs text-muted wrap-anywhere">{sources(&target)}</p> })
    };
    let reviewable = Memo::new(move |_| state.reviewable());
    view! {
        {looked}
        {move || reviewable.get().map(|reviewable| view! { <ReviewChange state program=reviewable.target.program /> })}
    }
    .into_any()
}

#[component]
fn ReviewChange(state: SidebarState, program: String) -> impl IntoView {
    let label = StoredValue::new(match program.as_str() {
        "" => "Review the change…".to_owned(),
        program => format!("Review the change in {program}…"),
    });
    let again = Callback::new(move |()| spawn_local(state.review_edits()));
    let open = Signal::derive(move || state.review.with(Review::is_open));
    let may_begin = Memo::new(move |_| state.review.with(|review| review.may_begin() || review.is_open()));
    let result = move || {
        let review = state.review.get();
        if let Review::Failed(problem) = review {
            return Some(view! { <ProblemAdvice problem again words="Try again" /> }.into_any());
        }
        let words = review.words()?;
        let tone = if review.is_good() { NoticeTone::Good } else { NoticeTone::Info };
        let title = if review.is_good() { "Changed" } else { "The proposed change" };
        let copy = review.text_to_copy().map(|text| {
            view! { <CopyButton text=Signal::derive(move || text.clone()) what="the proposed text" /> }
        });
        Some(
            view! {
                <Notice tone title=title>
                    <p>{words}</p>
                    {copy}
                </Notice>
            }
            .into_any(),
        )
    };
    view! {
        <div class="space-y-2" role="status">
            <Show when=move || may_begin.get()>
                <Button
                    kind=ButtonKind::Button
                    variant=ButtonVariant::Primary
                    busy=open
                    attr:id="review"
                    on:click=move |_| spawn_local(state.review_edits())
                >
                    {label.get_value()}
                </Button>
            </Show>
            {result}
        </div>
    }
    .into_any()
}
