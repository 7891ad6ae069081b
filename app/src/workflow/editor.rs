//! `/admin/workflows/{id}` and `/admin/workflows/new`; with `?copy={id}`, a new one begins as a copy.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};
use protocol::Problem;
use protocol::workflow::{Document, NodeTypeRow, WorkflowDraft, WorkflowEditor, WorkflowVersion};

use super::api::{self, Check, Delete, Save};
use super::channels::Channels;
use super::drawing::WorkflowDrawing;
use super::edges::Edges;
use super::fields::TextInput;
use super::state::{EditorState, TEXT};
use super::steps::Steps;
use super::transfer::{Export, Import};
use super::trial::TryIt;
use crate::design::{
    Button, ButtonKind, ButtonLink, ButtonVariant, Notice, NoticeTone, PanelPage, ProblemNotice,
    TextAreaField, Time, loaded, scripts_run,
};
use crate::draft::{Draft, Restored};
use crate::error::AppError;
use crate::form::{self, RejectedForm, problem_of, problem_or_rejected};

#[component]
pub fn WorkflowEditorPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    // `new` cannot be an id: ids are UUIDs.
    let id = Memo::new(move |_| params.with(|p| p.get("id").filter(|id| id != "new").unwrap_or_default()));
    let version =
        Memo::new(move |_| query.with(|q| q.get_str("version").and_then(|version| version.parse().ok())));
    let copied = Memo::new(move |_| query.with(|q| q.get("copy").unwrap_or_default()));
    let workflow = Resource::new(
        move || (id.get(), version.get(), copied.get()),
        |(id, version, copied)| open(id, version, copied),
    );
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
            {loaded(workflow, move |(editor, rejected)| view! { <Editor editor rejected save delete /> })}
        </PanelPage>
    }
}

type Opened = (WorkflowEditor, Option<RejectedForm>);

async fn open(id: String, version: Option<i64>, copied: String) -> Result<Opened, AppError> {
    let mut editor = stored(id, version, copied).await?;
    let rejected = api::rejected().await?;
    if let Some(rejected) = &rejected {
        let typed = |field: &str| rejected.typed.value(field).unwrap_or_default();
        editor.draft.document = typed(api::DOCUMENT);
        // Whoever has been told of the other version may save over it: it stays among the versions.
        if !rejected.problem.is("conflict") {
            editor.draft.version = typed(api::VERSION).parse().unwrap_or_default();
        }
    }
    Ok((editor, rejected))
}

async fn stored(id: String, version: Option<i64>, copied: String) -> Result<WorkflowEditor, AppError> {
    if !id.is_empty() || copied.is_empty() {
        return api::edit(id, version).await;
    }
    let mut editor = api::edit(copied, None).await?;
    let document = match Document::parse(&editor.draft.document) {
        Ok(mut document) => {
            document.name.push_str(" (copy)");
            document.to_json()
        }
        Err(_) => editor.draft.document,
    };
    editor.draft = WorkflowDraft { document, ..WorkflowDraft::default() };
    editor.versions.clear();
    Ok(editor)
}

#[component]
fn Editor(
    editor: WorkflowEditor,
    rejected: Option<RejectedForm>,
    save: ServerAction<Save>,
    delete: ServerAction<Delete>,
) -> impl IntoView {
    let WorkflowEditor { draft: stored, node_types, versions, .. } = editor;
    let draft = Draft::start();
    let state = EditorState::new(&stored.document, draft);
    let check = ServerAction::<Check>::new();
    let (saving, checking, deleting) =
        (problem_or_rejected(rejected.as_ref(), save), problem_of(check), problem_of(delete));
    let problem = RwSignal::new(None::<Problem>);
    Effect::new(move |_| {
        if let Some(found) = saving.get() {
            // Not saved: what was typed is kept again.
            draft.changed();
            state.found(Some(&found));
            problem.set(Some(found));
        }
    });
    Effect::new(move |_| {
        if check.value().with(Option::is_some) {
            let found = checking.get();
            state.found(found.as_ref());
            problem.set(found);
        }
    });
    Effect::new(move |_| {
        if draft.was_restored() {
            state.read_field();
        }
    });
    let (id, is_new) = (stored.id.clone(), stored.id.is_empty());
    let (copy, of_versions, of_trial) = (format!("/admin/workflows/new?copy={id}"), id.clone(), id.clone());
    let scripts = scripts_run();
    let node_types = StoredValue::new(node_types);
    view! {
        <div class="grid gap-8 xl:grid-cols-2" node_ref=draft.node on:submit=move |event| submitted(&event, draft)>
            <div class="min-w-0 space-y-5">
                {move || draft.was_restored().then(|| view! { <Restored draft /> })}
                <p role="status" class="text-muted">
                    {move || state.announcement.get()}
                </p>
                <Problems state problem saving />
                <ActionForm action=save>
                    {move || scripts.get().then(|| view! { <Tabs state /> })}
                    <div hidden=move || scripts.get() && !state.shows_json.get()>
                        <Json state stored=stored.clone() problem saving />
                    </div>
                    <div class="mt-5 flex flex-wrap items-center gap-3 border-t border-line pt-5">
                        <Button variant=ButtonVariant::Primary busy=save.pending()>
                            "Save workflow"
                        </Button>
                        <Button
                            kind=ButtonKind::Button
                            busy=check.pending()
                            on:click=move |_| {
                                check.dispatch(Check { document: state.text.get_untracked() });
                            }
                        >
                            "Check"
                        </Button>
                        <ButtonLink href="/admin/workflows">"Cancel"</ButtonLink>
                        <span class="text-muted">{move || if draft.is_unsaved() { "Unsaved changes" } else { "" }}</span>
                    </div>
                </ActionForm>
                {move || (scripts.get() && !state.shows_json.get()).then(|| view! { <Forms state node_types /> })}
                <div class="flex flex-wrap items-center gap-x-6 gap-y-2">
                    <Export state />
                    {(!is_new).then(|| view! { <a href=copy.clone() class="link">"Duplicate"</a> })}
                    {move || scripts.get().then(|| view! { <Import state /> })}
                </div>
            </div>
            <div class="min-w-0 space-y-6">
                <section aria-label="Drawing">
                    <WorkflowDrawing state />
                </section>
                {move || scripts.get().then(|| view! { <TryIt state id=of_trial.clone() /> })}
                <NodeTypes node_types />
                {(!is_new)
                    .then(|| {
                        view! {
                            <Versions id=of_versions versions />
                            <ProblemNotice problem=deleting />
                            <ActionForm action=delete>
                                <input type="hidden" name="id" value=id.clone() />
                                <Button variant=ButtonVariant::Destructive busy=delete.pending()>
                                    "Delete workflow"
                                </Button>
                            </ActionForm>
                        }
                    })}
            </div>
        </div>
    }
}

/// The draft is on its way when its own form was sent.
fn submitted(event: &leptos::ev::SubmitEvent, draft: Draft) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let form = event.target().and_then(|form| form.dyn_into::<web_sys::Element>().ok());
        if form.is_some_and(|form| matches!(form.query_selector("[name='workflow[document]']"), Ok(Some(_))))
        {
            draft.submitted();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (event, draft);
}

/// What no field shows.
#[component]
fn Problems(
    state: EditorState,
    problem: RwSignal<Option<Problem>>,
    saving: Signal<Option<Problem>>,
) -> impl IntoView {
    // A page that is rendered by the server has run no effects.
    let shown = Signal::derive(move || {
        let mut problem = problem.get().or_else(|| saving.get())?;
        let at_rows = state.faults.with(|faults| !faults.is_empty());
        problem.errors.retain(|error| {
            let in_text = error.field == "document" && (state.shows_json.get() || at_rows);
            !error.field.starts_with("document.") && !in_text
        });
        Some(problem)
    });
    let general = move || {
        state.faults.with(|faults| {
            let lines =
                faults.iter().filter(|fault| fault.node.is_none() && !fault.field.starts_with("channels."));
            lines.map(|fault| view! { <p>{format!("{}: {}", fault.field, fault.message)}</p> }).collect_view()
        })
    };
    let undeclared = move || {
        let declared = |field: &str| {
            state.document.with(|document| {
                document.channels.contains_key(field.strip_prefix("channels.").unwrap_or_default())
            })
        };
        state.faults.with(|faults| {
            let lines =
                faults.iter().filter(|fault| fault.field.starts_with("channels.") && !declared(&fault.field));
            lines.map(|fault| view! { <p>{format!("{}: {}", fault.field, fault.message)}</p> }).collect_view()
        })
    };
    view! {
        <ProblemNotice problem=shown />
        <div class="font-semibold text-bad empty:hidden">{general} {undeclared}</div>
        {move || {
            state
                .unreadable
                .get()
                .map(|why| {
                    view! {
                        <Notice tone=NoticeTone::Bad title="The JSON cannot be read">
                            <p>{why}</p>
                            <p>"The steps and the drawing show what it was before."</p>
                        </Notice>
                    }
                })
        }}
    }
}

#[component]
fn Tabs(state: EditorState) -> impl IntoView {
    let tab = move |json: bool, words: &'static str| {
        let chosen = move || state.shows_json.get() == json;
        view! {
            <button
                type="button"
                class="border-b-2 border-transparent px-3 py-1.5 font-semibold text-muted aria-pressed:border-ink aria-pressed:text-ink"
                aria-pressed=move || if chosen() { "true" } else { "false" }
                on:click=move |_| state.shows_json.set(json)
            >
                {words}
            </button>
        }
    };
    view! { <div role="group" aria-label="Edit as" class="flex gap-2">{tab(false, "Steps and edges")} {tab(true, "JSON")}</div> }
}

/// Everything but the text.
#[component]
fn Forms(state: EditorState, node_types: StoredValue<Vec<NodeTypeRow>>) -> impl IntoView {
    let name = move || {
        state.structure.track();
        let value = state.document.with_untracked(|document| document.name.clone());
        let error =
            Signal::derive(move || state.errors(|fault| fault.node.is_none() && fault.field == "name"));
        let set = move |name: String| state.change(|document| document.name = name);
        view! { <TextInput id="workflow-name".to_owned() label="Name of the workflow" value error on_input=set /> }
    };
    view! {
        <div class="space-y-8">
            {name}
            <Channels state />
            <Steps state node_types />
            <Edges state />
        </div>
    }
}

#[component]
fn Json(
    state: EditorState,
    stored: WorkflowDraft,
    problem: RwSignal<Option<Problem>>,
    saving: Signal<Option<Problem>>,
) -> impl IntoView {
    let error = Signal::derive(move || {
        let problem = problem.get().or_else(|| saving.get());
        problem.and_then(|problem| problem.error_of("document").map(str::to_owned))
    });
    view! {
        <input type="hidden" name="workflow[id]" value=stored.id />
        <input type="hidden" name="workflow[version]" value=stored.version.to_string() />
        <div on:input=move |event| state.read_text(event_target_value(&event))>
            <TextAreaField
                name=TEXT
                label="Workflow"
                hint="JSON. The question stands in the channel `question`; what is written to `answer` is the answer."
                rows=28
                monospace=true
                value=state.text.get_untracked()
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
            <p>
                <A href=format!("/admin/workflows/{id}/runs") attr:class="link">
                    "Runs of this workflow"
                </A>
            </p>
            <p class="text-muted">"Open an earlier version and save it to go back to it."</p>
            <ul class="space-y-1">{links.collect_view()}</ul>
        </section>
    }
}

#[component]
fn NodeTypes(node_types: StoredValue<Vec<NodeTypeRow>>) -> impl IntoView {
    let types = node_types.get_value().into_iter().map(|kind| {
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
        <details>
            <summary class="link">"Types of steps"</summary>
            <dl class="mt-2 space-y-3">{types.collect_view()}</dl>
        </details>
    }
}
