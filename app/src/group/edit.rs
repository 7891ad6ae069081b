//! `/admin/groups/{id}`: a group and its members. Every action is a form of its own: the page works the same without scripts.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::group::{GroupDetail, GroupName, Member};

use super::api::{self, AddMembers, Delete, OpenGroup, RemoveMember, Rename};
use crate::design::{
    BriefNotice, Button, ButtonVariant, Field, PanelPage, ProblemNotice, TextAreaField, loaded,
};
use crate::form::{self, field_error, problem_or_rejected};

#[derive(Clone, Copy)]
struct Actions {
    add: ServerAction<AddMembers>,
    delete: ServerAction<Delete>,
    remove: ServerAction<RemoveMember>,
    rename: ServerAction<Rename>,
}

#[component]
pub fn GroupPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id").unwrap_or_default()));
    let actions = Actions {
        add: form::action(),
        delete: form::action(),
        remove: form::action(),
        rename: form::action(),
    };
    let changes =
        move || (actions.add.version().get(), actions.remove.version().get(), actions.rename.version().get());
    let group = Resource::new(move || (id.get(), changes()), |(id, _)| api::find(id));
    view! {
        <PanelPage title="Group">
            <p>
                <A href="/admin/groups" attr:class="link">
                    "All groups"
                </A>
            </p>
            {loaded(group, move |group| view! { <Details group actions /> })}
        </PanelPage>
    }
}

#[component]
fn Details(group: OpenGroup, actions: Actions) -> impl IntoView {
    let OpenGroup { detail, refused } = group;
    let GroupDetail { group, members, modes, has_policy } = detail;
    let id = group.id.to_string();
    let (form_id, policy_page) = (id.clone(), format!("/admin/policy/{id}"));
    let renamed = problem_or_rejected(refused.rename.as_ref(), actions.rename);
    let typed = refused.rename.as_ref().and_then(|r| r.typed.value("name"));
    let name = typed.unwrap_or_else(|| group.name.to_string());
    let policy = if has_policy {
        "This group has a policy of its own."
    } else {
        "This group has no policy of its own: that for everyone applies."
    };
    view! {
        <div class="max-w-3xl space-y-8">
            <section class="space-y-4">
                <ProblemNotice problem=renamed shown_at_fields=&["name"] />
                <ActionForm action=actions.rename>
                    <input type="hidden" name="id" value=form_id />
                    <div class="space-y-4">
                        <Field
                            name="name"
                            label="Name"
                            value=name
                            maxlength=GroupName::MAX_CHARS
                            error=field_error(renamed, "name")
                        />
                        <Button busy=actions.rename.pending()>"Rename"</Button>
                    </div>
                </ActionForm>
                <p class="text-muted">
                    {policy} " "
                    <A href=policy_page attr:class="link">
                        "Policy of this group"
                    </A>
                </p>
                {(!modes.is_empty())
                    .then(|| {
                        view! {
                            <BriefNotice title=format!("Modes limited to this group: {}", modes.join(", ")) />
                        }
                    })}
            </section>
            <Members id=id.clone() members actions refused=refused.clone() />
            <DeleteGroup id name=group.name.to_string() actions refused />
        </div>
    }
    .into_any()
}

#[component]
fn Members(id: String, members: Vec<Member>, actions: Actions, refused: api::RefusedForms) -> impl IntoView {
    let added = problem_or_rejected(refused.add.as_ref(), actions.add);
    let removed = problem_or_rejected(refused.remove.as_ref(), actions.remove);
    let typed = refused.add.as_ref().and_then(|r| r.typed.value("emails")).unwrap_or_default();
    let is_empty = members.is_empty();
    let form_id = id.clone();
    let rows = members
        .into_iter()
        .map(|member| {
            let label = format!("Remove from the group: {}", member.email);
            let (id, member_id) = (id.clone(), member.account_id.to_string());
            view! {
                <li class="flex flex-wrap items-center justify-between gap-3 py-2">
                    <A href=format!("/admin/people/{}", member.account_id) attr:class="link break-all">
                        {member.email}
                    </A>
                    <ActionForm action=actions.remove>
                        <input type="hidden" name="id" value=id />
                        <input type="hidden" name="member" value=member_id />
                        <Button busy=actions.remove.pending() attr:aria-label=label>
                            "Remove"
                        </Button>
                    </ActionForm>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="space-y-4">
            <h2 class="text-lg">"Members"</h2>
            <ProblemNotice problem=removed />
            {is_empty.then(|| view! { <p class="text-muted">"Nobody yet."</p> })}
            <ul class="divide-y divide-line">{rows}</ul>
            <ProblemNotice problem=added shown_at_fields=&["emails"] />
            <ActionForm action=actions.add>
                <input type="hidden" name="id" value=form_id />
                <div class="space-y-4">
                    <TextAreaField
                        name="emails"
                        label="Add people"
                        hint="E-mail addresses of accounts, one per line. What the group may do applies right away."
                        value=typed
                        error=field_error(added, "emails")
                    />
                    <Button variant=ButtonVariant::Primary busy=actions.add.pending()>
                        "Add"
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

#[component]
fn DeleteGroup(id: String, name: String, actions: Actions, refused: api::RefusedForms) -> impl IntoView {
    let problem = problem_or_rejected(refused.delete.as_ref(), actions.delete);
    view! {
        <section class="space-y-4 border-t border-line pt-6">
            <h2 class="text-lg">"Delete this group"</h2>
            <p class="max-w-xl text-muted">
                "Its policy is deleted too: from then on only the policy for everyone, and those of other groups, apply to its \
                 members. Accounts stay. A group that a mode is limited to cannot be deleted."
            </p>
            <ProblemNotice problem />
            <ActionForm action=actions.delete>
                <input type="hidden" name="id" value=id />
                <Button
                    variant=ButtonVariant::Destructive
                    busy=actions.delete.pending()
                    attr:aria-label=format!("Delete the group: {name}")
                >
                    "Delete group"
                </Button>
            </ActionForm>
        </section>
    }
    .into_any()
}
