//! The choice of the mode, and the form for the question.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ProblemAdvice;
use super::picture::PictureField;
use crate::design::{Button, ButtonKind, ButtonVariant, Notice, Shape, Skeleton};
use crate::sidebar::run::{Light, Run};
use crate::sidebar::state::{Modes, SidebarState};
use crate::sidebar::web;

const CONTROL: &str = "w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink hover:border-muted \
     aria-invalid:border-bad aria-invalid:bg-bad-wash";

#[component]
pub fn ModeChoice(state: SidebarState) -> impl IntoView {
    let again = Callback::new(move |()| spawn_local(state.load_modes()));
    let error = state.error_of("mode");
    let description = move || {
        state.modes.with(|modes| match modes {
            Modes::Ready(modes) => state
                .mode
                .with(|id| modes.iter().find(|mode| mode.id == *id).map(|mode| mode.description.clone())),
            _ => None,
        })
    };
    view! {
        <section aria-label="Mode" class="shrink-0 space-y-1 border-b border-line p-3">
            {move || match state.modes.get() {
                Modes::Loading => view! { <Skeleton lines=1 /> }.into_any(),
                Modes::Failed(problem) => view! { <ProblemAdvice problem again words="Try again" /> }.into_any(),
                Modes::Ready(modes) if modes.is_empty() => {
                    view! {
                        <Notice title="No mode is available">
                            <p>"An administrator must enable one for you."</p>
                        </Notice>
                    }
                        .into_any()
                }
                Modes::Ready(modes) => {
                    view! {
                        <div class="flex items-center gap-3">
                            <label for="mode" class="font-semibold">
                                "Mode"
                            </label>
                            <select
                                id="mode"
                                class=CONTROL
                                aria-describedby="mode-description"
                                on:change:target=move |event| state.mode.set(event.target().value())
                                prop:value=move || state.mode.get()
                            >
                                {modes
                                    .into_iter()
                                    .map(|mode| {
                                        let chosen = state.mode.with_untracked(|id| *id == mode.id);
                                        view! {
                                            <option value=mode.id selected=chosen>
                                                {mode.name}
                                            </option>
                                        }
                                    })
                                    .collect_view()}
                            </select>
                        </div>
                    }
                        .into_any()
                }
            }}
            <p id="mode-description" class="text-muted empty:hidden">
                {description}
            </p>
            <p role="alert" class="font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
        </section>
    }
}

/// Ctrl+Enter asks; Enter alone makes a new line, since questions carry code and lists.
#[component]
pub fn Composer(state: SidebarState) -> impl IntoView {
    let running = Memo::new(move |_| state.run.with(Run::is_running));
    let busy = Memo::new(move |_| {
        running.get()
            || state.capture.with(|capture| state.run.with(|run| Light::of(capture, run) != Light::Off))
    });
    let ask = move || spawn_local(state.ask());
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && web::has_command_key(&event) {
            event.prevent_default();
            ask();
        }
    };
    let cancel = move |_| {
        state.cancel();
        web::focus("question");
    };
    // A button that is disabled or removed loses the focus.
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
    let error = state.error_of("context");
    view! {
        <form
            class="shrink-0 space-y-3 border-t border-line p-3"
            aria-label="Question"
            on:submit=move |event| {
                event.prevent_default();
                ask();
            }
        >
            <PictureField state />
            <div class="space-y-1.5">
                <label for="question" class="block font-semibold">
                    "Question"
                </label>
                <p id="question-error" role="alert" class="font-semibold text-bad empty:hidden">
                    {move || error.get()}
                </p>
                <textarea
                    id="question"
                    rows="3"
                    class=CONTROL
                    aria-invalid=move || error.with(Option::is_some).then_some("true")
                    aria-describedby="question-error question-hint"
                    aria-keyshortcuts="Control+Enter"
                    on:input:target=move |event| state.question.set(event.target().value())
                    on:keydown=on_key
                    prop:value=move || state.question.get()
                ></textarea>
            </div>
            <div class="flex flex-wrap items-center gap-2">
                <Button attr:id="ask" variant=ButtonVariant::Primary busy=busy>
                    "Ask"
                </Button>
                <Show when=move || busy.get()>
                    <Button attr:id="cancel" kind=ButtonKind::Button icon=Shape::Stop on:click=cancel>
                        "Cancel"
                    </Button>
                </Show>
                <span id="question-hint" class="ml-auto text-xs text-muted">
                    {move || if busy.get() { "Esc cancels" } else { "Ctrl+Enter asks" }}
                </span>
            </div>
        </form>
    }
}
