//! Confusable e-mail addresses (UTS #39): administrators are warned about an address that can be mistaken for another.
//!
//! It is only a warning; no address is rejected because of it. The local part of an [`EmailAddress`] is lower-case ASCII, so
//! its confusables are `rn` and `m`, `0` and `o`, dots and plus-tags. A domain can have letters of any script in its `xn--`
//! form. Skeletons are those of UTS #39 §4, additionally without combining marks, so that accents make no difference.

use std::collections::BTreeSet;

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::{MixedScript, UNICODE_VERSION, skeleton};

use super::{AddressNote, EmailAddress};

/// To be incremented when this file's rules change the skeleton of an address.
const RULES: u32 = 1;

/// The skeleton of an address (UTS #39 §4). Two addresses with the same one can be mistaken for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeleton {
    /// Of the whole address, without dots and plus-tag in the local part.
    pub address: String,
    /// Of the domain alone.
    pub domain: String,
}

impl Skeleton {
    pub fn of(address: &EmailAddress) -> Self {
        let (local, domain) = parts(address);
        let domain = skeleton_of(&in_unicode(domain));
        Self { address: format!("{}@{domain}", skeleton_of(&mailbox(local))), domain }
    }

    /// The version of the rules: this file's and that of Unicode. It is stored with each skeleton, so that skeletons of an
    /// older version are recomputed.
    pub fn rules_version() -> String {
        let (major, minor, patch) = UNICODE_VERSION;
        format!("{RULES}/{major}.{minor}.{patch}")
    }
}

/// The note about an internationalised domain; `None` for an ASCII one.
pub fn domain_note(address: &EmailAddress) -> Option<AddressNote> {
    let domain = parts(address).1;
    let unicode = in_unicode(domain);
    if unicode == domain {
        return None;
    }
    let scripts: BTreeSet<_> = unicode
        .chars()
        .map(|c| c.script())
        .filter(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
        .map(Script::full_name)
        .collect();
    Some(AddressNote::ForeignDomain {
        mixed: unicode.split('.').any(|label| !label.is_single_script()),
        scripts: scripts.into_iter().map(str::to_owned).collect(),
        reads_like: in_ascii(&unicode),
        unicode,
    })
}

/// An address as mail programs show it: the domain in its own script.
pub fn readable_address(address: &EmailAddress) -> String {
    let (local, domain) = parts(address);
    format!("{local}@{}", in_unicode(domain))
}

/// Skeletons of the domains that this address's domain pretends to be part of: those that it begins with
/// (`example.org.evil.net`), and those that one of its labels spells with hyphens (`example-org.net`). People read from the left,
/// while a domain belongs to whoever has its right end.
pub fn contained_domains(address: &EmailAddress) -> Vec<String> {
    // Nobody's name has more; the longest domains are made to be searched for.
    const MAX_LABELS: usize = 8;
    const MAX_HYPHENS: usize = 3;
    let domain = in_unicode(parts(address).1);
    let labels: Vec<_> = domain.split('.').take(MAX_LABELS).collect();
    let beginnings = (2..labels.len()).map(|count| labels[..count].join("."));
    let spelled = labels.iter().flat_map(|label| {
        let hyphens = label.matches('-').count();
        (1..=hyphens.min(MAX_HYPHENS)).map(move |last| {
            let (head, tail) =
                label.split_at(label.rmatch_indices('-').nth(last - 1).map_or(0, |(at, _)| at));
            format!("{head}{}", tail.replace('-', "."))
        })
    });
    let skeletons: BTreeSet<_> = beginnings.chain(spelled).map(|domain| skeleton_of(&domain)).collect();
    skeletons.into_iter().collect()
}

/// The note about an address with the same skeleton as `other`.
pub fn similar_address_note(address: &EmailAddress, other: EmailAddress, has_account: bool) -> AddressNote {
    let same_mailbox = {
        let ((local, domain), (other_local, other_domain)) = (parts(address), parts(&other));
        domain == other_domain && mailbox(local) == mailbox(other_local)
    };
    AddressNote::LikeAddress { email: other.into_string(), has_account, same_mailbox }
}

/// Local part and domain.
pub fn parts(address: &EmailAddress) -> (&str, &str) {
    address.as_str().split_once('@').unwrap_or((address.as_str(), ""))
}

/// The mailbox of a local part at the many providers that ignore dots and everything after a plus.
fn mailbox(local: &str) -> String {
    let end = local.find('+').filter(|at| *at > 0).unwrap_or(local.len());
    local[..end].replace('.', "")
}

/// A domain as browsers and mail programs show it. An invalid internationalised domain stays as it is.
fn in_unicode(domain: &str) -> String {
    match idna::domain_to_unicode(domain) {
        (unicode, Ok(())) => unicode,
        (_, Err(_)) => domain.to_owned(),
    }
}

fn skeleton_of(text: &str) -> String {
    skeleton(text).filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// The ASCII domain for which people can mistake this one; `None` if one of its letters resembles no ASCII letter.
fn in_ascii(unicode: &str) -> Option<String> {
    let mut ascii = String::with_capacity(unicode.len());
    for c in unicode.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let skeleton = skeleton_of(c.encode_utf8(&mut [0; 4]));
            if skeleton.is_empty() || !skeleton.is_ascii() {
                return None;
            }
            ascii.push_str(&skeleton);
        }
    }
    Some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    fn address_skeleton(text: &str) -> String {
        Skeleton::of(&address(text)).address
    }

    /// The address with its domain in the form in which it is entered.
    fn at(unicode_domain: &str) -> EmailAddress {
        address(&format!("anna@{}", idna::domain_to_ascii(unicode_domain).unwrap()))
    }

    #[test]
    fn confusable_addresses_have_the_same_skeleton() {
        for (one, other) in [
            ("anna@example.org", "anna@examp1e.org"),
            ("anna@example.org", "a.n.n.a+news@example.org"),
            ("modern@example.org", "modem@example.org"),
            ("bob@google.example", "b0b@g00gle.example"),
            ("will@example.org", "wi1l@example.org"),
        ] {
            assert_eq!(address_skeleton(one), address_skeleton(other), "{one} and {other}");
        }
        let plain = address_skeleton("anna@example.org");
        // Cyrillic а, Greek ο, an accent, a dotless ı, full-width letters are mapped by IDNA itself.
        for domain in ["exаmple.org", "example.οrg", "exámple.org", "ехаmрlе.org"] {
            assert_eq!(Skeleton::of(&at(domain)).address, plain, "{domain}");
        }
    }

    #[test]
    fn distinguishable_addresses_have_different_skeletons() {
        let plain = address_skeleton("anna@example.org");
        for other in [
            "anne@example.org",
            "anna@example.com",
            "hanna@example.org",
            "anna@sub.example.org",
            "+anna@example.org",
        ] {
            assert_ne!(address_skeleton(other), plain, "{other}");
        }
        assert_ne!(
            address_skeleton("+a@example.org"),
            address_skeleton("+b@example.org"),
            "a plus in front is part of the name"
        );
    }

    #[test]
    fn the_note_about_a_foreign_domain_names_its_scripts() {
        assert_eq!(domain_note(&address("anna@example.org")), None);
        let AddressNote::ForeignDomain { unicode, scripts, mixed, reads_like } =
            domain_note(&at("аpple.example")).unwrap()
        else {
            panic!("a domain's note")
        };
        assert_eq!((unicode.as_str(), mixed), ("аpple.example", true));
        assert_eq!(scripts, ["Cyrillic", "Latin"]);
        assert_eq!(reads_like.as_deref(), Some("apple.example"));

        let Some(AddressNote::ForeignDomain { mixed, reads_like, .. }) = domain_note(&at("münchen.example"))
        else {
            panic!("a domain's note")
        };
        assert_eq!((mixed, reads_like.as_deref()), (false, Some("munchen.example")));

        let Some(AddressNote::ForeignDomain { mixed, reads_like, .. }) = domain_note(&at("пример.example"))
        else {
            panic!("a domain's note")
        };
        assert_eq!((mixed, reads_like), (false, None), "a legitimate domain in another script");
    }

    #[test]
    fn a_domain_that_contains_another_one_is_known() {
        for (email, contained) in [
            ("x@example.org.evil.net", "example.org"),
            ("x@examp1e.org.evil.net", "example.org"),
            ("x@example-org.net", "example.org"),
            ("x@login.example-org.net", "example.org"),
            ("x@my-firm-co-uk.net", "my-firm.co.uk"),
            ("x@example-org.evil.net", "example.org"),
        ] {
            let wanted = skeleton_of(contained);
            assert!(contained_domains(&address(email)).contains(&wanted), "{email} and {contained}");
        }
        for email in ["x@example.org", "x@sub.example.org", "x@evil.net"] {
            assert!(!contained_domains(&address(email)).contains(&skeleton_of("example.org")), "{email}");
        }
        let long = format!("x@{}net", "a-b-c-d-e.".repeat(20));
        assert!(contained_domains(&address(&long)).len() <= 40);
    }

    #[test]
    fn an_address_is_readable_in_its_own_script() {
        assert_eq!(readable_address(&at("müller.example")), "anna@müller.example");
        assert_eq!(readable_address(&address("anna@example.org")), "anna@example.org");
    }

    #[test]
    fn an_invalid_punycode_domain_stays_as_it_is() {
        let odd = address("anna@xn--a.example");
        assert_eq!(domain_note(&odd), None);
        assert!(Skeleton::of(&odd).domain.contains("xn--"));
    }

    #[test]
    fn another_name_of_the_same_mailbox_is_distinguished_from_a_confusable() {
        let same =
            |other: &str| match similar_address_note(&address("anna.b@example.org"), address(other), true) {
                AddressNote::LikeAddress { same_mailbox, .. } => same_mailbox,
                _ => panic!("an address' note"),
            };
        assert!(same("annab+x@example.org"));
        assert!(!same("annab@examp1e.org"));
        assert!(!same("anma.b@example.org"));
    }

    #[test]
    fn case_makes_no_difference() {
        assert_eq!(address("ANNA@Example.Org"), address("anna@example.org"));
    }
}
