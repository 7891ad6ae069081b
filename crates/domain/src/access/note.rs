//! Notes for administrators about a requester's address.
use serde::{Deserialize, Serialize};

/// What an administrator should know about a requester's address before trusting it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AddressNote {
    /// The address has an account, and an administrator has disabled it.
    AccountDisabled,
    /// The domain is internationalised: it has letters beyond ASCII.
    ForeignDomain {
        /// As mail programs show it.
        unicode: String,
        /// The scripts of its letters, by their English names.
        scripts: Vec<String>,
        /// Whether one of its labels mixes scripts that do not belong together.
        mixed: bool,
        /// The ASCII domain for which people can mistake it; `null`: there is none.
        #[cfg_attr(feature = "openapi", schema(required = true))]
        reads_like: Option<String>,
    },
    /// The address can be mistaken for another one.
    LikeAddress {
        email: String,
        /// Whether the other address has an account. Otherwise it has only requested access.
        has_account: bool,
        /// Whether they differ only in dots or a plus-tag, which many providers ignore.
        same_mailbox: bool,
    },
    /// The domain can be mistaken for that of an existing account.
    LikeDomain { domain: String },
}
