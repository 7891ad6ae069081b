//! While one authority replaces another: how many machines still depend on the old one.

use leptos::prelude::*;
use protocol::certificate::AuthorityChange;

use super::api;
use crate::design::{Notice, loaded};

/// Shows nothing while there is only one authority.
#[component]
pub fn ReplacementNotice() -> impl IntoView {
    let replacement = Resource::new(|| (), |()| api::replacement());
    loaded(replacement, |replacement| {
        replacement.map(|AuthorityChange { machines_left }| {
            view! {
                <Notice title="The certificate authority is being replaced">
                    <p>{words(machines_left)}</p>
                </Notice>
            }
        })
    })
}

fn words(machines_left: u64) -> String {
    let left = match machines_left {
        0 => {
            return "Every machine has a certificate of the new one: the operator can retire the old one."
                .to_owned();
        }
        1 => "One machine has".to_owned(),
        more => format!("{more} machines have"),
    };
    format!(
        "{left} no certificate of the new one yet, and would lose access if the old one were retired now."
    )
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn machines_are_counted_in_words_that_fit() {
        assert!(words(0).starts_with("Every machine has"));
        assert!(words(1).starts_with("One machine has no"));
        assert!(words(12).starts_with("12 machines have no"));
    }
}
