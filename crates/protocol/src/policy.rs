//! The fleet policy as the desktop program gets it, and as the panel edits it.

pub use domain::policy::{ExcludedBy, Pattern, PolicyRules, Weekday, WindowKind, WorkHours};
use serde::{Deserialize, Serialize};

/// What applies to the person who is signed in: `GET /native/policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetPolicy {
    /// Changes whenever the rules do. The same as in `ETag`.
    pub version: String,
    /// Seconds since the Unix epoch, by the server's clock.
    pub issued_at: i64,
    /// When the policy ends, by the server's clock. After that, and without a policy, nothing leaves the machine.
    pub valid_until: i64,
    /// Whose policy it is, to be shown: “managed by …”.
    pub managed_by: String,
    pub rules: PolicyRules,
}

/// A policy for the panel's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDocument {
    /// A group's id; empty: the policy for everyone.
    pub group: String,
    /// The name of the group; empty for everyone.
    pub group_name: String,
    /// 0: it has never been saved.
    pub version: i64,
    pub rules: PolicyRules,
}

/// A row of the panel's list of policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// A group's id; empty: the policy for everyone.
    pub group: String,
    pub name: String,
    /// 0: it has never been saved. A group then adds nothing to the policy for everyone.
    pub version: i64,
}

/// What applies to a person, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPolicy {
    pub email: String,
    /// The groups of the person that have a policy, by name.
    pub groups: Vec<String>,
    pub rules: PolicyRules,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_an_earlier_version_have_the_defaults() {
        let read: PolicyRules = serde_json::from_str("{}").unwrap();
        assert_eq!(read, PolicyRules::default());
    }

    #[test]
    fn a_policy_with_what_this_version_does_not_know_is_not_read() {
        for unknown in [r#"{"excluded_kinds":["banking"]}"#, r#"{"excluded_programs":[""]}"#] {
            assert!(serde_json::from_str::<PolicyRules>(unknown).is_err(), "{unknown}");
        }
    }
}
