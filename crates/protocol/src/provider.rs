//! Providers: the model servers that the panel shows and edits.

pub use domain::provider::ProviderKind;
use serde::{Deserialize, Serialize};

/// A provider in the panel's list. The key never leaves the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRow {
    pub id: String,
    pub name: String,
    pub kind: ProviderKind,
    /// The model that is asked unless a mode names another.
    pub model: String,
    /// It comes from the configuration, and cannot be changed in the panel.
    pub configured: bool,
    /// Whether modes ask it that name no provider.
    pub is_default: bool,
    pub servers: Vec<ServerRow>,
    /// Of all its servers, by name.
    pub models: Vec<ModelRow>,
    /// The names of the modes that use it.
    pub modes: Vec<String>,
    /// Why its last answer failed, if it did.
    pub failure: Option<String>,
}

/// One server of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRow {
    pub base_url: String,
    /// `None`: it was not asked yet.
    pub health: Option<ServerHealth>,
}

/// What was found when a server was asked the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerHealth {
    /// Why it cannot be used; `None`: it can.
    pub problem: Option<String>,
    /// Since when that is so, in seconds since the Unix epoch.
    pub since: i64,
    pub latency_ms: u64,
    pub checked_at: i64,
}

/// A model as its server describes it. `None`: the server does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    pub name: String,
    pub vision: Option<bool>,
    pub tools: Option<bool>,
    pub reasoning: Option<bool>,
    /// The longest context, in tokens.
    pub context_tokens: Option<u64>,
    /// On disk.
    pub bytes: Option<u64>,
    pub state: ModelState,
}

/// Whether a model can answer at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelState {
    Available,
    Loaded,
    Loading,
    /// The provider names it, and its server does not have it: it was not pulled.
    Missing,
    /// It has to be loaded first.
    Unloaded,
}

/// A provider as the panel edits it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderDraft {
    /// Empty for a new one.
    pub id: String,
    pub name: String,
    pub kind: ProviderKind,
    pub base_url: String,
    /// Further servers with the same models.
    pub more_urls: Vec<String>,
    pub model: String,
    pub vision: bool,
    pub context_tokens: Option<u32>,
    pub max_tokens: Option<u32>,
    /// Whether a key is stored. It cannot be read.
    pub has_key: bool,
    pub version: i64,
}

/// A provider for the editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderEditor {
    pub draft: ProviderDraft,
    /// Its servers and models as they were found. `None` for a new one.
    pub row: Option<ProviderRow>,
}

/// What a save does with the stored key.
#[derive(Debug, Clone)]
pub enum KeyChange {
    Keep,
    Remove,
    Replace(crate::Secret),
}

/// What a test question came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderTest {
    /// The answer, or why there is none; at most 300 characters.
    pub words: String,
    pub answered: bool,
    /// To the end of the answer.
    pub ms: u64,
    /// To its first piece.
    pub first_ms: Option<u64>,
    /// What the user of an answer would have been told with it.
    #[serde(default)]
    pub notices: Vec<String>,
}

/// The models of a provider, for the choice in a mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderModels {
    pub provider: String,
    pub models: Vec<String>,
}
