//! `/account`: one's own account, and new recovery codes.
//!
//! Making them needs scripts, as the set-up does: the codes are returned to this page only.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use protocol::Problem;
use protocol::people::{OwnAccount, RecoveryCodes, Role};
use serde::{Deserialize, Serialize};

use super::api::{self, RenewCodes};
use super::devices::OwnDevicesSection;
use super::recovery::CodeList;
use crate::deployment::assistant_url;
use crate::design::{
    Button, ButtonVariant, Field, FieldKind, Notice, NoticeTone, ProblemNotice, PublicPage, loaded,
    scripts_run,
};
use crate::form::field_error;
use crate::island::{Island, island};

#[component]
pub fn AccountPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    redirect_to_sign_in();
    let account = Resource::new_blocking(|| (), |()| api::own());
    view! {
        <PublicPage title="Your account">
            {loaded(
                account,
                |OwnAccount { email, role, recovery_codes_left }| {
                    let left = match recovery_codes_left {
                        0 => "You have no recovery codes left.".to_owned(),
                        1 => "You have one recovery code left.".to_owned(),
                        left => format!("You have {left} recovery codes left."),
                    };
                    let panel = role == Role::Administrator;
                    view! {
                        <p>"Signed in as " <strong class="break-words">{email}</strong> "."</p>
                        <p>
                            <a href=assistant_url() rel="external" class="link">"Open the assistant"</a>
                            ", on a machine with a certificate."
                        </p>
                        {panel.then(|| view! { <p><a href="/admin" class="link">"Go to the panel"</a></p> })}
                        <p>
                            <a href="/account/ledger" class="link">"What left your machines"</a>
                        </p>
                        <OwnDevicesSection />
                        <section class="space-y-4">
                            <h2 class="text-lg">"Recovery codes"</h2>
                            <p>{left} " Each works once in place of the authenticator."</p>
                            {island(RenewCodesForm {})}
                        </section>
                    }
                },
            )}
        </PublicPage>
    }
}

#[cfg(feature = "ssr")]
fn redirect_to_sign_in() {
    use crate::navigation::{login_path, redirect};
    use crate::request_context::RequestContext;

    if RequestContext::current().is_ok_and(|context| context.signed_in.is_none()) {
        redirect(&login_path("/account"));
    }
}

/// The form that makes new codes, and the codes afterwards.
#[derive(Debug, Serialize, Deserialize)]
pub struct RenewCodesForm {}

#[derive(Debug, Clone, Copy)]
struct FormState {
    busy: RwSignal<bool>,
    problem: RwSignal<Option<Problem>>,
    codes: RwSignal<Option<RecoveryCodes>>,
}

impl FormState {
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
            match web::post(RenewCodes::url(), &form).await {
                Ok(codes) => {
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

impl Island for RenewCodesForm {
    const NAME: &'static str = "renew-codes";

    fn view(self) -> impl IntoView {
        let state = FormState {
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
            codes: RwSignal::new(None),
        };
        let problem = Signal::from(state.problem);
        let scripts = scripts_run();
        // Without scripts the response with the codes would be lost.
        let unusable = Signal::derive(move || !scripts.get());
        view! {
            {move || {
                state
                    .codes
                    .get()
                    .map(|codes| {
                        view! {
                            <div class="space-y-6">
                                <Notice tone=NoticeTone::Good title="Here are your new recovery codes">
                                    <p>"Your old codes no longer work. Save these now: they are not shown again."</p>
                                </Notice>
                                <CodeList codes />
                            </div>
                        }
                    })
            }}
            <div hidden=move || state.codes.with(Option::is_some) class="space-y-4">
                <p class="text-muted">
                    "New codes replace all the old ones. Enter a code from your authenticator to create them."
                </p>
                <noscript inner_html="<p role=\"alert\">Turn on JavaScript to create new codes.</p>"></noscript>
                <ProblemNotice problem shown_at_fields=&["code"] />
                <form method="post" action=RenewCodes::url() on:submit=move |event| state.submit(&event)>
                    <div class="space-y-6">
                        <Field
                            name="code"
                            label="Code"
                            kind=FieldKind::OneTimeCode
                            hint="Six digits from your authenticator, or a recovery code."
                            autocomplete="one-time-code"
                            monospace=true
                            error=field_error(problem, "code")
                        />
                        <Button variant=ButtonVariant::Primary large=true disabled=unusable busy=state.busy>
                            "Create new recovery codes"
                        </Button>
                    </div>
                </form>
            </div>
        }
    }
}
