//! The waiting requests with their codes, on the panel's first page.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::access::{AccessRequestRow, Page};

use super::listing::{Listing, PATH, Requests};
use super::news::{NewsLine, NewsWatch};
use super::notes::AddressNotes;
use crate::design::{Code, EmptyState, Time, loaded};

/// More are a link away.
const MOST: usize = 5;

#[component]
pub fn PendingRequests(watch: NewsWatch) -> impl IntoView {
    let requests = Requests::of(Memo::new(|_| Listing::waiting()));
    watch.on_change(move || requests.refresh());
    view! {
        <NewsLine watch />
        {loaded(requests.first(), move |first| view! { <Waiting page=requests.page(first) /> })}
    }
}

#[component]
fn Waiting(page: Memo<Page<AccessRequestRow>>) -> impl IntoView {
    let nobody = Memo::new(move |_| page.with(|page| page.rows.is_empty()));
    let not_shown = Memo::new(move |_| page.with(|page| page.total > MOST as u64));
    move || {
        if nobody.get() {
            return view! {
                <EmptyState title="Nobody is waiting">
                    <p>"New access requests appear here."</p>
                </EmptyState>
            }
            .into_any();
        }
        view! {
            <ul class="divide-y divide-line overflow-clip rounded-md border border-line bg-raised">
                <For
                    each=move || page.with(|page| page.rows.iter().take(MOST).cloned().collect::<Vec<_>>())
                    key=|row| row.clone()
                    children=|row| view! { <WaitingRow row /> }
                />
            </ul>
            {move || {
                not_shown
                    .get()
                    .then(|| {
                        let total = page.with(|page| page.total);
                        view! {
                            <p>
                                <A href=Listing::waiting().list_path() attr:class="link">
                                    {format!("See all {total} waiting requests")}
                                </A>
                            </p>
                        }
                    })
            }}
        }
        .into_any()
    }
}

#[component]
fn WaitingRow(row: AccessRequestRow) -> impl IntoView {
    let href = Listing::waiting().at(&format!("{PATH}/{}", row.id));
    let device = row.device_name.map(|d| format!(" · {d}")).unwrap_or_default();
    let (words, at) = match row.links.and_then(|links| links.asked_at) {
        Some(at) => ("Asked for a new link ", at),
        None => ("Requested ", row.requested_at),
    };
    view! {
        <li data-row="" class="flex flex-wrap items-center gap-x-6 gap-y-1 px-4 py-3 focus-within:bg-sunken hover:bg-sunken">
            <Code code=row.match_code />
            <span class="min-w-0 grow">
                <A href=href attr:class="link font-medium">
                    {row.email}
                </A>
                <span class="block text-muted">{words} <Time at relative=true /> <bdi>{device}</bdi></span>
                <AddressNotes notes=row.notes />
            </span>
        </li>
    }
}
