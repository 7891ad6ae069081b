//! Fields that change the document at once. They have no names: what is saved is the document's text.

use leptos::prelude::*;

const INPUT: &str = "w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink hover:border-muted \
     aria-invalid:border-bad aria-invalid:bg-bad-wash";

fn error_id(id: &str) -> String {
    format!("{id}-error")
}

#[component]
fn Labelled<C: IntoView + 'static>(
    id: String,
    label: String,
    error: Signal<Option<String>>,
    children: TypedChildren<C>,
) -> impl IntoView {
    let wrong = error_id(&id);
    view! {
        <div class="min-w-0 space-y-1">
            <label for=id class="block text-sm font-semibold">
                {label}
            </label>
            {children.into_inner()()}
            <p id=wrong class="text-sm font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
        </div>
    }
}

/// One line of text. `on_change` gets it when the field is left, `on_input` with every key.
#[component]
pub fn TextInput(
    id: String,
    #[prop(into)] label: String,
    value: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    #[prop(optional, into)] on_input: Option<Callback<String>>,
    #[prop(optional, into)] on_change: Option<Callback<String>>,
    #[prop(optional)] numeric: bool,
) -> impl IntoView {
    let described = error_id(&id);
    view! {
        <Labelled id=id.clone() label error>
            <input
                id=id
                type="text"
                inputmode=numeric.then_some("numeric")
                autocomplete="off"
                spellcheck="false"
                value=value
                class=INPUT
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
                on:input=move |event| run(on_input, event_target_value(&event))
                on:change=move |event| run(on_change, event_target_value(&event))
            />
        </Labelled>
    }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    id: String,
    #[prop(into)] label: String,
    value: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    #[prop(into)] on_input: Callback<String>,
) -> impl IntoView {
    let (described, shown) = (error_id(&id), value.clone());
    view! {
        <Labelled id=id.clone() label error>
            <textarea
                id=id
                rows="3"
                spellcheck="false"
                class=INPUT
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
                prop:value=shown
                on:input=move |event| on_input.run(event_target_value(&event))
            >
                {value}
            </textarea>
        </Labelled>
    }
}

/// A choice. A value that is no choice any more is shown too, so that nothing changes unseen.
#[component]
pub fn Choice(
    id: String,
    #[prop(into)] label: String,
    /// Value and label of each.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
    #[prop(into)] value: Signal<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    #[prop(into)] on_change: Callback<String>,
) -> impl IntoView {
    let described = error_id(&id);
    let shown = move || {
        let (mut options, value) = (options.get(), value.get());
        if !options.iter().any(|(choice, _)| *choice == value) {
            let words = if value.is_empty() { "Choose".to_owned() } else { format!("{value} (missing)") };
            options.insert(0, (value.clone(), words));
        }
        let option = |(choice, words): (String, String)| {
            let chosen = choice == value;
            view! { <option value=choice selected=chosen prop:selected=chosen>{words}</option> }
        };
        options.into_iter().map(option).collect_view()
    };
    view! {
        <Labelled id=id.clone() label error>
            <select
                id=id
                class=INPUT
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
                on:change=move |event| on_change.run(event_target_value(&event))
            >
                {shown}
            </select>
        </Labelled>
    }
}

#[component]
pub fn Tick(
    id: String,
    #[prop(into)] label: String,
    #[prop(into)] checked: Signal<bool>,
    #[prop(into)] on_change: Callback<bool>,
) -> impl IntoView {
    view! {
        <div class="flex items-start gap-2.5">
            <input
                id=id.clone()
                type="checkbox"
                class="mt-1 size-4 shrink-0 accent-action"
                checked=move || checked.get()
                prop:checked=move || checked.get()
                on:change=move |event| on_change.run(event_target_checked(&event))
            />
            <label for=id>{label}</label>
        </div>
    }
}

fn run(callback: Option<Callback<String>>, text: String) {
    if let Some(callback) = callback {
        callback.run(text);
    }
}
