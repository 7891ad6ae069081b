//! What stands in `identity.json`: nothing secret, and all that says which key counts.

use serde::{Deserialize, Serialize};

use crate::keystore::Place;

/// Whatever a later version writes otherwise gets another number.
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
    pub kept_in: Place,
    /// The name under which key and certificate are kept.
    pub current: String,
    /// What takes their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// What was replaced and is still to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Kept>,
}

/// Which judgement the server's certificate stood when the machine was enrolled. It stays at that.
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
    /// The key is kept; whether the server has seen it is not known.
    Asked { name: String },
    /// The certificate is kept too, and was not used yet.
    Issued { name: String, authorities: String },
}

impl Next {
    pub fn name(&self) -> &str {
        match self {
            Self::Asked { name } | Self::Issued { name, .. } => name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub place: Place,
    pub name: String,
}

impl Record {
    /// Everything that is kept for this record.
    pub fn names(&self) -> Vec<(Place, &str)> {
        let next = self.next.as_ref().map(|next| (self.kept_in, next.name()));
        let leaving = self.leaving.as_ref().map(|kept| (kept.place, kept.name.as_str()));
        std::iter::once((self.kept_in, self.current.as_str())).chain(next).chain(leaving).collect()
    }
}
