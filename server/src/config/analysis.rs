//! Model servers and the built-in reader.

use ::analysis::provider::validate_all;
pub use ::analysis::provider::{ProviderConfig, ProviderKind};
use serde::Deserialize;

use super::source::ConfigReader;

/// The built-in reader (OCR).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reader {
    /// The program's name or path.
    pub tesseract: String,
    pub languages: Vec<String>,
    pub time_limit_seconds: u32,
    pub memory_limit_megabytes: u32,
    /// How many pictures are read concurrently.
    pub concurrency: u32,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            tesseract: "tesseract".to_owned(),
            languages: vec!["eng".to_owned()],
            time_limit_seconds: 30,
            memory_limit_megabytes: 1_024,
            concurrency: 2,
        }
    }
}

impl Reader {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let section: Self = reader.section("reader");
        reader.ensure(
            !section.tesseract.is_empty(),
            "reader.tesseract",
            "expected the program's name or path",
        );
        let plain = |l: &String| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        reader.ensure(
            !section.languages.is_empty() && section.languages.iter().all(plain),
            "reader.languages",
            "expected Tesseract's names of languages, such as [\"eng\", \"deu\"]",
        );
        reader.range("reader.time_limit_seconds", section.time_limit_seconds, 1, 600);
        reader.range("reader.memory_limit_megabytes", section.memory_limit_megabytes, 128, 65_536);
        reader.range("reader.concurrency", section.concurrency, 1, 256);
        section
    }
}

/// Whether pictures are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Screenshots {
    /// Stores each picture with its analysis. Off: it is discarded after the answer.
    pub keep: bool,
}

/// Model servers that administrators enter in the panel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Whether their addresses may be link-local, or those at which clouds give out credentials.
    pub link_local_addresses: bool,
}

/// Reads the model servers. [`ProviderConfig`] itself has the fields, their defaults and their rules.
pub(super) fn providers(reader: &mut ConfigReader) -> Vec<ProviderConfig> {
    let mut providers: Vec<ProviderConfig> = reader.section("providers");
    for (index, provider) in providers.iter_mut().enumerate() {
        let key = provider.api_key.take().map(|key| key.expose().to_owned());
        let file = provider.api_key_file.take();
        let secret = reader.secret(&format!("providers[{index}].api_key"), key, file.as_deref());
        provider.api_key = secret;
    }
    for (index, error) in validate_all(&providers).err().into_iter().flatten() {
        reader
            .invalid(&format!("providers[{index}].{}", error.field), &format!("expected {}", error.expected));
    }
    providers
}
