//! `/request-access`: the form for a request. Works with scripts off.

use leptos::either::Either;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use protocol::access::{Message, Platform};
use protocol::certificate::RejectionReason;

use super::api::{self, FormStart, Submit};
use crate::certificate::LastEnded;
use crate::deployment::sends_mail;
use crate::design::{
    Button, ButtonLink, ButtonVariant, Check, Field, FieldKind, Notice, NoticeTone, ProblemNotice,
    PublicPage, Shape, TextAreaField, loaded,
};
use crate::form::field_error;

#[component]
pub fn RequestAccessPage() -> impl IntoView {
    let start = Resource::new_blocking(|| (), |()| api::start());
    let query = use_query_map().get_untracked();
    let reason: Option<RejectionReason> = query.get_str("reason").and_then(|reason| reason.parse().ok());
    view! {
        <PublicPage title="Request access">
            {loaded(start, move |start| {
                let (ended, start_machines) = (start.certificate_ended, start.machines.clone());
                let form = match start.elsewhere.clone() {
                    Some(pages) => Either::Left(view! { <RequestOnPagesHost pages reason /> }),
                    None => Either::Right(view! { <RequestForm start reason /> }),
                };
                // Sent on from the machines' host, the reason is true; a visitor of this one was not asked for a certificate.
                let machines = start_machines.filter(|_| reason == Some(RejectionReason::Missing) && ended.is_none());
                let problem = reason.filter(|_| machines.is_none());
                view! {
                    {machines.map(|machines| view! { <AskAtMachinesHost machines /> })}
                    {problem.map(|reason| view! { <CertificateProblem reason ended /> })}
                    <p>
                        "Request access for the machine you’re using. An administrator compares a code with you, and then you \
                         get a link to this machine’s certificate."
                    </p>
                    {form}
                }
            })}
        </PublicPage>
    }
}

/// The certificate problem that brought the visitor here, and what to do about it.
#[component]
fn CertificateProblem(
    reason: RejectionReason,
    /// When this browser's last certificate expired, if none is presented now.
    ended: Option<i64>,
) -> impl IntoView {
    let ended = ended.filter(|_| reason == RejectionReason::Missing);
    let next = match reason {
        RejectionReason::Missing if ended.is_some() => "Request access again. You keep your account.",
        RejectionReason::Missing => {
            "If you already have a certificate, import it, close every browser window, and try again. Browsers hide \
             expired certificates, so yours may have expired. Otherwise, request access here."
        }
        RejectionReason::Expired => "Request access again. You keep your account.",
        RejectionReason::NotYetValid => {
            "Correct the machine’s date and time, then try again. You don’t need to request access."
        }
        RejectionReason::Untrusted => {
            "If your browser has several certificates, choose another one: close every browser window first, because it \
             remembers your choice. If this machine has none from this server, request access here."
        }
        RejectionReason::Revoked => {
            "Talk to your administrator. To use this machine again, request access here."
        }
    };
    // To have none yet is no failure.
    let tone = if reason == RejectionReason::Missing { NoticeTone::Info } else { NoticeTone::Bad };
    view! {
        <Notice tone title=reason.explanation()>
            {ended.map(|at| view! { <LastEnded at /> })}
            <p>{next}</p>
            <p>
                <a class="link" href="/certificate-test">
                    "Test this machine’s certificate"
                </a>
            </p>
        </Notice>
    }
}

/// For a visitor of the assistant's page on the public pages' host, or one without a certificate.
#[component]
fn AskAtMachinesHost(
    /// The origin of the machines' host.
    machines: String,
) -> impl IntoView {
    let (assistant, test) = (format!("{machines}/sidebar"), format!("{machines}/certificate-test"));
    view! {
        <Notice title="The assistant needs this machine’s certificate">
            <p>
                "If this machine has one, open the assistant here: "
                <a class="link" rel="external" href=assistant.clone()>{assistant.clone()}</a> ". If that brings you back to this page, "
                <a class="link" rel="external" href=test>"test the certificate"</a>
                "."
            </p>
            <p>"Otherwise, request access here."</p>
        </Notice>
    }
}

/// The form is on the public pages' host: cookies set on this host are not sent where the mail's link leads, so the
/// browser would not be recognised there.
#[component]
fn RequestOnPagesHost(pages: String, reason: Option<RejectionReason>) -> impl IntoView {
    let reason = reason.map(|reason| format!("?reason={}", reason.as_str())).unwrap_or_default();
    view! {
        <ButtonLink
            href=format!("{pages}/request-access{reason}")
            variant=ButtonVariant::Primary
            large=true
            icon=Shape::ArrowRight
            external=true
        >
            "Request access"
        </ButtonLink>
    }
}

#[component]
fn RequestForm(start: FormStart, reason: Option<RejectionReason>) -> impl IntoView {
    let problem = Signal::stored(start.refused.as_ref().map(|refused| refused.problem.clone()));
    let typed = start.refused.map(|r| r.typed).unwrap_or_default();
    // The desktop program opens this page with what it knows about its machine.
    let query = use_query_map();
    let prefilled = move |field: &str| query.with_untracked(|q| q.get(field));
    let platform = prefilled("platform").and_then(|name| name.parse().ok()).or(start.platform);
    let chosen = typed.value("platform").or_else(|| platform.map(|p| p.as_str().to_owned()));
    let device_name = typed.value("device_name").or_else(|| prefilled("device_name")).unwrap_or_default();
    let value = move |field: &str| typed.value(field).unwrap_or_default();
    let platform_error = field_error(problem, "platform");
    view! {
        <ProblemNotice problem shown_at_fields=&["email", "platform", "device_name", "message"] />
        <form method="post" action=Submit::url()>
            <div class="space-y-6">
                <Field
                    name="email"
                    label="Your e-mail address"
                    kind=FieldKind::Email
                    hint=if sends_mail() { "We’ll send the link there." } else { "Your account will use this address." }
                    autocomplete="email"
                    value=value("email")
                    error=field_error(problem, "email")
                />
                <fieldset class="space-y-2">
                    <legend class="mb-1.5 font-medium">"This machine’s system"</legend>
                    {move || platform_error.get().map(|e| view! { <p class="text-sm font-semibold text-bad">{e}</p> })}
                    {Platform::ALL
                        .map(|platform| {
                            let checked = chosen.as_deref() == Some(platform.as_str());
                            view! { <Check name="platform" radio=true value=platform.as_str() label=platform.label() checked /> }
                        })}
                </fieldset>
                <Field
                    name="device_name"
                    label="A name for this machine"
                    hint="So that you and your administrator recognise it, such as “Anna’s laptop”."
                    optional=true
                    maxlength=64
                    value=device_name
                    error=field_error(problem, "device_name")
                />
                <TextAreaField
                    name="message"
                    label="A message to the administrator"
                    hint="Who you are, and what you need it for."
                    optional=true
                    maxlength=Message::MAX_CHARS
                    value=value("message")
                    error=field_error(problem, "message")
                />
                <input
                    type="hidden"
                    name="reason"
                    value=reason.map(RejectionReason::as_str).unwrap_or_default()
                />
                <Button variant=ButtonVariant::Primary large=true icon=Shape::ArrowRight>
                    "Request access"
                </Button>
            </div>
        </form>
        <section class="space-y-2 border-t border-line pt-6 text-sm text-muted">
            <h2 class="text-base text-ink">"What happens next"</h2>
            <ol class="list-decimal space-y-1 pl-5">
                <li>"You get a code. An administrator compares it with you, by phone or chat."</li>
                <li>
                    {if sends_mail() {
                        "Once your request is approved, we mail you a link to the certificate."
                    } else {
                        "Once your request is approved, your administrator gives you a link to the certificate."
                    }}
                </li>
                <li>"Open the link in this browser, on this machine."</li>
            </ol>
        </section>
    }
}
