//! A question that opens in its place, also without scripts. Where scripts always run, a [`Dialog`](super::Dialog)
//! asks.

use leptos::prelude::*;

use super::button::classes;
use super::{Icon, Look, Shape};

/// A button that opens what it is about below itself. Of one `group` only one is open at a time.
#[component]
pub fn Disclosure(
    title: &'static str,
    icon: Shape,
    group: &'static str,
    #[prop(optional)] look: Look,
    children: Children,
) -> impl IntoView {
    view! {
        <details name=group class="open:w-full">
            <summary class=format!("{} list-none [&::-webkit-details-marker]:hidden", classes(look, false))>
                <Icon shape=icon />
                {title}
            </summary>
            <div class="mt-3 space-y-4">{children()}</div>
        </details>
    }
}
