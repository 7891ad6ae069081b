//! The link into the desktop program, which fetches the certificate by itself.

use leptos::prelude::*;

/// Opens the desktop program, if it is installed, with this link. The link grants no more than the page that it is on: the
/// program asks for the match code.
#[component]
pub(super) fn OpenInDesktop(
    /// `aiwe://…`
    link: String,
) -> impl IntoView {
    view! {
        <section class="space-y-2">
            <h2 class="text-lg">"With the desktop program"</h2>
            <p>
                "If it’s installed on this machine, it makes the key, keeps it in the system’s key store and gets the \
                 certificate. You don’t need a file."
            </p>
            <p>
                <a class="link" rel="external" href=link>
                    "Open in the desktop program"
                </a>
            </p>
        </section>
    }
}
