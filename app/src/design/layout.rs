//! The layout of the public pages (one column, one task per screen), and of what the panel shows beside its navigation.

use leptos::prelude::*;
use leptos_meta::Title;

use super::ThemeChoice;
use crate::island::island;

/// The organisation's name, which the server puts into the context.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct Organisation(pub String);

/// The organisation's name, or the product's if none is configured. The browser reads it from the page's head.
pub fn organisation() -> String {
    #[cfg(feature = "ssr")]
    let name = use_context::<Organisation>().map(|o| o.0);
    #[cfg(not(feature = "ssr"))]
    let name = document()
        .query_selector("meta[name=application-name]")
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "AI Workflow Engine".to_owned())
}

/// The logo: a screen with an eye. Never in the signal colour, since these pages never watch the screen.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="size-6 shrink-0" viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
            <rect x="3" y="6" width="26" height="20" rx="5" stroke="currentColor" stroke-width="3"></rect>
            <circle cx="16" cy="16" r="4" fill="currentColor"></circle>
        </svg>
    }
}

#[component]
pub fn PublicPage(
    /// The page's heading.
    title: &'static str,
    children: Children,
) -> impl IntoView {
    let name = organisation();
    let document_title = format!("{title} – {name}");
    view! {
        <Title text=document_title />
        <a href="#main" class="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:bg-raised focus:p-2">
            "Skip to content"
        </a>
        <div class="mx-auto flex min-h-dvh w-full max-w-[calc(34rem+3rem)] flex-col px-6 text-base">
            <header class="print-hidden flex items-center gap-2.5 border-b border-line py-5 font-semibold">
                <Logo />
                <span>{name}</span>
            </header>
            <main id="main" tabindex="-1" class="grow space-y-6 py-10 focus:outline-none">
                <h1 class="text-2xl">{title}</h1>
                {children()}
            </main>
            <footer class="print-hidden flex flex-wrap items-center justify-between gap-3 border-t border-line py-5 text-sm text-muted">
                <p>"AI Workflow Engine"</p>
                {island(ThemeChoice)}
            </footer>
        </div>
    }
}

/// A panel page: its title, one line about it, and its most frequent action.
#[component]
pub fn PanelPage(
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] lead: String,
    /// The most frequent action, as a button.
    #[prop(optional)]
    action: Option<AnyView>,
    children: Children,
) -> impl IntoView {
    let name = organisation();
    // As on the public pages: on the server, signals may be disposed of when the head is written.
    let first = cfg!(feature = "ssr").then(|| title.get_untracked());
    let document_title = move || format!("{} – {name}", first.clone().unwrap_or_else(|| title.get()));
    view! {
        <Title text=document_title />
        <div class="space-y-6">
            <header class="flex flex-wrap items-start justify-between gap-4">
                <div>
                    <h1 class="text-xl">{title}</h1>
                    {(!lead.is_empty()).then(|| view! { <p class="mt-1 text-muted">{lead}</p> })}
                </div>
                {action}
            </header>
            {children()}
        </div>
    }
}
