//! Asking for access: what a requester enters and sees, and what an administrator sees of it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::review::AddressNote;
pub use crate::text::Invalid;
use crate::text::{checked_string, is_invisible};

/// An e-mail address: lower case, one `@`, no white space, nothing that could break a mail's header.
///
/// Deliberately narrower than RFC 5321 (no quoted local parts, no address literals) and ASCII only: an
/// internationalised domain is entered in its `xn--` form, so that look-alikes show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// RFC 5321 §4.5.3.1.3, less the angle brackets.
    pub const MAX_LENGTH: usize = 254;
}

impl FromStr for EmailAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const EXPECTED: Invalid = Invalid("Enter an e-mail address, such as name@example.org.");
        let text = text.trim().to_ascii_lowercase();
        let (local, domain) = text.split_once('@').ok_or(EXPECTED)?;
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
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        if local_ok && domain_ok && text.len() <= Self::MAX_LENGTH { Ok(Self(text)) } else { Err(EXPECTED) }
    }
}

checked_string!(EmailAddress);

/// What the requester calls the machine. It becomes the certificate's common name, so 64 characters at most
/// (RFC 5280, `ub-common-name`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceName(String);

impl FromStr for DeviceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 64 || text.chars().any(is_invisible) {
            return Err(Invalid("Enter a name of 1 to 64 visible characters, such as “Anna’s laptop”."));
        }
        Ok(Self(text.to_owned()))
    }
}

checked_string!(DeviceName);

/// A few words to the other side: a requester's to the administrator, a rejection's reason to the requester.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message(String);

impl Message {
    pub const MAX_CHARS: usize = 500;
}

impl FromStr for Message {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().replace("\r\n", "\n");
        if text.chars().count() > Self::MAX_CHARS || text.chars().any(|c| c != '\n' && is_invisible(c)) {
            return Err(Invalid("Use at most 500 visible characters."));
        }
        Ok(Self(text))
    }
}

checked_string!(Message);

/// The code that the requester reads out and the administrator compares: eight characters of an alphabet without
/// look-alikes (no 0/O, 1/I/L, U), 40 bits, shown as two groups of four.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MatchCode(String);

impl MatchCode {
    pub const ALPHABET: &'static [u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
    pub const LENGTH: usize = 8;

    /// Builds a code from uniformly random bytes; rejects those that would favour some characters.
    /// `None` when the bytes ran out.
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
        let code: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        if code.len() == Self::LENGTH && code.bytes().all(|b| Self::ALPHABET.contains(&b)) {
            Ok(Self(code))
        } else {
            Err(Invalid("Enter the eight characters of the match code, such as ABCD-2345."))
        }
    }
}

checked_string!(MatchCode);

/// Which kind of package a machine needs.
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

    /// The visitor's own system, as far as its `User-Agent` says. Used to show the fitting steps first, never to decide.
    pub fn from_user_agent(user_agent: &str) -> Option<Self> {
        // A phone's certificate would be of no use, and an iPhone says that it is “like Mac OS X”.
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

/// A request for access, unchecked as it arrives: `POST /public/request-access`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestAccess {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 254, examples("anna@example.org")))]
    pub email: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Platform>))]
    pub platform: Option<String>,
    /// What the machine is to be called: visible characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 64, examples("Anna’s laptop")))]
    pub device_name: Option<String>,
    /// A few words to the administrator.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub message: Option<String>,
}

/// A request for access whose every field fits.
#[derive(Debug, Clone)]
pub struct CheckedRequest {
    pub email: EmailAddress,
    pub platform: Option<Platform>,
    pub device_name: Option<DeviceName>,
    pub message: Message,
}

impl RequestAccess {
    /// Tells of every wrong field at once.
    pub fn check(&self) -> Result<CheckedRequest, crate::Problem> {
        fn optional<T: FromStr<Err = Invalid>>(value: &Option<String>) -> Result<Option<T>, Invalid> {
            value.as_deref().map(str::trim).filter(|v| !v.is_empty()).map(str::parse).transpose()
        }
        let mut problem = crate::Problem::invalid_input();
        let mut note = |field: &str, error: Invalid| {
            problem.errors.push(crate::FieldError { field: field.to_owned(), message: error.to_string() })
        };
        let email = self.email.parse::<EmailAddress>().map_err(|e| note("email", e)).ok();
        let platform = optional::<Platform>(&self.platform).map_err(|e| note("platform", e)).ok().flatten();
        let device_name =
            optional::<DeviceName>(&self.device_name).map_err(|e| note("device_name", e)).ok().flatten();
        let message = optional::<Message>(&self.message)
            .map_err(|e| note("message", e))
            .ok()
            .flatten()
            .unwrap_or_default();
        match email {
            Some(email) if problem.errors.is_empty() => {
                Ok(CheckedRequest { email, platform, device_name, message })
            }
            _ => Err(problem),
        }
    }
}

/// The answer to a request for access: the same whether or not the address is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asked {
    /// To be compared with what the administrator sees, by voice or chat.
    #[cfg_attr(feature = "openapi", schema(examples("ABCD-2345")))]
    pub match_code: String,
    /// Where the request's state can be looked up. Whoever has this address can look.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub status_url: String,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RequestState {
    Approved,
    Expired,
    Pending,
    Redeemed,
    Rejected,
}

impl RequestState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Redeemed, Self::Rejected, Self::Expired];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::Redeemed => "redeemed",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for RequestState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(Invalid("pending, approved, redeemed, rejected or expired"))
    }
}

/// What the holder of a status URL may know: `GET /public/request-status/{token}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestStatus {
    pub state: RequestState,
    /// `ABCD-EFGH`; only for the browser that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub match_code: Option<String>,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// When the present state ends by itself, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub expires_at: Option<i64>,
    /// Why it was rejected, if the administrator said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<String>,
    /// When the administrators were last reminded of it, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reminded_at: Option<i64>,
    /// The next reminder, while one is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reminder: Option<Reminder>,
}

/// How the administrators can be reminded of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reminder {
    /// From when on, in seconds since the Unix epoch; without it: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub at: Option<i64>,
    /// How many are left, this one included.
    pub left: u32,
}

/// A request as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessRequestRow {
    pub id: String,
    pub email: String,
    /// `ABCD-EFGH`, to be compared with what the requester reads out.
    pub match_code: String,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub platform: Option<Platform>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub device_name: Option<String>,
    pub message: String,
    pub state: RequestState,
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// When the present state ends by itself, in seconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expires_at: Option<i64>,
    /// Seconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub decided_at: Option<i64>,
    /// The e-mail address of the administrator who decided.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub decided_by: Option<String>,
    /// Why it was rejected.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<String>,
    /// Whether an account with this address exists already.
    pub known_account: bool,
    /// What makes the address suspicious.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub notes: Vec<AddressNote>,
    /// When the requester last reminded the administrators, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reminded_at: Option<i64>,
    /// Its links, once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub links: Option<Links>,
}

/// The links that an approved request has been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Links {
    pub sent: u32,
    /// How many more can be sent.
    pub left: u32,
    /// When the holder of the last one asked for another, since it was sent; in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub asked_at: Option<i64>,
    /// How many wrong match codes came with the last one. Ten close it to everybody but the asking browser.
    pub wrong_codes: u32,
}

/// Which requests to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct AccessRequestFilter {
    /// Only those that stand here.
    #[serde(default)]
    pub state: Option<RequestState>,
    /// Only what waits for an administrator, unless a state is named: who is pending, and who asks for a new link.
    #[serde(default)]
    pub waiting: bool,
    /// Part of the address, the device's name or the match code.
    #[serde(default)]
    pub search: String,
    /// From 0.
    #[serde(default)]
    pub page: u32,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// From 0.
    pub page: u32,
    /// How many there are on a page, except on the last.
    pub page_size: u32,
}

/// What the link of an approved request opens: `GET /public/download-certs/{token}` spends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadOffer {
    /// Whether this link still gives a package.
    pub state: DownloadState,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub device_name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub platform: Option<Platform>,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
    /// Whether the match code must be entered: this is not the browser that asked.
    pub needs_match_code: bool,
    /// Whether only the certificate of the machine that the link is about opens it, and was not shown: the link renews that
    /// certificate, and nobody asked for it.
    pub needs_certificate: bool,
    /// Where the person goes on to choose a password, once the package is there; `null` when the account is set up.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub setup_url: Option<String>,
    /// The server that the certificate opens.
    pub machines_url: String,
    /// How an ended link's holder asks for a new one, if that is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub new_link: Option<NewLink>,
    /// Where people ask for access and set up their sign-in.
    pub pages_url: String,
    /// Opens the desktop program, which fetches a certificate by itself; `null` for a link that renews one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub desktop_link: Option<String>,
}

/// Asking the administrators for a new link. Whoever has only the link, and neither the asking browser nor the match
/// code, learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewLink {
    /// Whether they can be asked now.
    pub open: bool,
    /// When they were asked already, in seconds since the Unix epoch; only for the browser that asked for access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub asked_at: Option<i64>,
    /// From when on they can be asked again, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DownloadState {
    Expired,
    Ready,
    Redeemed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_lowered_and_trimmed() {
        let address: EmailAddress = "  Anna.Smith+x@Example.ORG ".parse().unwrap();
        assert_eq!(address.as_str(), "anna.smith+x@example.org");
    }

    #[test]
    fn addresses_that_could_break_a_header_or_deceive_are_refused() {
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
    fn a_visitor_s_system_is_told_by_the_browser_and_a_phone_is_none() {
        for (told, platform) in [
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
            assert_eq!(Platform::from_user_agent(told), platform, "{told}");
        }
    }

    #[test]
    fn a_match_code_survives_how_people_write_it() {
        let code = MatchCode::from_random([0, 1, 2, 255, 3, 4, 5, 6, 7]).unwrap();
        assert_eq!(code.grouped(), "2345-6789");
        for written in ["2345-6789", "2345 6789", " 23456789", "2345–6789".replace('–', "-").as_str()] {
            assert_eq!(written.parse::<MatchCode>().unwrap(), code);
        }
        assert!("2345-678O".parse::<MatchCode>().is_err());
        assert!(MatchCode::from_random([255; 64]).is_none());
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let request = RequestAccess {
            email: "nobody".into(),
            platform: Some("amiga".into()),
            device_name: Some("\u{202E}x".into()),
            message: Some("x".repeat(501)),
        };
        let problem = request.check().unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["email", "platform", "device_name", "message"]);
    }
}
