//! Buttons. One primary button per screen; a destructive one is red and says what it destroys.

use leptos::prelude::*;

use super::{Icon, Shape};

/// A button's visual weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ButtonVariant {
    Destructive,
    Primary,
    /// Text only, for what is rarely needed.
    Quiet,
    #[default]
    Secondary,
}

impl ButtonVariant {
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

/// A button's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ButtonKind {
    Button,
    #[default]
    Submit,
}

const SHAPE: &str = "inline-flex items-center justify-center gap-2 rounded-md border font-medium whitespace-nowrap \
     select-none transition-colors duration-[120ms] disabled:opacity-50 aria-disabled:opacity-50";

/// The classes of everything that looks like a button.
pub(super) fn classes(variant: ButtonVariant, large: bool) -> String {
    format!("{SHAPE} {} {}", size(large), variant.classes())
}

fn size(large: bool) -> &'static str {
    if large { "min-h-11 px-5 py-2 text-base" } else { "min-h-8 px-3 py-1 text-sm" }
}

/// A `<button>`. While `busy` it keeps its size and label, and is disabled.
#[component]
pub fn Button<C: IntoView + 'static>(
    #[prop(optional)] variant: ButtonVariant,
    #[prop(optional)] kind: ButtonKind,
    /// For the one next step of a public page.
    #[prop(optional)]
    large: bool,
    #[prop(optional)] icon: Option<Shape>,
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// For the safe choice of a dialog.
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
            class=classes(variant, large)
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

/// A link that looks like a button: it navigates and changes nothing.
#[component]
pub fn ButtonLink<C: IntoView + 'static>(
    #[prop(into)] href: String,
    #[prop(optional)] variant: ButtonVariant,
    #[prop(optional)] large: bool,
    #[prop(optional)] icon: Option<Shape>,
    /// Loads the page from the server instead of routing in the browser, so that the server's checks run.
    #[prop(optional)]
    external: bool,
    children: TypedChildren<C>,
) -> impl IntoView {
    let class = classes(variant, large);
    view! {
        <a href=href class=class rel=external.then_some("external")>
            {icon.map(|shape| view! { <Icon shape /> })}
            {children.into_inner()()}
        </a>
    }
}
