//! The way into the desktop program, which fetches the certificate by itself.

use leptos::prelude::*;

/// Opens the desktop program with this link, where it is installed. The link is worth as much as the page that it stands
/// on: the program asks for the match code.
#[component]
pub(super) fn OpenInDesktop(
    /// `aiwe://…`
    link: String,
) -> impl IntoView {
    view! {
        <section class="space-y-2">
            <h2 class="text-lg">"With the desktop program"</h2>
            <p>
                "If it is installed on this machine, it sets itself up: it makes the key, keeps it in the system’s key \
                 store, and fetches the certificate. Then you need no file."
            </p>
            <p>
                <a class="link" rel="external" href=link>
                    "Open in the desktop program"
                </a>
            </p>
        </section>
    }
}
