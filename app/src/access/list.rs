//! `/admin/requests`: the list, its filter in the URL, and beside it the opened request.

use leptos::prelude::*;
use leptos_router::components::{A, Form, Outlet};
use leptos_router::hooks::{use_location, use_query_map};
use protocol::access::{AccessRequestRow, Page, RequestState};

use super::api;
use super::state::{StateBadge, word};
use crate::admin::PanelPage;
use crate::design::{
    Button, Cell, Code, Column, EmptyState, Field, FieldKind, Pagination, SelectField, Shape, Table, Time,
    loaded,
};
use crate::navigation::with_query;

const PATH: &str = "/admin/requests";

/// Counts decisions, so that the list shows them.
#[derive(Debug, Clone, Copy)]
pub struct Decisions(pub RwSignal<u32>);

/// What the URL asks to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    state: Option<RequestState>,
    search: String,
    page: u32,
}

impl Listing {
    /// The listing that the address of the page asks for.
    pub fn of_url() -> Memo<Self> {
        let query = use_query_map();
        Memo::new(move |_| {
            query.with(|q| Self {
                state: q.get_str("state").and_then(|s| s.parse().ok()),
                search: q.get_str("search").unwrap_or_default().trim().to_owned(),
                page: q.get_str("page").and_then(|p| p.parse().ok()).unwrap_or_default(),
            })
        })
    }

    /// `path` with this listing kept.
    pub fn at(&self, path: &str) -> String {
        let page = if self.page == 0 { String::new() } else { self.page.to_string() };
        let state = self.state.map(RequestState::as_str).unwrap_or_default();
        with_query(path, &[("state", state), ("search", &self.search), ("page", &page)])
    }

    /// The address of the list itself.
    pub fn list_path(&self) -> String {
        self.at(PATH)
    }
}

#[component]
pub fn RequestsPage() -> impl IntoView {
    let listing = Listing::of_url();
    let decisions = RwSignal::new(0);
    provide_context(Decisions(decisions));
    let requests = Resource::new(
        move || (listing.get(), decisions.get()),
        |(listing, _)| api::list(listing.state, listing.search, listing.page),
    );
    view! {
        <PanelPage title="Requests" lead="Who asks for access, and what became of it.">
            <div class="grid items-start gap-6 xl:grid-cols-[minmax(0,1fr)_auto]">
                <div class="min-w-0 space-y-4">
                    <Filter listing />
                    {loaded(requests, move |page| view! { <Requests page listing /> })}
                </div>
                <Outlet />
            </div>
        </PanelPage>
    }
}

/// Stands beside the list while no request is open.
#[component]
pub fn NothingOpen() -> impl IntoView {}

#[component]
fn Filter(listing: Memo<Listing>) -> impl IntoView {
    let options = || {
        let all = std::iter::once((String::new(), "All".to_owned()));
        all.chain(RequestState::ALL.map(|s| (s.as_str().to_owned(), word(s).to_owned()))).collect::<Vec<_>>()
    };
    move || {
        let now = listing.get();
        view! {
            <Form method="GET" action=PATH>
                <div class="flex flex-wrap items-end gap-3" role="search">
                    <div class="w-40">
                        <SelectField
                            name="state"
                            label="State"
                            options=options()
                            value=now.state.map(RequestState::as_str).unwrap_or_default()
                        />
                    </div>
                    <div class="w-72 max-w-full">
                        <Field name="search" label="Address, machine or code" kind=FieldKind::Search optional=true value=now.search />
                    </div>
                    <Button icon=Shape::Search>"Show"</Button>
                </div>
            </Form>
        }
    }
}

const COLUMNS: &[Column] = &[
    Column::new("Address"),
    Column::new("Match code"),
    Column::wide_only("Machine"),
    Column::new("State"),
    Column::wide_only("Requested"),
];

#[component]
fn Requests(page: Page<AccessRequestRow>, listing: Memo<Listing>) -> impl IntoView {
    let now = listing.get_untracked();
    if page.rows.is_empty() {
        let filtered = now != Listing::default();
        return view! {
            <EmptyState title=if filtered { "No request fits" } else { "No requests yet" }>
                {if filtered {
                    view! { <p><A href=PATH attr:class="link">"Show all requests"</A></p> }.into_any()
                } else {
                    view! {
                        <p>
                            "Each request for access will stand here with its match code. Give people this server’s address "
                            <A href="/request-access" attr:class="link">"/request-access"</A> "."
                        </p>
                    }
                    .into_any()
                }}
            </EmptyState>
        }
        .into_any();
    }
    let (number, size, total) = (page.page, page.page_size, page.total);
    let page_path = move |page| Listing { page, ..now.clone() }.list_path();
    view! {
        <div>
            <Table caption="Requests for access" columns=COLUMNS>
                {page.rows.into_iter().map(|row| view! { <RequestRow row listing /> }).collect_view()}
            </Table>
            <Pagination page=number page_size=size total href=page_path what="requests" />
        </div>
    }
    .into_any()
}

#[component]
fn RequestRow(row: AccessRequestRow, listing: Memo<Listing>) -> impl IntoView {
    let path = format!("{PATH}/{}", row.id);
    let here = use_location().pathname;
    let open = {
        let path = path.clone();
        Memo::new(move |_| here.get() == path)
    };
    let href = move || listing.get().at(&path);
    view! {
        <tr class="hover:bg-sunken" class=("bg-sunken", move || open.get())>
            <Cell>
                <A href=href scroll=false attr:class="link font-semibold break-words">
                    {row.email}
                </A>
            </Cell>
            <Cell>
                <span class="font-mono">{row.match_code}</span>
            </Cell>
            <Cell wide_only=true>
                {row.device_name.unwrap_or_else(|| "–".to_owned())}
                {row.platform.map(|p| view! { <span class="text-muted">{format!(" · {}", p.label())}</span> })}
            </Cell>
            <Cell>
                <StateBadge state=row.state />
            </Cell>
            <Cell wide_only=true>
                <Time at=row.requested_at />
            </Cell>
        </tr>
    }
}

/// The requests that wait, with their codes: what an administrator sees first.
#[component]
pub fn PendingRequests() -> impl IntoView {
    let pending = Resource::new(|| (), |()| api::list(Some(RequestState::Pending), String::new(), 0));
    loaded(pending, |page| {
        if page.rows.is_empty() {
            return view! {
                <EmptyState title="Nobody is waiting">
                    <p>"New requests for access will stand here with their match codes."</p>
                </EmptyState>
            }
            .into_any();
        }
        let more = page.total > page.rows.len() as u64;
        view! {
            <ul class="divide-y divide-line border-y border-line">
                {page
                    .rows
                    .into_iter()
                    .map(|row| {
                        let href = with_query(&format!("{PATH}/{}", row.id), &[("state", "pending")]);
                        let device = row.device_name.map(|d| format!(" · {d}")).unwrap_or_default();
                        view! {
                            <li class="flex flex-wrap items-center gap-x-6 gap-y-1 py-3">
                                <Code code=row.match_code />
                                <span class="min-w-0 grow">
                                    <A href=href attr:class="link font-semibold break-words">{row.email}</A>
                                    <span class="block text-muted">"Asked " <Time at=row.requested_at /> {device}</span>
                                </span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            {more
                .then(|| view! {
                    <p><A href="/admin/requests?state=pending" attr:class="link">{format!("All {} pending requests", page.total)}</A></p>
                })}
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opened_row_keeps_the_listing() {
        let listing = Listing { state: Some(RequestState::Pending), search: "a+b@c".into(), page: 2 };
        assert_eq!(
            listing.at("/admin/requests/7"),
            "/admin/requests/7?state=pending&search=a%2Bb%40c&page=2"
        );
        assert_eq!(Listing::default().list_path(), "/admin/requests");
    }
}
