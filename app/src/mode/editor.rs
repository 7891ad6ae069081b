//! `/admin/modes/{id}` and `/admin/modes/new`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::mode::Mode;

use super::api::{self, ModeForm, Save};
use super::conflict::ConflictNotice;
use crate::design::{
    Button, ButtonLink, ButtonVariant, Check, Field, FieldKind, PanelPage, ProblemNotice, SelectField,
    TextAreaField, Ticks, loaded,
};
use crate::draft::{Draft, Restored};
use crate::error::AppError;
use crate::form::{self, RejectedForm, field_error, problem_or_rejected};
use crate::{group, provider, workflow};

#[component]
pub fn ModeEditorPage() -> impl IntoView {
    let params = use_params_map();
    // `new` cannot be an id: ids are UUIDs.
    let id = Memo::new(move |_| params.with(|p| p.get("id").filter(|id| id != "new").unwrap_or_default()));
    let mode = Resource::new(move || id.get(), open);
    let save = form::action::<Save>();
    let title =
        Signal::derive(move || if id.with(String::is_empty) { "New mode" } else { "Edit mode" }.to_owned());
    view! {
        <PanelPage title>
            <p>
                <A href="/admin/modes" attr:class="link">
                    "All modes"
                </A>
            </p>
            <div class="max-w-3xl">
                {loaded(
                    mode,
                    move |(mode, providers, rejected)| view! { <Editor mode providers rejected save /> },
                )}
            </div>
        </PanelPage>
    }
}

type Opened = (Mode, Vec<String>, Option<RejectedForm>);

async fn open(id: String) -> Result<Opened, AppError> {
    let (mode, providers) = api::edit(id).await?;
    Ok((mode, providers, api::rejected().await?))
}

const FIELDS: &[&str] =
    &["name", "description", "prompt", "provider", "model", "workflow", "temperature", "position", "groups"];

#[component]
fn Editor(
    mode: Mode,
    providers: Vec<String>,
    rejected: Option<RejectedForm>,
    save: ServerAction<Save>,
) -> impl IntoView {
    let problem = problem_or_rejected(rejected.as_ref(), save);
    let draft = Draft::start();
    let is_conflict =
        rejected.as_ref().is_some_and(|rejected| rejected.problem.is("conflict") && !mode.id.is_empty());
    let typed = rejected.map(|rejected| ModeForm::of_typed(&rejected.typed));
    let fields = typed.clone().unwrap_or_else(|| ModeForm::of(&mode));
    // Whoever has been shown the other version may replace it.
    let version = RwSignal::new(if is_conflict { mode.version.to_string() } else { fields.version.clone() });
    let theirs = RwSignal::new(is_conflict.then(|| mode.clone()));
    let (base, id) = (typed.and_then(|typed| typed.check().ok()).unwrap_or(mode), fields.id.clone());
    Effect::new(move |_| {
        let Some(problem) = problem.get() else { return };
        // Not saved: what was typed is kept again.
        draft.changed();
        let id = id.clone();
        if problem.is("conflict") && !id.is_empty() {
            leptos::task::spawn_local(async move {
                if let Ok((mode, _)) = api::edit(id).await {
                    version.try_set(mode.version.to_string());
                    theirs.try_set(Some(mode));
                }
            });
        }
    });
    // A conflict is told with the other version.
    let problem_shown = Signal::derive(move || {
        problem.get().filter(|problem| !problem.is("conflict") || theirs.with(Option::is_none))
    });
    let submitted = move || {
        theirs.set(None);
        draft.submitted();
    };
    let error = move |field| field_error(problem, field);
    let default = std::iter::once((String::new(), "The server’s default".to_owned()));
    let options: Vec<_> = default.chain(providers.into_iter().map(|name| (name.clone(), name))).collect();
    view! {
        <div
            class="space-y-5"
            node_ref=draft.node
            on:input=move |_| draft.changed()
            on:submit=move |_| submitted()
        >
            {move || draft.was_restored().then(|| view! { <Restored draft /> })}
            {move || theirs.get().map(|theirs| view! { <ConflictNotice base=base.clone() theirs draft /> })}
            <ActionForm action=save>
                <div class="space-y-5">
                    <input type="hidden" name="mode[id]" value=fields.id />
                    <input type="hidden" name="mode[version]" value=move || version.get() />
                    <Field name="mode[name]" label="Name" value=fields.name maxlength=Mode::MAX_NAME error=error("name") />
                    <Field
                        name="mode[description]"
                        label="Description"
                        hint="One line that people see when they choose."
                        optional=true
                        value=fields.description
                        maxlength=Mode::MAX_DESCRIPTION
                        error=error("description")
                    />
                    <TextAreaField
                        name="mode[prompt]"
                        label="Prompt"
                        hint="Who answers, how, and what it must not do. The model reads it before each question."
                        rows=12
                        value=fields.prompt
                        maxlength=Mode::MAX_PROMPT
                        error=error("prompt")
                    />
                    <div class="grid gap-5 sm:grid-cols-2">
                        <SelectField name="mode[provider]" label="Provider" options value=fields.provider error=error("provider") />
                        <ModelChoice chosen=fields.model error=error("model") />
                        <WorkflowChoice chosen=fields.workflow error=error("workflow") />
                        <Field
                            name="mode[temperature]"
                            label="Temperature"
                            hint="From 0 (the same words each time) to 2."
                            kind=FieldKind::Number
                            value=fields.temperature
                            error=error("temperature")
                        />
                        <Field
                            name="mode[position]"
                            label="Position"
                            hint="Modes are listed in this order."
                            kind=FieldKind::Number
                            value=fields.position
                            error=error("position")
                        />
                    </div>
                    <Check
                        name="mode[edits_allowed]"
                        label="Answers may propose changes of the selected text; each needs the person’s confirmation"
                        checked=fields.edits_allowed == "true"
                    />
                    <GroupChoice chosen=fields.groups error=error("groups") />
                    <Check name="mode[enabled]" label="Enabled: people can choose it" checked=fields.enabled == "true" />
                    <ProblemNotice problem=problem_shown shown_at_fields=FIELDS />
                    <div class="flex flex-wrap items-center gap-3 border-t border-line pt-5">
                        <Button variant=ButtonVariant::Primary busy=save.pending()>
                            "Save mode"
                        </Button>
                        <ButtonLink href="/admin/modes">"Cancel"</ButtonLink>
                        <p role="status" class="text-muted">
                            {move || if draft.is_unsaved() { "Unsaved changes" } else { "" }}
                        </p>
                    </div>
                </div>
            </ActionForm>
        </div>
    }
}

/// Offers what the model servers have named.
#[component]
fn ModelChoice(chosen: String, #[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    let models = Resource::new(|| (), |()| provider::api::models());
    loaded(models, move |providers| {
        let mut suggestions: Vec<String> =
            providers.into_iter().flat_map(|provider| provider.models).collect();
        suggestions.sort();
        suggestions.dedup();
        view! {
            <Field
                name="mode[model]"
                label="Model"
                hint="As its provider calls it; empty for the provider’s default."
                optional=true
                monospace=true
                value=chosen.clone()
                suggestions
                error
            />
        }
    })
}

#[component]
fn WorkflowChoice(chosen: String, #[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    let workflows = Resource::new(|| (), |()| workflow::api::list());
    loaded(workflows, move |rows| {
        let built_in = std::iter::once((String::new(), "Built in".to_owned()));
        let options: Vec<_> = built_in.chain(rows.into_iter().map(|row| (row.id, row.name))).collect();
        view! { <SelectField name="mode[workflow]" label="Workflow" options value=chosen.clone() error /> }
    })
}

#[component]
fn GroupChoice(chosen: Vec<String>, #[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    let groups = Resource::new(|| (), |()| group::api::list());
    loaded(groups, move |groups| {
        let all: Vec<_> =
            groups.into_iter().map(|group| (group.id.into_string(), group.name.into_string())).collect();
        if all.is_empty() {
            return ().into_any();
        }
        view! {
            <Ticks
                name="mode[groups][]"
                legend="Only for these groups"
                hint="None: everyone may choose it."
                all
                ticked=chosen.clone()
                error
            />
        }
        .into_any()
    })
}
