//! The ledger of what left each machine.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AnalysisId, CertificateId};
use crate::text::Invalid;

/// What caused a picture to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trigger {
    /// The desktop program by itself.
    Ambient,
    /// A question in the sidebar.
    #[default]
    Asked,
    /// A part of the screen that was selected.
    Focused,
    Hotkey,
    QuickAction,
}

impl Trigger {
    pub const ALL: [Self; 5] = [Self::Ambient, Self::Asked, Self::Focused, Self::Hotkey, Self::QuickAction];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ambient => "ambient",
            Self::Asked => "asked",
            Self::Focused => "focused",
            Self::Hotkey => "hotkey",
            Self::QuickAction => "quick-action",
        }
    }
}

impl FromStr for Trigger {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|trigger| trigger.as_str() == text)
            .ok_or(Invalid("Use ambient, asked, focused, hotkey or quick-action."))
    }
}

/// A picture that left a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    pub id: String,
    /// When it came, in seconds since the Unix epoch.
    pub at: i64,
    /// The machine's name.
    pub device: String,
    /// SHA-256, in hexadecimal.
    pub image_sha256: String,
    pub image_bytes: i64,
    /// In pixels.
    pub image_width: i64,
    /// In pixels.
    pub image_height: i64,
    /// The program in front; empty if it was not sent.
    pub program: String,
    /// The title of its window; empty if it was not sent.
    pub title: String,
    pub trigger: Trigger,
    /// How many parts were masked by hand.
    pub masks: i64,
    /// Whether the window's text came with it.
    pub with_text: bool,
    /// The mode's name, or its id if it was deleted.
    pub mode: String,
    /// Who answered: `reader`, or the name of a model server. Empty: nobody.
    pub provider: String,
    /// Empty: no model.
    pub model: String,
    /// `answered`, `failed`, `cancelled`, `running`, or `refused` by the policy.
    pub decision: String,
}

/// How many pictures a person has sent of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseRow {
    pub email: String,
    /// Empty: not known, or erased by the person.
    pub program: String,
    pub pictures: i64,
    pub bytes: i64,
    /// The last day (UTC), in seconds since the Unix epoch at its beginning.
    pub last_day: i64,
}

/// A picture that came to the server, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub id: String,
    pub account_id: AccountId,
    pub certificate_id: CertificateId,
    /// `None`: the policy refused it.
    pub analysis_id: Option<AnalysisId>,
    pub mode_id: String,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// In hexadecimal.
    pub image_sha256: String,
    pub image_bytes: i64,
    /// In pixels; 0 when it was refused before it was decoded.
    pub image_width: i64,
    /// In pixels.
    pub image_height: i64,
    pub program: String,
    pub title: String,
    pub trigger: Trigger,
    pub masks: i64,
    pub with_text: bool,
}

impl NewEntry {
    /// The day (UTC) that it counts for, in days since the Unix epoch.
    pub fn day(&self) -> i64 {
        day_of(self.at)
    }
}

/// The day (UTC) of a moment, in days since the Unix epoch.
pub fn day_of(unix: i64) -> i64 {
    unix.div_euclid(24 * 3_600)
}
