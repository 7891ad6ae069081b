//! Review of access requests by administrators.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use domain::access::AddressNote;

use crate::access::{AccessRequestRow, Invalid};

/// An administrator's decision about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Verdict {
    Approve,
    Reject,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

impl FromStr for Verdict {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Approve, Self::Reject]
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
            .ok_or(Invalid("Choose approve or reject."))
    }
}

/// `POST /admin/api/access-requests/decide`: one verdict on several requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decide {
    pub verdict: Verdict,
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub ids: Vec<String>,
    /// Sent to every rejected requester: visible characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub reason: String,
}

impl Decide {
    /// How many requests can be decided at once.
    pub const MAX: usize = 100;
}

/// A request that administrators find by its match code only: its address had too many waiting ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// Seconds since the Unix epoch.
    pub requested_at: i64,
    /// How many requests of one address may wait.
    pub allowed: u32,
}

/// The outcome of deciding several requests. Each is decided independently, so some may be decided and others not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decided {
    pub verdict: Verdict,
    /// How many were decided.
    pub decided: u32,
    pub undecided: Vec<Undecided>,
    /// How many more were not decided but are not listed, to limit the size.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub unnamed: u32,
}

/// A request that was not decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Undecided {
    pub id: String,
    /// Missing when there is no such request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub email: Option<String>,
    /// In words for people.
    pub why: String,
}

/// Whether the list of requests has changed, for pages that poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Changes whenever any request may have changed.
    pub mark: String,
    /// The newest request's id; empty when there is none.
    pub newest: String,
    /// How many requests are newer than the one in the query.
    pub arrived: u64,
}

/// `GET /admin/api/access-requests/{id}`: a request, and who did what to it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestDetail {
    pub request: AccessRequestRow,
    /// The oldest first.
    pub history: Vec<HistoryEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryEntry {
    /// Seconds since the Unix epoch.
    pub at: i64,
    pub what: RequestEvent,
    /// The administrator's e-mail address, where one did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub by: Option<String>,
    /// Details, such as the serial of the certificate that was fetched.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub detail: String,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RequestEvent {
    Approved,
    Asked,
    Expired,
    Fetched,
    /// The holder of an expired or used link requested a new one.
    LinkAsked,
    /// An administrator declined to send a new link.
    LinkDeclined,
    /// The link expired before it was used.
    LinkEnded,
    /// An administrator sent a new link.
    LinkSent,
    Rejected,
    Reminded,
    /// Somebody used the link with a wrong match code.
    WrongCode,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_of_two_words() {
        assert_eq!("approve".parse::<Verdict>().unwrap(), Verdict::Approve);
        assert_eq!("reject".parse::<Verdict>().unwrap(), Verdict::Reject);
        for bad in ["", "Approve", "approved", "reject "] {
            assert!(bad.parse::<Verdict>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reason_is_optional_on_the_wire() {
        let decide: Decide = serde_json::from_str(r#"{"verdict":"approve","ids":["1"]}"#).unwrap();
        assert_eq!((decide.verdict, decide.reason.as_str()), (Verdict::Approve, ""));
    }
}
