//! What makes a requester's address suspicious, in sentences.

use leptos::prelude::*;
use protocol::access::Links;
use protocol::review::AddressNote;

use crate::design::{Icon, Shape};

/// Shown beside the address wherever an administrator sees it; nothing if there are no notes.
#[component]
pub fn AddressNotes(notes: Vec<AddressNote>) -> impl IntoView {
    (!notes.is_empty()).then(|| {
        view! {
            <ul class="space-y-0.5">
                {notes
                    .iter()
                    .map(|note| {
                        let (icon, tone) = if harmless(note) {
                            (Shape::Info, "flex items-start gap-1.5 text-muted")
                        } else {
                            (Shape::Alert, "flex items-start gap-1.5 font-semibold text-bad")
                        };
                        view! {
                            <li class=tone>
                                <span class="mt-0.5">
                                    <Icon shape=icon />
                                </span>
                                <span class="min-w-0">{sentence(note)}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        }
    })
}

/// Somebody who has the link entered wrong codes: by mistake, or because the link was stolen. Nothing if there were none.
#[component]
pub fn CodesTried(links: Links) -> impl IntoView {
    let words = match links.wrong_codes {
        0 => return None,
        1 => "1 wrong match code".to_owned(),
        number => format!("{number} wrong match codes"),
    };
    Some(view! {
        <span class="mt-1 flex items-start gap-1.5 font-semibold text-bad">
            <span class="mt-0.5">
                <Icon shape=Shape::Alert />
            </span>
            {words}
        </span>
    })
}

/// A domain in another script that cannot be mistaken for another domain.
fn harmless(note: &AddressNote) -> bool {
    matches!(note, AddressNote::ForeignDomain { mixed: false, reads_like: None, .. })
}

fn sentence(note: &AddressNote) -> String {
    match note {
        AddressNote::AccountDisabled => {
            "This account is disabled. Approving a machine does not enable it: do that under People."
                .to_owned()
        }
        AddressNote::ForeignDomain { unicode, scripts, mixed, reads_like } => {
            let written = match (scripts.join(" and "), mixed) {
                (scripts, true) => format!("The domain is “{unicode}”, which mixes {scripts} letters"),
                (scripts, false) if scripts.is_empty() => format!("The domain is “{unicode}”"),
                (scripts, false) => format!("The domain is “{unicode}”, in {scripts} letters"),
            };
            match reads_like {
                Some(plain) => format!("{written} and reads like {plain}."),
                None => format!("{written}."),
            }
        }
        AddressNote::LikeAddress { email, has_account, same_mailbox } => {
            let which = if *has_account { "which has an account" } else { "which has asked for access too" };
            if *same_mailbox {
                format!("Only dots or a plus-part differ from {email}, {which}.")
            } else {
                format!("Looks like {email}, {which}.")
            }
        }
        AddressNote::LikeDomain { domain } => {
            format!("The domain looks like {domain}, which accounts here have.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(scripts: &[&str], mixed: bool, reads_like: Option<&str>) -> AddressNote {
        AddressNote::ForeignDomain {
            unicode: "x.example".into(),
            scripts: scripts.iter().map(|s| (*s).to_owned()).collect(),
            mixed,
            reads_like: reads_like.map(str::to_owned),
        }
    }

    #[test]
    fn each_note_names_what_it_resembles() {
        let like = |same_mailbox, has_account| {
            sentence(&AddressNote::LikeAddress { email: "a@b.example".into(), has_account, same_mailbox })
        };
        assert_eq!(
            like(true, true),
            "Only dots or a plus-part differ from a@b.example, which has an account."
        );
        assert_eq!(like(false, false), "Looks like a@b.example, which has asked for access too.");
        assert_eq!(
            sentence(&foreign(&["Cyrillic", "Latin"], true, Some("apple.example"))),
            "The domain is “x.example”, which mixes Cyrillic and Latin letters and reads like apple.example."
        );
        assert_eq!(
            sentence(&foreign(&["Greek"], false, None)),
            "The domain is “x.example”, in Greek letters."
        );
    }

    #[test]
    fn only_an_honest_foreign_domain_is_harmless() {
        assert!(harmless(&foreign(&["Greek"], false, None)));
        assert!(!harmless(&AddressNote::AccountDisabled));
        assert!(!harmless(&foreign(&["Cyrillic"], false, Some("apple.example"))));
        assert!(!harmless(&foreign(&["Cyrillic", "Latin"], true, None)));
        assert!(!harmless(&AddressNote::LikeDomain { domain: "b.example".into() }));
    }
}
