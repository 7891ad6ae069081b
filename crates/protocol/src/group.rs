//! Groups of people, as the panel shows them.

pub use domain::group::{Group, GroupName, Member};
use serde::{Deserialize, Serialize};

/// A group with its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupDetail {
    pub group: Group,
    pub members: Vec<Member>,
    /// The names of the modes that are limited to it: it cannot be deleted while there are any.
    pub modes: Vec<String>,
    pub has_policy: bool,
}
