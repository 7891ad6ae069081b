//! Fields: a label above, a hint below it, and the error at the field. What was typed is never discarded.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::scripts_run;
use crate::island::{Island, island};

/// What a one-line field contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldKind {
    Email,
    /// A number with decimals.
    Number,
    /// Six digits from an authenticator, or a recovery code.
    OneTimeCode,
    Search,
    #[default]
    Text,
}

impl FieldKind {
    /// `type`, `inputmode` and `autocapitalize`.
    fn attributes(self) -> (&'static str, Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Email => ("email", Some("email"), Some("none")),
            Self::Number => ("text", Some("decimal"), None),
            Self::OneTimeCode => ("text", None, Some("characters")),
            Self::Search => ("search", Some("search"), Some("none")),
            Self::Text => ("text", None, None),
        }
    }
}

const INPUT: &str = "control w-full rounded-md border border-edge bg-raised px-2.5 py-1 text-ink hover:border-muted \
     aria-invalid:border-bad aria-invalid:bg-bad-wash";

/// The ids of hint and error, for `aria-describedby`.
fn described_by(
    id: &str,
    has_hint: bool,
    error: Signal<Option<String>>,
) -> impl Fn() -> Option<String> + Send + 'static {
    let (hint, wrong) = (format!("{id}-hint"), format!("{id}-error"));
    move || match (has_hint, error.with(Option::is_some)) {
        (false, false) => None,
        (true, false) => Some(hint.clone()),
        (false, true) => Some(wrong.clone()),
        (true, true) => Some(format!("{hint} {wrong}")),
    }
}

/// Label, hint and error around a control.
#[component]
fn Frame<C: IntoView + 'static>(
    id: String,
    #[prop(into)] label: String,
    hint: String,
    error: Signal<Option<String>>,
    optional: bool,
    children: TypedChildren<C>,
) -> impl IntoView {
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    view! {
        <div class="space-y-1.5">
            <label for=id class="block font-medium">
                {label}
                {optional.then(|| view! { <span class="font-normal text-muted">" (optional)"</span> })}
            </label>
            {(!hint.is_empty()).then(|| view! { <p id=hint_id class="text-sm text-muted">{hint}</p> })}
            <p id=error_id role="alert" class="text-sm font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
            {children.into_inner()()}
        </div>
    }
}

/// One line of text.
#[component]
pub fn Field(
    /// Its name in the form, and its id.
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional)] kind: FieldKind,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// The initial value.
    #[prop(optional, into)]
    value: String,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] optional: bool,
    #[prop(optional)] maxlength: Option<usize>,
    #[prop(optional)] monospace: bool,
    /// What the browser offers while one types.
    #[prop(optional)]
    suggestions: Vec<String>,
    /// Has the focus when it appears.
    #[prop(optional)]
    focused: bool,
) -> impl IntoView {
    let input = NodeRef::<leptos::html::Input>::new();
    // `autofocus` works only when the browser loads the page; a step shown by scripts has to set the focus.
    Effect::new(move |_| {
        if let Some(input) = input.get().filter(|_| focused) {
            let _ = input.focus();
        }
    });
    let (input_type, inputmode, autocapitalize) = kind.attributes();
    let described = described_by(name, !hint.is_empty(), error);
    let list = (!suggestions.is_empty()).then(|| format!("{name}-suggestions"));
    let offered = list.clone().map(|id| {
        let options = suggestions.into_iter().map(|value| view! { <option value=value /> }).collect_view();
        view! { <datalist id=id>{options}</datalist> }
    });
    view! {
        <Frame id=name.to_owned() label hint error optional=optional && kind != FieldKind::Search>
            <input
                node_ref=input
                id=name
                name=name
                type=input_type
                autofocus=focused
                inputmode=inputmode
                autocapitalize=autocapitalize
                autocomplete=autocomplete
                spellcheck="false"
                value=value
                list=list
                maxlength=maxlength.map(|n| n.to_string())
                required=!optional
                class=INPUT
                class=("font-mono", monospace)
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
            />
            {offered}
        </Frame>
    }
}

/// A password, with a button that reveals it where scripts run. Pages never fill in its value.
#[component]
pub fn PasswordField(
    #[prop(default = "password")] name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// `new-password` or `current-password`.
    autocomplete: &'static str,
    #[prop(optional)] optional: bool,
) -> impl IntoView {
    let described = described_by(name, !hint.is_empty(), error);
    view! {
        <Frame id=name.to_owned() label hint error optional>
            <div class="flex gap-2">
                <input
                    id=name
                    name=name
                    type="password"
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    required=!optional
                    class=INPUT
                    aria-invalid=move || error.with(Option::is_some).then_some("true")
                    aria-describedby=described
                />
                {island(ShowPassword { field: name.to_owned() })}
            </div>
        </Frame>
    }
}

/// The button that reveals the password in a field.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShowPassword {
    /// The field's id.
    field: String,
}

impl Island for ShowPassword {
    const NAME: &'static str = "show-password";
    const CLASS: &'static str = "flex shrink-0";

    fn view(self) -> impl IntoView {
        let field = StoredValue::new(self.field);
        let shown = RwSignal::new(false);
        let scripts = scripts_run();
        let press = move |_| {
            shown.update(|shown| *shown = !*shown);
            let kind = if shown.get_untracked() { "text" } else { "password" };
            if let Some(input) = document().get_element_by_id(&field.get_value()) {
                // Fails for no valid attribute name.
                let _ = input.set_attribute("type", kind);
            }
        };
        view! {
            {move || scripts.get().then(|| view! {
                <button
                    type="button"
                    class="rounded-md border border-line-strong bg-raised px-3 text-sm font-semibold hover:border-muted"
                    aria-controls=field.get_value()
                    aria-pressed=move || if shown.get() { "true" } else { "false" }
                    on:click=press
                >
                    {move || if shown.get() { "Hide" } else { "Show" }}
                    <span class="sr-only">" password"</span>
                </button>
            })}
        }
    }
}

/// Several lines of text.
#[component]
pub fn TextAreaField(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    #[prop(optional, into)] value: String,
    #[prop(optional)] optional: bool,
    #[prop(optional)] maxlength: Option<usize>,
    #[prop(default = 3)] rows: u32,
    #[prop(optional)] monospace: bool,
) -> impl IntoView {
    let described = described_by(name, !hint.is_empty(), error);
    view! {
        <Frame id=name.to_owned() label hint error optional>
            <textarea
                id=name
                name=name
                rows=rows.to_string()
                maxlength=maxlength.map(|n| n.to_string())
                required=!optional
                class=INPUT
                class=("font-mono", monospace)
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
                inner_html=escaped(&value)
            ></textarea>
        </Frame>
    }
}

/// A textarea's text as HTML. A child text node would do, but Leptos renders an empty one as a space.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A choice from a list.
#[component]
pub fn SelectField(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// Value and label of each choice.
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
) -> impl IntoView {
    let described = described_by(name, !hint.is_empty(), error);
    view! {
        <Frame id=name.to_owned() label hint error optional=false>
            <select
                id=name
                name=name
                class=INPUT
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
            >
                {options
                    .into_iter()
                    .map(|(choice, words)| {
                        let chosen = choice == value;
                        view! {
                            <option value=choice selected=chosen>
                                {words}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
        </Frame>
    }
}

/// A checkbox, or with `radio` one of several radio buttons with the same name. Sends `value` when checked.
#[component]
pub fn Check(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(default = "true".into(), into)] value: String,
    #[prop(optional)] checked: bool,
    #[prop(optional)] radio: bool,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    let id = if radio { format!("{name}-{value}") } else { name.to_owned() };
    view! {
        // As high as a finger or a shaky hand needs.
        <div class="flex min-h-6 items-start gap-2.5">
            <input
                id=id.clone()
                name=name
                type=if radio { "radio" } else { "checkbox" }
                value=value
                checked=checked
                required=required
                class="mt-[calc(0.5lh-0.5rem)] size-4 shrink-0 accent-action"
            />
            <label for=id class="grow">
                {label}
            </label>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use leptos::prelude::*;

    use super::{described_by, escaped};

    #[test]
    fn a_text_cannot_end_its_textarea() {
        assert_eq!(escaped("</textarea><b>&amp;"), "&lt;/textarea&gt;&lt;b&gt;&amp;amp;");
    }

    #[test]
    fn a_field_points_at_its_hint_and_its_error() {
        let owner = Owner::new();
        owner.with(|| {
            let error = RwSignal::new(None::<String>);
            let both = described_by("email", true, error.into());
            let one = described_by("email", false, error.into());
            assert_eq!((both().as_deref(), one().as_deref()), (Some("email-hint"), None));
            error.set(Some("wrong".into()));
            assert_eq!(
                (both().as_deref(), one().as_deref()),
                (Some("email-hint email-error"), Some("email-error"))
            );
        });
    }
}
