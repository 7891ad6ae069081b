//! `/admin/requests/{id}`: one request beside the list, with its match code and its history.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::access::{AccessRequestRow, Links, RequestState};
use protocol::review::{HistoryEntry, RequestDetail, RequestEvent};

use super::api;
use super::decide::{Decide, Decision};
use super::list::Decisions;
use super::listing::Listing;
use super::news::NewsWatch;
use super::notes::{AddressNotes, CodesTried};
use super::reissue::Reissue;
use super::state::StateBadge;
use crate::design::{Code, Icon, ProblemNotice, Shape, Time, loaded};
use crate::form::final_problem_of;

#[component]
pub fn RequestPanel() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id").unwrap_or_default()));
    let listing = Listing::of_url();
    let decisions = use_context::<Decisions>().map_or_else(|| RwSignal::new(0), |d| d.0);
    let request = Resource::new(move || (id.get(), decisions.get()), |(id, _)| api::find(id));
    let newer = newer(id, decisions);
    let decision = Decision::new(decisions);
    let reissue = Reissue::new(decisions);
    Effect::new(move |before: Option<String>| {
        let now = id.get();
        if before.is_some_and(|before| before != now) {
            decision.reset();
            reissue.reset();
        }
        now
    });
    let heading = NodeRef::<leptos::html::H2>::new();
    // Opened from the list, it takes the focus; loaded as a page, it does not.
    let by_scripts = Owner::current_shared_context().is_none_or(|context| !context.during_hydration());
    Effect::new(move |_| {
        id.track();
        if let Some(heading) = heading.get().filter(|_| by_scripts) {
            // Fails for no element of a page.
            let _ = heading.focus();
        }
    });
    view! {
        <section
            aria-label="Opened request"
            data-sheet=""
            class="min-w-0 space-y-4 lg:sticky lg:top-6 lg:max-h-[calc(100dvh-3rem)] lg:w-[22rem] lg:overflow-y-auto lg:rounded-lg lg:border lg:border-line-strong lg:bg-raised lg:p-5 xl:w-96"
        >
            <div class="flex items-center justify-between gap-3">
                <h2 node_ref=heading tabindex="-1" class="text-base focus-visible:outline-none">
                    "Request"
                </h2>
                <A
                    href=move || listing.get().list_path()
                    scroll=false
                    attr:class="inline-flex min-h-8 items-center gap-2 rounded-md px-2 text-muted hover:bg-sunken hover:text-ink"
                    attr:data-close=""
                    attr:aria-keyshortcuts="Escape"
                >
                    <Icon shape=Shape::Cross />
                    "Close"
                </A>
            </div>
            <ProblemNotice problem=final_problem_of(decision.approve) />
            <ProblemNotice problem=final_problem_of(decision.reject) shown_at_fields=&["reason"] />
            <ProblemNotice problem=final_problem_of(reissue.send) />
            <ProblemNotice problem=final_problem_of(reissue.decline) shown_at_fields=&["reason"] />
            {loaded(
                request,
                move |first| {
                    let detail = Memo::new(move |_| newer.get().unwrap_or_else(|| first.clone()));
                    // What does not change is not rendered again, so typed text is not lost.
                    let row = Memo::new(move |_| detail.with(|detail| detail.request.clone()));
                    let input = Memo::new(move |_| DecisionInput::of(&row.get()));
                    view! {
                        {move || view! { <Facts row=row.get() /> }}
                        {move || view! { <Actions input=input.get() decision reissue /> }}
                        {move || view! { <History history=detail.with(|detail| detail.history.clone()) /> }}
                    }
                },
            )}
        </section>
    }
    .into_any()
}

/// The request as it is now, if it has changed since it was opened. Loaded only when polling reports a change.
fn newer(id: Memo<String>, decisions: RwSignal<u32>) -> RwSignal<Option<RequestDetail>> {
    let newer = RwSignal::new(None);
    Effect::new(move |_| {
        id.track();
        decisions.track();
        newer.set(None);
    });
    if let Some(watch) = use_context::<NewsWatch>() {
        watch.on_change(move || {
            let current = (id.get_untracked(), decisions.get_untracked());
            leptos::task::spawn_local(async move {
                let found = api::poll_find(current.0.clone()).await;
                let still_current = id.try_get_untracked() == Some(current.0)
                    && decisions.try_get_untracked() == Some(current.1);
                if let (Ok(found), true) = (found, still_current) {
                    newer.try_set(Some(found));
                }
            });
        });
    }
    newer
}

/// What the buttons for decision and new link depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionInput(pub AccessRequestRow);

impl DecisionInput {
    /// Without the facts that may change while somebody writes a reason.
    fn of(row: &AccessRequestRow) -> Self {
        let links = row.links.map(|links| Links { wrong_codes: 0, ..links });
        Self(AccessRequestRow { reminded_at: None, known_account: false, links, ..row.clone() })
    }
}

#[component]
fn Actions(input: DecisionInput, decision: Decision, reissue: Reissue) -> impl IntoView {
    let DecisionInput(row) = input;
    if row.state == RequestState::Pending {
        view! { <Decide row decision /> }.into_any()
    } else {
        view! { <super::reissue::SendLink row reissue /> }.into_any()
    }
}

#[component]
fn Facts(row: AccessRequestRow) -> impl IntoView {
    let message = row.message.clone();
    let link_requested_at = row.links.and_then(|links| links.asked_at);
    view! {
        <div class="space-y-1">
            <p class="text-muted">"Match code"</p>
            <p>
                <Code code=row.match_code.clone() huge=row.state == RequestState::Pending />
            </p>
        </div>
        <dl class="divide-y divide-line border-y border-line">
            <Fact term="State">
                <StateBadge state=row.state />
                {row.links.map(|links| view! { <CodesTried links /> })}
                {link_requested_at.map(|at| view! { <span class="mt-1 block">"Asked for a new link " <Time at relative=true /></span> })}
            </Fact>
            <Fact term="Address">
                <span>{row.email.clone()}</span>
                <span class="block text-muted">
                    {if row.known_account { "Has an account here" } else { "New account when approved" }}
                </span>
                <AddressNotes notes=row.notes.clone() />
            </Fact>
            <Fact term="Machine">
                <bdi>{row.device_name.clone().unwrap_or_else(|| "No name".to_owned())}</bdi>
                {row.platform.map(|p| format!(" · {}", p.label()))}
            </Fact>
            {row.expires_at.map(|at| view! { <Fact term="Expires"><Time at /></Fact> })}
            {row.reason.clone().map(|reason| view! { <Fact term="Reason">{reason}</Fact> })}
        </dl>
        {(!message.is_empty())
            .then(|| {
                view! {
                    <div>
                        <p class="text-muted">"Message"</p>
                        <p class="whitespace-pre-line">{message}</p>
                    </div>
                }
            })}
    }
}

#[component]
fn Fact(term: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="grid grid-cols-[6rem_1fr] gap-3 py-2">
            <dt class="text-muted">{term}</dt>
            <dd class="min-w-0">{children()}</dd>
        </div>
    }
}

/// Who did what and when.
#[component]
fn History(history: Vec<HistoryEntry>) -> impl IntoView {
    view! {
        <section aria-labelledby="history" class="space-y-2">
            <h3 id="history" class="text-muted">
                "History"
            </h3>
            <ol class="space-y-1.5">
                {history
                    .into_iter()
                    .map(|entry| {
                        let by = entry.by.map(|by| format!(" by {by}")).unwrap_or_default();
                        let detail = shown_detail(entry.what, &entry.detail);
                        view! {
                            <li>
                                <span class="font-medium">{event_label(entry.what)}</span>
                                <span>{by}</span>
                                <span class="block text-muted">
                                    <Time at=entry.at relative=true />
                                    <span>{detail}</span>
                                </span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </section>
    }
}

fn event_label(what: RequestEvent) -> &'static str {
    match what {
        RequestEvent::Approved => "Approved",
        RequestEvent::Asked => "Requested access",
        RequestEvent::Expired => "Expired: not reviewed in time",
        RequestEvent::Fetched => "Certificate issued",
        RequestEvent::LinkAsked => "Asked for a new link",
        RequestEvent::LinkDeclined => "New link declined",
        RequestEvent::LinkEnded => "Link expired unused",
        RequestEvent::LinkSent => "New link sent",
        RequestEvent::Rejected => "Rejected",
        RequestEvent::Reminded => "Asked for a reminder",
        RequestEvent::WrongCode => "Wrong match code entered",
    }
}

/// The details that add something to the event's label.
fn shown_detail(what: RequestEvent, detail: &str) -> String {
    match what {
        RequestEvent::Fetched if !detail.is_empty() => format!(" · {detail}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_does_not_render_the_decision_again() {
        let row = AccessRequestRow {
            id: "1".into(),
            email: "a@b.example".into(),
            match_code: "ABCD-2345".into(),
            platform: None,
            device_name: None,
            message: String::new(),
            state: RequestState::Pending,
            requested_at: 0,
            expires_at: None,
            decided_at: None,
            decided_by: None,
            reason: None,
            known_account: false,
            notes: Vec::new(),
            reminded_at: None,
            links: None,
        };
        let reminded = AccessRequestRow { reminded_at: Some(7), known_account: true, ..row.clone() };
        assert_eq!(DecisionInput::of(&row), DecisionInput::of(&reminded));
        let rejected = AccessRequestRow { state: RequestState::Rejected, ..row.clone() };
        assert_ne!(DecisionInput::of(&row), DecisionInput::of(&rejected));
    }
}
