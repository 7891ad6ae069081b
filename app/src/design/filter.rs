//! A list's filter: a form of its own address, applied as one types or chooses where scripts run.

use leptos::html;
use leptos::prelude::*;
use leptos_router::components::Form;

use super::{Button, Icon, Shape, scripts_run};

const CONTROL: &str =
    "control w-full rounded-md border border-edge bg-raised py-1 pr-2.5 text-ink hover:border-muted";

#[component]
pub fn FilterForm(
    path: &'static str,
    /// The names of its fields, which are those in the address.
    fields: &'static [&'static str],
    children: Children,
) -> impl IntoView {
    let scripts = scripts_run();
    let changed = apply_when_typed(path, fields);
    view! {
        <Form method="GET" action=path>
            <div class="flex flex-wrap items-center gap-3" role="search" on:input=changed>
                {children()}
                {move || (!scripts.get()).then(|| view! { <Button icon=Shape::Search>"Search"</Button> })}
            </div>
        </Form>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
fn apply_when_typed(path: &'static str, fields: &'static [&'static str]) -> impl Fn(leptos::ev::Event) {
    use leptos_router::hooks::use_navigate;
    use wasm_bindgen::JsCast;

    /// How long nothing is typed before the filter is applied.
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
    let navigate = use_navigate();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    move |event| {
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let target: web_sys::Element = event_target(&event);
        let Ok(Some(form)) = target.closest("form") else { return };
        let navigate = navigate.clone();
        let apply = move || {
            let Ok(form) = web_sys::FormData::new_with_form(form.unchecked_ref()) else { return };
            let values: Vec<_> =
                fields.iter().map(|name| (*name, form.get(name).as_string().unwrap_or_default())).collect();
            let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.trim())).collect();
            let options =
                leptos_router::NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&crate::navigation::with_query(path, &values), options);
        };
        // Fails only where there is no window.
        timer.set_value(set_timeout_with_handle(apply, PAUSE).ok());
    }
}

#[cfg(not(feature = "hydrate"))]
fn apply_when_typed(_: &'static str, _: &'static [&'static str]) -> impl Fn(leptos::ev::Event) {
    |_| ()
}

/// Where one types what to look for. `/` focuses it.
#[component]
pub fn SearchField(
    /// What it looks for, such as "Address, machine or code".
    label: &'static str,
    #[prop(into)] value: Signal<String>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        let value = value.get();
        // While somebody types, what is typed is newer.
        if let Some(input) = input.get().filter(|input| input.matches(":focus") == Ok(false)) {
            input.set_value(&value);
        }
    });
    view! {
        <div class="relative w-full sm:w-80">
            <label for="search" class="sr-only">
                {label}
            </label>
            <span class="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-muted">
                <Icon shape=Shape::Search />
            </span>
            <input
                node_ref=input
                id="search"
                name="search"
                type="search"
                inputmode="search"
                autocapitalize="none"
                autocomplete="off"
                spellcheck="false"
                placeholder=label
                value=value.get_untracked()
                aria-keyshortcuts="/"
                class=format!("{CONTROL} pl-8")
            />
        </div>
    }
    .into_any()
}

/// One of several, such as a state.
#[component]
pub fn FilterSelect(
    name: &'static str,
    label: &'static str,
    /// Value and label of each choice.
    options: Vec<(String, String)>,
    #[prop(into)] value: Signal<String>,
) -> impl IntoView {
    let first = value.get_untracked();
    view! {
        <div class="w-44">
            <label for=name class="sr-only">
                {label}
            </label>
            <select id=name name=name class=format!("{CONTROL} pl-2.5") prop:value=move || value.get()>
                {options
                    .into_iter()
                    .map(|(choice, words)| {
                        let chosen = choice == first;
                        view! {
                            <option value=choice selected=chosen>
                                {words}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
        </div>
    }
    .into_any()
}
