//! The page once its scripts run: the status bar, and below it the sign-in or the workspace.

mod answer;
mod composer;
mod copy;
mod earlier;
mod edit;
mod heading;
mod history;
mod markdown;
mod picture;
mod policy;
mod progress;
mod question;
mod recovery;
mod sign_in;
mod status_bar;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, web_sys};
use protocol::Problem;

use super::access::{Access, AccessEvent};
use super::advice::{Advice, message};
use super::state::SidebarState;
use super::{transport, web};
use crate::design::{Button, ButtonKind, ButtonLink, ButtonVariant, Notice, NoticeTone, Skeleton};

/// Starts the sidebar of this window.
pub fn interior() -> AnyView {
    let state = SidebarState::new(
        transport::of_this_window(),
        web::remembered_mode(),
        web::remembered_conversation(),
    );
    // Not the value that it begins with: nothing was opened yet.
    Effect::new(move |begun: Option<()>| {
        let id = state.conversation.get();
        if begun.is_some() {
            web::remember_conversation(&id);
        }
    });
    state.question.set(web::remembered_question());
    Effect::new(move |_| state.question.with(|question| web::remember_question(question)));
    spawn_local(state.start());
    Effect::new(move |_| {
        state.mode.with(|id| {
            if !id.is_empty() {
                web::remember_mode(id);
            }
        });
    });
    let dragging = RwSignal::new(false);
    listen(state, dragging);
    edit::watch_hotkey(state);
    on_cleanup(move || state.cancel());
    let screen = Memo::new(move |_| state.access.with(Screen::of));
    view! {
        <status_bar::StatusBar state />
        <policy::PolicyLine state />
        <recovery::Recovery state />
        {move || match screen.get() {
            Screen::Checking => {
                view! {
                    <main id="main" class="grow p-3">
                        <Skeleton lines=3 />
                    </main>
                }
                    .into_any()
            }
            Screen::Unknown => view! { <Unknown state /> }.into_any(),
            Screen::SignIn => view! { <sign_in::SignIn state /> }.into_any(),
            Screen::Workspace => view! { <Workspace state /> }.into_any(),
        }}
        <Show when=move || dragging.get() && screen.get() == Screen::Workspace>
            <p class="pointer-events-none fixed inset-2 z-20 grid place-items-center rounded-lg border-2 border-dashed border-focus bg-paper/90 font-semibold">
                "Drop the picture here"
            </p>
        </Show>
    }
    .into_any()
}

/// What is shown below the status bar. Changes within a screen keep its elements, and with them what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Checking,
    SignIn,
    Unknown,
    Workspace,
}

impl Screen {
    fn of(access: &Access) -> Self {
        match access {
            Access::Checking => Self::Checking,
            Access::Unknown(_) => Self::Unknown,
            Access::Code { .. } | Access::Password(_) => Self::SignIn,
            Access::SignedIn(_) => Self::Workspace,
        }
    }
}

/// Keys, pasting and dropping work anywhere on the page.
fn listen(state: SidebarState, dragging: RwSignal<bool>) {
    let signed_in = move || state.access.with_untracked(|access| access.session().is_some());
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.key() != "Escape" || web::dialog_is_open() {
            return;
        }
        if state.history.with_untracked(Option::is_some) {
            event.prevent_default();
            state.hide_history();
            web::focus("history");
        } else if state.is_busy() {
            event.prevent_default();
            state.cancel();
            web::focus("question");
        }
    });
    let paste = window_event_listener(ev::paste, move |event| {
        if let Some(file) = web::pasted_file(&event).filter(|_| signed_in()) {
            event.prevent_default();
            read_picture(state, file);
        }
    });
    // Otherwise the browser would navigate to the file.
    let over = window_event_listener(ev::dragover, move |event| {
        event.prevent_default();
        dragging.set(true);
    });
    let left = window_event_listener(ev::dragleave, move |event| {
        if web::has_left(&event) {
            dragging.set(false);
        }
    });
    let dropped = window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        dragging.set(false);
        if let Some(file) = web::dropped_file(&event).filter(|_| signed_in()) {
            read_picture(state, file);
        }
    });
    on_cleanup(move || {
        keys.remove();
        paste.remove();
        over.remove();
        left.remove();
        dropped.remove();
    });
}

/// Reads a file and makes it the picture.
fn read_picture(state: SidebarState, file: web_sys::File) {
    spawn_local(async move {
        match web::read(&file).await {
            Ok(bytes) => state.accept_file(&file.name(), bytes),
            Err(problem) => state.refused.set(Some(problem)),
        }
    });
}

/// Checking whether somebody is signed in failed.
#[component]
fn Unknown(state: SidebarState) -> impl IntoView {
    let problem = move || match state.access.get() {
        Access::Unknown(problem) => Some(problem),
        _ => None,
    };
    let again = Callback::new(move |()| {
        state.apply_access(AccessEvent::CheckRepeated);
        spawn_local(state.start());
    });
    view! {
        <main id="main" class="grow p-3">
            <h1 class="sr-only">"Sidebar"</h1>
            {move || problem().map(|problem| view! { <ProblemAdvice problem again words="Try again" /> })}
        </main>
    }
}

#[component]
fn Workspace(state: SidebarState) -> impl IntoView {
    web::focus("question");
    let listed = Memo::new(move |_| state.history.with(Option::is_some));
    view! {
        <main id="main" class="flex min-h-0 grow flex-col">
            <h1 class="sr-only">"Sidebar"</h1>
            <heading::Heading state />
            <Show when=move || listed.get()>
                <history::History state />
            </Show>
            // Kept while the history is shown: with it the place where one reads, and what was typed.
            <div class="flex min-h-0 grow flex-col" class:hidden=move || listed.get()>
                <answer::AnswerView state />
                <composer::Composer state />
            </div>
        </main>
    }
}

/// A problem, with its next step as a button.
#[component]
fn ProblemAdvice(
    problem: Problem,
    again: Callback<()>,
    /// The label for trying again.
    words: &'static str,
) -> impl IntoView {
    let advice = Advice::on(&problem);
    let text = message(&problem);
    // The button already says "again", and a detail often ends with the advice.
    let redundant = advice == Advice::RetryIn(0)
        || text.to_lowercase().contains(advice.words().trim_end_matches('.').to_lowercase().as_str());
    let step = match &advice {
        Advice::NewCertificate(reason) => {
            let href = format!("/request-access?reason={}", reason.as_str());
            view! { <ButtonLink href=href>"Ask for a certificate"</ButtonLink> }.into_any()
        }
        Advice::Correct | Advice::RetryIn(_) | Advice::SignIn => view! {
            <Button kind=ButtonKind::Button variant=ButtonVariant::Secondary on:click=move |_| again.run(())>
                {words}
            </Button>
        }
        .into_any(),
    };
    view! {
        <Notice tone=NoticeTone::Bad title=problem.title.clone()>
            <p>{text}</p>
            {(!redundant).then(|| view! { <p>{advice.words()}</p> })}
            <div>{step}</div>
        </Notice>
    }
}
