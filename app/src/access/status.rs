//! `/public/request-status/{token}`: where a request stands, in words, with what happens next.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use protocol::access::{Reminder, RequestState, RequestStatus};

use super::api::{self, Remind};
use crate::design::{
    Button, ButtonLink, Code, Look, Notice, NoticeTone, ProblemNotice, PublicPage, Shape, Time, loaded,
    scripts_run,
};
use crate::error::AppError;
use crate::form::{self, Refused, problem_of};
use crate::watch::keep_looking;

/// The first wait between two looks, in milliseconds.
const FIRST_WAIT: u64 = 5_000;
const LONGEST_WAIT: u64 = 60_000;

#[component]
pub fn RequestStatusPage() -> impl IntoView {
    let params = use_params_map();
    let token = Memo::new(move |_| params.with(|p| p.get("token").unwrap_or_default()));
    let first = Resource::new_blocking(move || token.get(), api::status_start);
    let latest = RwSignal::new(None::<RequestStatus>);
    let remind = form::action::<Remind>();
    Effect::new(move |_| {
        if let Some(Ok(status)) = remind.value().get() {
            latest.set(Some(status));
        }
    });
    watch(token, first, latest);
    view! {
        <PublicPage title="Your request for access">
            {loaded(first, move |(first, refused)| {
                let problem = problem_of(remind, refused.as_ref());
                view! {
                    <ProblemNotice problem />
                    {move || {
                        let status = latest.get().unwrap_or_else(|| first.clone());
                        view! { <Standing status token=token.get_untracked() remind /> }
                    }}
                }
            })}
        </PublicPage>
    }
}

/// Looks again, first after five seconds, then ever more seldom, until the request is decided. A look that fails
/// changes nothing on the page: the code stays readable while the network is away.
fn watch(
    token: Memo<String>,
    first: Resource<Result<(RequestStatus, Option<Refused>), AppError>>,
    latest: RwSignal<Option<RequestStatus>>,
) {
    let looks = StoredValue::new(0_u32);
    keep_looking(FIRST_WAIT, move || async move {
        let at_first = || first.get_untracked().and_then(Result::ok).map(|(status, _)| status);
        let known = latest.try_get_untracked()?.or_else(at_first);
        if known.is_some_and(|status| status.state != RequestState::Pending) {
            return None;
        }
        if let Ok(status) = api::status(token.try_get_untracked()?).await {
            latest.try_set(Some(status));
        }
        looks.try_update_value(|looks| {
            *looks += 1;
            wait_before(*looks)
        })
    });
}

/// Milliseconds before the look with this number: half as long again each time.
fn wait_before(look: u32) -> u64 {
    let mut wait = FIRST_WAIT;
    for _ in 0..look.min(16) {
        wait = (wait + wait / 2).min(LONGEST_WAIT);
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
fn Standing(status: RequestStatus, token: String, remind: ServerAction<Remind>) -> impl IntoView {
    let scripts = scripts_run();
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
                {status.reminded_at.map(|at| view! { <dt>"Reminded"</dt><dd><Time at /></dd> })}
                {status
                    .expires_at
                    .map(|at| {
                        view! {
                            <dt>{if state == RequestState::Approved { "Link ends" } else { "Ends" }}</dt>
                            <dd><Time at /></dd>
                        }
                    })}
            </dl>
            {status.reminder.map(|reminder| view! { <RemindThem reminder token=token.clone() remind /> })}
            {pending
                .then(|| {
                    let href = format!("/public/request-status/{token}");
                    view! {
                        <Show
                            when=move || scripts.get()
                            fallback=move || {
                                view! {
                                    <a class="link font-semibold" rel="external" href=href.clone()>
                                        "Check again"
                                    </a>
                                }
                            }
                        >
                            <p class="text-sm text-muted">"This page looks by itself. You may close it and come back to its address."</p>
                        </Show>
                    }
                })}
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

/// The button that reminds the administrators, or from when on there is one.
#[component]
fn RemindThem(reminder: Reminder, token: String, remind: ServerAction<Remind>) -> impl IntoView {
    let left = match reminder.left {
        1 => "This is the last time that you can.".to_owned(),
        n => format!("You can do so {n} times."),
    };
    match reminder.at {
        Some(at) => view! {
            <p class="text-sm text-muted">
                "Nothing has happened for long? From " <Time at /> " on you can remind the administrators here."
            </p>
        }
        .into_any(),
        None => view! {
            <ActionForm action=remind>
                <div class="space-y-2">
                    <input type="hidden" name="token" value=token />
                    <Button large=true icon=Shape::Mail busy=remind.pending()>
                        "Remind the administrators"
                    </Button>
                    <p class="text-sm text-muted">{format!("They get a mail about your request. {left}")}</p>
                </div>
            </ActionForm>
        }
        .into_any(),
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
        assert_eq!(wait_before(u32::MAX), LONGEST_WAIT);
    }
}
