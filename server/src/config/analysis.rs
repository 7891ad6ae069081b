//! Who answers: model servers and the built-in reader.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::source::Reading;
use crate::secret::Secret;

/// A model server.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// How modes refer to it. Unique.
    pub name: String,
    pub kind: ProviderKind,
    /// Without a trailing slash.
    pub base_url: String,
    pub model: String,
    /// Whether the model sees pictures; if not, it gets the text that the reader found.
    pub vision: bool,
    pub api_key: Option<Secret>,
    /// Larger pictures are scaled down before they are sent.
    pub max_pixels: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    Ollama,
    /// Anything that speaks OpenAI's chat completions.
    Openai,
}

/// The built-in reader (OCR).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reader {
    /// The program's name or path.
    pub tesseract: String,
    pub languages: Vec<String>,
    pub time_limit_seconds: u32,
    pub memory_limit_megabytes: u32,
    /// Pictures that are read at once.
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
    pub(super) fn read(from: &mut Reading) -> Self {
        let section: Self = from.section("reader");
        from.expect(!section.tesseract.is_empty(), "reader.tesseract", "expected the program's name or path");
        let plain = |l: &String| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        from.expect(
            !section.languages.is_empty() && section.languages.iter().all(plain),
            "reader.languages",
            "expected Tesseract's names of languages, such as [\"eng\", \"deu\"]",
        );
        from.range("reader.time_limit_seconds", section.time_limit_seconds, 1, 600);
        from.range("reader.memory_limit_megabytes", section.memory_limit_megabytes, 128, 65_536);
        from.range("reader.concurrency", section.concurrency, 1, 256);
        section
    }
}

/// What happens to the pictures themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Screenshots {
    /// Keep them with their analyses. Off: a picture is gone once it is answered.
    pub keep: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    name: String,
    kind: ProviderKind,
    base_url: String,
    model: String,
    #[serde(default)]
    vision: bool,
    api_key: Option<String>,
    api_key_file: Option<PathBuf>,
    #[serde(default = "default_max_pixels")]
    max_pixels: u32,
}

fn default_max_pixels() -> u32 {
    2_000_000
}

pub(super) fn providers(from: &mut Reading) -> Vec<ProviderConfig> {
    let sections: Vec<Section> = from.section("providers");
    let mut providers: Vec<ProviderConfig> = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        let field = |name: &str| format!("providers[{index}].{name}");
        let named = (1..=60).contains(&section.name.trim().chars().count());
        from.expect(named, &field("name"), "expected a name of 1 to 60 characters");
        let unique = providers.iter().all(|p| p.name != section.name);
        from.expect(unique, &field("name"), "expected a name that no other provider has");
        from.expect(!section.model.trim().is_empty(), &field("model"), "expected the model's name");
        let web = Url::parse(&section.base_url)
            .is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        from.expect(web, &field("base_url"), "expected an address, such as http://localhost:11434");
        from.range(&field("max_pixels"), section.max_pixels, 10_000, 64_000_000);
        providers.push(ProviderConfig {
            api_key: from.secret(&field("api_key"), section.api_key, section.api_key_file.as_deref()),
            name: section.name,
            kind: section.kind,
            base_url: section.base_url.trim_end_matches('/').to_owned(),
            model: section.model,
            vision: section.vision,
            max_pixels: section.max_pixels,
        });
    }
    providers
}
