//! Somebody else saved the mode while it was edited here: both versions are shown, and neither is lost without a decision.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::mode::Mode;

use crate::design::{Button, ButtonKind, ButtonLink, Notice, NoticeTone, scripts_run};
use crate::draft::Draft;

/// The other version, beside the form with one's own.
#[component]
pub fn ConflictNotice(
    /// What both started from; one's own version where that is not known.
    base: Mode,
    theirs: Mode,
    draft: Draft,
) -> impl IntoView {
    let changed = differences(&base, &theirs);
    let (scripts, page) = (scripts_run(), format!("/admin/modes/{}", theirs.id));
    view! {
        <Notice tone=NoticeTone::Bad title="Somebody else saved this mode while you edited it">
            <p>"Your version is in the form below and is not saved. The other one has:"</p>
            <dl class="space-y-2">
                {changed
                    .into_iter()
                    .map(|(field, value)| {
                        view! {
                            <div>
                                <dt class="font-semibold">{field}</dt>
                                <dd class="max-h-48 overflow-y-auto whitespace-pre-wrap">{value}</dd>
                            </div>
                        }
                    })
                    .collect_view()}
            </dl>
            <p>"“Save mode” replaces it by yours. Take over what you need from it first."</p>
            {move || {
                if scripts.get() {
                    Either::Left(
                        view! {
                            <Button kind=ButtonKind::Button on:click=move |_| draft.discard()>
                                "Discard mine and load the other"
                            </Button>
                        },
                    )
                } else {
                    Either::Right(
                        view! { <ButtonLink href=page.clone()>"Discard mine and load the other"</ButtonLink> },
                    )
                }
            }}
        </Notice>
    }
}

/// The fields that the other version changed, with its values.
fn differences(base: &Mode, theirs: &Mode) -> Vec<(&'static str, String)> {
    let enabled = |mode: &Mode| if mode.enabled { "Enabled" } else { "Disabled" }.to_owned();
    let edits = |mode: &Mode| if mode.edits_allowed { "Allowed" } else { "Not allowed" }.to_owned();
    let groups = |mode: &Mode| match mode.groups.len() {
        0 => "Everybody".to_owned(),
        1 => "1 group".to_owned(),
        many => format!("{many} groups"),
    };
    let or_default = |text: &str| if text.is_empty() { "The default".to_owned() } else { text.to_owned() };
    let workflow =
        |mode: &Mode| if mode.workflow.is_empty() { "Built in".to_owned() } else { mode.workflow.clone() };
    let fields: [(&'static str, String, String); 11] = [
        ("Name", base.name.clone(), theirs.name.clone()),
        ("Description", base.description.clone(), theirs.description.clone()),
        ("Prompt", base.prompt.clone(), theirs.prompt.clone()),
        ("Provider", or_default(&base.provider), or_default(&theirs.provider)),
        ("Model", or_default(&base.model), or_default(&theirs.model)),
        ("Workflow", workflow(base), workflow(theirs)),
        ("Temperature", base.temperature.to_string(), theirs.temperature.to_string()),
        ("Position", base.position.to_string(), theirs.position.to_string()),
        ("Proposed changes", edits(base), edits(theirs)),
        ("Groups", groups(base), groups(theirs)),
        ("State", enabled(base), enabled(theirs)),
    ];
    let changed = fields.into_iter().filter(|(_, before, now)| before != now);
    changed.map(|(field, _, now)| (field, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_other_version_changed_is_shown() {
        let base = Mode {
            id: "1".into(),
            name: "Coding".into(),
            description: String::new(),
            prompt: "Help.".into(),
            provider: String::new(),
            workflow: String::new(),
            model: String::new(),
            temperature: 0.3,
            enabled: true,
            edits_allowed: false,
            groups: Vec::new(),
            position: 0,
            version: 4,
        };
        let theirs = Mode { prompt: "Help shortly.".into(), enabled: false, version: 5, ..base.clone() };
        let shown = differences(&base, &theirs);
        assert_eq!(shown, [("Prompt", "Help shortly.".to_owned()), ("State", "Disabled".to_owned())]);
        assert!(differences(&base, &Mode { version: 9, ..base.clone() }).is_empty());
    }
}
