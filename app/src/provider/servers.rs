//! What was found when a provider's servers were asked: whether they are there, and their models.

use leptos::prelude::*;
use protocol::provider::{ModelRow, ModelState, ProviderRow, ServerRow};

use crate::design::{Badge, Cell, Column, Priority, Row, Shape, Table, Time, Tone, Truncated};

#[component]
pub(super) fn HealthBadge(servers: Vec<ServerRow>) -> impl IntoView {
    let well = servers.iter().filter(|server| is_well(server) == Some(true)).count();
    let known = servers.iter().filter(|server| server.health.is_some()).count();
    let (tone, icon, word) = match (well, known, servers.len()) {
        (_, 0, _) => (Tone::Neutral, Shape::Clock, "Not checked yet".to_owned()),
        (1, _, 1) => (Tone::Good, Shape::Check, "Reachable".to_owned()),
        (0, _, 1) => (Tone::Bad, Shape::Alert, "Not reachable".to_owned()),
        (well, _, all) if well == all => (Tone::Good, Shape::Check, format!("All {all} reachable")),
        (well, _, all) => (Tone::Bad, Shape::Alert, format!("{well} of {all} reachable")),
    };
    view! { <Badge tone icon word /> }
}

fn is_well(server: &ServerRow) -> Option<bool> {
    server.health.as_ref().map(|health| health.problem.is_none())
}

const SERVERS: &[Column] =
    &[Column::new("Address"), Column::new("State").width("w-64"), Column::new("Reply after").width("w-32")];

const MODELS: &[Column] = &[
    Column::new("Model"),
    Column::new("Can do").width("w-56"),
    Column::new("Context").priority(Priority::Third).width("w-32"),
    Column::new("Size").priority(Priority::Third).width("w-24"),
    Column::new("State").width("w-40"),
];

/// The servers and the models of one provider.
#[component]
pub(super) fn Found(row: ProviderRow) -> impl IntoView {
    let failure = row.failure.map(|words| {
        view! { <p class="text-bad">{format!("Last failure: {words}.")}</p> }
    });
    view! {
        <section class="space-y-3">
            <h2 class="text-lg font-semibold">"Servers"</h2>
            {failure}
            <Table caption="Servers" columns=SERVERS>
                {row.servers.into_iter().map(|server| view! { <Server server /> }).collect_view()}
            </Table>
        </section>
        <section class="space-y-3">
            <h2 class="text-lg font-semibold">"Models"</h2>
            {if row.models.is_empty() {
                view! { <p class="text-muted">"Its servers have named no models yet."</p> }.into_any()
            } else {
                view! {
                    <Table caption="Models" columns=MODELS>
                        {row.models.into_iter().map(|model| view! { <Model model /> }).collect_view()}
                    </Table>
                }
                    .into_any()
            }}
        </section>
    }
    .into_any()
}

#[component]
fn Server(server: ServerRow) -> impl IntoView {
    let state = server.health.clone().map(|health| {
        let (tone, icon, word) = match &health.problem {
            None => (Tone::Good, Shape::Check, "Reachable"),
            Some(_) => (Tone::Bad, Shape::Alert, "Not usable"),
        };
        view! {
            <Badge tone icon word />
            <p class="text-sm text-muted">"since " <Time at=health.since /></p>
            {health.problem.map(|words| view! { <p class="text-sm">{words}</p> })}
        }
    });
    let latency = server.health.filter(|health| health.problem.is_none());
    view! {
        <Row>
            <Cell main=true>
                <span class="font-mono text-sm break-all">{server.base_url}</span>
            </Cell>
            <Cell>{state.map_or_else(|| "Not checked yet".into_any(), IntoAny::into_any)}</Cell>
            <Cell>{latency.map_or_else(|| "–".to_owned(), |health| format!("{} ms", health.latency_ms))}</Cell>
        </Row>
    }
    .into_any()
}

#[component]
fn Model(model: ModelRow) -> impl IntoView {
    let state = match model.state {
        ModelState::Available => "Available",
        ModelState::Loaded => "Loaded",
        ModelState::Loading => "Being loaded",
        ModelState::Missing => "Not on the server",
        ModelState::Unloaded => "Loaded when asked",
    };
    let tone = if model.state == ModelState::Missing { "text-bad" } else { "" };
    let abilities = abilities(&model);
    let context =
        model.context_tokens.map_or_else(|| "Not told".to_owned(), |tokens| format!("{tokens} tokens"));
    let bytes = model.bytes.map_or_else(|| "–".to_owned(), size);
    let name = model.name;
    view! {
        <Row>
            <Cell main=true>
                <Truncated text=name />
            </Cell>
            <Cell>{abilities}</Cell>
            <Cell priority=Priority::Third>{context}</Cell>
            <Cell priority=Priority::Third>{bytes}</Cell>
            <Cell>
                <span class=tone>{state}</span>
            </Cell>
        </Row>
    }
    .into_any()
}

fn abilities(model: &ModelRow) -> String {
    let told = [("Pictures", model.vision), ("Tools", model.tools), ("Reasoning", model.reasoning)];
    if told.iter().all(|(_, can)| can.is_none()) {
        return "Not told".to_owned();
    }
    let can: Vec<_> = told.iter().filter(|(_, can)| *can == Some(true)).map(|(word, _)| *word).collect();
    if can.is_empty() { "Text".to_owned() } else { format!("Text, {}", can.join(", ").to_lowercase()) }
}

fn size(bytes: u64) -> String {
    const GIGA: u64 = 1_000_000_000;
    if bytes >= GIGA {
        format!("{}.{} GB", bytes / GIGA, bytes % GIGA / (GIGA / 10))
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_abilities_are_told_plainly() {
        assert_eq!((size(6_140_000_000), size(98_000_000)), ("6.1 GB".to_owned(), "98 MB".to_owned()));
        let mut model = ModelRow {
            name: "m".into(),
            vision: None,
            tools: None,
            reasoning: None,
            context_tokens: None,
            bytes: None,
            state: ModelState::Available,
        };
        assert_eq!(abilities(&model), "Not told");
        (model.vision, model.tools) = (Some(true), Some(false));
        assert_eq!(abilities(&model), "Text, pictures");
        model.vision = Some(false);
        assert_eq!(abilities(&model), "Text");
    }
}
