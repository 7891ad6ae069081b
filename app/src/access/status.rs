//! `/public/request-status/{token}`: where a request stands, in words, with what happens next.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use protocol::access::{RequestState, RequestStatus};

use super::api;
use crate::design::{ButtonLink, Code, Look, Notice, NoticeTone, PublicPage, Time, loaded, scripts_run};

/// The first wait between two looks, in milliseconds.
const FIRST_WAIT: u64 = 5_000;
const LONGEST_WAIT: u64 = 60_000;

#[component]
pub fn RequestStatusPage() -> impl IntoView {
    let params = use_params_map();
    let token = Memo::new(move |_| params.with(|p| p.get("token").unwrap_or_default()));
    let first = Resource::new_blocking(move || token.get(), api::status);
    let latest = RwSignal::new(None::<RequestStatus>);
    watch(token, first, latest);
    view! {
        <PublicPage title="Your request for access">
            {loaded(first, move |first| {
                move || {
                    let status = latest.get().unwrap_or_else(|| first.clone());
                    view! { <Standing status token=token.get_untracked() /> }
                }
            })}
        </PublicPage>
    }
}

/// Looks again, first after five seconds, then ever more seldom, until the request is decided. A look that fails
/// changes nothing on the page: the code stays readable while the network is away.
fn watch(
    token: Memo<String>,
    first: Resource<Result<RequestStatus, crate::error::AppError>>,
    latest: RwSignal<Option<RequestStatus>>,
) {
    let looks = RwSignal::new(0_u32);
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |_| {
        let look = looks.get();
        let known = latest.get_untracked().or_else(|| first.get().and_then(Result::ok));
        if !known.is_some_and(|status| status.state == RequestState::Pending) {
            return;
        }
        let wait = std::time::Duration::from_millis(wait_before(look));
        let handle = set_timeout_with_handle(
            move || {
                leptos::task::spawn_local(async move {
                    if let Ok(status) = api::status(token.get_untracked()).await {
                        latest.try_set(Some(status));
                    }
                    looks.try_update(|n| *n += 1);
                });
            },
            wait,
        );
        waiting.set_value(handle.ok());
    });
    on_cleanup(move || {
        if let Some(handle) = waiting.try_get_value().flatten() {
            handle.clear();
        }
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
fn Standing(status: RequestStatus, token: String) -> impl IntoView {
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
                {status
                    .expires_at
                    .map(|at| {
                        view! {
                            <dt>{if state == RequestState::Approved { "Link ends" } else { "Ends" }}</dt>
                            <dd><Time at /></dd>
                        }
                    })}
            </dl>
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
