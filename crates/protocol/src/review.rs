//! What administrators do about requests for access, and what they get back.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use domain::access::AddressNote;

use crate::access::{AccessRequestRow, Invalid};

/// What an administrator says to a request.
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
    /// Every rejected requester reads it: visible characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub reason: String,
}

impl Decide {
    /// So many requests are decided at once.
    pub const MOST: usize = 100;
}

/// What became of requests that were decided together. Each is decided by itself, so some may be and others not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decided {
    pub verdict: Verdict,
    /// How many were decided.
    pub decided: u32,
    pub undecided: Vec<Undecided>,
    /// How many more were not decided and are not named, for want of room.
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

/// What has changed among the requests, for pages that stay open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Another one whenever any request may look different from before.
    pub mark: String,
    /// The newest request's id; empty when there is none.
    pub newest: String,
    /// How many requests are newer than the one that was asked about.
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
    /// Such as the serial of the certificate that was fetched.
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
    /// The holder of an ended link asked for a new one.
    LinkAsked,
    /// An administrator sends no new link.
    LinkDeclined,
    /// The link's time ran out before it was used.
    LinkEnded,
    /// An administrator sent a new link.
    LinkSent,
    Rejected,
    Reminded,
    /// Somebody came with the link and a wrong match code.
    WrongCode,
}

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
