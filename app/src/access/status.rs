//! `/public/request-status/{token}`: where a request stands, in words, with what happens next.

use leptos::either::Either;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use protocol::access::{RequestState, RequestStatus};
use serde::{Deserialize, Serialize};

use super::api;
use crate::design::{ButtonLink, Code, Look, Notice, NoticeTone, PublicPage, Time, loaded, scripts_run};
use crate::live::{Part, live};

#[component]
pub fn RequestStatusPage() -> impl IntoView {
    let token = use_params_map().get_untracked().get("token").unwrap_or_default();
    let of_token = token.clone();
    let status = Resource::new_blocking(move || of_token.clone(), api::status);
    view! {
        <PublicPage title="Your request for access">
            {loaded(status, move |status| view! { <Standing status token=token.clone() /> })}
        </PublicPage>
    }
}

/// Looks again until the request is decided, and then loads the page, which says how.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusWatch {
    token: String,
}

impl Part for StatusWatch {
    const NAME: &'static str = "status";

    fn view(self) -> impl IntoView {
        let path = format!("/public/request-status/{}", self.token);
        let href = path.clone();
        let scripts = scripts_run();
        Effect::new(move |_| {
            #[cfg(feature = "hydrate")]
            leptos::task::spawn_local(wait_for_decision(path.clone()));
            #[cfg(not(feature = "hydrate"))]
            let _ = &path;
        });
        move || {
            if scripts.get() {
                Either::Left(view! {
                    <p class="text-sm text-muted">
                        "This page looks by itself. You may close it and come back to its address."
                    </p>
                })
            } else {
                Either::Right(view! {
                    <a class="link font-semibold" href=href.clone()>
                        "Check again"
                    </a>
                })
            }
        }
    }
}

/// Looks first after five seconds, then ever more seldom. A look that fails changes nothing on the page: the code stays
/// readable while the network is away.
#[cfg(feature = "hydrate")]
async fn wait_for_decision(path: String) {
    use crate::sidebar::transport::answer;
    use crate::web;

    for look in 0_u32.. {
        web::sleep(std::time::Duration::from_millis(wait_before(look))).await;
        let asked = web::RequestInit::new();
        let Ok(response) = web::exchange(&path, &asked, &[("accept", "application/json")]).await else {
            continue;
        };
        let text = web::text(&response).await.unwrap_or_default();
        let decided =
            answer::parse::<RequestStatus>(&text).is_ok_and(|now| now.state != RequestState::Pending);
        if decided && location().reload().is_ok() {
            return;
        }
    }
}

/// Milliseconds before the look with this number: half as long again each time.
#[cfg(any(feature = "hydrate", test))]
fn wait_before(look: u32) -> u64 {
    let mut wait = 5_000;
    for _ in 0..look.min(16) {
        wait = (wait + wait / 2).min(60_000);
    }
    wait
}

fn heading(state: RequestState) -> &'static str {
    match state {
        RequestState::Approved => "Your request was approved",
        RequestState::Expired => "Your request has expired",
        RequestState::Pending => "Waiting for an administrator",
        RequestState::Redeemed => "Your certificate was fetched",
        RequestState::Rejected => "Your request was not approved",
    }
}

#[component]
fn Standing(status: RequestStatus, token: String) -> impl IntoView {
    let state = status.state;
    let pending = state == RequestState::Pending;
    let tone = match state {
        RequestState::Approved | RequestState::Redeemed => NoticeTone::Good,
        RequestState::Expired | RequestState::Pending => NoticeTone::Info,
        RequestState::Rejected => NoticeTone::Bad,
    };
    let again = matches!(state, RequestState::Expired | RequestState::Rejected);
    let reason = status.reason.clone();
    view! {
        <div class="space-y-6" data-state=state.as_str()>
            <Notice tone title=heading(state)>
                <p>{next_step(state)}</p>
                {reason
                    .map(|reason| view! { <p class="whitespace-pre-line">"The administrator wrote: “" {reason} "”"</p> })}
            </Notice>
            {pending.then(|| view! { <MatchCodeShown code=status.match_code.clone() /> })}
            <dl class="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm text-muted">
                <dt>"Requested"</dt>
                <dd><Time at=status.requested_at /></dd>
                {status
                    .expires_at
                    .map(|at| {
                        view! {
                            <dt>{if state == RequestState::Approved { "Link ends" } else { "Ends" }}</dt>
                            <dd><Time at /></dd>
                        }
                    })}
            </dl>
            {pending.then(|| live(StatusWatch { token }))}
            {again
                .then(|| {
                    view! {
                        <ButtonLink href="/request-access" look=Look::Primary large=true>
                            "Ask again"
                        </ButtonLink>
                    }
                })}
        </div>
    }
}

fn next_step(state: RequestState) -> &'static str {
    match state {
        RequestState::Approved => {
            "Check your mail: the link in it leads to the certificate. Open it in this browser, on this machine. If \
             nothing has come, look into the junk folder, then ask your administrator."
        }
        RequestState::Expired => {
            "Nobody decided on it, or its link was not used, in time. You can ask again."
        }
        RequestState::Pending => {
            "An administrator will compare this code with you before approving your request."
        }
        RequestState::Redeemed => {
            "The link has been used. If that was not you, tell your administrator now, so that the certificate is revoked."
        }
        RequestState::Rejected => "If you think that this is a mistake, talk to your administrator.",
    }
}

#[component]
fn MatchCodeShown(code: Option<String>) -> impl IntoView {
    match code {
        Some(code) => view! {
            <section class="space-y-3 border-y border-line py-6">
                <h2 class="text-base">"Your match code"</h2>
                <p>
                    <Code code huge=true />
                </p>
                <p class="text-muted">
                    "Read it out when the administrator asks. Do not send it to anybody who did not ask you in person; no \
                     mail from this server ever contains it."
                </p>
            </section>
        }
        .into_any(),
        None => view! {
            <p class="text-muted">"The match code is shown only in the browser that sent the request."</p>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_more_seldom_and_never_stop() {
        let waits: Vec<_> = (0..10).map(wait_before).collect();
        assert_eq!(waits[..3], [5_000, 7_500, 11_250]);
        assert!(waits.is_sorted());
        assert_eq!(wait_before(u32::MAX), 60_000);
    }
}
