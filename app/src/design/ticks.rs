//! Checkboxes of one field.

use leptos::prelude::*;

/// Several checkboxes with one name, which ends in `[]`.
#[component]
pub fn Ticks(
    name: &'static str,
    #[prop(into)] legend: String,
    #[prop(optional, into)] hint: String,
    /// Value and words of each.
    all: Vec<(String, String)>,
    /// The values that are ticked at first.
    ticked: Vec<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let boxes = all
        .into_iter()
        .map(|(value, words)| {
            let (id, checked) = (format!("{name}-{value}"), ticked.contains(&value));
            view! {
                <div class="flex items-start gap-2.5">
                    <input
                        id=id.clone()
                        name=name
                        type="checkbox"
                        value=value
                        checked=checked
                        class="mt-1 size-4 shrink-0 accent-action"
                    />
                    <label for=id>{words}</label>
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset class="space-y-2">
            <legend class="font-semibold">{legend}</legend>
            {(!hint.is_empty()).then(|| view! { <p class="text-sm text-muted">{hint}</p> })}
            <p role="alert" class="text-sm font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
            {boxes}
        </fieldset>
    }
    .into_any()
}
