//! `/admin`: the waiting requests and the numbers.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::overview::Overview;

use super::api;
use crate::access::{NewsWatch, PendingRequests};
use crate::design::{BriefNotice, NoticeTone, PanelPage, loaded};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let watch = NewsWatch::start();
    let overview = Resource::new(
        move || watch.changes(),
        |changes| async move { if changes == 0 { api::numbers().await } else { api::poll_numbers().await } },
    );
    view! {
        <PanelPage title="Overview">
            <section class="max-w-4xl space-y-3">
                <h2 class="text-lg">"Waiting for you"</h2>
                <PendingRequests watch />
            </section>
            <section class="max-w-4xl space-y-3">
                <h2 class="text-lg">"In numbers"</h2>
                {loaded(overview, |overview| view! { <Numbers overview /> })}
            </section>
        </PanelPage>
    }
}

#[component]
fn Numbers(overview: Overview) -> impl IntoView {
    let failing = overview.failing_models.iter().map(|model| {
        let title = format!("{} gave no answer when it was last asked: {}.", model.provider, model.failure);
        view! { <BriefNotice tone=NoticeTone::Bad title /> }
    });
    let failing = failing.collect_view();
    let numbers = [
        ("Pending requests", overview.pending_requests, "/admin/requests?state=pending"),
        ("Machines with a certificate", overview.machines, "/admin/certificates"),
        ("Accounts", overview.accounts, ""),
        ("Analyses today", overview.analyses_today, ""),
        ("Mails that need you", overview.mails_needing_attention, "/admin/outbox"),
    ];
    view! {
        {failing}
        <dl class="grid grid-cols-2 gap-x-8 border-y border-line sm:grid-cols-3 xl:grid-cols-5">
            {numbers
                .map(|(term, number, href)| {
                    view! {
                        <div class="flex flex-col-reverse justify-end py-4">
                            <dt class="text-muted">
                                {if href.is_empty() {
                                    term.into_any()
                                } else {
                                    view! {
                                        <A href=href attr:class="link">
                                            {term}
                                        </A>
                                    }
                                        .into_any()
                                }}
                            </dt>
                            <dd class="text-xl font-semibold tabular-nums">{number}</dd>
                        </div>
                    }
                })}
        </dl>
    }
}
