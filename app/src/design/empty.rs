//! Empty and loading states.

use leptos::prelude::*;

/// Says what will appear here and how to create it.
#[component]
pub fn EmptyState(
    #[prop(into)] title: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="rounded-lg border border-dashed border-line-strong px-6 py-10">
            <p class="font-semibold">{title}</p>
            {children.map(|children| view! { <div class="mt-1 max-w-page space-y-3 text-muted">{children()}</div> })}
        </div>
    }
}

/// A placeholder while something is loading: grey lines instead of a spinner.
#[component]
pub fn Skeleton(#[prop(default = 3)] lines: usize) -> impl IntoView {
    view! {
        <div role="status" class="space-y-3 py-2">
            <span class="sr-only">"Loading"</span>
            {(0..lines)
                .map(|line| {
                    let width = ["w-full", "w-11/12", "w-4/5", "w-2/3"][line % 4];
                    view! { <div aria-hidden="true" class=format!("h-4 rounded-sm bg-sunken motion-safe:animate-pulse-slow {width}")></div> }
                })
                .collect_view()}
        </div>
    }
}
