//! `/certificate-test`: the certificate that the browser presented, and what to do if it is not accepted.

use leptos::prelude::*;
use protocol::certificate::{CertificateReport, PresentedCertificate, RejectionReason};

use super::api;
use crate::design::{ButtonLink, ButtonVariant, Notice, NoticeTone, PublicPage, Time, loaded};

#[component]
pub fn CertificateTestPage() -> impl IntoView {
    let report = Resource::new_blocking(|| (), |()| api::report());
    view! {
        <PublicPage title="Test this machine’s certificate">
            {loaded(report, |report| view! { <Report report /> })}
            <p class="border-t border-line pt-6 text-sm text-muted">
                "Browsers keep the choice of a certificate until they are restarted, also the choice of none. Close every \
                 window of the browser before you test again."
            </p>
        </PublicPage>
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
            "If you have imported one, close every window of the browser and come back. Make sure that you are on the \
             address for machines, which your mail names: on other addresses the server does not ask for a certificate. \
             An expired certificate is not offered by browsers, so it looks the same."
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
    let code = "font-mono text-sm break-all";
    view! {
        <section class="space-y-2">
            <h2 class="text-lg">"What the browser sent"</h2>
            <dl class="divide-y divide-line border-y border-line">
                <div class=line>
                    <dt class="text-muted">"Machine"</dt>
                    <dd class="break-words">{presented.subject}</dd>
                </div>
                <div class=line>
                    <dt class="text-muted">"Issued by"</dt>
                    <dd class="break-words">{presented.issuer}</dd>
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
