//! The two steps of the native sign-in. Errors are shown at the form with one message for all causes; the password has to
//! be entered again, the address is kept.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::Problem;
use protocol::native::Login;

use super::ProblemAdvice;
use crate::design::{
    BriefNotice, Button, ButtonKind, ButtonVariant, Field, FieldKind, Icon, NoticeTone, PasswordField, Shape,
};
use crate::sidebar::access::{Access, AccessEvent, Entry, Reason};
use crate::sidebar::state::SidebarState;
use crate::sidebar::web;

#[component]
pub fn SignIn(state: SidebarState) -> impl IntoView {
    let at_code = Memo::new(move |_| state.access.with(|access| matches!(access, Access::Code { .. })));
    let address = RwSignal::new(String::new());
    view! {
        <main id="main" class="grow space-y-5 overflow-y-auto p-4">
            {move || {
                if at_code.get() {
                    view! { <CodeStep state /> }.into_any()
                } else {
                    view! { <PasswordStep state address /> }.into_any()
                }
            }}
        </main>
    }
}

#[component]
fn PasswordStep(state: SidebarState, address: RwSignal<String>) -> impl IntoView {
    let first = if address.with_untracked(String::is_empty) { "username" } else { "password" };
    web::focus(first);
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (username, password) = (web::value_of("username"), web::value_of("password"));
        address.set(username.clone());
        spawn_local(state.sign_in(Login { username, password: password.into() }));
    };
    let error = wrong_input(state);
    clear_after_failure(state, "password");
    view! {
        <h1 class="text-lg">"Sign in on this machine"</h1>
        <Why state />
        <form class="space-y-4" on:submit=ask>
            <Field
                name="username"
                label="E-mail address"
                kind=FieldKind::Email
                autocomplete="username"
                value=address.get_untracked()
            />
            <PasswordField name="password" label="Password" error autocomplete="current-password" />
            <OtherProblem state />
            <Button variant=ButtonVariant::Primary busy=waiting(state)>"Continue"</Button>
        </form>
    }
}

#[component]
fn CodeStep(state: SidebarState) -> impl IntoView {
    web::focus("code");
    let challenge = state.access.with_untracked(|access| match access {
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
    let expire = move || state.apply_access(AccessEvent::ChallengeExpired);
    if let Ok(timer) = set_timeout_with_handle(expire, Duration::from_secs(seconds)) {
        on_cleanup(move || timer.clear());
    }
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        spawn_local(state.verify(web::value_of("code").trim().to_owned()));
    };
    let error = wrong_input(state);
    clear_after_failure(state, "code");
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
            <OtherProblem state />
            <div class="flex gap-2">
                <Button variant=ButtonVariant::Primary busy=waiting(state)>"Sign in"</Button>
                <Button
                    kind=ButtonKind::Button
                    variant=ButtonVariant::Quiet
                    on:click=move |_| state.apply_access(AccessEvent::StartedOver)
                >
                    "Start over"
                </Button>
            </div>
        </form>
    }
}

/// Why the person has to sign in (again), if there is a reason.
#[component]
fn Why(state: SidebarState) -> impl IntoView {
    move || {
        let reason = state.access.with(|access| match access.entry() {
            Some(Entry::Notice(reason)) => Some(*reason),
            _ => None,
        });
        reason.map(|reason| match reason {
            Reason::ServerNotNotified => {
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

/// Failures not caused by wrong input: too many attempts, no network, a bad certificate.
#[component]
fn OtherProblem(state: SidebarState) -> impl IntoView {
    let again = Callback::new(move |()| {
        let id = if state.access.with_untracked(|a| matches!(a, Access::Code { .. })) {
            "code"
        } else {
            "password"
        };
        web::focus(id);
    });
    move || {
        refused(state)
            .filter(|problem| !problem.is("wrong-credentials"))
            .map(|problem| view! { <ProblemAdvice problem again words="Enter it again" /> })
    }
}

fn refused(state: SidebarState) -> Option<Problem> {
    state.access.with(|access| match access.entry() {
        Some(Entry::Refused(problem)) => Some(problem.clone()),
        _ => None,
    })
}

fn wrong_input(state: SidebarState) -> Signal<Option<String>> {
    Signal::derive(move || {
        refused(state)
            .filter(|problem| problem.is("wrong-credentials"))
            .map(|p| format!("{}. {}", p.title, p.detail))
    })
}

fn waiting(state: SidebarState) -> Signal<bool> {
    Signal::derive(move || state.access.with(Access::is_waiting))
}

/// After a failed attempt, clears and focuses the field of the secret.
fn clear_after_failure(state: SidebarState, id: &'static str) {
    Effect::new(move |_| {
        if refused(state).is_some() {
            web::set_value(id, "");
            web::focus(id);
        }
    });
}
