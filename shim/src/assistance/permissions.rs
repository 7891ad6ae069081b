//! What may be seen and typed on this machine: the one place that looking and typing ask.

use desktop::exclusion::Exclusions;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// What never leaves.
    pub exclusions: Exclusions,
    /// Whether confirmed changes may be typed.
    pub may_type: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { exclusions: Exclusions::default(), may_type: true }
    }
}
