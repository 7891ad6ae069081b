//! Instants, and whether scripts are running.

use leptos::prelude::*;

use crate::instant;

/// An instant as a `<time>` element.
#[component]
pub fn Time(
    /// Seconds since the Unix epoch.
    at: i64,
    #[prop(optional)] date_only: bool,
) -> impl IntoView {
    let text = if date_only { instant::date(at) } else { instant::readable(at) };
    view! {
        <time datetime=instant::machine_readable(at) class="whitespace-nowrap">
            {text}
        </time>
    }
}

/// Becomes true once the page's scripts run. What needs scripts appears only then, so there are no dead buttons.
pub fn scripts_run() -> ReadSignal<bool> {
    let (run, set_run) = signal(false);
    Effect::new(move |_| set_run.set(true));
    run
}
