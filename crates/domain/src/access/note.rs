//! What administrators are told about a requester's address.

use serde::{Deserialize, Serialize};

/// What an administrator should know about a requester's address before trusting it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AddressNote {
    /// The domain holds letters beyond ASCII.
    ForeignDomain {
        /// As mail programs show it.
        unicode: String,
        /// The scripts of its letters, by their English names.
        scripts: Vec<String>,
        /// Whether one of its labels mixes scripts that do not belong together.
        mixed: bool,
        /// What somebody reads who expects plain letters.
        #[cfg_attr(feature = "openapi", schema(required = true))]
        reads_like: Option<String>,
    },
    /// The address could be taken for another one.
    LikeAddress {
        email: String,
        /// Whether the other one has an account; otherwise it has asked for access, too.
        has_account: bool,
        /// Only dots or a plus-part differ, which many providers ignore.
        same_mailbox: bool,
    },
    /// The domain could be taken for another one that accounts here have.
    LikeDomain { domain: String },
}
