//! The strip at the top: whether the screen is seen, by whom, and what leaves.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::design::{Icon, Shape};
use crate::sidebar::picture::Picture;
use crate::sidebar::run::Light;
use crate::sidebar::state::SidebarState;

/// The signal light, and who is signed in.
#[component]
pub fn StatusBar(state: SidebarState) -> impl IntoView {
    let light =
        Memo::new(move |_| state.capture.with(|capture| state.run.with(|run| Light::of(capture, run))));
    let email = Memo::new(move |_| state.access.with(|access| access.session().map(|s| s.email.clone())));
    view! {
        <header
            class="flex min-h-8 shrink-0 items-center gap-2 border-b px-3 text-sm font-semibold"
            class=(["border-line", "bg-sunken", "text-muted"], move || light.get() == Light::Off)
            class=(["border-signal", "bg-signal", "text-on-signal"], move || light.get() != Light::Off)
        >
            <span role="status" class="flex min-w-0 items-center gap-2">
                <Show when=move || light.get() != Light::Off>
                    <span
                        aria-hidden="true"
                        class="size-2.5 rounded-full bg-current motion-safe:animate-pulse-slow"
                    ></span>
                </Show>
                {move || light.get().words()}
            </span>
            {move || {
                light
                    .get()
                    .shows_picture()
                    .then(|| state.asked_about.get())
                    .flatten()
                    .map(|picture| view! { <Thumbnail picture /> })
            }}
            {move || {
                email
                    .get()
                    .map(|email| {
                        view! {
                            <span class="ml-auto min-w-0 truncate font-normal" title=email.clone()>
                                {email.clone()}
                            </span>
                            <button
                                type="button"
                                class="inline-flex items-center gap-1 rounded-sm px-1 py-0.5 whitespace-nowrap underline-offset-2 hover:underline"
                                on:click=move |_| spawn_local(state.sign_out())
                            >
                                <Icon shape=Shape::SignOut />
                                "Sign out"
                            </button>
                        }
                    })
            }}
        </header>
    }
}

/// What leaves, small. Revokes its `blob:` URL when it is removed.
#[component]
fn Thumbnail(picture: Picture) -> impl IntoView {
    let url = crate::web::object_url(&picture.preview, picture.preview_type.as_str()).unwrap_or_default();
    let revoked = url.clone();
    on_cleanup(move || crate::web::revoke(&revoked));
    view! { <img src=url alt="The picture that is shared" class="h-6 w-9 shrink-0 rounded-sm object-cover" /> }
}
