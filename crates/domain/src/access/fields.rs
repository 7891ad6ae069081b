//! The validated fields of an access request.

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::code::typed_code;
use crate::text::{Invalid, checked_string, is_invisible, is_joiner, visible};

/// An e-mail address: lower case, one `@`, no white space, nothing that could inject mail headers.
///
/// Deliberately narrower than RFC 5321 §4.1.2: no quoted local parts, no address literals, ASCII only. An internationalised
/// domain is stored in its `xn--` form, whichever form was typed, so that one mailbox has one address. (The browser has no table
/// for that: there a domain in another script is accepted as it is, and the server decides.)
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// In bytes: RFC 5321 §4.5.3.1.3 without the angle brackets.
    pub const MAX_LENGTH: usize = 254;
}

impl FromStr for EmailAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const EXPECTED: Invalid = Invalid("Enter an e-mail address, such as name@example.org.");
        let text = text.trim().to_ascii_lowercase();
        let (local, domain) = text.split_once('@').ok_or(EXPECTED)?;
        let domain = ascii_domain(domain).ok_or(EXPECTED)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
        let domain_ok = domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(is_in_label)
        });
        let address = format!("{local}@{domain}");
        if local_ok && domain_ok && address.len() <= Self::MAX_LENGTH {
            Ok(Self(address))
        } else {
            Err(EXPECTED)
        }
    }
}

/// A domain with every label in ASCII (UTS #46, as browsers convert it). `None`: it is no domain.
#[cfg(feature = "server")]
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    if domain.is_ascii() {
        return Some(Cow::Borrowed(domain));
    }
    idna::domain_to_ascii_strict(domain).ok().map(Cow::Owned)
}

/// A browser leaves it to the server.
#[cfg(not(feature = "server"))]
#[expect(clippy::unnecessary_wraps, reason = "the server's conversion can fail")]
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(domain))
}

#[cfg(feature = "server")]
fn is_in_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

#[cfg(not(feature = "server"))]
fn is_in_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || (!c.is_ascii() && !c.is_whitespace() && !is_invisible(c))
}

checked_string!(EmailAddress);

/// The requester's name for the machine: 1 to 64 visible characters. It becomes the certificate's common name, hence the
/// limit (RFC 5280 appendix A.1, `ub-common-name`).
///
/// Invisible characters are refused, but those that keyboards add to emoji and letters by themselves are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceName(String);

impl DeviceName {
    const MAX_CHARS: usize = 64;

    /// A name from a database or certificate, which an earlier version may have accepted: what is refused today is dropped.
    pub fn from_stored(text: &str) -> Self {
        let name: String = text
            .chars()
            .filter(|c| !is_invisible(*c))
            .collect::<String>()
            .trim()
            .chars()
            .take(Self::MAX_CHARS)
            .collect();
        Self(if name.is_empty() { "Unnamed machine".to_owned() } else { name })
    }
}

impl FromStr for DeviceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = without_joiners(text);
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS || text.chars().any(is_invisible) {
            return Err(Invalid("Enter a name of 1 to 64 visible characters, such as “Anna’s laptop”."));
        }
        Ok(Self(text))
    }
}

checked_string!(DeviceName);

/// A short text of at most 500 visible characters: the requester's message to the administrators, or the reason of a
/// rejection. Invisible characters as in a [`DeviceName`], but for line feeds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message(String);

impl Message {
    pub const MAX_CHARS: usize = 500;

    /// A text from a database, which an earlier version may have accepted: what is refused today is dropped.
    pub fn from_stored(text: &str) -> Self {
        Self(visible(text).replace('\t', " "))
    }
}

impl FromStr for Message {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = without_joiners(text).replace("\r\n", "\n");
        if text.chars().count() > Self::MAX_CHARS || text.chars().any(|c| c != '\n' && is_invisible(c)) {
            return Err(Invalid("Use at most 500 visible characters."));
        }
        Ok(Self(text))
    }
}

checked_string!(Message);

/// Drops the invisible characters that the writer did not choose. An emoji may become its parts or a plainer picture, and
/// every character that remains can be seen.
fn without_joiners(text: &str) -> String {
    text.chars().filter(|c| !is_joiner(*c)).collect::<String>().trim().to_owned()
}

/// The code that the requester reads out and the administrator compares: eight characters of an alphabet without confusable
/// ones (no 0/O, 1/I/L, U), with about 39 bits of entropy. It is shown as two groups of four.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MatchCode(String);

impl MatchCode {
    pub const ALPHABET: &'static [u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
    pub const LENGTH: usize = 8;

    /// Builds a code from uniformly random bytes, by rejection sampling. `None`: there were too few bytes.
    pub fn from_random(bytes: impl IntoIterator<Item = u8>) -> Option<Self> {
        let letters = Self::ALPHABET;
        let code: String = bytes
            .into_iter()
            .filter(|b| *b < 240)
            .take(Self::LENGTH)
            .map(|b| letters[usize::from(b) % letters.len()] as char)
            .collect();
        (code.len() == Self::LENGTH).then_some(Self(code))
    }

    /// `ABCD-EFGH`, as it is shown and read out.
    pub fn grouped(&self) -> String {
        format!("{}-{}", &self.0[..4], &self.0[4..])
    }
}

impl std::fmt::Debug for MatchCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MatchCode([redacted])")
    }
}

impl FromStr for MatchCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let code = typed_code(text).to_ascii_uppercase();
        if code.len() == Self::LENGTH && code.bytes().all(|b| Self::ALPHABET.contains(&b)) {
            Ok(Self(code))
        } else {
            Err(Invalid("Enter the eight characters of the match code, such as ABCD-2345."))
        }
    }
}

checked_string!(MatchCode);

/// The operating system of a machine, which determines the format of its package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Platform {
    Linux,
    Macos,
    Windows,
}

impl Platform {
    pub const ALL: [Self; 3] = [Self::Windows, Self::Macos, Self::Linux];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
            Self::Windows => "windows",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Linux => "Ubuntu",
            Self::Macos => "macOS",
            Self::Windows => "Windows",
        }
    }

    /// The platform that a `User-Agent` names. Used to show the matching instructions first, never for decisions.
    pub fn from_user_agent(user_agent: &str) -> Option<Self> {
        // Phones are not supported, and an iPhone claims to be “like Mac OS X”.
        if ["Android", "iPhone", "iPad"].iter().any(|phone| user_agent.contains(phone)) {
            None
        } else if user_agent.contains("Windows") {
            Some(Self::Windows)
        } else if user_agent.contains("Mac OS X") || user_agent.contains("Macintosh") {
            Some(Self::Macos)
        } else if user_agent.contains("Linux") {
            Some(Self::Linux)
        } else {
            None
        }
    }
}

impl FromStr for Platform {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|p| p.as_str() == text).ok_or(Invalid("Choose windows, macos or linux."))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed() -> impl Strategy<Value = String> {
        let common =
            vec!['@', '.', 'a', 'B', '7', '-', ' ', '\n', 'ü', '\u{202E}', '\u{200D}', '\u{FE0F}', '\u{AD}'];
        let character = prop_oneof![3 => proptest::sample::select(common), 1 => any::<char>()];
        proptest::collection::vec(character, 0..40).prop_map(String::from_iter)
    }

    // As the fuzz target `fields` does.
    proptest! {
        #[test]
        fn what_is_typed_is_refused_or_hides_nothing(typed in typed()) {
            if let Ok(address) = typed.parse::<EmailAddress>() {
                prop_assert!(!address.as_str().contains(is_invisible));
                prop_assert_eq!(address.as_str().parse(), Ok(address));
            }
            if let Ok(name) = typed.parse::<DeviceName>() {
                prop_assert!(!name.as_str().contains(is_invisible));
                prop_assert_eq!(name.as_str().parse(), Ok(name));
            }
            if let Ok(message) = typed.parse::<Message>() {
                prop_assert!(!message.as_str().contains(|c| c != '\n' && is_invisible(c)));
                prop_assert_eq!(message.as_str().parse(), Ok(message));
            }
            prop_assert!(!DeviceName::from_stored(&typed).as_str().contains(is_invisible));
        }
    }

    #[test]
    fn an_address_is_trimmed_and_lower_case() {
        let address: EmailAddress = "  Anna.Smith+x@Example.ORG ".parse().unwrap();
        assert_eq!(address.as_str(), "anna.smith+x@example.org");
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_domain_in_another_script_has_one_form() {
        for typed in ["anna@müller.example", "Anna@MÜLLER.example", "anna@mu\u{308}ller.example"] {
            let address: EmailAddress = typed.parse().unwrap();
            assert_eq!(address.as_str(), "anna@xn--mller-kva.example", "{typed}");
            assert_eq!(address.as_str().parse(), Ok(address));
        }
        assert_eq!("a@例え。example".parse::<EmailAddress>().unwrap().as_str(), "a@xn--r8jz45g.example");
        for bad in [
            "\"a.b\"@x.example".to_owned(),
            "a@x.example.".to_owned(),
            "a@mü ller.example".to_owned(),
            "a@mü\u{202E}ller.example".to_owned(),
            "a@-ü.example".to_owned(),
            format!("{}@{}.example", "a".repeat(64), "b".repeat(190)),
            format!("a@{}.example", "ü".repeat(63)),
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn invalid_and_deceptive_addresses_are_refused() {
        for bad in [
            "",
            "anna",
            "@x.org",
            "a@",
            "a@b@c.org",
            "a b@x.org",
            "a\r\nBcc: x@y.org@z.org",
            "a@x..org",
            "a@-x.org",
            "\"a\"@x.org",
            "аnna@example.org",
            "a@[127.0.0.1]",
            "a@x.org\n",
        ] {
            let parsed = bad.parse::<EmailAddress>();
            if bad == "a@x.org\n" {
                assert_eq!(parsed.unwrap().as_str(), "a@x.org");
            } else {
                assert!(parsed.is_err(), "{bad:?} was accepted");
            }
        }
    }

    #[test]
    fn names_and_messages_cannot_hide_anything() {
        for hidden in [
            '\u{61C}', '\u{AD}', '\u{115F}', '\u{180E}', '\u{200B}', '\u{2028}', '\u{2029}', '\u{202E}',
            '\u{3164}', '\u{FEFF}', '\u{FFF9}', '\u{1b}',
        ] {
            let text = format!("Anna{hidden}s laptop");
            assert!(text.parse::<DeviceName>().is_err(), "{hidden:?}");
            assert!(text.parse::<Message>().is_err(), "{hidden:?}");
            // Rows of an earlier version can still be read.
            assert_eq!(DeviceName::from_stored(&text).as_str(), "Annas laptop");
            assert_eq!(Message::from_stored(&text).as_str(), "Annas laptop");
        }
        assert!("\u{3164}".parse::<DeviceName>().is_err() && "\u{FE0F}".parse::<DeviceName>().is_err());
        assert_eq!(DeviceName::from_stored("\u{3164}").as_str(), "Unnamed machine");
        assert_eq!(Message::from_stored("a\nb").as_str(), "a\nb");
    }

    #[test]
    fn emoji_and_all_scripts_may_be_written() {
        for (typed, kept) in [
            ("Please ❤\u{FE0F} 👩\u{200D}💻 1\u{FE0F}\u{20E3}\nasap", "Please ❤ 👩💻 1\u{20E3}\nasap"),
            ("🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} 🇩🇪 👍🏽", "🏴 🇩🇪 👍🏽"),
            ("می\u{200C}خواهم, שלום, 葛\u{E0100}城", "میخواهم, שלום, 葛城"),
        ] {
            assert_eq!(typed.parse::<Message>().unwrap().as_str(), kept);
        }
        assert_eq!("Anna’s ❤\u{FE0F}".parse::<DeviceName>().unwrap().as_str(), "Anna’s ❤");
    }

    #[test]
    fn the_user_agent_names_the_platform_and_a_phone_has_none() {
        for (user_agent, platform) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/150.0 Safari/537.36", Some(Platform::Windows)),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605",
                Some(Platform::Macos),
            ),
            ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:149.0) Firefox/149.0", Some(Platform::Linux)),
            ("Mozilla/5.0 (Linux; Android 15) Chrome/150.0 Mobile Safari/537.36", None),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", None),
            ("curl/8.9", None),
        ] {
            assert_eq!(Platform::from_user_agent(user_agent), platform, "{user_agent}");
        }
    }

    #[test]
    fn a_match_code_may_be_written_with_spaces_and_hyphens() {
        let code = MatchCode::from_random([0, 1, 2, 255, 3, 4, 5, 6, 7]).unwrap();
        assert_eq!(code.grouped(), "2345-6789");
        for written in
            ["2345-6789", "2345 6789", " 23456789", "2345–6789", "2345\u{2011}6789", "２３４５ ６７８９"]
        {
            assert_eq!(written.parse::<MatchCode>().unwrap(), code);
        }
        assert!("2345-678O".parse::<MatchCode>().is_err());
        assert!(MatchCode::from_random([255; 64]).is_none());
    }
}
