//! How an address looks to a person: so that an administrator is told of one that could be taken for another.
//!
//! It only points out; nobody is refused for it. The local part of an [`EmailAddress`] is ASCII and its letters are
//! lower case, so there the danger is in `rn` and `m`, `0` and `o`, dots and plus-parts; a domain can hold any script in
//! its `xn--` form. What looks alike is Unicode's own list (UTS #39, "confusables"); accents count as nothing, too.

use std::collections::BTreeSet;

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::{MixedScript, UNICODE_VERSION, skeleton};

use super::{AddressNote, EmailAddress};

/// Changes whenever the same address may get another look: with this file's rules, and with Unicode's list.
const RULES: u32 = 1;

/// Two addresses with the same look can be taken for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeleton {
    /// Of the whole address, without dots and plus-part.
    pub address: String,
    pub domain: String,
}

impl Skeleton {
    pub fn of(address: &EmailAddress) -> Self {
        let (local, domain) = parts(address);
        let domain = skeleton_of(&in_unicode(domain));
        Self { address: format!("{}@{domain}", skeleton_of(&mailbox(local))), domain }
    }

    /// The rules by which looks are made; kept with each, so that those of former rules are made anew.
    pub fn rules() -> String {
        let (major, minor, patch) = UNICODE_VERSION;
        format!("{RULES}/{major}.{minor}.{patch}")
    }
}

/// What there is to say about a domain that is not plain ASCII.
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

/// What there is to say about an address that looks like `other`.
pub fn alike(address: &EmailAddress, other: EmailAddress, has_account: bool) -> AddressNote {
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

/// Where a local part's mail arrives at many providers: they ignore dots and what follows a plus.
fn mailbox(local: &str) -> String {
    let end = local.find('+').filter(|at| *at > 0).unwrap_or(local.len());
    local[..end].replace('.', "")
}

/// A domain as browsers and mail programs show it. One that is no valid internationalised domain stays as it is.
fn in_unicode(domain: &str) -> String {
    match idna::domain_to_unicode(domain) {
        (unicode, Ok(())) => unicode,
        (_, Err(_)) => domain.to_owned(),
    }
}

fn skeleton_of(text: &str) -> String {
    skeleton(text).filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// A domain as somebody reads it who expects plain letters; `None` when nobody would.
fn in_ascii(unicode: &str) -> Option<String> {
    let mut read = String::with_capacity(unicode.len());
    for c in unicode.chars() {
        if c.is_ascii() {
            read.push(c);
        } else {
            let look = skeleton_of(c.encode_utf8(&mut [0; 4]));
            if look.is_empty() || !look.is_ascii() {
                return None;
            }
            read.push_str(&look);
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    fn look(text: &str) -> String {
        Skeleton::of(&address(text)).address
    }

    /// The address with its domain in the form in which it is entered.
    fn at(unicode_domain: &str) -> EmailAddress {
        address(&format!("anna@{}", idna::domain_to_ascii(unicode_domain).unwrap()))
    }

    #[test]
    fn what_a_person_takes_for_the_same_has_the_same_look() {
        for (one, other) in [
            ("anna@example.org", "anna@examp1e.org"),
            ("anna@example.org", "a.n.n.a+news@example.org"),
            ("modern@example.org", "modem@example.org"),
            ("bob@google.example", "b0b@g00gle.example"),
            ("will@example.org", "wi1l@example.org"),
        ] {
            assert_eq!(look(one), look(other), "{one} and {other}");
        }
        let plain = look("anna@example.org");
        // Cyrillic а, Greek ο, an accent, a dotless ı, full-width letters are mapped by IDNA itself.
        for domain in ["exаmple.org", "example.οrg", "exámple.org", "ехаmрlе.org"] {
            assert_eq!(Skeleton::of(&at(domain)).address, plain, "{domain}");
        }
    }

    #[test]
    fn what_differs_to_the_eye_has_another_look() {
        let plain = look("anna@example.org");
        for other in [
            "anne@example.org",
            "anna@example.com",
            "hanna@example.org",
            "anna@sub.example.org",
            "+anna@example.org",
        ] {
            assert_ne!(look(other), plain, "{other}");
        }
        assert_ne!(look("+a@example.org"), look("+b@example.org"), "a plus in front is part of the name");
    }

    #[test]
    fn a_foreign_domain_is_named_with_its_scripts() {
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
        assert_eq!((mixed, reads_like), (false, None), "an honest domain in another script");
    }

    #[test]
    fn nonsense_in_punycode_is_itself() {
        let odd = address("anna@xn--a.example");
        assert_eq!(domain_note(&odd), None);
        assert!(Skeleton::of(&odd).domain.contains("xn--"));
    }

    #[test]
    fn one_mailbox_under_two_names_is_told_apart_from_a_deception() {
        let same = |other: &str| match alike(&address("anna.b@example.org"), address(other), true) {
            AddressNote::LikeAddress { same_mailbox, .. } => same_mailbox,
            _ => panic!("an address' note"),
        };
        assert!(same("annab+x@example.org"));
        assert!(!same("annab@examp1e.org"));
        assert!(!same("anma.b@example.org"));
    }

    #[test]
    fn case_is_no_difference() {
        assert_eq!(address("ANNA@Example.Org"), address("anna@example.org"));
    }
}
