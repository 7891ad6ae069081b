//! `/login`: address and password, then a code. Every failure has the same message.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::api::{self, Arrival, SecondFactor, SignIn};
use crate::design::{
    Button, ButtonVariant, Field, FieldKind, Notice, PasswordField, ProblemNotice, PublicPage, loaded,
};
use crate::form::RejectedForm;
use crate::navigation::{local_path, with_query};

#[component]
pub fn LoginPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let code_step = query.get_str("step") == Some("code");
    let next = query.get_str("next").and_then(local_path).unwrap_or_default().to_owned();
    #[cfg(feature = "ssr")]
    if crate::request_context::RequestContext::current().is_ok_and(|context| context.administrator().is_ok())
    {
        crate::navigation::redirect(&api::step_path(&protocol::people::SignInStep::Done, &next));
    }
    let arrival = Resource::new_blocking(move || code_step, api::sign_in_start);
    view! {
        <PublicPage title=if code_step { "Enter your code" } else { "Sign in" }>
            {loaded(arrival, move |arrival| {
                let next = next.clone();
                if code_step {
                    view! { <CodeStep refused=arrival.refused next /> }.into_any()
                } else {
                    view! { <PasswordStep arrival next /> }.into_any()
                }
            })}
        </PublicPage>
    }
}

#[component]
fn PasswordStep(arrival: Arrival, next: String) -> impl IntoView {
    let Arrival { refused, signed_out } = arrival;
    let problem = Signal::stored(refused.as_ref().map(|refused| refused.problem.clone()));
    let email = refused.and_then(|r| r.typed.value("email")).unwrap_or_default();
    view! {
        <p class="text-muted">"For administrators, and for your own account."</p>
        {signed_out
            .map(|why| {
                view! {
                    <Notice title="Your session has ended">
                        <p>{why} " Sign in to continue where you left off."</p>
                    </Notice>
                }
            })}
        <ProblemNotice problem />
        <form method="post" action=SignIn::url()>
            <div class="space-y-6">
                <input type="hidden" name="next" value=next />
                <Field
                    name="email"
                    label="E-mail address"
                    kind=FieldKind::Email
                    autocomplete="username"
                    value=email
                />
                <PasswordField label="Password" autocomplete="current-password" />
                <Button variant=ButtonVariant::Primary large=true>
                    "Continue"
                </Button>
            </div>
        </form>
        <p class="border-t border-line pt-6 text-sm text-muted">
            "No account yet? " <a href="/request-access" class="link">"Request access"</a> " for your machine."
        </p>
    }
}

#[component]
fn CodeStep(refused: Option<RejectedForm>, next: String) -> impl IntoView {
    let problem = Signal::stored(refused.map(|refused| refused.problem));
    let again = with_query("/login", &[("next", &next)]);
    view! {
        <ProblemNotice problem />
        <form method="post" action=SecondFactor::url()>
            <div class="space-y-6">
                <input type="hidden" name="next" value=next />
                <Field
                    name="code"
                    label="Code"
                    kind=FieldKind::OneTimeCode
                    hint="Six digits from your authenticator, or a recovery code."
                    autocomplete="one-time-code"
                    monospace=true
                    focused=true
                />
                <Button variant=ButtonVariant::Primary large=true>
                    "Sign in"
                </Button>
            </div>
        </form>
        <p class="border-t border-line pt-6 text-sm text-muted">
            <a href=again class="link">
                "Start again"
            </a>
            " with your address and password."
        </p>
    }
}
