//! `/setup/{token}`: a password, an authenticator, and the recovery codes, shown once.
//!
//! Needs scripts: the recovery codes are answered to this page alone and stand in no address and no cookie.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use protocol::people::{Role, SetupOffer};

use super::api::{self, SetUp};
use super::recovery::RecoveryPage;
use crate::design::{
    Button, CopyButton, Field, FieldKind, Look, PasswordField, ProblemNotice, PublicPage, loaded, scripts_run,
};
use crate::form::{self, field_error, problem_of};

/// As text: where scripts run, a browser reads what is inside `<noscript>` as text too, and there is nothing to hydrate.
const NEEDS_SCRIPTS: &str = "<p role=\"alert\" class=\"rounded-md border-l-4 border-bad bg-bad-wash px-4 py-3\">\
    <strong>This page needs scripts.</strong> Switch on JavaScript, then load it again. Your link stays good.</p>";

#[component]
pub fn SetupPage() -> impl IntoView {
    let params = use_params_map();
    let token = Memo::new(move |_| params.with(|p| p.get("token").unwrap_or_default()));
    let offer = Resource::new_blocking(move || token.get(), api::offer);
    let set_up = form::action::<SetUp>();
    let done = move || set_up.value().with(|value| matches!(value, Some(Ok(_))));
    let title = Signal::derive(move || {
        if done() { "Save your recovery codes" } else { "Set up your sign-in" }.to_owned()
    });
    view! {
        <PublicPage title>
            <noscript inner_html=NEEDS_SCRIPTS></noscript>
            {loaded(offer, move |offer| {
                let role = offer.role;
                let codes = move || set_up.value().get().and_then(Result::ok);
                view! {
                    {move || codes().map(|codes| view! { <RecoveryPage codes role /> })}
                    <div hidden=done>
                        <SetupForm offer token=token.get_untracked() set_up />
                    </div>
                }
            })}
        </PublicPage>
    }
}

#[component]
fn SetupForm(offer: SetupOffer, token: String, set_up: ServerAction<SetUp>) -> impl IntoView {
    let problem = problem_of(set_up, None);
    let lead = match (&offer.email, offer.role) {
        (None, _) => "You become this server’s first administrator.".to_owned(),
        (Some(email), Role::Administrator) => format!("For {email}, as an administrator."),
        (Some(email), Role::User) => format!("For {email}."),
    };
    let secret = offer.totp_secret.clone();
    let scripts = scripts_run();
    // Without scripts the answer, and with it the codes, would be lost and the link spent.
    let dead = Signal::derive(move || !scripts.get());
    view! {
        <div class="space-y-6">
            <p class="text-muted">{lead}</p>
            <ProblemNotice problem shown_at_fields=&["email", "password", "code"] />
            <ActionForm action=set_up>
                <div class="space-y-8">
                    <input type="hidden" name="token" value=token />
                    {match offer.email {
                        Some(email) => {
                            view! { <input type="hidden" name="email" value=email autocomplete="username" /> }.into_any()
                        }
                        None => {
                            view! {
                                <Field
                                    name="email"
                                    label="Your e-mail address"
                                    kind=FieldKind::Email
                                    autocomplete="username"
                                    error=field_error(problem, "email")
                                />
                            }
                                .into_any()
                        }
                    }}
                    <PasswordField
                        label="Choose a password"
                        hint="At least 12 characters. Several words make a good password; nothing else is required of it."
                        autocomplete="new-password"
                        error=field_error(problem, "password")
                    />
                    <section class="space-y-4">
                        <h2 class="text-lg">"Connect an authenticator"</h2>
                        <p>
                            "Open an authenticator app on your phone, add an account, and scan this code."
                        </p>
                        <div
                            class="qr w-52 rounded-md border border-line bg-white p-3"
                            role="img"
                            aria-label="QR code for the authenticator; the same secret stands below as text"
                            inner_html=offer.totp_qr_svg
                        ></div>
                        <div class="space-y-2">
                            <p class="text-sm text-muted">"Or type in this secret (time-based, six digits):"</p>
                            <p class="font-mono break-words select-all">{secret.clone()}</p>
                            <CopyButton text=Signal::stored(secret.replace(' ', "")) what="the secret" />
                        </div>
                    </section>
                    <Field
                        name="code"
                        label="Code"
                        kind=FieldKind::OneTimeCode
                        hint="The six digits that the authenticator shows now."
                        autocomplete="one-time-code"
                        monospace=true
                        error=field_error(problem, "code")
                    />
                    <Button look=Look::Primary large=true disabled=dead busy=set_up.pending()>
                        "Set up"
                    </Button>
                </div>
            </ActionForm>
        </div>
    }
}
