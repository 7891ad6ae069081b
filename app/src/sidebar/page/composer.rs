//! One composer: the picture, the question, the mode, and sending.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, html};
use protocol::mode::ModeSummary;

use super::ProblemAdvice;
use super::edit::HotkeyNote;
use super::picture::{CaptureButton, FilePicker, PictureField};
use crate::design::{Button, ButtonKind, ButtonVariant, Notice, Shape};
use crate::sidebar::run::Light;
use crate::sidebar::state::{Modes, SidebarState};
use crate::sidebar::web;

/// Enter asks and Shift+Enter makes a new line, unless an input method is at work, whose Enter only takes its suggestion.
#[component]
pub fn Composer(state: SidebarState) -> impl IntoView {
    let busy = Memo::new(move |_| {
        state.capture.with(|capture| state.run.with(|run| Light::of(capture, run) != Light::Off))
    });
    let ask = move || spawn_local(state.ask());
    let cancel = move |_| {
        state.cancel();
        web::focus("question");
    };
    keep_focus(busy);
    view! {
        <form
            class="shrink-0 space-y-2 border-t border-line p-3"
            aria-label="Question"
            on:submit=move |event| {
                event.prevent_default();
                ask();
            }
        >
            <ModeNotice state />
            <div class="space-y-2 rounded-lg border border-edge bg-raised p-2 outline-offset-2 outline-focus has-[textarea:focus-visible]:outline-2">
                <PictureField state />
                <QuestionField state ask=Callback::new(move |()| ask()) />
                <div class="flex flex-wrap items-center gap-2">
                    {state.can_capture().then(|| view! { <CaptureButton state /> })}
                    <FilePicker state />
                    <ModeChoice state />
                    <span class="ml-auto flex gap-2">
                        <Show when=move || busy.get()>
                            <Button attr:id="cancel" kind=ButtonKind::Button icon=Shape::Stop on:click=cancel>
                                "Cancel"
                            </Button>
                        </Show>
                        <Button attr:id="ask" variant=ButtonVariant::Primary busy=busy>
                            "Ask"
                        </Button>
                    </span>
                </div>
            </div>
            <p id="question-hint" class="text-xs text-muted">
                {move || if busy.get() { "Esc to cancel" } else { "Enter to ask · Shift+Enter for a new line" }}
            </p>
            {state.can_capture().then(|| view! { <HotkeyNote state /> })}
        </form>
    }
    .into_any()
}

/// A button that is disabled or removed loses the focus: it goes to what can be done next.
fn keep_focus(busy: Memo<bool>) {
    Effect::new(move |before: Option<bool>| {
        let now = busy.get();
        if before.is_some_and(|before| before != now) {
            request_animation_frame(move || {
                if web::focused_id().is_none_or(|id| id == "ask") {
                    web::focus(if now { "cancel" } else { "question" });
                }
            });
        }
        now
    });
}

#[component]
fn QuestionField(state: SidebarState, ask: Callback<()>) -> impl IntoView {
    let field = NodeRef::<html::Textarea>::new();
    let error = state.error_of("context");
    let on_key = move |event: ev::KeyboardEvent| {
        let sends = event.key() == "Enter" && !event.shift_key() && !event.alt_key();
        if sends && !event.is_composing() && event.key_code() != web::KEY_OF_INPUT_METHOD {
            event.prevent_default();
            if !state.is_busy() {
                ask.run(());
            }
        }
    };
    Effect::new(move |_| {
        state.question.track();
        if let Some(field) = field.get() {
            request_animation_frame(move || web::fit_height(&field));
        }
    });
    view! {
        <div class="space-y-1">
            <label for="question" class="sr-only">
                "Question"
            </label>
            <p id="question-error" role="alert" class="font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
            <textarea
                id="question"
                node_ref=field
                rows="2"
                dir="auto"
                placeholder="What do you want to know about it?"
                class="block max-h-[40dvh] w-full resize-none overflow-y-auto bg-transparent px-1 text-ink outline-none wrap-anywhere placeholder:text-muted"
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby="question-error question-hint"
                aria-keyshortcuts="Enter"
                on:input:target=move |event| state.question.set(event.target().value())
                on:keydown=on_key
                prop:value=move || state.question.get()
            ></textarea>
        </div>
    }
}

/// The choice of the mode. Its description is told in [`ModeNotice`].
#[component]
fn ModeChoice(state: SidebarState) -> impl IntoView {
    move || {
        let Modes::Ready(modes) = state.modes.get() else { return None };
        (!modes.is_empty()).then(|| view! { <ModeSelect state modes /> })
    }
}

#[component]
fn ModeSelect(state: SidebarState, modes: Vec<ModeSummary>) -> impl IntoView {
    let options = modes.into_iter().map(|mode| {
        let chosen = state.mode.with_untracked(|id| *id == mode.id);
        view! {
            <option value=mode.id selected=chosen>
                {mode.name}
            </option>
        }
    });
    view! {
        <label class="flex max-w-48 min-w-0 grow basis-28 items-center">
            <span class="sr-only">"Mode"</span>
            <select
                id="mode"
                class="min-h-8 w-full min-w-0 truncate rounded-md border border-edge bg-raised px-2 py-1 text-ink hover:border-muted"
                aria-describedby="mode-description"
                on:change:target=move |event| state.mode.set(event.target().value())
                prop:value=move || state.mode.get()
            >
                {options.collect_view()}
            </select>
        </label>
    }
}

/// What the chosen mode is for, or why there is none.
#[component]
fn ModeNotice(state: SidebarState) -> impl IntoView {
    let again = Callback::new(move |()| spawn_local(state.load_modes()));
    let error = state.error_of("mode");
    let description = Memo::new(move |_| {
        state.modes.with(|modes| match modes {
            Modes::Ready(modes) => state
                .mode
                .with(|id| modes.iter().find(|mode| mode.id == *id).map(|mode| mode.description.clone())),
            _ => None,
        })
    });
    // The answer tells it already.
    let told =
        move |kind: &str| state.run.with(|run| run.problem().is_some_and(|problem| problem.kind == kind));
    let notice = move || match state.modes.get() {
        Modes::Failed(problem) if !told(&problem.kind) => {
            Some(view! { <ProblemAdvice problem again words="Try again" /> }.into_any())
        }
        Modes::Ready(modes) if modes.is_empty() => Some(
            view! {
                <Notice title="No mode is available">
                    <p>"An administrator must enable one for you."</p>
                </Notice>
            }
            .into_any(),
        ),
        _ => None,
    };
    view! {
        {notice}
        <p
            id="mode-description"
            class="line-clamp-2 text-xs text-muted wrap-anywhere empty:hidden"
            dir="auto"
            title=move || description.get()
        >
            {move || description.get()}
        </p>
        <p role="alert" class="font-semibold text-bad empty:hidden">
            {move || error.get()}
        </p>
    }
}
