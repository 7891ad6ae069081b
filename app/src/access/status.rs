//! `/public/request-status/{token}`: a request's state, and what happens next.

use leptos::either::Either;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use protocol::access::{Reminder, RequestState, RequestStatus};
use serde::{Deserialize, Serialize};

use super::api::{self, Remind};
use crate::deployment::sends_mail;
use crate::design::{
    Button, ButtonLink, ButtonVariant, Code, Notice, NoticeTone, ProblemNotice, PublicPage, Shape, Time,
    loaded, scripts_run,
};
use crate::island::{Island, island};
use crate::polling::poll;

#[component]
pub fn RequestStatusPage() -> impl IntoView {
    let token = use_params_map().get_untracked().get("token").unwrap_or_default();
    let of_token = token.clone();
    let start = Resource::new_blocking(move || of_token.clone(), api::status_start);
    view! {
        <PublicPage title="Your request for access">
            {loaded(start, move |(status, refused)| {
                let problem = Signal::stored(refused.map(|refused| refused.problem));
                view! {
                    <ProblemNotice problem />
                    <Status status token=token.clone() />
                }
            })}
        </PublicPage>
    }
}

/// Polls until the request is decided, then reloads the page.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusWatch {
    token: String,
}

impl Island for StatusWatch {
    const NAME: &'static str = "status";

    fn view(self) -> impl IntoView {
        let path = format!("/public/request-status/{}", self.token);
        let href = path.clone();
        let scripts = scripts_run();
        let polls = StoredValue::new(0_u32);
        poll(poll_delay(0), move || {
            let path = path.clone();
            async move {
                if is_decided(&path).await && location().reload().is_ok() {
                    return None;
                }
                polls.update_value(|polls| *polls = polls.saturating_add(1));
                Some(poll_delay(polls.get_value()))
            }
        });
        move || {
            if scripts.get() {
                Either::Left(view! {
                    <p class="text-sm text-muted">
                        "This page updates automatically. You can close it and come back to its address."
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

/// A failed poll changes nothing on the page: the code stays readable while the network is down.
#[cfg(feature = "hydrate")]
async fn is_decided(path: &str) -> bool {
    use crate::response::parse;
    use crate::web;

    let init = web::RequestInit::new();
    let Ok(response) = web::fetch(path, &init, &[("accept", "application/json")]).await else {
        return false;
    };
    let text = web::text(&response).await.unwrap_or_default();
    parse::<RequestStatus>(&text).is_ok_and(|now| now.state != RequestState::Pending)
}

/// Never called: nothing polls on the server.
#[cfg(not(feature = "hydrate"))]
async fn is_decided(_: &str) -> bool {
    false
}

/// Milliseconds before the poll with this number: half as long again each time, at most a minute.
fn poll_delay(attempt: u32) -> u64 {
    let mut wait = 5_000;
    for _ in 0..attempt.min(16) {
        wait = (wait + wait / 2).min(60_000);
    }
    wait
}

fn heading(state: RequestState) -> &'static str {
    match state {
        RequestState::Approved => "Your request was approved",
        RequestState::Expired => "Your request has expired",
        RequestState::Pending => "Waiting for an administrator",
        RequestState::Redeemed => "Your certificate was issued",
        RequestState::Rejected => "Your request was not approved",
    }
}

#[component]
fn Status(status: RequestStatus, token: String) -> impl IntoView {
    let state = status.state;
    let pending = state == RequestState::Pending;
    let code_needed = matches!(state, RequestState::Approved | RequestState::Pending);
    let tone = match state {
        RequestState::Approved | RequestState::Redeemed => NoticeTone::Good,
        RequestState::Expired | RequestState::Pending | RequestState::Rejected => NoticeTone::Info,
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
            // The code may still be asked for when the link is opened elsewhere.
            {code_needed.then(|| view! { <MatchCodeShown code=status.match_code.clone() pending /> })}
            <dl class="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm text-muted">
                <dt>"Requested"</dt>
                <dd><Time at=status.requested_at /></dd>
                {status.reminded_at.map(|at| view! { <dt>"Reminder requested"</dt><dd><Time at /></dd> })}
                {status
                    .expires_at
                    .map(|at| {
                        view! {
                            <dt>{if state == RequestState::Approved { "Link expires" } else { "Expires" }}</dt>
                            <dd><Time at /></dd>
                        }
                    })}
            </dl>
            {status.reminder.map(|reminder| view! { <RemindButton reminder token=token.clone() /> })}
            {pending.then(|| island(StatusWatch { token }))}
            {again
                .then(|| {
                    view! {
                        <ButtonLink href="/request-access" variant=ButtonVariant::Primary large=true>
                            "Request access again"
                        </ButtonLink>
                    }
                })}
        </div>
    }
}

/// The button that reminds the administrators, or the time from which it is available.
#[component]
fn RemindButton(reminder: Reminder, token: String) -> impl IntoView {
    let left = match reminder.left {
        1 => "This is your last reminder.".to_owned(),
        n => format!("You can send {n} reminders."),
    };
    match reminder.at {
        Some(at) => view! {
            <p class="text-sm text-muted">
                "Still waiting? You can send a reminder after " <Time at /> "."
            </p>
        }
        .into_any(),
        None => view! {
            <form method="post" action=Remind::url()>
                <div class="space-y-2">
                    <input type="hidden" name="token" value=token />
                    <Button large=true icon=Shape::Mail>
                        "Remind the administrators"
                    </Button>
                    <p class="text-sm text-muted">{format!("Administrators are reminded of the requests they can see. {left}")}</p>
                </div>
            </form>
        }
        .into_any(),
    }
}

fn next_step(state: RequestState) -> &'static str {
    match state {
        RequestState::Approved if sends_mail() => {
            "Check your mail for the link to your certificate, and open it in this browser, on this machine. If \
             nothing has arrived, look in your junk folder, then ask your administrator."
        }
        RequestState::Approved => {
            "Your administrator will give you a link to the certificate. Open it in this browser, on this machine. If \
             you don’t have it yet, ask for it."
        }
        RequestState::Expired => {
            "It was not reviewed in time, or its link was not used in time. You can request access again."
        }
        RequestState::Pending => {
            "An administrator will compare this code with you before approving your request."
        }
        RequestState::Redeemed => {
            "The link has been used. If that wasn’t you, tell your administrator right away, so that they can revoke the certificate."
        }
        RequestState::Rejected => "If you think this is a mistake, talk to your administrator.",
    }
}

#[component]
fn MatchCodeShown(code: Option<String>, pending: bool) -> impl IntoView {
    match code {
        Some(code) => view! {
            <section class="space-y-3 border-y border-line py-6">
                <h2 class="text-base">"Your match code"</h2>
                <p>
                    <Code code huge=true />
                </p>
                <p class="text-muted">
                    "Read it out when your administrator asks. Don’t send it to anyone else: no mail from this server ever \
                     asks for it."
                </p>
                // The same on every page, whether or not that is so: docs/decisions/suppressed-requests.md.
                {pending
                    .then(|| {
                        view! {
                            <p class="text-sm text-muted">
                                "Only a few requests from one address can wait at a time; later ones are not listed. If your \
                                 administrator can’t find this code, have an earlier request decided, then request access again."
                            </p>
                        }
                    })}
            </section>
        }
        .into_any(),
        None => view! {
            <p class="text-muted">"The match code is shown only in the browser you requested access with."</p>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_slow_down_and_never_stop() {
        let waits: Vec<_> = (0..10).map(poll_delay).collect();
        assert_eq!(waits[..3], [5_000, 7_500, 11_250]);
        assert!(waits.is_sorted());
        assert_eq!(poll_delay(u32::MAX), 60_000);
    }
}
