//! `/login`: address and password, then a code. Every failure has the same words.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;

use super::api::{self, Arrival, SecondFactor, SignIn};
use crate::design::{
    Button, Field, FieldKind, Look, Notice, PasswordField, ProblemNotice, PublicPage, loaded,
};
use crate::form::{self, Refused, problem_of};
use crate::navigation::{local_path, with_query};

#[component]
pub fn LoginPage() -> impl IntoView {
    let query = use_query_map();
    let code_step = Memo::new(move |_| query.with(|q| q.get_str("step") == Some("code")));
    let next = Memo::new(move |_| {
        query.with(|q| q.get_str("next").and_then(local_path).map(str::to_owned).unwrap_or_default())
    });
    #[cfg(feature = "ssr")]
    if crate::visit::Visit::current().is_ok_and(|visit| visit.administrator().is_ok()) {
        crate::navigation::redirect(&api::step_path(
            &protocol::people::SignInStep::Done,
            &next.get_untracked(),
        ));
    }
    let sign_in = form::action::<SignIn>();
    let second_factor = form::action::<SecondFactor>();
    let arrival = Resource::new_blocking(move || code_step.get(), api::sign_in_start);
    let title =
        Signal::derive(move || if code_step.get() { "Enter your code" } else { "Sign in" }.to_owned());
    view! {
        <PublicPage title>
            {loaded(arrival, move |arrival| {
                if code_step.get_untracked() {
                    view! { <CodeStep refused=arrival.refused action=second_factor next /> }.into_any()
                } else {
                    view! { <PasswordStep arrival action=sign_in next /> }.into_any()
                }
            })}
        </PublicPage>
    }
}

#[component]
fn PasswordStep(arrival: Arrival, action: ServerAction<SignIn>, next: Memo<String>) -> impl IntoView {
    let Arrival { refused, signed_out } = arrival;
    let problem = problem_of(action, refused.as_ref());
    let email = refused.and_then(|r| r.typed.value("email")).unwrap_or_default();
    view! {
        <p class="text-muted">"For administrators of this server."</p>
        {signed_out
            .map(|why| {
                view! {
                    <Notice title="Your session has ended">
                        <p>{why} " Sign in again to go on where you were."</p>
                    </Notice>
                }
            })}
        <ProblemNotice problem />
        <ActionForm action=action>
            <div class="space-y-6">
                <input type="hidden" name="next" value=move || next.get() />
                <Field
                    name="email"
                    label="E-mail address"
                    kind=FieldKind::Email
                    autocomplete="username"
                    value=email
                />
                <PasswordField label="Password" autocomplete="current-password" />
                <Button look=Look::Primary large=true busy=action.pending()>
                    "Continue"
                </Button>
            </div>
        </ActionForm>
        <p class="border-t border-line pt-6 text-sm text-muted">
            "No account yet? " <A href="/request-access" attr:class="link">"Request access"</A> " for your machine."
        </p>
    }
}

#[component]
fn CodeStep(
    refused: Option<Refused>,
    action: ServerAction<SecondFactor>,
    next: Memo<String>,
) -> impl IntoView {
    let problem = problem_of(action, refused.as_ref());
    let again = move || with_query("/login", &[("next", &next.get())]);
    view! {
        <ProblemNotice problem />
        <ActionForm action=action>
            <div class="space-y-6">
                <input type="hidden" name="next" value=move || next.get() />
                <Field
                    name="code"
                    label="Code"
                    kind=FieldKind::OneTimeCode
                    hint="The six digits that your authenticator shows, or one of your recovery codes."
                    autocomplete="one-time-code"
                    monospace=true
                    focused=true
                />
                <Button look=Look::Primary large=true busy=action.pending()>
                    "Sign in"
                </Button>
            </div>
        </ActionForm>
        <p class="border-t border-line pt-6 text-sm text-muted">
            <A href=again attr:class="link">
                "Start again"
            </A>
            " with address and password."
        </p>
    }
}
