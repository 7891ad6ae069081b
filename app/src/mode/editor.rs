//! `/admin/modes/{id}` and `/admin/modes/new`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::mode::Mode;

use super::api::{self, Save};
use super::conflict::ConflictNotice;
use crate::design::{
    Button, ButtonLink, ButtonVariant, Check, Field, FieldKind, PanelPage, ProblemNotice, SelectField,
    TextAreaField, loaded,
};
use crate::draft::{Draft, Restored};
use crate::form::{self, field_error, problem_of};
use crate::workflow;

#[component]
pub fn ModeEditorPage() -> impl IntoView {
    let params = use_params_map();
    // `new` cannot be an id: ids are UUIDs.
    let id = Memo::new(move |_| params.with(|p| p.get("id").filter(|id| id != "new").unwrap_or_default()));
    let mode = Resource::new(move || id.get(), api::edit);
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
                {loaded(mode, move |(mode, providers)| view! { <Editor mode providers save /> })}
            </div>
        </PanelPage>
    }
}

const FIELDS: &[&str] =
    &["name", "description", "prompt", "provider", "model", "workflow", "temperature", "position"];

#[component]
fn Editor(mode: Mode, providers: Vec<String>, save: ServerAction<Save>) -> impl IntoView {
    let problem = problem_of(save);
    let draft = Draft::start();
    let version = RwSignal::new(mode.version);
    let (base, id) = (mode.clone(), mode.id.clone());
    let theirs = RwSignal::new(None::<Mode>);
    Effect::new(move |_| {
        let Some(problem) = problem.get() else { return };
        // Not saved: what was typed is kept again.
        draft.changed();
        let id = id.clone();
        if problem.is("conflict") && !id.is_empty() {
            leptos::task::spawn_local(async move {
                if let Ok((mode, _)) = api::edit(id).await {
                    version.try_set(mode.version);
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
                    <input type="hidden" name="mode[id]" value=mode.id />
                    <input type="hidden" name="mode[version]" value=move || version.get().to_string() />
                    <Field name="mode[name]" label="Name" value=mode.name maxlength=Mode::MAX_NAME error=error("name") />
                    <Field
                        name="mode[description]"
                        label="Description"
                        hint="One line that people see when they choose."
                        optional=true
                        value=mode.description
                        maxlength=Mode::MAX_DESCRIPTION
                        error=error("description")
                    />
                    <TextAreaField
                        name="mode[prompt]"
                        label="Prompt"
                        hint="Who answers, how, and what it must not do. The model reads it before each question."
                        rows=12
                        value=mode.prompt
                        maxlength=Mode::MAX_PROMPT
                        error=error("prompt")
                    />
                    <div class="grid gap-5 sm:grid-cols-2">
                        <SelectField name="mode[provider]" label="Provider" options value=mode.provider error=error("provider") />
                        <Field
                            name="mode[model]"
                            label="Model"
                            hint="As its provider calls it; empty for the provider’s default."
                            optional=true
                            monospace=true
                            value=mode.model
                            error=error("model")
                        />
                        <WorkflowChoice chosen=mode.workflow error=error("workflow") />
                        <Field
                            name="mode[temperature]"
                            label="Temperature"
                            hint="From 0 (the same words each time) to 2."
                            kind=FieldKind::Number
                            value=mode.temperature.to_string()
                            error=error("temperature")
                        />
                        <Field
                            name="mode[position]"
                            label="Position"
                            hint="Modes are listed in this order."
                            kind=FieldKind::Number
                            value=mode.position.to_string()
                            error=error("position")
                        />
                    </div>
                    <Check
                        name="mode[edits_allowed]"
                        label="Answers may propose changes of the selected text; each needs the person’s confirmation"
                        checked=mode.edits_allowed
                    />
                    <Check name="mode[enabled]" label="Enabled: people can choose it" checked=mode.enabled />
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

#[component]
fn WorkflowChoice(chosen: String, #[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    let workflows = Resource::new(|| (), |()| workflow::api::list());
    loaded(workflows, move |rows| {
        let built_in = std::iter::once((String::new(), "Built in".to_owned()));
        let options: Vec<_> = built_in.chain(rows.into_iter().map(|row| (row.id, row.name))).collect();
        view! { <SelectField name="mode[workflow]" label="Workflow" options value=chosen.clone() error /> }
    })
}
