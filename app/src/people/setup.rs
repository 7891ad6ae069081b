//! `/setup/{token}`: a password, an authenticator, and the recovery codes, shown until they are saved.
//!
//! Needs scripts: the recovery codes are in no address and no cookie.

use leptos::either::Either;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use protocol::Problem;
use protocol::people::{RecoveryCodes, Role, SetupOffer};
use serde::{Deserialize, Serialize};

use super::api::{self, SetUp};
use super::recovery::RecoveryPage;
use crate::design::{
    Button, ButtonVariant, CopyButton, Field, FieldKind, PasswordField, ProblemNotice, PublicPage, loaded,
    scripts_run,
};
use crate::form::field_error;
use crate::island::{Island, island};

/// Set as HTML: where scripts run, browsers parse the content of `<noscript>` as text, so there would be no elements to
/// hydrate.
const NEEDS_SCRIPTS: &str = "<p role=\"alert\" class=\"rounded-md border-l-4 border-bad bg-bad-wash px-4 py-3\">\
    <strong>This page needs scripts.</strong> Turn on JavaScript, then reload it. Your link still works.</p>";

#[component]
pub fn SetupPage() -> impl IntoView {
    let token = use_params_map().get_untracked().get("token").unwrap_or_default();
    let of_token = token.clone();
    let offer = Resource::new_blocking(move || of_token.clone(), api::offer);
    view! {
        <PublicPage title="Set up your sign-in">
            <noscript inner_html=NEEDS_SCRIPTS></noscript>
            {loaded(offer, move |offer| {
                let SetupOffer { email, role, totp_secret, totp_qr_svg, codes } = offer;
                island(SetupForm { token: token.clone(), email, role, totp_secret, totp_qr_svg, codes })
            })}
        </PublicPage>
    }
}

/// The form, which the recovery codes replace afterwards.
#[derive(Serialize, Deserialize)]
pub struct SetupForm {
    token: String,
    email: Option<String>,
    role: Role,
    totp_secret: String,
    /// Already in the page that the server rendered; hydration does not need it.
    #[serde(skip)]
    totp_qr_svg: String,
    /// The account is set up already: its codes, once more.
    codes: Option<RecoveryCodes>,
}

impl std::fmt::Debug for SetupForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupForm")
            .field("email", &self.email)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// The state of the form's submission.
#[derive(Debug, Clone, Copy)]
struct SubmitState {
    busy: RwSignal<bool>,
    problem: RwSignal<Option<Problem>>,
    codes: RwSignal<Option<RecoveryCodes>>,
}

impl SubmitState {
    fn new(codes: Option<RecoveryCodes>) -> Self {
        Self { busy: RwSignal::new(false), problem: RwSignal::new(None), codes: RwSignal::new(codes) }
    }

    /// Handles the form's submit event.
    #[cfg(feature = "hydrate")]
    fn submit(self, event: &SubmitEvent) {
        use crate::web;

        event.prevent_default();
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let form = event_target(event);
        leptos::task::spawn_local(async move {
            match web::post(SetUp::url(), &form).await {
                Ok(codes) => {
                    web::set_title("Save your recovery codes");
                    self.problem.set(None);
                    self.codes.set(Some(codes));
                }
                Err(problem) => self.problem.set(Some(problem)),
            }
            self.busy.set(false);
        });
    }

    /// Never called: there are no events on the server.
    #[cfg(not(feature = "hydrate"))]
    #[expect(clippy::unused_self, reason = "the browser's version needs it")]
    fn submit(self, _: &SubmitEvent) {}
}

impl Island for SetupForm {
    const NAME: &'static str = "setup";

    fn view(self) -> impl IntoView {
        let role = self.role;
        let is_set_up = self.codes.is_some();
        let state = SubmitState::new(self.codes.clone());
        view! {
            {move || state.codes.get().map(|codes| view! { <RecoveryPage codes role /> })}
            {(!is_set_up)
                .then(|| {
                    view! {
                        <div hidden=move || state.codes.with(Option::is_some)>
                            <Fields offer=self state />
                        </div>
                    }
                })}
        }
    }
}

#[component]
fn Fields(offer: SetupForm, state: SubmitState) -> impl IntoView {
    let problem = Signal::from(state.problem);
    let lead = match (&offer.email, offer.role) {
        (None, _) => "You’ll be this server’s first administrator.".to_owned(),
        (Some(email), Role::Administrator) => format!("For {email}, as an administrator."),
        (Some(email), Role::User) => format!("For {email}."),
    };
    let secret = offer.totp_secret.clone();
    let scripts = scripts_run();
    // Without scripts the response with the codes would be lost, and the link used up.
    let unusable = Signal::derive(move || !scripts.get());
    view! {
        <div class="space-y-6">
            <p class="text-muted">{lead}</p>
            <ProblemNotice problem shown_at_fields=&["email", "password", "code"] />
            <form method="post" action=SetUp::url() on:submit=move |event| state.submit(&event)>
                <div class="space-y-8">
                    <input type="hidden" name="token" value=offer.token />
                    {match offer.email {
                        Some(email) => Either::Left(view! {
                            <input type="hidden" name="email" value=email autocomplete="username" />
                        }),
                        None => Either::Right(view! {
                            <Field
                                name="email"
                                label="Your e-mail address"
                                kind=FieldKind::Email
                                autocomplete="username"
                                error=field_error(problem, "email")
                            />
                        }),
                    }}
                    <PasswordField
                        label="Choose a password"
                        hint="At least 12 characters. Several words make a good password."
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
                            <p class="text-sm text-muted">"Or enter this secret by hand (time-based, six digits):"</p>
                            <p class="font-mono break-words select-all">{secret.clone()}</p>
                            <CopyButton text=Signal::stored(secret.replace(' ', "")) what="the secret" />
                        </div>
                    </section>
                    <Field
                        name="code"
                        label="Code"
                        kind=FieldKind::OneTimeCode
                        hint="The six digits your authenticator shows now."
                        autocomplete="one-time-code"
                        monospace=true
                        error=field_error(problem, "code")
                    />
                    <Button variant=ButtonVariant::Primary large=true disabled=unusable busy=state.busy>
                        "Set up"
                    </Button>
                </div>
            </form>
        </div>
    }
}
