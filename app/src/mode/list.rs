//! `/admin/modes`: all modes in their displayed order.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::mode::Mode;

use super::api;
use crate::design::{
    Badge, ButtonLink, ButtonVariant, Cell, Column, EmptyState, PanelPage, Priority, Row, Shape, Table, Tone,
    Truncated, loaded,
};

const COLUMNS: &[Column] = &[
    Column::new("Name"),
    Column::new("Description"),
    Column::new("Provider").priority(Priority::Third).width("w-36"),
    Column::new("Model").priority(Priority::Third).width("w-44"),
    Column::new("Temperature").priority(Priority::Third).width("w-28"),
    Column::new("State").width("w-32"),
];

#[component]
pub fn ModesPage() -> impl IntoView {
    let modes = Resource::new(|| (), |()| api::list());
    let new_mode = || {
        view! {
            <ButtonLink href="/admin/modes/new" variant=ButtonVariant::Primary icon=Shape::Plus>
                "New mode"
            </ButtonLink>
        }
    };
    view! {
        <PanelPage
            title="Modes"
            lead="A mode is a persona: a prompt, and the model that answers. People choose one in their sidebar."
            action=new_mode().into_any()
        >
            {loaded(modes, |modes| view! { <Modes modes /> })}
        </PanelPage>
    }
}

#[component]
fn Modes(modes: Vec<Mode>) -> impl IntoView {
    if modes.is_empty() {
        return view! {
            <EmptyState title="No modes yet">
                <p>"Without a mode nobody can ask anything. Make the first one with “New mode”."</p>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <Table caption="Modes" columns=COLUMNS>
            {modes
                .into_iter()
                .map(|mode| {
                    let or_default = |text: String| if text.is_empty() { "Default".to_owned() } else { text };
                    let (tone, icon, word) = if mode.enabled {
                        (Tone::Good, Shape::Check, "Enabled")
                    } else {
                        (Tone::Neutral, Shape::Stop, "Disabled")
                    };
                    view! {
                        <Row>
                            <Cell main=true>
                                <A href=format!("/admin/modes/{}", mode.id) attr:class="link block font-semibold">
                                    <Truncated text=mode.name />
                                </A>
                            </Cell>
                            <Cell>
                                <Truncated text=mode.description />
                            </Cell>
                            <Cell priority=Priority::Third>
                                <Truncated text=or_default(mode.provider) />
                            </Cell>
                            <Cell priority=Priority::Third>
                                <Truncated text=or_default(mode.model) />
                            </Cell>
                            <Cell priority=Priority::Third>{mode.temperature}</Cell>
                            <Cell>
                                <Badge tone icon word />
                            </Cell>
                        </Row>
                    }
                })
                .collect_view()}
        </Table>
    }
    .into_any()
}
