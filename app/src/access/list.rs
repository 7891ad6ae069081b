//! `/admin/requests`: the list with its filter in the URL, bulk decisions, and beside it the opened request.

use leptos::prelude::*;
use leptos_router::components::{A, Outlet};
use leptos_router::hooks::use_location;
use protocol::access::{AccessRequestRow, MatchCode, Page, RequestState};
use protocol::review::Unlisted;

use super::api::{self, DecideAll, LastVerdict};
use super::bulk::{BulkActions, SelectBox, Selection};
use super::listing::{Listing, PATH, Requests, WAITING};
use super::news::{NewsLine, NewsWatch};
use super::notes::{AddressNotes, CodesTried};
use super::outcome::BulkOutcome;
use super::state::{StateBadge, word};
use crate::design::{
    Cell, Column, EmptyState, FilterForm, FilterSelect, Pagination, PanelPage, Priority, Row, SearchField,
    Table, Time, Truncated, loaded,
};
use crate::form;

/// Counts decisions, so that the list reloads after each.
#[derive(Debug, Clone, Copy)]
pub struct Decisions(pub RwSignal<u32>);

#[component]
pub fn RequestsPage() -> impl IntoView {
    let listing = Listing::of_url();
    let decisions = RwSignal::new(0);
    provide_context(Decisions(decisions));
    let requests = Requests::of(listing);
    Effect::new(move |before: Option<u32>| {
        let now = decisions.get();
        if before.is_some_and(|before| before != now) {
            requests.refresh();
        }
        now
    });
    let watch = NewsWatch::start();
    provide_context(watch);
    watch.on_change(move || requests.refresh());
    let decide = form::action::<DecideAll>();
    let chosen = Selection::of_page();
    let opened = opened();
    let last = Resource::new_blocking(|| (), |()| api::last_decision());
    view! {
        <PanelPage title="Requests" lead="People asking for access, and what you decided.">
            <div
                class="grid items-start gap-6"
                class=("lg:grid-cols-[minmax(0,1fr)_auto]", move || opened.get().is_some())
            >
                // On a small screen, an open request is a page of its own.
                <div class="min-w-0 space-y-4" class=("max-lg:hidden", move || opened.get().is_some())>
                    <Filter listing />
                    <NewsLine watch />
                    {loaded(
                        last,
                        move |last: LastVerdict| {
                            chosen.restore(last.refused.as_ref());
                            view! {
                                <BulkOutcome decide last=last.clone() />
                                <ActionForm action=decide attr:class="group space-y-4">
                                    <input type="hidden" name="back" value=move || listing.get().list_path() />
                                    {loaded(
                                        requests.first(),
                                        move |first| view! { <List page=requests.page(first) listing chosen /> },
                                    )}
                                    <BulkActions chosen decide decisions refused=last.refused />
                                </ActionForm>
                            }
                        },
                    )}
                </div>
                <Outlet />
            </div>
        </PanelPage>
    }
    .into_any()
}

/// The address of the open request, if there is one. When it is closed, the focus returns to its row.
fn opened() -> Memo<Option<String>> {
    let here = use_location().pathname;
    let opened = Memo::new(move |_| here.with(|here| (here != PATH).then(|| here.clone())));
    Effect::new(move |before: Option<Option<String>>| {
        let now = opened.get();
        if let (Some(before), None) = (before.flatten(), now.as_ref()) {
            focus_row(&before);
        }
        now
    });
    opened
}

#[cfg_attr(not(feature = "hydrate"), expect(unused_variables, reason = "there is no focus on the server"))]
fn focus_row(path: &str) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;

        let selector = format!("[data-row] a[href^=\"{path}\"]");
        let link = document().query_selector(&selector).ok().flatten();
        if let Some(link) = link.and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok()) {
            // Fails for no element of a page.
            let _ = link.focus();
        }
    }
}

/// What is beside the list while no request is open: nothing.
#[component]
pub fn NothingOpen() -> impl IntoView {}

#[component]
fn Filter(listing: Memo<Listing>) -> impl IntoView {
    let options = || {
        let all = [("", "All requests"), (WAITING, "Waiting for you")]
            .map(|(v, words)| (v.to_owned(), words.to_owned()));
        let all = all.into_iter();
        all.chain(RequestState::ALL.map(|s| (s.as_str().to_owned(), word(s).to_owned()))).collect::<Vec<_>>()
    };
    let search = Signal::derive(move || listing.with(|listing| listing.search.clone()));
    let state = Signal::derive(move || listing.with(Listing::choice).to_owned());
    view! {
        <FilterForm path=PATH fields=&["state", "search"]>
            <SearchField label="Address, machine or code" value=search />
            <FilterSelect name="state" label="State" options=options() value=state />
        </FilterForm>
    }
}

const COLUMNS: &[Column] = &[
    Column::new("Select").width("w-16"),
    Column::new("Address"),
    Column::new("Match code").width("w-28"),
    Column::new("Machine").priority(Priority::Third),
    Column::new("State").width("w-32"),
    Column::wide_only("Requested").width("w-44"),
];

#[component]
fn List(page: Memo<Page<AccessRequestRow>>, listing: Memo<Listing>, chosen: Selection) -> impl IntoView {
    chosen.follow(page);
    let nothing = Memo::new(move |_| page.with(|page| page.rows.is_empty()));
    move || {
        if nothing.get() {
            return view! { <NoRows listing=listing.get() /> }.into_any();
        }
        view! {
            <div>
                <Table caption="Requests for access" columns=COLUMNS>
                    // Keyed by the whole row: only changed rows are rendered again.
                    <For
                        each=move || page.with(|page| page.rows.clone())
                        key=|row| row.clone()
                        children=move |row| view! { <RequestLine row listing chosen /> }
                    />
                </Table>
                {move || {
                    let now = listing.get();
                    let href = move |page| Listing { page, ..now.clone() }.list_path();
                    let (number, size, total) = page.with(|p| (p.page, p.page_size, p.total));
                    view! { <Pagination page=number page_size=size total href what="requests" /> }
                }}
            </div>
        }
        .into_any()
    }
}

#[component]
fn NoRows(listing: Listing) -> impl IntoView {
    let filtered = listing != Listing::default();
    view! {
        <EmptyState title=if filtered { "No matching requests" } else { "No requests yet" }>
            {if filtered {
                view! {
                    <UnlistedCode search=listing.search />
                    <p><A href=PATH attr:class="link">"Show all requests"</A></p>
                }
                .into_any()
            } else {
                view! {
                    <p>
                        "New access requests appear here. To invite people, share "
                        <a href="/request-access" rel="external" class="link">"the request form"</a> "."
                    </p>
                }
                .into_any()
            }}
        </EmptyState>
    }
}

/// What a match code belongs to that is in no list: a request of an address that has too many waiting ones.
#[component]
fn UnlistedCode(search: String) -> impl IntoView {
    let Ok(code) = search.parse::<MatchCode>() else { return ().into_any() };
    let found = Resource::new(move || code.grouped(), api::find_unlisted);
    view! {
        {loaded(found, |found: Option<Unlisted>| {
            found.map(|Unlisted { requested_at, allowed }| {
                view! {
                    <p>
                        "This code is genuine. Its request was sent on " <Time at=requested_at />
                        {format!(", when {allowed} requests from the same address were already waiting, so it is not listed. Approve \
                                  one of those if the person knows its code. Otherwise reject them, and have the person \
                                  request access again.")}
                    </p>
                }
            })
        })}
    }
    .into_any()
}

#[component]
fn RequestLine(row: AccessRequestRow, listing: Memo<Listing>, chosen: Selection) -> impl IntoView {
    let path = format!("{PATH}/{}", row.id);
    let here = use_location().pathname;
    let open = {
        let path = path.clone();
        Memo::new(move |_| here.get() == path)
    };
    let href = move || listing.get().at(&path);
    let label = row.email.clone();
    let device = row.device_name.unwrap_or_else(|| "–".to_owned());
    let tick = (row.state == RequestState::Pending)
        .then(|| view! { <SelectBox id=row.id.clone() email=row.email.clone() chosen /> });
    view! {
        <Row open>
            <Cell>{tick}</Cell>
            <Cell main=true>
                <A href=href scroll=false attr:class="link block font-medium" attr:aria-label=label>
                    <Truncated text=row.email keep_end=true />
                </A>
                <AddressNotes notes=row.notes />
            </Cell>
            <Cell>
                <span class="font-mono">{row.match_code}</span>
            </Cell>
            <Cell priority=Priority::Third>
                <span class="flex min-w-0 gap-2">
                    <Truncated text=device />
                    {row.platform.map(|p| view! { <span class="shrink-0 text-muted">{p.label()}</span> })}
                </span>
            </Cell>
            <Cell>
                <StateBadge state=row.state />
                {row.links.map(|links| view! { <CodesTried links /> })}
            </Cell>
            <Cell wide_only=true>
                <Time at=row.requested_at relative=true />
            </Cell>
        </Row>
    }
}
