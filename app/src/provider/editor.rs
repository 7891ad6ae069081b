//! `/admin/models/{id}` and `/admin/models/new`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::provider::{ProviderDraft, ProviderEditor, ProviderKind, ProviderTest};

use super::api::{self, Delete, Save, Test};
use super::list::kind_word;
use super::servers::Found;
use crate::design::{
    BriefNotice, Button, ButtonLink, ButtonVariant, Check, Field, FieldKind, Notice, NoticeTone, PanelPage,
    PasswordField, ProblemNotice, SelectField, TextAreaField, loaded,
};
use crate::form::{self, field_error, problem_of};

#[component]
pub fn ProviderEditorPage() -> impl IntoView {
    let params = use_params_map();
    // `new` cannot be an id: ids are UUIDs.
    let id = Memo::new(move |_| params.with(|p| p.get("id").filter(|id| id != "new").unwrap_or_default()));
    let save = form::action::<Save>();
    // Only a save that succeeds loads it again: what was typed stays after one that does not.
    let saves = Memo::new(move |before: Option<&u32>| {
        let before = before.copied().unwrap_or_default();
        save.value().with(|value| if matches!(value, Some(Ok(_))) { before.wrapping_add(1) } else { before })
    });
    let provider = Resource::new(move || (id.get(), saves.get()), |(id, _)| api::edit(id));
    let title = Signal::derive(move || {
        if id.with(String::is_empty) { "New provider" } else { "Provider" }.to_owned()
    });
    view! {
        <PanelPage title>
            <p>
                <A href="/admin/models" attr:class="link">
                    "All providers"
                </A>
            </p>
            {loaded(provider, move |ProviderEditor { draft, row }| {
                let configured = row.as_ref().is_some_and(|row| row.configured);
                let id = draft.id.clone();
                view! {
                    <div class="max-w-4xl space-y-8">
                        {(!id.is_empty()).then(|| view! { <Trial id=id.clone() /> })}
                        {row.map(|row| view! { <Found row /> })}
                        {if configured {
                            view! { <FromConfiguration draft /> }.into_any()
                        } else {
                            view! { <Editor draft save /> }.into_any()
                        }}
                        {(!id.is_empty() && !configured).then(|| view! { <Removal id=id.clone() /> })}
                    </div>
                }
                    .into_any()
            })}
        </PanelPage>
    }
}

#[component]
fn FromConfiguration(draft: ProviderDraft) -> impl IntoView {
    view! {
        <Notice title="From the configuration">
            <p>
                {format!(
                    "“{}” ({}) is set in the server’s configuration file or environment, and can be changed only there.",
                    draft.name,
                    kind_word(draft.kind),
                )}
            </p>
        </Notice>
    }
    .into_any()
}

#[component]
fn Trial(id: String) -> impl IntoView {
    let test = form::action::<Test>();
    let problem = problem_of(test);
    let result = move || test.value().get().and_then(Result::ok);
    view! {
        <section class="space-y-3">
            <ActionForm action=test>
                <input type="hidden" name="id" value=id />
                <div class="flex flex-wrap items-center gap-3">
                    <Button busy=test.pending()>"Test"</Button>
                    <p class="text-muted">"Asks the model a small question, with a picture if it sees pictures."</p>
                </div>
            </ActionForm>
            <ProblemNotice problem />
            {move || result().map(|test| view! { <Tried test /> })}
        </section>
    }
    .into_any()
}

#[component]
fn Tried(test: ProviderTest) -> impl IntoView {
    let seconds = |ms: u64| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
    let (tone, title) = if test.answered {
        let first = test.first_ms.map(|ms| format!(", the first word after {}", seconds(ms)));
        (NoticeTone::Good, format!("It answered in {}{}", seconds(test.ms), first.unwrap_or_default()))
    } else {
        (NoticeTone::Bad, format!("No answer after {}", seconds(test.ms)))
    };
    view! {
        <div role="status">
            <Notice tone title>
                <p class="whitespace-pre-wrap">{test.words}</p>
                {test.notices.into_iter().map(|notice| view! { <p>{notice}</p> }).collect_view()}
            </Notice>
        </div>
    }
}

const FIELDS: &[&str] =
    &["name", "kind", "base_url", "more_urls", "api_key", "model", "context_tokens", "max_tokens"];

#[component]
fn Editor(draft: ProviderDraft, save: ServerAction<Save>) -> impl IntoView {
    let problem = problem_of(save);
    let error = move |field| field_error(problem, field);
    let kinds = ProviderKind::ALL.map(|kind| (kind.as_str().to_owned(), kind_word(kind).to_owned())).to_vec();
    let tokens = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let saved = Signal::derive(move || save.value().with(|value| matches!(value, Some(Ok(_)))));
    view! {
        <section class="max-w-3xl space-y-4">
            <h2 class="text-lg font-semibold">"Settings"</h2>
            {move || saved.get().then(|| view! { <BriefNotice tone=NoticeTone::Good title="Saved, and in force" /> })}
            <ActionForm action=save>
                <div class="space-y-5">
                    <input type="hidden" name="provider[id]" value=draft.id />
                    <input type="hidden" name="provider[version]" value=draft.version.to_string() />
                    <Field
                        name="provider[name]"
                        label="Name"
                        hint="How modes name it, and what people read."
                        value=draft.name
                        maxlength=60
                        error=error("name")
                    />
                    <SelectField
                        name="provider[kind]"
                        label="Kind"
                        options=kinds
                        value=draft.kind.as_str()
                        error=error("kind")
                    />
                    <Addresses base_url=draft.base_url more_urls=draft.more_urls problem />
                    <Key has_key=draft.has_key error=error("api_key") />
                    <Field
                        name="provider[model]"
                        label="Model"
                        hint="As the server calls it. Asked unless a mode names another."
                        monospace=true
                        value=draft.model
                        maxlength=120
                        error=error("model")
                    />
                    <Check
                        name="provider[vision]"
                        label="The model sees pictures. Otherwise it gets the text that was read on the screen."
                        checked=draft.vision
                    />
                    <div class="grid gap-5 sm:grid-cols-2">
                        <Field
                            name="provider[context_tokens]"
                            label="Context"
                            hint="In tokens, question and answer together. Empty: 16,384 for Ollama; for others the server decides."
                            kind=FieldKind::Number
                            optional=true
                            value=tokens(draft.context_tokens)
                            error=error("context_tokens")
                        />
                        <Field
                            name="provider[max_tokens]"
                            label="Longest answer"
                            hint="In tokens. Empty: the server decides."
                            kind=FieldKind::Number
                            optional=true
                            value=tokens(draft.max_tokens)
                            error=error("max_tokens")
                        />
                    </div>
                    <ProblemNotice problem shown_at_fields=FIELDS />
                    <div class="flex flex-wrap gap-3 border-t border-line pt-5">
                        <Button variant=ButtonVariant::Primary busy=save.pending()>
                            "Save provider"
                        </Button>
                        <ButtonLink href="/admin/models">"Cancel"</ButtonLink>
                    </div>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

#[component]
fn Addresses(
    base_url: String,
    more_urls: Vec<String>,
    problem: Signal<Option<protocol::Problem>>,
) -> impl IntoView {
    view! {
        <Field
            name="provider[base_url]"
            label="Address"
            hint="Such as http://localhost:11434 for Ollama, or https://host/v1 for others."
            monospace=true
            value=base_url
            maxlength=500
            error=field_error(problem, "base_url")
        />
        <TextAreaField
            name="provider[more_urls]"
            label="Further addresses"
            hint="Servers with the same models, one a line. The least busy is asked, and another when it fails."
            rows=3
            optional=true
            monospace=true
            value=more_urls.join("\n")
            error=field_error(problem, "more_urls")
        />
    }
    .into_any()
}

#[component]
fn Key(has_key: bool, #[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    let hint = if has_key {
        "A key is stored, and is never shown. Leave this empty to keep it."
    } else {
        "Only if the server wants one. It is stored encrypted, and never shown again."
    };
    view! {
        <PasswordField name="provider[api_key]" label="API key" hint error autocomplete="off" optional=true />
        {has_key.then(|| view! { <Check name="provider[remove_key]" label="Remove the stored key" /> })}
    }
    .into_any()
}

#[component]
fn Removal(id: String) -> impl IntoView {
    let delete = form::action::<Delete>();
    let problem = problem_of(delete);
    view! {
        <section class="space-y-3 border-t border-line pt-5">
            <ProblemNotice problem />
            <ActionForm action=delete>
                <input type="hidden" name="id" value=id />
                <Button variant=ButtonVariant::Destructive busy=delete.pending()>
                    "Delete provider"
                </Button>
            </ActionForm>
        </section>
    }
    .into_any()
}
