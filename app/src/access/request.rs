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
                        "Ask for access for the machine in front of you. An administrator compares a code with you and \
                         approves it; then you get a link to this machine’s certificate."
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
        RejectionReason::Missing if ended.is_some() => "Ask for access again. You keep your account.",
        RejectionReason::Missing => {
            "If you have a certificate already, import it, close every window of the browser, and try again. An expired \
             certificate is not offered by browsers, so it looks the same. Otherwise ask for access here."
        }
        RejectionReason::Expired => "Ask for access again. You keep your account.",
        RejectionReason::NotYetValid => {
            "Set the machine's date and time, then try again. There is no need for a new request."
        }
        RejectionReason::Untrusted => {
            "Choose another certificate, if your browser has several: close every window of the browser first, since it \
             keeps its choice. If this machine has none of this server, ask for access here."
        }
        RejectionReason::Revoked => {
            "Talk to your administrator. If the machine is to be used again, ask for access here."
        }
    };
    view! {
        <Notice tone=NoticeTone::Bad title=reason.explanation()>
            {ended.map(|at| view! { <LastEnded at /> })}
            <p>{next}</p>
            <p>
                <a class="link" href="/certificate-test">
                    "Test this machine's certificate"
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
                "If this machine has one, open the assistant at the address for machines: "
                <a class="link" rel="external" href=assistant.clone()>{assistant.clone()}</a> ". Does it lead back here? Then "
                <a class="link" rel="external" href=test>"test the certificate"</a>
                ": browsers show it only there, and offer none that has expired."
            </p>
            <p>"Otherwise ask for access here."</p>
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
            "Ask for access"
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
                    hint=if sends_mail() { "The link goes there." } else { "Your account gets this address." }
                    autocomplete="email"
                    value=value("email")
                    error=field_error(problem, "email")
                />
                <fieldset class="space-y-2">
                    <legend class="mb-1.5 font-semibold">"This machine’s system"</legend>
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
                    hint="So that you and the administrator recognise it, such as “Anna’s laptop”."
                    optional=true
                    maxlength=64
                    value=device_name
                    error=field_error(problem, "device_name")
                />
                <TextAreaField
                    name="message"
                    label="A message to the administrator"
                    hint="Who you are, or what you need it for."
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
                <li>"You see a code. An administrator will compare this code with you, by voice or chat."</li>
                <li>
                    {if sends_mail() {
                        "Once it is approved, you get a mail with a link to the certificate."
                    } else {
                        "Once it is approved, your administrator gives you a link to the certificate."
                    }}
                </li>
                <li>"You open the link in this browser, on this machine."</li>
            </ol>
        </section>
    }
}
