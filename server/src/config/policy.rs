//! The fleet policy.

use serde::Deserialize;

use super::source::ConfigReader;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long a desktop program may go on with the policy that it got last, in hours.
    pub valid_hours: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { valid_hours: 24 }
    }
}

impl Policy {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let section: Self = reader.section("policy");
        reader.range("policy.valid_hours", section.valid_hours, 1, 720);
        section
    }
}
