//! The two steps of the native sign-in. What was wrong is told at the form, in one wording, and the password is asked
//! for anew; the address stays.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::Problem;
use protocol::native::Login;

use super::Told;
use crate::design::{
    BriefNotice, Button, ButtonKind, Field, FieldKind, Icon, Look, NoticeTone, PasswordField, Shape,
};
use crate::sidebar::access::{Access, AccessEvent, Entry, Reason};
use crate::sidebar::desk::Desk;
use crate::sidebar::web;

#[component]
pub fn SignIn(desk: Desk) -> impl IntoView {
    let at_code = Memo::new(move |_| desk.access.with(|access| matches!(access, Access::Code { .. })));
    let address = RwSignal::new(String::new());
    view! {
        <main id="main" class="grow space-y-5 overflow-y-auto p-4">
            {move || {
                if at_code.get() {
                    view! { <CodeStep desk /> }.into_any()
                } else {
                    view! { <PasswordStep desk address /> }.into_any()
                }
            }}
        </main>
    }
}

#[component]
fn PasswordStep(desk: Desk, address: RwSignal<String>) -> impl IntoView {
    let first = if address.with_untracked(String::is_empty) { "username" } else { "password" };
    web::focus(first);
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (username, password) = (web::value_of("username"), web::value_of("password"));
        address.set(username.clone());
        spawn_local(desk.sign_in(Login { username, password }));
    };
    let error = wrong_input(desk);
    ask_again_at(desk, "password");
    view! {
        <h1 class="text-lg">"Sign in on this machine"</h1>
        <Why desk />
        <form class="space-y-4" on:submit=ask>
            <Field
                name="username"
                label="E-mail address"
                kind=FieldKind::Email
                autocomplete="username"
                value=address.get_untracked()
            />
            <PasswordField name="password" label="Password" error autocomplete="current-password" />
            <OtherProblem desk />
            <Button look=Look::Primary busy=waiting(desk)>"Continue"</Button>
        </form>
    }
}

#[component]
fn CodeStep(desk: Desk) -> impl IntoView {
    web::focus("code");
    let challenge = desk.access.with_untracked(|access| match access {
        Access::Code { challenge, .. } => Some(challenge.clone()),
        _ => None,
    });
    let hint = match &challenge {
        Some(challenge) if challenge.methods.iter().any(|method| method == "recovery") => {
            "Six digits from your authenticator, or one of your recovery codes."
        }
        _ => "Six digits from your authenticator.",
    };
    let seconds = challenge.map_or(300, |challenge| challenge.expires_in);
    let expire = move || desk.enter(AccessEvent::ChallengeExpired);
    if let Ok(timer) = set_timeout_with_handle(expire, Duration::from_secs(seconds)) {
        on_cleanup(move || timer.clear());
    }
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        spawn_local(desk.verify(web::value_of("code").trim().to_owned()));
    };
    let error = wrong_input(desk);
    ask_again_at(desk, "code");
    view! {
        <h1 class="text-lg">"Enter your code"</h1>
        <form class="space-y-4" on:submit=ask>
            <Field
                name="code"
                label="Code"
                kind=FieldKind::OneTimeCode
                hint
                error
                autocomplete="one-time-code"
                monospace=true
            />
            <OtherProblem desk />
            <div class="flex gap-2">
                <Button look=Look::Primary busy=waiting(desk)>"Sign in"</Button>
                <Button
                    kind=ButtonKind::Button
                    look=Look::Quiet
                    on:click=move |_| desk.enter(AccessEvent::StartedOver)
                >
                    "Start over"
                </Button>
            </div>
        </form>
    }
}

/// Why one is (again) here, if there is a reason.
#[component]
fn Why(desk: Desk) -> impl IntoView {
    move || {
        let reason = desk.access.with(|access| match access.entry() {
            Some(Entry::Told(reason)) => Some(*reason),
            _ => None,
        });
        reason.map(|reason| match reason {
            Reason::ServerNotTold => {
                view! { <BriefNotice tone=NoticeTone::Bad title=reason.words() /> }.into_any()
            }
            _ => view! {
                <p role="status" class="flex gap-2 text-muted">
                    <span class="mt-0.5">
                        <Icon shape=Shape::Info />
                    </span>
                    {reason.words()}
                </p>
            }
            .into_any(),
        })
    }
}

/// What failed for another reason than what was typed: too many tries, no network, a bad certificate.
#[component]
fn OtherProblem(desk: Desk) -> impl IntoView {
    let again = Callback::new(move |()| {
        let id = if desk.access.with_untracked(|a| matches!(a, Access::Code { .. })) {
            "code"
        } else {
            "password"
        };
        web::focus(id);
    });
    move || {
        refused(desk)
            .filter(|problem| !problem.is("wrong-credentials"))
            .map(|problem| view! { <Told problem again words="Enter it again" /> })
    }
}

fn refused(desk: Desk) -> Option<Problem> {
    desk.access.with(|access| match access.entry() {
        Some(Entry::Refused(problem)) => Some(problem.clone()),
        _ => None,
    })
}

fn wrong_input(desk: Desk) -> Signal<Option<String>> {
    Signal::derive(move || {
        refused(desk)
            .filter(|problem| problem.is("wrong-credentials"))
            .map(|p| format!("{}. {}", p.title, p.detail))
    })
}

fn waiting(desk: Desk) -> Signal<bool> {
    Signal::derive(move || desk.access.with(Access::is_waiting))
}

/// After a refusal the secret is emptied and asked for again.
fn ask_again_at(desk: Desk, id: &'static str) {
    Effect::new(move |_| {
        if refused(desk).is_some() {
            web::set_value(id, "");
            web::focus(id);
        }
    });
}
