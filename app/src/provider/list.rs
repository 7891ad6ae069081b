//! `/admin/models`: all providers, and whether their servers are there.

use leptos::prelude::*;
use leptos_router::components::A;
use protocol::provider::{ProviderKind, ProviderRow};

use super::api::{self, Check};
use super::servers::HealthBadge;
use crate::design::{
    Badge, Button, ButtonLink, ButtonVariant, Cell, Column, EmptyState, PanelPage, Priority, ProblemNotice,
    Row, Shape, Table, Tone, Truncated, loaded,
};
use crate::form::{self, problem_of};

const COLUMNS: &[Column] = &[
    Column::new("Name"),
    Column::new("Kind").priority(Priority::Third).width("w-40"),
    Column::new("Model").width("w-52"),
    Column::new("Servers").width("w-40"),
    Column::new("Used by").priority(Priority::Third).width("w-36"),
];

pub(super) fn kind_word(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Ollama => "Ollama",
        ProviderKind::OpenAi => "OpenAI-compatible",
    }
}

#[component]
pub fn ProvidersPage() -> impl IntoView {
    let check = form::action::<Check>();
    let providers = Resource::new(move || check.version().get(), |_| api::list());
    let problem = problem_of(check);
    let actions = move || {
        view! {
            <ButtonLink href="/admin/models/new" variant=ButtonVariant::Primary icon=Shape::Plus>
                "New provider"
            </ButtonLink>
        }
    };
    view! {
        <PanelPage
            title="Models"
            lead="A provider is one or more model servers with the same models. Modes choose one; the first answers in modes that choose none."
            action=actions().into_any()
        >
            <ProblemNotice problem />
            {loaded(providers, |providers| view! { <Providers providers /> })}
            <ActionForm action=check>
                <Button busy=check.pending()>"Check all servers now"</Button>
            </ActionForm>
        </PanelPage>
    }
}

#[component]
fn Providers(providers: Vec<ProviderRow>) -> impl IntoView {
    if providers.is_empty() {
        return view! {
            <EmptyState title="No providers yet">
                <p>"Only the built-in reader answers, from the text on the screen. Add a model server with “New provider”."</p>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <Table caption="Providers" columns=COLUMNS>
            {providers.into_iter().map(|provider| view! { <ProviderLine provider /> }).collect_view()}
        </Table>
    }
    .into_any()
}

#[component]
fn ProviderLine(provider: ProviderRow) -> impl IntoView {
    let used = match provider.modes.len() {
        0 => "No mode".to_owned(),
        1 => "1 mode".to_owned(),
        many => format!("{many} modes"),
    };
    view! {
        <Row>
            <Cell main=true>
                <A href=format!("/admin/models/{}", provider.id) attr:class="link block font-semibold">
                    <Truncated text=provider.name />
                </A>
                <p class="text-sm text-muted">
                    {provider.is_default.then_some("Default. ")}
                    {provider.configured.then_some("From the configuration.")}
                </p>
            </Cell>
            <Cell priority=Priority::Third>{kind_word(provider.kind)}</Cell>
            <Cell>
                <Truncated text=provider.model />
            </Cell>
            <Cell>
                <HealthBadge servers=provider.servers />
                {provider
                    .failure
                    .is_some()
                    .then(|| view! { <Badge tone=Tone::Bad icon=Shape::Alert word="Failing" /> })}
            </Cell>
            <Cell priority=Priority::Third>{used}</Cell>
        </Row>
    }
    .into_any()
}
