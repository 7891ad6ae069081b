//! `/admin/policy`: the policies, and what applies to one person.

use leptos::prelude::*;
use leptos_router::components::{A, Form};
use leptos_router::hooks::use_query_map;
use protocol::policy::{AppliedPolicy, PolicyRow};

use super::api::{self, Applied};
use super::summary::PolicySummary;
use crate::design::{
    Button, Cell, Column, Field, FieldKind, PanelPage, ProblemNotice, Row, Shape, Table, Truncated, loaded,
};

const PATH: &str = "/admin/policy";
const COLUMNS: &[Column] = &[Column::new("For"), Column::new("State").width("w-64")];

#[component]
pub fn PoliciesPage() -> impl IntoView {
    let query = use_query_map();
    let person =
        Memo::new(move |_| query.with(|q| q.get_str("person").unwrap_or_default().trim().to_owned()));
    let policies = Resource::new(|| (), |()| api::list());
    let applied = Resource::new(move || person.get(), api::person);
    view! {
        <PanelPage
            title="Policy"
            lead="What the desktop program may see, send and type. The strictest of everyone’s policy and those of a person’s groups applies; people can tighten it for themselves, never loosen it."
        >
            {loaded(policies, |policies| view! { <Policies policies /> })}
            <section class="max-w-3xl space-y-4 border-t border-line pt-6">
                <h2 class="text-lg">"What applies to a person"</h2>
                <Form method="GET" action=PATH>
                    <div class="flex flex-wrap items-end gap-3">
                        <div class="w-72 max-w-full">
                            <Field
                                name="person"
                                label="E-mail address"
                                kind=FieldKind::Search
                                optional=true
                                value=person.get_untracked()
                            />
                        </div>
                        <Button icon=Shape::Search>"Show"</Button>
                    </div>
                </Form>
                {loaded(applied, |applied| view! { <WhatApplies applied /> })}
            </section>
        </PanelPage>
    }
}

#[component]
fn Policies(policies: Vec<PolicyRow>) -> impl IntoView {
    view! {
        <Table caption="Policies" columns=COLUMNS>
            {policies
                .into_iter()
                .map(|policy| {
                    let state = match (policy.version, policy.group.is_empty()) {
                        (0, true) => "The default".to_owned(),
                        (0, false) => "None: everyone’s applies".to_owned(),
                        (version, _) => format!("Version {version}"),
                    };
                    let id = if policy.group.is_empty() { api::EVERYONE.to_owned() } else { policy.group };
                    view! {
                        <Row>
                            <Cell main=true>
                                <A href=format!("{PATH}/{id}") attr:class="link block font-semibold">
                                    <Truncated text=policy.name />
                                </A>
                            </Cell>
                            <Cell>{state}</Cell>
                        </Row>
                    }
                })
                .collect_view()}
        </Table>
    }
    .into_any()
}

#[component]
fn WhatApplies(applied: Applied) -> impl IntoView {
    if let Some(problem) = applied.problem {
        return view! { <ProblemNotice problem=Signal::stored(Some(problem)) /> }.into_any();
    }
    let Some(AppliedPolicy { email, groups, rules }) = applied.applied else { return ().into_any() };
    let from = if groups.is_empty() {
        "From everyone’s policy alone.".to_owned()
    } else {
        format!("From everyone’s policy and those of: {}.", groups.join(", "))
    };
    view! {
        <div class="space-y-4">
            <p>
                <strong class="break-all">{email}</strong>
                ". "
                {from}
            </p>
            <PolicySummary rules />
        </div>
    }
    .into_any()
}
