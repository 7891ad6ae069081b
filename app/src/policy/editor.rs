//! `/admin/policy/{group}` and `/admin/policy/everyone`. The form works the same without scripts.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::policy::{Weekday, WindowKind};

use super::api::{self, OpenPolicy, Remove, Save};
use super::form::PolicyForm;
use super::summary::{day_word, kind_word};
use crate::design::{
    Button, ButtonLink, ButtonVariant, Check, Field, FieldKind, PanelPage, ProblemNotice, TextAreaField,
    Ticks, loaded,
};
use crate::form::{self, field_error, problem_or_rejected};

const FIELDS: &[&str] = &[
    "excluded_programs",
    "excluded_titles",
    "excluded_kinds",
    "cooldown_seconds",
    "work_hours",
    "pictures_per_day",
    "retention_days",
];

type Error = Signal<Option<String>>;

#[component]
pub fn PolicyEditorPage() -> impl IntoView {
    let params = use_params_map();
    let group = Memo::new(move |_| params.with(|p| p.get("group").unwrap_or_default()));
    let save = form::action::<Save>();
    let remove = form::action::<Remove>();
    let policy = Resource::new(move || group.get(), api::find);
    view! {
        <PanelPage title="Edit policy">
            <p>
                <A href="/admin/policy" attr:class="link">
                    "All policies"
                </A>
            </p>
            <div class="max-w-3xl">{loaded(policy, move |open| view! { <Editor open save remove /> })}</div>
        </PanelPage>
    }
}

#[component]
fn Editor(open: OpenPolicy, save: ServerAction<Save>, remove: ServerAction<Remove>) -> impl IntoView {
    let OpenPolicy { policy, refused, not_removed } = open;
    let problem = problem_or_rejected(refused.as_ref(), save);
    let fields = refused.as_ref().map_or_else(|| PolicyForm::of(&policy), |r| PolicyForm::of_typed(&r.typed));
    let error = move |field| field_error(problem, field);
    let whom = if policy.group.is_empty() { "everyone".to_owned() } else { policy.group_name.clone() };
    let removable = !policy.group.is_empty() && policy.version > 0;
    view! {
        <div class="space-y-8">
            <p>"The policy for " <strong class="break-words">{whom}</strong> "."</p>
            <ActionForm action=save>
                <div class="space-y-8">
                    <input type="hidden" name="policy[group]" value=fields.group.clone() />
                    <input type="hidden" name="policy[version]" value=fields.version.clone() />
                    <Shown fields=fields.clone() programs=error("excluded_programs") titles=error("excluded_titles") kinds=error("excluded_kinds") />
                    <Allowed fields=fields.clone() cooldown=error("cooldown_seconds") hours=error("work_hours") />
                    <Amounts fields pictures=error("pictures_per_day") retention=error("retention_days") />
                    <ProblemNotice problem shown_at_fields=FIELDS />
                    <div class="flex flex-wrap items-center gap-3 border-t border-line pt-5">
                        <Button variant=ButtonVariant::Primary busy=save.pending()>
                            "Save policy"
                        </Button>
                        <ButtonLink href="/admin/policy">"Cancel"</ButtonLink>
                    </div>
                </div>
            </ActionForm>
            {removable
                .then(|| {
                    let problem = problem_or_rejected(not_removed.as_ref(), remove);
                    view! {
                        <section class="space-y-4 border-t border-line pt-6">
                            <p class="text-muted">
                                "Without a policy of its own, everyone’s policy applies to this group."
                            </p>
                            <ProblemNotice problem />
                            <ActionForm action=remove>
                                <input type="hidden" name="group" value=policy.group.clone() />
                                <input type="hidden" name="version" value=policy.version.to_string() />
                                <Button variant=ButtonVariant::Destructive busy=remove.pending()>
                                    "Remove this policy"
                                </Button>
                            </ActionForm>
                        </section>
                    }
                })}
        </div>
    }
    .into_any()
}

#[component]
fn Shown(fields: PolicyForm, programs: Error, titles: Error, kinds: Error) -> impl IntoView {
    let all = WindowKind::ALL.map(|kind| (kind.as_str().to_owned(), kind_word(kind).to_owned()));
    view! {
        <section class="space-y-5">
            <h2 class="text-lg">"Never shown"</h2>
            <p class="text-muted">
                "The pixels and the text of these windows are removed from everything that leaves the machine."
            </p>
            <TextAreaField
                name="policy[excluded_programs]"
                label="Programs"
                hint="One per line, by name: * stands for any characters, such as payroll*."
                optional=true
                monospace=true
                rows=4
                value=fields.excluded_programs
                error=programs
            />
            <TextAreaField
                name="policy[excluded_titles]"
                label="Titles of windows"
                hint="One per line, such as *salary*."
                optional=true
                monospace=true
                rows=4
                value=fields.excluded_titles
                error=titles
            />
            <Ticks name="policy[kinds][]" legend="Kinds" all=all.to_vec() ticked=fields.kinds error=kinds />
        </section>
    }
    .into_any()
}

#[component]
fn Allowed(fields: PolicyForm, cooldown: Error, hours: Error) -> impl IntoView {
    let days = Weekday::ALL.map(|day| (day.as_str().to_owned(), day_word(day).to_owned()));
    view! {
        <section class="space-y-5">
            <h2 class="text-lg">"Allowed"</h2>
            <Check
                name="policy[edits_allowed]"
                label="Changes of text in other programs, each confirmed by the person"
                checked=fields.edits_allowed == "true"
            />
            <Check
                name="policy[ambient_allowed]"
                label="Ambient mode: the program may look at the screen by itself"
                checked=fields.ambient_allowed == "true"
            />
            <Field
                name="policy[cooldown_seconds]"
                label="Pause between two ambient pictures"
                hint="In seconds."
                kind=FieldKind::Number
                value=fields.cooldown_seconds
                error=cooldown
            />
            <Check
                name="policy[limit_hours]"
                label="Ambient mode only at these hours, by the machine’s clock:"
                checked=fields.limit_hours == "true"
            />
            <Ticks name="policy[days][]" legend="Days" all=days.to_vec() ticked=fields.days error=hours />
            <div class="grid gap-5 sm:grid-cols-2">
                <Field name="policy[hours_from]" label="From" optional=true value=fields.hours_from />
                <Field name="policy[hours_to]" label="To" optional=true value=fields.hours_to />
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Amounts(fields: PolicyForm, pictures: Error, retention: Error) -> impl IntoView {
    view! {
        <section class="space-y-5">
            <h2 class="text-lg">"Amounts"</h2>
            <Field
                name="policy[pictures_per_day]"
                label="Pictures per person and day"
                hint="Empty for any number. A day begins at midnight, UTC."
                kind=FieldKind::Number
                optional=true
                value=fields.pictures_per_day
                error=pictures
            />
            <Field
                name="policy[retention_days]"
                label="Days that the server keeps questions, answers and pictures"
                hint="Empty: until the person deletes them. What is older is deleted within the hour."
                kind=FieldKind::Number
                optional=true
                value=fields.retention_days
                error=retention
            />
        </section>
    }
    .into_any()
}
