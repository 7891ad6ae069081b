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
                "Browsers remember which certificate you chose, or that you chose none, until they are restarted. Close every browser \
                 window before you test again."
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
            "Browsers present their certificate only at the machines’ address, so the test runs there: "
            <span class="font-semibold">{machines.clone()}</span> "."
        </p>
        <p>
            "If the browser asks which certificate to use, choose the one with this machine’s name. If it warns that it doesn’t \
             trust the server, the certificate has not been imported on this machine yet."
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
                <p>"You can open the assistant. Sign in there with your address, your password and a code."</p>
            </Notice>
        }
        .into_any(),
        Some(reason) => view! {
            <Notice tone=tone_of(reason) title=reason.explanation()>
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
            "The certificate this browser last presented here ended on " <Time at date_only=true />
            ". Browsers do not offer a certificate that has ended."
        </p>
    }
}

/// To have none yet is no failure.
fn tone_of(reason: RejectionReason) -> NoticeTone {
    if reason == RejectionReason::Missing { NoticeTone::Info } else { NoticeTone::Bad }
}

fn next_step(reason: RejectionReason, ended: bool) -> &'static str {
    match reason {
        RejectionReason::Missing if ended => "Request access again. You keep your account.",
        RejectionReason::Missing => {
            "If you imported one, close every browser window and come back. Browsers hide expired certificates, so it may \
             have expired."
        }
        RejectionReason::Expired => "Request access again. You keep your account.",
        RejectionReason::NotYetValid => "Correct the machine’s date and time, then test again.",
        RejectionReason::Untrusted => {
            "Restart the browser and choose another certificate if it offers several. If this machine has none from this \
             server, request access."
        }
        RejectionReason::Revoked => "Talk to your administrator.",
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
