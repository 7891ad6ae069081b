//! `/admin/workflows`: all workflows, by name.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::workflow::WorkflowRow;

use super::api;
use crate::design::{
    ButtonLink, ButtonVariant, Cell, Column, EmptyState, PanelPage, Priority, Row, Shape, Table, Time,
    Truncated, loaded,
};

const COLUMNS: &[Column] = &[
    Column::new("Name"),
    Column::new("Steps").width("w-24"),
    Column::new("Used by").width("w-32"),
    Column::new("Version").priority(Priority::Third).width("w-28"),
    Column::new("Saved").priority(Priority::Third).width("w-48"),
];

#[component]
pub fn WorkflowsPage() -> impl IntoView {
    let workflows = Resource::new(|| (), |()| api::list());
    let new_workflow = || {
        view! {
            <ButtonLink href="/admin/workflows/new" variant=ButtonVariant::Primary icon=Shape::Plus>
                "New workflow"
            </ButtonLink>
        }
    };
    view! {
        <PanelPage
            title="Workflows"
            lead="A workflow is how a question is answered: which steps, in which order, by which model. A mode uses the built-in one unless you choose another."
            action=new_workflow().into_any()
        >
            {loaded(workflows, |workflows| view! { <Workflows workflows /> })}
        </PanelPage>
    }
}

#[component]
fn Workflows(workflows: Vec<WorkflowRow>) -> impl IntoView {
    if workflows.is_empty() {
        return view! {
            <EmptyState title="No workflows yet">
                <p>"Every mode uses the built-in workflow."</p>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <Table caption="Workflows" columns=COLUMNS>
            {workflows
                .into_iter()
                .map(|workflow| {
                    let modes = match workflow.modes {
                        0 => "No mode".to_owned(),
                        1 => "1 mode".to_owned(),
                        many => format!("{many} modes"),
                    };
                    view! {
                        <Row>
                            <Cell main=true>
                                <A href=format!("/admin/workflows/{}", workflow.id) attr:class="link block font-semibold">
                                    <Truncated text=workflow.name />
                                </A>
                            </Cell>
                            <Cell>{workflow.nodes}</Cell>
                            <Cell>{modes}</Cell>
                            <Cell priority=Priority::Third>{workflow.version}</Cell>
                            <Cell priority=Priority::Third>
                                <Time at=workflow.saved_at />
                            </Cell>
                        </Row>
                    }
                })
                .collect_view()}
        </Table>
    }
    .into_any()
}
