//! Tries again by itself what failed because the server could not be reached.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::polling::poll;
use crate::sidebar::state::SidebarState;

/// Milliseconds between two attempts.
const RETRY_AFTER_MS: u64 = 4_000;

/// Shows nothing.
#[component]
pub fn Recovery(state: SidebarState) -> impl IntoView {
    let waits = Memo::new(move |_| state.waits_for_server());
    move || waits.get().then(|| view! { <Attempts state /> })
}

#[component]
fn Attempts(state: SidebarState) -> impl IntoView {
    poll(RETRY_AFTER_MS, move || async move {
        state.recover().await;
        Some(RETRY_AFTER_MS)
    });
    let online = window_event_listener(ev::online, move |_| spawn_local(state.recover()));
    on_cleanup(move || online.remove());
}
