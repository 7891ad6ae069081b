//! One decision about several requests: selected in the list, decided below it. All of it is one form, so that it works
//! without scripts; scripts add the selected requests' codes to the confirmation. Without scripts, approving leads to a page
//! that lists them (`confirm.rs`).

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use protocol::access::{AccessRequestRow, Message, Page, RequestState};

use super::api::DecideAll;
use super::confirm::CONFIRM_PATH;
use super::notes::AddressNotes;
use crate::deployment::sends_mail;
use crate::design::{
    Button, ButtonKind, ButtonVariant, Disclosure, ProblemNotice, Shape, TextAreaField, scripts_run,
};
use crate::form::{RejectedForm, field_error, problem_or_rejected};

/// The selected requests. A request stays selected when the list changes, even when its row moves to another page; only
/// requests that somebody decided meanwhile are removed.
#[derive(Clone, Copy)]
pub struct Selection {
    ids: RwSignal<BTreeSet<String>>,
    /// Every request that the list has shown.
    known: RwSignal<BTreeMap<String, AccessRequestRow>>,
    /// The pending requests that the list shows now.
    shown: RwSignal<BTreeSet<String>>,
}

impl Selection {
    /// With the boxes that were ticked before the page's scripts ran.
    pub fn of_page() -> Self {
        Self {
            ids: RwSignal::new(ticked_in_document()),
            known: RwSignal::new(BTreeMap::new()),
            shown: RwSignal::new(BTreeSet::new()),
        }
    }

    /// Selects what a rejected form had selected.
    pub fn restore(self, refused: Option<&RejectedForm>) {
        let held = refused.and_then(|refused| refused.typed.value("ids")).unwrap_or_default();
        self.ids.update_untracked(|ids| {
            ids.extend(held.split(',').filter(|id| !id.is_empty()).map(str::to_owned));
        });
    }

    /// Follows the list: learns its rows and deselects the ones that were decided.
    pub fn follow(self, page: Memo<Page<AccessRequestRow>>) {
        Effect::new(move |_| {
            let rows = page.with(|page| page.rows.clone());
            let pending = rows.iter().filter(|row| row.state == RequestState::Pending);
            self.shown.set(pending.map(|row| row.id.clone()).collect());
            let decided: Vec<_> =
                rows.iter().filter(|row| row.state != RequestState::Pending).map(|r| r.id.clone()).collect();
            self.known.update(|known| known.extend(rows.into_iter().map(|row| (row.id.clone(), row))));
            if self.ids.with_untracked(|ids| decided.iter().any(|id| ids.contains(id))) {
                self.ids.update(|ids| ids.retain(|id| !decided.contains(id)));
            }
        });
    }

    fn has(self, id: &str) -> bool {
        self.ids.with(|ids| ids.contains(id))
    }

    fn set(self, id: &str, ticked: bool) {
        self.ids.update(|ids| {
            if ticked {
                ids.insert(id.to_owned());
            } else {
                ids.remove(id);
            }
        });
    }

    fn set_all_shown(self) {
        let shown = self.shown.get_untracked();
        self.ids.update(|ids| ids.extend(shown));
    }

    fn clear(self) {
        self.ids.set(BTreeSet::new());
    }

    fn count(self) -> usize {
        self.ids.with(BTreeSet::len)
    }

    fn rows(self) -> Vec<AccessRequestRow> {
        self.known
            .with(|known| self.ids.with(|ids| ids.iter().filter_map(|id| known.get(id)).cloned().collect()))
    }

    /// The selected requests without a row in the current list.
    fn elsewhere(self) -> Vec<String> {
        self.shown.with(|shown| self.ids.with(|ids| ids.difference(shown).cloned().collect()))
    }
}

/// The boxes that were ticked while the scripts were still loading.
fn ticked_in_document() -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    #[cfg(feature = "hydrate")]
    if let Ok(ticked) = document().query_selector_all("[data-pick]:checked") {
        use wasm_bindgen::JsCast;
        let inputs = (0..ticked.length()).filter_map(|n| ticked.item(n));
        ids.extend(inputs.filter_map(|i| i.dyn_into::<web_sys::HtmlInputElement>().ok()).map(|i| i.value()));
    }
    ids.remove("");
    ids
}

/// The checkbox that selects a request.
#[component]
pub fn SelectBox(id: String, email: String, chosen: Selection) -> impl IntoView {
    let at_first = chosen.ids.with_untracked(|ids| ids.contains(&id));
    let (shown, changed) = (id.clone(), id.clone());
    view! {
        // The label is what one presses: the box alone is too small.
        <label class="-m-1 flex size-7 items-center justify-center">
            <input
                type="checkbox"
                name="ids[]"
                value=id
                data-pick="true"
                class="size-4 accent-action"
                checked=at_first
                prop:checked=move || chosen.has(&shown)
                aria-label=format!("Select {email}")
                on:change=move |event| chosen.set(&changed, event_target_checked(&event))
            />
        </label>
    }
}

/// The bar below the list. Visible only while something is selected, also without scripts (`:has`).
#[component]
pub fn BulkActions(
    chosen: Selection,
    decide: ServerAction<DecideAll>,
    decisions: RwSignal<u32>,
    refused: Option<RejectedForm>,
) -> impl IntoView {
    let problem = problem_or_rejected(refused.as_ref(), decide);
    let typed = refused.map(|refused| refused.typed).unwrap_or_default();
    let reason = StoredValue::new(typed.value("reason_for_all").unwrap_or_default());
    let answers = RwSignal::new(0_u32);
    let scripts = scripts_run();
    Effect::new(move |_| {
        if decide.value().with(|value| matches!(value, Some(Ok(_)))) {
            reason.set_value(String::new());
            chosen.clear();
            answers.update(|n| *n += 1);
            decisions.update(|n| *n += 1);
        }
    });
    let busy = decide.pending();
    view! {
        // Enter in a field presses the form's first enabled button. This one decides nothing: with scripts it does nothing
        // at all, without them the server asks for a decision and keeps the selection.
        <button
            type="submit"
            name="verdict"
            value=""
            hidden=true
            aria-hidden="true"
            tabindex="-1"
            on:click=|event| event.prevent_default()
        ></button>
        <ProblemNotice problem shown_at_fields=&["reason"] />
        <div
            class="sticky bottom-0 z-10 hidden space-y-3 rounded-lg border border-line-strong bg-raised p-4 shadow-float group-has-[[data-pick]:checked]:block data-[chosen]:block"
            data-chosen=move || (chosen.count() > 0).then_some("true")
        >
            <For each=move || chosen.elsewhere() key=|id| id.clone() children=|id| view! { <input type="hidden" name="ids[]" value=id /> } />
            <Count chosen />
            {move || {
                // Rendered again after each decision: closed, and without the last reason.
                answers.track();
                view! {
                    <div class="flex flex-wrap items-start gap-3">
                        <Disclosure title="Approve…" icon=Shape::Check variant=ButtonVariant::Primary group="verdict">
                            <p>"Ask each person, by phone or chat, to read out their code, and compare it. Leave out anyone whose code differs, or who never asked."</p>
                            <Codes chosen />
                            <Button
                                variant=ButtonVariant::Primary
                                name="verdict"
                                value="approve"
                                busy
                                attr:formmethod=move || (!scripts.get()).then_some("get")
                                attr:formaction=move || (!scripts.get()).then_some(CONFIRM_PATH)
                            >
                                {move || if scripts.get() { "The codes match: approve" } else { "Compare the codes…" }}
                            </Button>
                        </Disclosure>
                        <Disclosure title="Reject…" icon=Shape::Cross group="verdict">
                            <Codes chosen />
                            <TextAreaField
                                name="reason_for_all"
                                label="Reason for all of them"
                                hint=if sends_mail() {
                                    "Each requester sees it on their status page and in a mail."
                                } else {
                                    "Each requester sees it on their status page."
                                }
                                optional=true
                                maxlength=Message::MAX_CHARS
                                value=reason.get_value()
                                error=field_error(problem, "reason")
                            />
                            <Button variant=ButtonVariant::Destructive name="verdict" value="reject" busy>
                                "Reject them"
                            </Button>
                        </Disclosure>
                    </div>
                }
            }}
        </div>
    }
}

/// How many are selected, with buttons for all and none. Without scripts the boxes in the list show it.
#[component]
fn Count(chosen: Selection) -> impl IntoView {
    let scripts = scripts_run();
    let words = move || {
        let elsewhere = match chosen.elsewhere().len() {
            0 => String::new(),
            n => format!(" ({n} not on this page)"),
        };
        match chosen.count() {
            1 => format!("1 selected{elsewhere}"),
            n => format!("{n} selected{elsewhere}"),
        }
    };
    view! {
        <Show when=move || scripts.get() fallback=|| view! { <p class="font-semibold">"Selected requests"</p> }>
            <div class="flex flex-wrap items-center gap-3">
                <p role="status" class="mr-auto font-semibold">{words}</p>
                <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=move |_| chosen.set_all_shown()>
                    "Select all on this page"
                </Button>
                <Button kind=ButtonKind::Button variant=ButtonVariant::Quiet on:click=move |_| chosen.clear()>
                    "Clear selection"
                </Button>
            </div>
        </Show>
    }
}

/// The selected requests with their codes, where scripts run.
#[component]
fn Codes(chosen: Selection) -> impl IntoView {
    view! {
        <ul class="max-h-60 divide-y divide-line overflow-y-auto">
            <For
                each=move || chosen.rows()
                key=|row| row.clone()
                children=|row| {
                    view! {
                        <li class="flex flex-wrap gap-x-4 py-1">
                            <span class="font-mono font-semibold">{row.match_code}</span>
                            <span>{row.email}</span>
                            <AddressNotes notes=row.notes />
                        </li>
                    }
                }
            />
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_survives_new_rows_and_ends_with_a_decision() {
        let owner = Owner::new();
        owner.with(|| {
            let chosen = Selection::of_page();
            chosen.set("1", true);
            chosen.set("2", true);
            chosen.shown.set(["2".to_owned(), "3".to_owned()].into());
            assert_eq!((chosen.count(), chosen.elsewhere()), (2, vec!["1".to_owned()]));
            chosen.set_all_shown();
            assert!(chosen.has("3") && chosen.count() == 3);
            chosen.set("2", false);
            assert!(!chosen.has("2"));
            chosen.clear();
            assert_eq!(chosen.count(), 0);
        });
    }
}
