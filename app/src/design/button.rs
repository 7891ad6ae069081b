//! What one can do. One primary button per screen; what destroys is red and says what it destroys.

use leptos::prelude::*;

use super::{Icon, Shape};

/// How loud a button is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    Destructive,
    Primary,
    /// Text only, for what is seldom needed.
    Quiet,
    #[default]
    Secondary,
}

impl Look {
    fn classes(self) -> &'static str {
        match self {
            Self::Destructive => "border-bad bg-bad text-on-bad hover:opacity-90",
            Self::Primary => {
                "border-action bg-action text-on-action hover:bg-action-hover hover:border-action-hover"
            }
            Self::Quiet => "border-transparent text-muted hover:bg-sunken hover:text-ink",
            Self::Secondary => "border-line-strong bg-raised text-ink hover:border-muted",
        }
    }
}

/// What pressing a button does to its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ButtonKind {
    Button,
    #[default]
    Submit,
}

const SHAPE: &str = "inline-flex items-center justify-center gap-2 rounded-md border font-semibold whitespace-nowrap \
     select-none transition-colors duration-[120ms] disabled:opacity-50 aria-disabled:opacity-50";

/// The classes of whatever looks like a button.
pub(super) fn classes(look: Look, large: bool) -> String {
    format!("{SHAPE} {} {}", size(large), look.classes())
}

fn size(large: bool) -> &'static str {
    if large { "min-h-11 px-5 py-2 text-base" } else { "min-h-8 px-3 py-1 text-sm" }
}

/// A `<button>`. While `busy` it keeps its place and its words, and does not answer twice.
#[component]
pub fn Button<C: IntoView + 'static>(
    #[prop(optional)] look: Look,
    #[prop(optional)] kind: ButtonKind,
    /// The size of public pages' one next step.
    #[prop(optional)]
    large: bool,
    #[prop(optional)] icon: Option<Shape>,
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// The safe answer of a dialog takes the focus.
    #[prop(optional)]
    autofocus: bool,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional, into)] value: Option<String>,
    children: TypedChildren<C>,
) -> impl IntoView {
    let kind = match kind {
        ButtonKind::Button => "button",
        ButtonKind::Submit => "submit",
    };
    view! {
        <button
            type=kind
            class=classes(look, large)
            disabled=move || busy.get() || disabled.get()
            aria-busy=move || busy.get().then_some("true")
            autofocus=autofocus
            name=name
            value=value
        >
            {icon.map(|shape| view! { <Icon shape /> })}
            {children.into_inner()()}
        </button>
    }
}

/// A link that looks like a button: it leads somewhere and changes nothing.
#[component]
pub fn ButtonLink<C: IntoView + 'static>(
    #[prop(into)] href: String,
    #[prop(optional)] look: Look,
    #[prop(optional)] large: bool,
    #[prop(optional)] icon: Option<Shape>,
    /// Has the browser load it whole: what the server checks on the way in is checked.
    #[prop(optional)]
    external: bool,
    children: TypedChildren<C>,
) -> impl IntoView {
    let class = classes(look, large);
    view! {
        <a href=href class=class rel=external.then_some("external")>
            {icon.map(|shape| view! { <Icon shape /> })}
            {children.into_inner()()}
        </a>
    }
}
