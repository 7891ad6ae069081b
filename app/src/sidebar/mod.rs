//! The sidebar: sign in on this machine, ask about a picture, read the answer.
//!
//! The same page runs in a browser (with a picked, pasted or dropped picture) and in the desktop shim (which can also
//! capture the screen); they differ only in their [`transport`]. The server renders the frame; everything else needs
//! scripts and is rendered once they run.
//!
//! Keys: Enter asks, Shift+Enter makes a new line, Esc cancels, Ctrl+V pastes a picture, Alt+P shows the picture that the
//! model gets.

pub mod access;
pub mod advice;
pub mod edit;
pub mod follow;
pub mod highlight;
pub mod history;
pub mod link;
pub mod markdown;
pub mod picture;
pub mod run;
pub mod state;
pub mod target;
pub mod transport;

#[cfg(feature = "hydrate")]
mod page;
#[cfg(feature = "hydrate")]
mod web;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::design::{Skeleton, scripts_run};
use run::Light;

/// `/sidebar`.
#[component]
pub fn SidebarPage() -> impl IntoView {
    let scripts = scripts_run();
    view! {
        <Title text="Sidebar" />
        <div class="mx-auto flex h-dvh w-full max-w-[30rem] flex-col border-x border-line bg-paper">
            {move || if scripts.get() { interior() } else { frame() }}
        </div>
    }
}

/// Not a literal in `view!`: that would be rendered as an attribute.
const WITHOUT_SCRIPTS: &str =
    "<p>The sidebar needs scripts. Allow them for this address and reload the page.</p>";

/// Tells when the page does not start: its module cannot be loaded or run, or nothing happens for long.
const WATCH_START: &str = "(()=>{const late=()=>{const words=document.getElementById('sidebar-late');\
if(words){words.hidden=false;document.getElementById('sidebar-start').hidden=true}};\
addEventListener('error',late,true);addEventListener('unhandledrejection',late);setTimeout(late,20000)})()";

/// What is shown until the scripts run. Nothing moves where none will.
fn frame() -> AnyView {
    view! {
        <header class="flex min-h-8 shrink-0 items-center border-b border-line bg-sunken px-3 text-sm font-semibold text-muted">
            {Light::Off.words()}
        </header>
        <main id="main" class="grow p-3">
            <h1 class="sr-only">"Sidebar"</h1>
            // Set as HTML: with scripts on, browsers parse this content as text, so hydration would not find elements.
            <noscript inner_html={WITHOUT_SCRIPTS}></noscript>
            <div id="sidebar-start" class="[@media(scripting:none)]:hidden">
                <Skeleton lines=3 />
            </div>
            <div id="sidebar-late" role="alert" hidden class="space-y-2">
                <p class="font-semibold">"The sidebar did not start"</p>
                <p>
                    "Check the network connection of this machine, then "
                    <a class="link" href="/sidebar" rel="external">"reload the page"</a>
                    ". If it still does not start, update the browser."
                </p>
            </div>
            <script nonce=use_nonce() inner_html=WATCH_START></script>
        </main>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
fn interior() -> AnyView {
    page::interior()
}

/// Never shown: scripts do not run on the server.
#[cfg(not(feature = "hydrate"))]
fn interior() -> AnyView {
    frame()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_frame_says_that_nothing_is_captured_and_that_scripts_are_needed() {
        let owner = Owner::new();
        let html = owner.with(|| {
            leptos_meta::provide_meta_context();
            view! { <SidebarPage /> }.to_html()
        });
        assert!(html.contains(Light::Off.words()), "{html}");
        assert_eq!(html.matches("<h1").count(), 1, "{html}");
        assert_eq!(html.matches("<main").count(), 1, "{html}");
        assert!(html.contains("<noscript><p>"), "{html}");
        assert!(html.contains("[@media(scripting:none)]:hidden"), "no skeleton where no scripts run: {html}");
        let late = html.find("id=\"sidebar-late\"").map(|at| &html[at..at + 60]);
        assert!(late.is_some_and(|late| late.contains("hidden")), "{html}");
        assert!(html.contains("setTimeout(late,"), "not escaped: {html}");
    }
}
