//! The mode above, the question below.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Told;
use super::picture::PictureField;
use crate::design::{Button, ButtonKind, Look, Notice, Shape, Skeleton};
use crate::sidebar::desk::{Desk, Modes};
use crate::sidebar::run::{Light, Run};
use crate::sidebar::web;

const CONTROL: &str = "w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink hover:border-muted \
     aria-invalid:border-bad aria-invalid:bg-bad-wash";

#[component]
pub fn ModeChoice(desk: Desk) -> impl IntoView {
    let again = Callback::new(move |()| spawn_local(desk.load_modes()));
    let error = desk.error_of("mode");
    let description = move || {
        desk.modes.with(|modes| match modes {
            Modes::Ready(modes) => desk
                .mode
                .with(|id| modes.iter().find(|mode| mode.id == *id).map(|mode| mode.description.clone())),
            _ => None,
        })
    };
    view! {
        <section aria-label="Mode" class="shrink-0 space-y-1 border-b border-line p-3">
            {move || match desk.modes.get() {
                Modes::Loading => view! { <Skeleton lines=1 /> }.into_any(),
                Modes::Failed(problem) => view! { <Told problem again words="Try again" /> }.into_any(),
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
                                on:change:target=move |event| desk.mode.set(event.target().value())
                                prop:value=move || desk.mode.get()
                            >
                                {modes
                                    .into_iter()
                                    .map(|mode| {
                                        let chosen = desk.mode.with_untracked(|id| *id == mode.id);
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
pub fn Composer(desk: Desk) -> impl IntoView {
    let running = Memo::new(move |_| desk.run.with(Run::is_running));
    let busy = Memo::new(move |_| {
        running.get() || desk.look.with(|look| desk.run.with(|run| Light::of(look, run) != Light::Blind))
    });
    let ask = move || spawn_local(desk.ask());
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && web::has_command_key(&event) {
            event.prevent_default();
            ask();
        }
    };
    let cancel = move |_| {
        desk.cancel();
        web::focus("question");
    };
    // A button that is disabled or goes away takes the focus with it.
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
    let error = desk.error_of("context");
    view! {
        <form
            class="shrink-0 space-y-3 border-t border-line p-3"
            aria-label="Question"
            on:submit=move |event| {
                event.prevent_default();
                ask();
            }
        >
            <PictureField desk />
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
                    on:input:target=move |event| desk.question.set(event.target().value())
                    on:keydown=on_key
                    prop:value=move || desk.question.get()
                ></textarea>
            </div>
            <div class="flex flex-wrap items-center gap-2">
                <Button attr:id="ask" look=Look::Primary busy=busy>
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
