//! `/admin/people`: every account.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use protocol::access::Page;
use protocol::people::{AccountRow, AccountStatus, Role};

use super::api;
use crate::design::{
    Badge, ButtonLink, ButtonVariant, Cell, Column, EmptyState, FilterForm, Pagination, PanelPage, Priority,
    Row, SearchField, Shape, Table, Time, Tone, Truncated, loaded,
};
use crate::navigation::{page_in_address, page_number, with_query};

const PATH: &str = "/admin/people";

#[component]
pub fn PeoplePage() -> impl IntoView {
    let query = use_query_map();
    let search =
        Memo::new(move |_| query.with(|q| q.get_str("search").unwrap_or_default().trim().to_owned()));
    let number = Memo::new(move |_| query.with(|q| page_number(q.get_str("page"))));
    let people =
        Resource::new(move || (search.get(), number.get()), |(search, page)| api::list(search, page));
    let invite = || {
        view! {
            <ButtonLink href="/admin/people/new" variant=ButtonVariant::Primary icon=Shape::Plus>
                "Invite"
            </ButtonLink>
        }
    };
    view! {
        <PanelPage
            title="People"
            lead="Approving a request creates an account. Administrators use this panel; everyone else uses only the assistant."
            action=invite().into_any()
        >
            <FilterForm path=PATH fields=&["search"]>
                <SearchField label="E-mail address" value=search />
            </FilterForm>
            {loaded(people, move |page| view! { <People page search=search.get_untracked() /> })}
        </PanelPage>
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::new("Person"),
    Column::wide_only("Role").width("w-32"),
    Column::new("State").width("w-32"),
    Column::new("Machines").priority(Priority::Third).width("w-24"),
    Column::wide_only("Last signed in").width("w-44"),
    Column::new("Since").priority(Priority::Third).width("w-28"),
];

#[component]
fn People(page: Page<AccountRow>, search: String) -> impl IntoView {
    if page.rows.is_empty() {
        return view! {
            <EmptyState title="No matching people">
                <p>
                    <A href=PATH attr:class="link">
                        "Show everyone"
                    </A>
                </p>
            </EmptyState>
        }
        .into_any();
    }
    let (number, size, total) = (page.page, page.page_size, page.total);
    let href = move |page: u32| with_query(PATH, &[("search", &search), ("page", &page_in_address(page))]);
    view! {
        <div>
            <Table caption="People" columns=COLUMNS>
                {page.rows.into_iter().map(|row| view! { <PersonLine row /> }).collect_view()}
            </Table>
            <Pagination page=number page_size=size total href what="people" />
        </div>
    }
    .into_any()
}

#[component]
fn PersonLine(row: AccountRow) -> impl IntoView {
    view! {
        <Row>
            <Cell main=true>
                <A href=format!("{PATH}/{}", row.id) attr:class="link block font-medium">
                    <Truncated text=row.email keep_end=true />
                </A>
            </Cell>
            <Cell wide_only=true>{role_word(row.role)}</Cell>
            <Cell>
                <StatusBadge status=row.status />
            </Cell>
            <Cell priority=Priority::Third>{row.machines}</Cell>
            <Cell wide_only=true>
                {match row.last_sign_in_at {
                    Some(at) => view! { <Time at relative=true /> }.into_any(),
                    None => view! { <span class="text-muted">"Never"</span> }.into_any(),
                }}
            </Cell>
            <Cell priority=Priority::Third>
                <Time at=row.created_at date_only=true />
            </Cell>
        </Row>
    }
}

pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Administrator => "Administrator",
        Role::User => "User",
    }
}

#[component]
pub(super) fn StatusBadge(status: AccountStatus) -> impl IntoView {
    let (tone, icon, word) = match status {
        AccountStatus::Active => (Tone::Good, Shape::Check, "Active"),
        AccountStatus::Disabled => (Tone::Neutral, Shape::Stop, "Disabled"),
        AccountStatus::Invited => (Tone::Neutral, Shape::Clock, "Not set up"),
    };
    view! { <Badge tone icon word /> }
}
