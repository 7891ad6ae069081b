//! What is in `identity.json`: nothing secret, only which key is current.

use serde::{Deserialize, Serialize};

use crate::keystore::KeyLocation;

/// A later version that writes another format uses another number.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    /// The machines listener, as in the `Origin` header.
    pub server: String,
    /// Where people ask for access, as in the `Origin` header.
    pub pages: String,
    pub trusted: Trusted,
    /// The authorities of the server's certificates, PEM.
    pub authorities: String,
    #[serde(rename = "kept_in")]
    pub key_location: KeyLocation,
    /// The name under which key and certificate are stored.
    pub current: String,
    /// What a renewal will replace them with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// What was replaced and is still to be removed.
    #[serde(default, rename = "leaving", skip_serializing_if = "Option::is_none")]
    pub obsolete: Option<StoredKey>,
}

/// What verified the server's certificate when the machine was enrolled. It stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trusted {
    Authority,
    System,
}

/// How far a renewal has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum Next {
    /// The key is stored; whether the server has seen it is not known.
    #[serde(rename = "asked")]
    Requested { name: String },
    /// The certificate is stored too, and was not used yet.
    Issued { name: String, authorities: String },
}

impl Next {
    pub fn name(&self) -> &str {
        match self {
            Self::Requested { name } | Self::Issued { name, .. } => name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    #[serde(rename = "place")]
    pub location: KeyLocation,
    pub name: String,
}

impl Record {
    /// Every key that belongs to this record.
    pub fn names(&self) -> Vec<(KeyLocation, &str)> {
        let next = self.next.as_ref().map(|next| (self.key_location, next.name()));
        let obsolete = self.obsolete.as_ref().map(|stored| (stored.location, stored.name.as_str()));
        std::iter::once((self.key_location, self.current.as_str())).chain(next).chain(obsolete).collect()
    }
}
