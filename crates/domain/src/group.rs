//! Groups of people: a name and members. Modes can be limited to them, and each can have a policy.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, GroupId};
use crate::text::{Invalid, checked_string, is_invisible};

/// The most groups of a server.
pub const MAX_GROUPS: u64 = 200;
/// The most members of a group.
pub const MAX_MEMBERS: u64 = 5_000;

/// The name of a group: 1 to 60 visible characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName(String);

impl GroupName {
    pub const MAX_CHARS: usize = 60;

    /// Names with the same key count as one.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for GroupName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS || text.chars().any(is_invisible) {
            return Err(Invalid("Enter a name of 1 to 60 visible characters."));
        }
        Ok(Self(text.to_owned()))
    }
}

checked_string!(GroupName);

/// A group, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub name: GroupName,
    pub members: u64,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub account_id: AccountId,
    pub email: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_visible() {
        assert_eq!("  Ward 3 ".parse::<GroupName>().unwrap().as_str(), "Ward 3");
        assert_eq!("WARD ä".parse::<GroupName>().unwrap().key(), "ward ä");
        assert!("x".repeat(60).parse::<GroupName>().is_ok());
        for bad in ["", "  ", "a\0b", "a\u{202E}b", "a\nb", &"x".repeat(61)] {
            assert!(bad.parse::<GroupName>().is_err(), "{bad:?}");
        }
    }
}
