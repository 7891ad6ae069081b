//! `/admin/people`: every account.

use leptos::prelude::*;
use leptos_router::components::{A, Form};
use leptos_router::hooks::use_query_map;
use protocol::access::Page;
use protocol::people::{AccountRow, AccountStatus, Role};

use super::api;
use crate::design::{
    Badge, Button, ButtonLink, ButtonVariant, Cell, Column, EmptyState, Field, FieldKind, Pagination,
    PanelPage, Shape, Table, Time, Tone, loaded,
};
use crate::navigation::with_query;

const PATH: &str = "/admin/people";

#[component]
pub fn PeoplePage() -> impl IntoView {
    let query = use_query_map();
    let search =
        Memo::new(move |_| query.with(|q| q.get_str("search").unwrap_or_default().trim().to_owned()));
    let number = Memo::new(move |_| {
        query.with(|q| q.get_str("page").and_then(|p| p.parse().ok()).unwrap_or_default())
    });
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
            lead="Approving a request makes an account for its address. Administrators use this panel, everybody else only the assistant."
            action=invite().into_any()
        >
            <Form method="GET" action=PATH>
                <div class="flex flex-wrap items-end gap-3" role="search">
                    <div class="w-72 max-w-full">
                        <Field
                            name="search"
                            label="E-mail address"
                            kind=FieldKind::Search
                            optional=true
                            value=search.get_untracked()
                        />
                    </div>
                    <Button icon=Shape::Search>"Show"</Button>
                </div>
            </Form>
            {loaded(people, move |page| view! { <People page search=search.get_untracked() /> })}
        </PanelPage>
    }
}

const COLUMNS: &[Column] = &[
    Column::new("Person"),
    Column::new("Role"),
    Column::new("State"),
    Column::wide_only("Machines"),
    Column::wide_only("Last signed in"),
    Column::wide_only("Since"),
];

#[component]
fn People(page: Page<AccountRow>, search: String) -> impl IntoView {
    if page.rows.is_empty() {
        return view! {
            <EmptyState title="Nobody fits">
                <p>
                    <A href=PATH attr:class="link">
                        "Show everybody"
                    </A>
                </p>
            </EmptyState>
        }
        .into_any();
    }
    let (number, size, total) = (page.page, page.page_size, page.total);
    let href = move |page: u32| {
        let number = if page == 0 { String::new() } else { page.to_string() };
        with_query(PATH, &[("search", &search), ("page", &number)])
    };
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
        <tr class="hover:bg-sunken">
            <Cell>
                <A href=format!("{PATH}/{}", row.id) attr:class="link font-semibold break-all">
                    {row.email}
                </A>
            </Cell>
            <Cell>{role_word(row.role)}</Cell>
            <Cell>
                <StatusBadge status=row.status />
            </Cell>
            <Cell wide_only=true>{row.machines}</Cell>
            <Cell wide_only=true>
                {match row.last_sign_in_at {
                    Some(at) => view! { <Time at /> }.into_any(),
                    None => view! { <span class="text-muted">"Never"</span> }.into_any(),
                }}
            </Cell>
            <Cell wide_only=true>
                <Time at=row.created_at date_only=true />
            </Cell>
        </tr>
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
        AccountStatus::Disabled => (Tone::Bad, Shape::Stop, "Disabled"),
        AccountStatus::Invited => (Tone::Neutral, Shape::Clock, "Not set up"),
    };
    view! { <Badge tone icon word /> }
}
