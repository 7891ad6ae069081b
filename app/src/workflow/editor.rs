//! `/admin/workflows/{id}` and `/admin/workflows/new`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::workflow::{NodeTypeRow, WorkflowDraft, WorkflowEditor, WorkflowVersion};

use super::api::{self, Check, Delete, Save};
use super::drawing::WorkflowDrawing;
use crate::design::{
    Button, ButtonKind, ButtonLink, ButtonVariant, PanelPage, ProblemNotice, TextAreaField, Time, loaded,
};
use crate::form::{self, field_error, problem_of};

#[component]
pub fn WorkflowEditorPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    // `new` cannot be an id: ids are UUIDs.
    let id = Memo::new(move |_| params.with(|p| p.get("id").filter(|id| id != "new").unwrap_or_default()));
    let version =
        Memo::new(move |_| query.with(|q| q.get_str("version").and_then(|version| version.parse().ok())));
    let workflow = Resource::new(move || (id.get(), version.get()), |(id, version)| api::edit(id, version));
    let (save, delete) = (form::action::<Save>(), form::action::<Delete>());
    let title = Signal::derive(move || {
        if id.with(String::is_empty) { "New workflow" } else { "Edit workflow" }.to_owned()
    });
    view! {
        <PanelPage title>
            <p>
                <A href="/admin/workflows" attr:class="link">
                    "All workflows"
                </A>
            </p>
            {loaded(workflow, move |editor| view! { <Editor editor save delete /> })}
        </PanelPage>
    }
}

#[component]
fn Editor(editor: WorkflowEditor, save: ServerAction<Save>, delete: ServerAction<Delete>) -> impl IntoView {
    let WorkflowEditor { draft, drawing, node_types, versions } = editor;
    let check = ServerAction::<Check>::new();
    let (saving, checking, deleting) = (problem_of(save), problem_of(check), problem_of(delete));
    let problem = Signal::derive(move || saving.get().or_else(|| checking.get()));
    let document = RwSignal::new(draft.document.clone());
    let drawn = Signal::derive(move || match check.value().get() {
        Some(Ok(drawing)) => drawing,
        _ => drawing.clone(),
    });
    let (id, is_new, versions_of) = (draft.id.clone(), draft.id.is_empty(), draft.id.clone());
    view! {
        <div class="grid gap-8 xl:grid-cols-2">
            <div class="min-w-0 space-y-5">
                <ProblemNotice problem shown_at_fields=&["document"] />
                <ActionForm action=save>
                    <Document draft document error=field_error(problem, "document") />
                    <div class="mt-5 flex flex-wrap gap-3 border-t border-line pt-5">
                        <Button variant=ButtonVariant::Primary busy=save.pending()>
                            "Save workflow"
                        </Button>
                        <Button
                            kind=ButtonKind::Button
                            busy=check.pending()
                            on:click=move |_| {
                                check.dispatch(Check { document: document.get_untracked() });
                            }
                        >
                            "Check and draw"
                        </Button>
                        <ButtonLink href="/admin/workflows">"Cancel"</ButtonLink>
                    </div>
                </ActionForm>
                {(!is_new)
                    .then(|| {
                        view! {
                            <ProblemNotice problem=deleting />
                            <ActionForm action=delete>
                                <input type="hidden" name="id" value=id.clone() />
                                <Button variant=ButtonVariant::Destructive busy=delete.pending()>
                                    "Delete workflow"
                                </Button>
                            </ActionForm>
                            <Versions id=versions_of versions />
                        }
                    })}
            </div>
            <div class="min-w-0 space-y-6">
                <section aria-label="Drawing">{move || view! { <WorkflowDrawing drawing=drawn.get() /> }}</section>
                <NodeTypes node_types />
            </div>
        </div>
    }
}

#[component]
fn Document(
    draft: WorkflowDraft,
    document: RwSignal<String>,
    #[prop(into)] error: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <input type="hidden" name="workflow[id]" value=draft.id />
        <input type="hidden" name="workflow[version]" value=draft.version.to_string() />
        <div on:input=move |event| document.set(event_target_value(&event))>
            <TextAreaField
                name="workflow[document]"
                label="Workflow"
                hint="JSON. The question stands in the channel `question`; what is written to `answer` is the answer."
                rows=28
                monospace=true
                value=draft.document
                error
            />
        </div>
    }
}

#[component]
fn Versions(id: String, versions: Vec<WorkflowVersion>) -> impl IntoView {
    let links = versions.into_iter().map(|version| {
        let href = format!("/admin/workflows/{id}?version={}", version.version);
        view! {
            <li>
                <A href attr:class="link">
                    {format!("Version {}", version.version)}
                </A>
                ", saved "
                <Time at=version.saved_at />
            </li>
        }
    });
    view! {
        <section class="space-y-2">
            <h2 class="text-lg font-semibold">"Versions"</h2>
            <p class="text-muted">"Open an earlier version and save it to go back to it."</p>
            <ul class="space-y-1">{links.collect_view()}</ul>
        </section>
    }
}

#[component]
fn NodeTypes(node_types: Vec<NodeTypeRow>) -> impl IntoView {
    let types = node_types.into_iter().map(|kind| {
        let fields = kind.fields.into_iter().map(|field| {
            let optional = if field.required { "" } else { ", optional" };
            view! {
                <li class="break-words">
                    <code class="font-mono">{field.name}</code>
                    {format!(" ({}{optional}): {}", field.kind, field.title)}
                </li>
            }
        });
        view! {
            <div>
                <dt class="font-mono font-semibold">{kind.name}</dt>
                <dd>
                    {kind.description}
                    <ul class="list-disc pl-5 text-muted">{fields.collect_view()}</ul>
                </dd>
            </div>
        }
    });
    view! {
        <section class="space-y-2">
            <h2 class="text-lg font-semibold">"Types of steps"</h2>
            <dl class="space-y-3">{types.collect_view()}</dl>
        </section>
    }
}
