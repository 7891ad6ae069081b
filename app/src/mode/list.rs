//! `/admin/modes`: all modes in their displayed order.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::mode::Mode;

use super::api;
use crate::design::{
    Badge, ButtonLink, ButtonVariant, Cell, Column, EmptyState, PanelPage, Shape, Table, Tone, loaded,
};

const COLUMNS: &[Column] = &[
    Column::new("Name"),
    Column::new("Description"),
    Column::wide_only("Provider"),
    Column::wide_only("Model"),
    Column::wide_only("Temperature"),
    Column::new("State"),
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
                        <tr class="hover:bg-sunken">
                            <Cell>
                                <A href=format!("/admin/modes/{}", mode.id) attr:class="link font-semibold whitespace-nowrap">
                                    {mode.name}
                                </A>
                            </Cell>
                            <Cell>{mode.description}</Cell>
                            <Cell wide_only=true>{or_default(mode.provider)}</Cell>
                            <Cell wide_only=true>{or_default(mode.model)}</Cell>
                            <Cell wide_only=true>{mode.temperature}</Cell>
                            <Cell>
                                <Badge tone icon word />
                            </Cell>
                        </tr>
                    }
                })
                .collect_view()}
        </Table>
    }
    .into_any()
}
