//! `/admin/workflows/{id}/runs`: the newest runs of a workflow.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::workflow::RunRow;

use super::api;
use crate::design::{Cell, Column, EmptyState, PanelPage, Priority, Row, Table, Time, loaded};

const COLUMNS: &[Column] = &[
    Column::new("Begun"),
    Column::new("State").width("w-32"),
    Column::new("Person").priority(Priority::Third),
    Column::new("Version").priority(Priority::Third).width("w-24"),
    Column::new("Time").width("w-28"),
    Column::new("Tokens").priority(Priority::Third).width("w-28"),
];

#[component]
pub fn RunsPage() -> impl IntoView {
    let params = use_params_map();
    let workflow = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let runs = Resource::new(move || workflow.get(), api::list);
    view! {
        <PanelPage
            title="Runs"
            lead="The newest 100 runs of this workflow. Opening one shows what was asked and answered, and is recorded in the audit log."
        >
            <p>
                <A href=move || format!("/admin/workflows/{}", workflow.get()) attr:class="link">
                    "The workflow"
                </A>
            </p>
            {loaded(runs, move |runs| view! { <Runs runs workflow=workflow.get_untracked() /> })}
        </PanelPage>
    }
    .into_any()
}

#[component]
fn Runs(runs: Vec<RunRow>, workflow: String) -> impl IntoView {
    if runs.is_empty() {
        return view! {
            <EmptyState title="No runs yet">
                <p>"Each question in a mode with this workflow is a run."</p>
            </EmptyState>
        }
        .into_any();
    }
    let row = move |run: RunRow| {
        let href = format!("/admin/workflows/{workflow}/runs/{}", run.id);
        let state = if run.is_replay { format!("{}, replay", run.state) } else { run.state };
        view! {
            <Row>
                <Cell main=true>
                    <A href attr:class="link block font-semibold">
                        <Time at=run.started_at />
                    </A>
                </Cell>
                <Cell>{state}</Cell>
                <Cell priority=Priority::Third>{run.email}</Cell>
                <Cell priority=Priority::Third>{run.version}</Cell>
                <Cell>{run.ms.map(|ms| format!("{ms} ms"))}</Cell>
                <Cell priority=Priority::Third>{run.tokens}</Cell>
            </Row>
        }
    };
    view! {
        <Table caption="Runs" columns=COLUMNS>
            {runs.into_iter().map(row).collect_view()}
        </Table>
    }
    .into_any()
}
