//! `/admin/use`: how much each person sends, per program. No contents.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use protocol::ledger::UseRow;

use super::api;
use crate::design::{Cell, Column, EmptyState, PanelPage, Priority, Row, Table, Time, Truncated, loaded};

const PATH: &str = "/admin/use";
/// The choices, in days.
const SPANS: [(u32, &str); 4] = [(1, "Today"), (7, "7 days"), (30, "30 days"), (365, "A year")];
const COLUMNS: &[Column] = &[
    Column::new("Person"),
    Column::new("Program"),
    Column::new("Pictures").width("w-28"),
    Column::new("Size").priority(Priority::Third).width("w-28"),
    Column::wide_only("Last"),
];

#[component]
pub fn UsePage() -> impl IntoView {
    let query = use_query_map();
    let days = Memo::new(move |_| {
        let days = query.with(|q| q.get_str("days").and_then(|days| days.parse::<u32>().ok()));
        days.filter(|days| SPANS.iter().any(|(span, _)| span == days)).unwrap_or(7)
    });
    let rows = Resource::new(move || days.get(), api::usage);
    view! {
        <PanelPage
            title="Use"
            lead="How many pictures each person has sent, by program in front. What was in them only that person sees, under their account."
        >
            <nav aria-label="Time">
                <ul class="flex flex-wrap gap-4">
                    {SPANS
                        .map(|(span, words)| {
                            view! {
                                <li>
                                    <A
                                        href=format!("{PATH}?days={span}")
                                        attr:class="link aria-[current]:font-semibold aria-[current]:text-ink"
                                        attr:aria-current=move || (days.get() == span).then_some("true")
                                    >
                                        {words}
                                    </A>
                                </li>
                            }
                        })}
                </ul>
            </nav>
            {loaded(rows, |rows| view! { <Use rows /> })}
        </PanelPage>
    }
}

#[component]
fn Use(rows: Vec<UseRow>) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <EmptyState title="Nothing was sent">
                <p>"Nobody has sent a picture in this time."</p>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <Table caption="Use" columns=COLUMNS>
            {rows
                .into_iter()
                .map(|row| {
                    let program = if row.program.is_empty() { "Not known".to_owned() } else { row.program };
                    view! {
                        <Row>
                            <Cell main=true>
                                <Truncated text=row.email />
                            </Cell>
                            <Cell>
                                <Truncated text=program />
                            </Cell>
                            <Cell>{row.pictures}</Cell>
                            <Cell priority=Priority::Third>{format!("{} kB", row.bytes.saturating_add(999) / 1_000)}</Cell>
                            <Cell wide_only=true>
                                <Time at=row.last_day date_only=true />
                            </Cell>
                        </Row>
                    }
                })
                .collect_view()}
        </Table>
    }
    .into_any()
}
