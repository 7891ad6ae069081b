//! `/admin/groups`: all groups, and a form for a new one.

use domain::group::{Group, GroupName};
use leptos::prelude::*;
use leptos_router::components::A;

use super::api::{self, Create};
use crate::design::{
    Button, ButtonVariant, Cell, Column, EmptyState, Field, PanelPage, ProblemNotice, Row, Table, Time,
    Truncated, loaded,
};
use crate::form::{self, field_error, problem_or_rejected};

const COLUMNS: &[Column] =
    &[Column::new("Name"), Column::new("Members").width("w-28"), Column::wide_only("Since")];

#[component]
pub fn GroupsPage() -> impl IntoView {
    let create = form::action::<Create>();
    let groups = Resource::new(move || create.version().get(), |_| api::list());
    let start = Resource::new(|| (), |()| api::start());
    view! {
        <PanelPage
            title="Groups"
            lead="A group is a name and people. Modes can be limited to groups, and each group can have a policy of its own."
        >
            <p>
                <A href="/admin/people" attr:class="link">
                    "All people"
                </A>
            </p>
            {loaded(groups, |groups| view! { <Groups groups /> })}
            {loaded(start, move |refused| {
                let problem = problem_or_rejected(refused.as_ref(), create);
                let name = refused.as_ref().and_then(|r| r.typed.value("name")).unwrap_or_default();
                view! {
                    <section class="max-w-xl space-y-4 border-t border-line pt-6">
                        <h2 class="text-lg">"New group"</h2>
                        <ProblemNotice problem shown_at_fields=&["name"] />
                        <ActionForm action=create>
                            <div class="space-y-5">
                                <Field
                                    name="name"
                                    label="Name"
                                    value=name
                                    maxlength=GroupName::MAX_CHARS
                                    error=field_error(problem, "name")
                                />
                                <Button variant=ButtonVariant::Primary busy=create.pending()>
                                    "Create group"
                                </Button>
                            </div>
                        </ActionForm>
                    </section>
                }
            })}
        </PanelPage>
    }
}

#[component]
fn Groups(groups: Vec<Group>) -> impl IntoView {
    if groups.is_empty() {
        return view! {
            <EmptyState title="No groups yet">
                <p>"Everyone may choose every mode, and one policy applies to everyone."</p>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <Table caption="Groups" columns=COLUMNS>
            {groups
                .into_iter()
                .map(|group| {
                    view! {
                        <Row>
                            <Cell main=true>
                                <A href=format!("/admin/groups/{}", group.id) attr:class="link block font-semibold">
                                    <Truncated text=group.name.into_string() />
                                </A>
                            </Cell>
                            <Cell>{group.members}</Cell>
                            <Cell wide_only=true>
                                <Time at=group.created_at date_only=true />
                            </Cell>
                        </Row>
                    }
                })
                .collect_view()}
        </Table>
    }
    .into_any()
}
