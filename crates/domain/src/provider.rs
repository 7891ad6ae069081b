//! Model servers that administrators enter in the panel.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::ProviderId;
use crate::text::Invalid;

/// How many of them there can be.
pub const MAX_PROVIDERS: u64 = 50;

/// The protocol that a server speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    #[default]
    Ollama,
    OpenAi,
}

impl ProviderKind {
    pub const ALL: [Self; 2] = [Self::Ollama, Self::OpenAi];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
        }
    }
}

impl FromStr for ProviderKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(Invalid("Choose one of the kinds."))
    }
}

/// A provider as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProvider {
    pub id: ProviderId,
    pub name: String,
    pub kind: ProviderKind,
    pub base_url: String,
    /// Further servers with the same models.
    pub more_urls: Vec<String>,
    /// Encrypted, and bound to the id.
    pub api_key_sealed: Option<Vec<u8>>,
    /// The model that is asked unless a mode names another.
    pub model: String,
    pub vision: bool,
    pub context_tokens: Option<u32>,
    pub max_tokens: Option<u32>,
    /// Counts changes: a save names the version that it changes.
    pub version: i64,
    /// Seconds since the Unix epoch.
    pub saved_at: i64,
}
