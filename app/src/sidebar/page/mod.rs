//! The page once its scripts run: the status strip, and below it the sign-in or the desk.

mod answer;
mod ask;
mod markdown;
mod picture;
mod sign_in;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, web_sys};
use protocol::Problem;

use super::access::{Access, AccessEvent};
use super::advice::{Advice, what};
use super::desk::Desk;
use super::run::Light;
use super::{transport, web};
use crate::design::{Button, ButtonKind, ButtonLink, Icon, Look, Notice, NoticeTone, Shape, Skeleton};

/// Starts the desk of this window.
pub fn live() -> AnyView {
    let desk = Desk::new(transport::of_this_window(), web::remembered_mode());
    spawn_local(desk.start());
    Effect::new(move |_| {
        desk.mode.with(|id| {
            if !id.is_empty() {
                web::remember_mode(id);
            }
        });
    });
    listen(desk);
    on_cleanup(move || desk.cancel());
    let part = Memo::new(move |_| desk.access.with(Part::of));
    view! {
        <Strip desk />
        {move || match part.get() {
            Part::Checking => {
                view! {
                    <main id="main" class="grow p-3">
                        <Skeleton lines=3 />
                    </main>
                }
                    .into_any()
            }
            Part::Unknown => view! { <Unknown desk /> }.into_any(),
            Part::SignIn => view! { <sign_in::SignIn desk /> }.into_any(),
            Part::Desk => view! { <Workplace desk /> }.into_any(),
        }}
    }
    .into_any()
}

/// What is shown below the strip. Changes within a part keep its elements, and with them what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Checking,
    Desk,
    SignIn,
    Unknown,
}

impl Part {
    fn of(access: &Access) -> Self {
        match access {
            Access::Checking => Self::Checking,
            Access::Unknown(_) => Self::Unknown,
            Access::Code { .. } | Access::Password(_) => Self::SignIn,
            Access::SignedIn(_) => Self::Desk,
        }
    }
}

/// Keys, pasting and dropping work anywhere on the page.
fn listen(desk: Desk) {
    let signed_in = move || desk.access.with_untracked(|access| access.session().is_some());
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" && desk.is_busy() && !web::dialog_is_open() {
            event.prevent_default();
            desk.cancel();
            web::focus("question");
        }
    });
    let paste = window_event_listener(ev::paste, move |event| {
        if let Some(file) = web::pasted_file(&event).filter(|_| signed_in()) {
            event.prevent_default();
            take(desk, file);
        }
    });
    // Without this the browser would leave the page and open the file.
    let over = window_event_listener(ev::dragover, |event| event.prevent_default());
    let dropped = window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        if let Some(file) = web::dropped_file(&event).filter(|_| signed_in()) {
            take(desk, file);
        }
    });
    on_cleanup(move || {
        keys.remove();
        paste.remove();
        over.remove();
        dropped.remove();
    });
}

/// Reads a file and makes it the picture.
fn take(desk: Desk, file: web_sys::File) {
    spawn_local(async move {
        match web::read(&file).await {
            Ok(bytes) => desk.take(&file.name(), bytes),
            Err(problem) => desk.refused.set(Some(problem)),
        }
    });
}

/// The signal light, and who is signed in.
#[component]
fn Strip(desk: Desk) -> impl IntoView {
    let light = Memo::new(move |_| desk.look.with(|look| desk.run.with(|run| Light::of(look, run))));
    let email = Memo::new(move |_| desk.access.with(|access| access.session().map(|s| s.email.clone())));
    view! {
        <header
            class="flex min-h-8 shrink-0 items-center gap-2 px-3 text-sm font-semibold"
            class=(["bg-ink", "text-paper"], move || light.get() == Light::Blind)
            class=(["bg-signal", "text-on-signal"], move || light.get() != Light::Blind)
        >
            <span role="status" class="flex items-center gap-2 whitespace-nowrap">
                <Show when=move || light.get() != Light::Blind>
                    <span
                        aria-hidden="true"
                        class="size-2.5 rounded-full bg-current motion-safe:animate-pulse-slow"
                    ></span>
                </Show>
                {move || light.get().words()}
            </span>
            {move || {
                email
                    .get()
                    .map(|email| {
                        view! {
                            <span class="ml-auto truncate font-normal" title=email.clone()>
                                {email.clone()}
                            </span>
                            <button
                                type="button"
                                class="inline-flex items-center gap-1 rounded-sm px-1 py-0.5 whitespace-nowrap underline-offset-2 hover:underline"
                                on:click=move |_| spawn_local(desk.sign_out())
                            >
                                <Icon shape=Shape::SignOut />
                                "Sign out"
                            </button>
                        }
                    })
            }}
        </header>
    }
}

/// Whether somebody is signed in could not be found out.
#[component]
fn Unknown(desk: Desk) -> impl IntoView {
    let problem = move || match desk.access.get() {
        Access::Unknown(problem) => Some(problem),
        _ => None,
    };
    let again = Callback::new(move |()| {
        desk.enter(AccessEvent::CheckRepeated);
        spawn_local(desk.start());
    });
    view! {
        <main id="main" class="grow p-3">
            <h1 class="sr-only">"Sidebar"</h1>
            {move || problem().map(|problem| view! { <Told problem again words="Try again" /> })}
        </main>
    }
}

#[component]
fn Workplace(desk: Desk) -> impl IntoView {
    web::focus("question");
    view! {
        <main id="main" class="flex min-h-0 grow flex-col">
            <h1 class="sr-only">"Sidebar"</h1>
            <ask::ModeChoice desk />
            <answer::AnswerView desk />
            <ask::Composer desk />
        </main>
    }
}

/// A problem where it happened, with the one next step as a button.
#[component]
fn Told(
    problem: Problem,
    again: Callback<()>,
    /// What trying again is called here.
    words: &'static str,
) -> impl IntoView {
    let advice = Advice::on(&problem);
    let told = what(&problem);
    // The button says "again" already, and a detail often ends in the advice.
    let says_it = advice == Advice::RetryIn(0)
        || told.to_lowercase().contains(advice.words().trim_end_matches('.').to_lowercase().as_str());
    let step = match &advice {
        Advice::NewCertificate(reason) => {
            let href = format!("/request-access?reason={}", reason.as_str());
            view! { <ButtonLink href=href>"Ask for a certificate"</ButtonLink> }.into_any()
        }
        Advice::Correct | Advice::RetryIn(_) | Advice::SignIn => view! {
            <Button kind=ButtonKind::Button look=Look::Secondary on:click=move |_| again.run(())>
                {words}
            </Button>
        }
        .into_any(),
    };
    view! {
        <Notice tone=NoticeTone::Bad title=problem.title.clone()>
            <p>{told}</p>
            {(!says_it).then(|| view! { <p>{advice.words()}</p> })}
            <div>{step}</div>
        </Notice>
    }
}
