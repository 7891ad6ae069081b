//! An inline confirmation that also works without scripts. Where scripts always run, use a [`Dialog`](super::Dialog).

use leptos::prelude::*;

use super::button::classes;
use super::{ButtonVariant, Icon, Shape};

/// A button that opens its content below itself. Only one of each `group` is open at a time.
#[component]
pub fn Disclosure(
    title: &'static str,
    icon: Shape,
    group: &'static str,
    #[prop(optional)] variant: ButtonVariant,
    children: Children,
) -> impl IntoView {
    view! {
        <details name=group class="open:w-full">
            <summary class=format!("{} list-none [&::-webkit-details-marker]:hidden", classes(variant, false))>
                <Icon shape=icon />
                {title}
            </summary>
            <div class="mt-3 space-y-4">{children()}</div>
        </details>
    }
}
