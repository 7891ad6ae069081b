//! `/certificate-test`: the certificate that the browser presented, and what to do if it is not accepted.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::certificate::{CertificateReport, PresentedCertificate, RejectionReason};

use super::api::{self, CertificateTest};
use crate::design::{ButtonLink, ButtonVariant, Notice, NoticeTone, PublicPage, Shape, Time, loaded};

#[component]
pub fn CertificateTestPage() -> impl IntoView {
    let test = Resource::new_blocking(|| (), |()| api::test());
    view! {
        <PublicPage title="Test this machine’s certificate">
            {loaded(test, |CertificateTest { report, elsewhere }| match elsewhere {
                Some(machines) => Either::Left(view! { <TestElsewhere machines /> }),
                None => Either::Right(view! { <Report report /> }),
            })}
            <p class="border-t border-line pt-6 text-sm text-muted">
                "Browsers keep the choice of a certificate until they are restarted, also the choice of none. Close every \
                 window of the browser before you test again."
            </p>
        </PublicPage>
    }
}

/// Here the browser is asked for no certificate, so nothing can be said about it.
#[component]
fn TestElsewhere(
    /// The origin of the machines' host.
    machines: String,
) -> impl IntoView {
    view! {
        <p>
            "Browsers show their certificate only at the address for machines, so the test is there: "
            <span class="font-semibold">{machines.clone()}</span> "."
        </p>
        <p>
            "The browser may ask which certificate to use: choose the one with this machine’s name. If it warns that it does \
             not know the server instead, the certificate file was not imported on this machine yet."
        </p>
        <ButtonLink
            href=format!("{machines}/certificate-test")
            variant=ButtonVariant::Primary
            large=true
            icon=Shape::ArrowRight
            external=true
        >
            "Start the test"
        </ButtonLink>
    }
}

#[component]
fn Report(report: CertificateReport) -> impl IntoView {
    let verdict = match report.rejection {
        None => view! {
            <Notice tone=NoticeTone::Good title="This machine’s certificate is good">
                <p>"It opens the assistant: sign in there with your address, your password and a code."</p>
            </Notice>
        }
        .into_any(),
        Some(reason) => view! {
            <Notice tone=NoticeTone::Bad title=reason.explanation()>
                {report.last_ended.map(|at| view! { <LastEnded at /> })}
                <p>{next_step(reason, report.last_ended.is_some())}</p>
            </Notice>
        }
        .into_any(),
    };
    let onward = match report.rejection {
        None => Some(("/sidebar", "Open the assistant")),
        Some(RejectionReason::NotYetValid | RejectionReason::Revoked) => None,
        Some(_) => Some(("/request-access", "Request access")),
    };
    view! {
        {verdict}
        {match report.presented {
            Some(presented) => view! { <Presented presented /> }.into_any(),
            None => view! { <p class="text-muted">"The browser sent no certificate."</p> }.into_any(),
        }}
        {onward
            .map(|(href, words)| {
                view! {
                    <ButtonLink href variant=ButtonVariant::Primary large=true external=true>
                        {words}
                    </ButtonLink>
                }
            })}
    }
}

/// The likely reason why a browser presents no certificate.
#[component]
pub fn LastEnded(
    /// Seconds since the Unix epoch.
    at: i64,
) -> impl IntoView {
    view! {
        <p>
            "The certificate that this browser showed here last ended on " <Time at date_only=true />
            ". Browsers do not offer a certificate that has ended."
        </p>
    }
}

fn next_step(reason: RejectionReason, ended: bool) -> &'static str {
    match reason {
        RejectionReason::Missing if ended => "Ask for access again. You keep your account.",
        RejectionReason::Missing => {
            "If you have imported one, close every window of the browser and come back. An expired certificate is not \
             offered by browsers, so it looks the same."
        }
        RejectionReason::Expired => "Ask for access again. You keep your account.",
        RejectionReason::NotYetValid => "Set the machine’s date and time, then test again.",
        RejectionReason::Untrusted => {
            "Restart the browser and choose another certificate, if it offers several. If this machine has none of this \
             server, ask for access."
        }
        RejectionReason::Revoked => "Talk to your administrator, who knows why.",
    }
}

#[component]
fn Presented(presented: PresentedCertificate) -> impl IntoView {
    let line = "grid gap-x-6 py-2 sm:grid-cols-[8rem_1fr]";
    let code = "font-mono text-sm";
    view! {
        <section class="space-y-2">
            <h2 class="text-lg">"What the browser sent"</h2>
            <dl class="divide-y divide-line border-y border-line">
                <div class=line>
                    <dt class="text-muted">"Machine"</dt>
                    <dd>{presented.subject}</dd>
                </div>
                <div class=line>
                    <dt class="text-muted">"Issued by"</dt>
                    <dd>{presented.issuer}</dd>
                </div>
                <div class=line>
                    <dt class="text-muted">"Valid"</dt>
                    <dd>
                        <Time at=presented.not_before date_only=true />
                        " to "
                        <Time at=presented.not_after />
                    </dd>
                </div>
                <div class=line>
                    <dt class="text-muted">"Serial"</dt>
                    <dd class=code>{presented.serial}</dd>
                </div>
                <div class=line>
                    <dt class="text-muted">"SHA-256"</dt>
                    <dd class=code>{presented.fingerprint}</dd>
                </div>
            </dl>
        </section>
    }
}
