//! `/admin/modes/{id}` and `/admin/modes/new`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::mode::Mode;

use super::api::{self, Save};
use crate::design::{
    Button, ButtonLink, ButtonVariant, Check, Field, FieldKind, PanelPage, ProblemNotice, SelectField,
    TextAreaField, loaded,
};
use crate::form::{self, field_error, problem_of};

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

const FIELDS: &[&str] = &["name", "description", "prompt", "provider", "model", "temperature", "position"];

#[component]
fn Editor(mode: Mode, providers: Vec<String>, save: ServerAction<Save>) -> impl IntoView {
    let problem = problem_of(save);
    let error = move |field| field_error(problem, field);
    let default = std::iter::once((String::new(), "The server’s default".to_owned()));
    let options: Vec<_> = default.chain(providers.into_iter().map(|name| (name.clone(), name))).collect();
    view! {
        <div class="space-y-5">
            <ProblemNotice problem shown_at_fields=FIELDS />
            <ActionForm action=save>
                <div class="space-y-5">
                    <input type="hidden" name="mode[id]" value=mode.id />
                    <input type="hidden" name="mode[version]" value=mode.version.to_string() />
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
                    <Check name="mode[enabled]" label="Enabled: people can choose it" checked=mode.enabled />
                    <div class="flex flex-wrap gap-3 border-t border-line pt-5">
                        <Button variant=ButtonVariant::Primary busy=save.pending()>
                            "Save mode"
                        </Button>
                        <ButtonLink href="/admin/modes">"Cancel"</ButtonLink>
                    </div>
                </div>
            </ActionForm>
        </div>
    }
}
