//! Fields: a label above, a hint below it, and the error where it happened. What was typed is never taken away.

use leptos::prelude::*;

use super::scripts_run;

/// What a one-line field takes.
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
    /// `type`, `inputmode` and the spelling of `autocapitalize`.
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

const INPUT: &str = "w-full rounded-md border border-edge bg-raised px-3 py-1.5 text-ink hover:border-muted \
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
fn Frame(
    id: String,
    #[prop(into)] label: String,
    hint: String,
    error: Signal<Option<String>>,
    optional: bool,
    children: Children,
) -> impl IntoView {
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    view! {
        <div class="space-y-1.5">
            <label for=id class="block font-semibold">
                {label}
                {optional.then(|| view! { <span class="font-normal text-muted">" (optional)"</span> })}
            </label>
            {(!hint.is_empty()).then(|| view! { <p id=hint_id class="text-sm text-muted">{hint}</p> })}
            <p id=error_id role="alert" class="text-sm font-semibold text-bad empty:hidden">
                {move || error.get()}
            </p>
            {children()}
        </div>
    }
}

/// One line of text.
#[component]
pub fn Field(
    /// The form's name for it, and its id.
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional)] kind: FieldKind,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] optional: bool,
    #[prop(optional)] maxlength: Option<usize>,
    #[prop(optional)] monospace: bool,
    /// The first thing that one does on the page: it has the focus when it appears.
    #[prop(optional)]
    focused: bool,
) -> impl IntoView {
    let input = NodeRef::<leptos::html::Input>::new();
    // `autofocus` is for a page that the browser loads; a step that scripts show has to ask for it.
    Effect::new(move |_| {
        if let Some(input) = input.get().filter(|_| focused) {
            let _ = input.focus();
        }
    });
    let (input_type, inputmode, autocapitalize) = kind.attributes();
    let described = described_by(name, !hint.is_empty(), error);
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
                maxlength=maxlength.map(|n| n.to_string())
                required=!optional
                class=INPUT
                class=("font-mono", monospace)
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=described
            />
        </Frame>
    }
}

/// A password, with a button that shows it where scripts run. Its value is never filled in by a page.
#[component]
pub fn PasswordField(
    #[prop(default = "password")] name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// `new-password` or `current-password`.
    autocomplete: &'static str,
) -> impl IntoView {
    let described = described_by(name, !hint.is_empty(), error);
    let shown = RwSignal::new(false);
    let scripts = scripts_run();
    view! {
        <Frame id=name.to_owned() label hint error optional=false>
            <div class="flex gap-2">
                <input
                    id=name
                    name=name
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    required=true
                    class=INPUT
                    aria-invalid=move || error.with(Option::is_some).then_some("true")
                    aria-describedby=described
                />
                <Show when=move || scripts.get()>
                    <button
                        type="button"
                        class="shrink-0 rounded-md border border-line-strong bg-raised px-3 text-sm font-semibold hover:border-muted"
                        aria-controls=name
                        aria-pressed=move || if shown.get() { "true" } else { "false" }
                        on:click=move |_| shown.update(|s| *s = !*s)
                    >
                        {move || if shown.get() { "Hide" } else { "Show" }}
                        <span class="sr-only">" password"</span>
                    </button>
                </Show>
            </div>
        </Frame>
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

/// A textarea's text as HTML. A text node as a child would do, but an empty one is written as a space.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One of a list.
#[component]
pub fn SelectField(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// Value and words of each choice.
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

/// Yes or no, or with `radio` one of several with the same name. Sends `value` when chosen.
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
        <div class="flex items-start gap-2.5">
            <input
                id=id.clone()
                name=name
                type=if radio { "radio" } else { "checkbox" }
                value=value
                checked=checked
                required=required
                class="mt-1 size-4 shrink-0 accent-action"
            />
            <label for=id>{label}</label>
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
