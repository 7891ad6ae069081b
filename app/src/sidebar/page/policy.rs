//! Whose policy applies on this machine, and why nothing leaves it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::desktop::PolicyNotice;

use crate::sidebar::state::SidebarState;

/// One line below the status bar; nothing in a browser.
#[component]
pub fn PolicyLine(state: SidebarState) -> impl IntoView {
    let notice = RwSignal::new(None::<PolicyNotice>);
    let session = Memo::new(move |_| state.access.with(|access| access.session().map(|s| s.email.clone())));
    // The program fetches the policy with the sign-in.
    Effect::new(move |_| {
        session.track();
        spawn_local(async move {
            let current = state.policy().await;
            notice.try_set(current);
        });
    });
    let words = move || session.get().and_then(|_| notice.get()).and_then(|notice| notice.words());
    view! {
        {move || {
            words().map(|words| {
                view! {
                    <p role="status" class="border-b border-line px-3 py-1 text-sm break-words text-muted">
                        {words}
                    </p>
                }
            })
        }}
    }
    .into_any()
}
