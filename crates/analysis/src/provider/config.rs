//! How a model server is configured.

use std::sync::Arc;
use std::time::Duration;

use protocol::analysis::MAX_IMAGE_PIXELS;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Provider;
use super::ollama::Ollama;
use super::openai::OpenAi;

/// The protocol that a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ollama's own API.
    Ollama,
    /// OpenAI's chat completions, as llama.cpp, vLLM and many others speak them too.
    OpenAi,
}

/// A secret that is sent to one server and never printed.
#[derive(Clone, Deserialize)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    pub fn new(key: impl Into<String>) -> Self {
        Self(Zeroizing::new(key.into()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

/// One model server with its model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// What modes call it: 1 to 40 of a-z, 0-9, `-` and `_`. `reader` is taken.
    pub name: String,
    pub kind: Kind,
    /// `http://localhost:11434` for Ollama; with the version for OpenAI-compatible ones: `https://host/v1`.
    pub base_url: String,
    #[serde(default)]
    pub api_key: Option<ApiKey>,
    /// The model that is asked unless a mode names another.
    pub model: String,
    /// Whether the model sees pictures. If not, it gets the text that was read on them.
    #[serde(default)]
    pub vision: bool,
    /// The pixel budget of a picture.
    #[serde(default = "default_max_pixels")]
    pub max_pixels: u64,
    /// How much of the screen's text is sent to a model that does not see, in characters.
    #[serde(default = "default_max_text_chars")]
    pub max_text_chars: usize,
    /// The longest answer, in tokens; the server decides when absent.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// How long the first word may take: a server may have to load the model first.
    #[serde(default = "default_first_word_seconds")]
    pub first_word_seconds: u64,
    /// How long the next word may take.
    #[serde(default = "default_next_word_seconds")]
    pub next_word_seconds: u64,
    /// How long the whole answer may take.
    #[serde(default = "default_answer_seconds")]
    pub answer_seconds: u64,
}

fn default_max_pixels() -> u64 {
    1_600_000
}

fn default_max_text_chars() -> usize {
    12_000
}

fn default_first_word_seconds() -> u64 {
    90
}

fn default_next_word_seconds() -> u64 {
    30
}

fn default_answer_seconds() -> u64 {
    300
}

/// A field whose value does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("provider “{provider}”: {field}: expected {expected}")]
pub struct ConfigError {
    pub provider: String,
    pub field: &'static str,
    pub expected: &'static str,
}

impl ProviderConfig {
    /// A model that does not see, without a key, with the usual limits.
    pub fn new(name: &str, kind: Kind, base_url: &str, model: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            base_url: base_url.to_owned(),
            api_key: None,
            model: model.to_owned(),
            vision: false,
            max_pixels: default_max_pixels(),
            max_text_chars: default_max_text_chars(),
            max_tokens: None,
            first_word_seconds: default_first_word_seconds(),
            next_word_seconds: default_next_word_seconds(),
            answer_seconds: default_answer_seconds(),
        }
    }

    /// # Errors
    /// Names the first field that does not fit, and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field, expected| Err(ConfigError { provider: self.name.clone(), field, expected });
        let name_ok = (1..=40).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        if !name_ok {
            return wrong("name", "1 to 40 of a-z, 0-9, - and _");
        }
        if self.name == crate::workflow::READER {
            return wrong("name", "another name: “reader” is the built-in reader");
        }
        let Ok(url) = reqwest::Url::parse(&self.base_url) else {
            return wrong("base_url", "an address such as http://localhost:11434");
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return wrong("base_url", "an http or https address");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("base_url", "an address without a user or password: use api_key");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("base_url", "an address without ? and #");
        }
        if self.api_key.as_ref().is_some_and(|key| !usable_in_a_header(key.expose())) {
            return wrong("api_key", "visible ASCII characters, or no key at all");
        }
        if self.model.trim().is_empty() {
            return wrong("model", "the model's name at this server");
        }
        if !(10_000..=MAX_IMAGE_PIXELS).contains(&self.max_pixels) {
            return wrong("max_pixels", "10,000 to 64,000,000");
        }
        if !(200..=1_000_000).contains(&self.max_text_chars) {
            return wrong("max_text_chars", "200 to 1,000,000");
        }
        if self.max_tokens == Some(0) {
            return wrong("max_tokens", "at least 1, or nothing");
        }
        let seconds = 1..=3_600;
        if !seconds.contains(&self.first_word_seconds) {
            return wrong("first_word_seconds", "1 to 3,600");
        }
        if !seconds.contains(&self.next_word_seconds) {
            return wrong("next_word_seconds", "1 to 3,600");
        }
        if !seconds.contains(&self.answer_seconds) {
            return wrong("answer_seconds", "1 to 3,600");
        }
        Ok(())
    }

    pub(super) fn patience(&self) -> Patience {
        Patience {
            first_word: Duration::from_secs(self.first_word_seconds),
            next_word: Duration::from_secs(self.next_word_seconds),
            answer: Duration::from_secs(self.answer_seconds),
        }
    }

    /// The address of `path` below the base.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url.trim_end_matches('/'))
    }
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub first_word: Duration,
    pub next_word: Duration,
    pub answer: Duration,
}

fn usable_in_a_header(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())
}

/// Checks each, and that no name stands twice.
///
/// # Errors
/// The first field that does not fit.
pub fn check_all(configs: &[ProviderConfig]) -> Result<(), ConfigError> {
    for (index, config) in configs.iter().enumerate() {
        config.check()?;
        if configs[..index].iter().any(|earlier| earlier.name == config.name) {
            let provider = config.name.clone();
            return Err(ConfigError {
                provider,
                field: "name",
                expected: "a name that no other provider has",
            });
        }
    }
    Ok(())
}

/// Makes a provider. Nothing is sent before the first question.
///
/// # Errors
/// The first field that does not fit.
pub fn connect(config: ProviderConfig, client: reqwest::Client) -> Result<Arc<dyn Provider>, ConfigError> {
    config.check()?;
    Ok(match config.kind {
        Kind::Ollama => Arc::new(Ollama::new(config, client)),
        Kind::OpenAi => Arc::new(OpenAi::new(config, client)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> serde_json::Value {
        serde_json::json!({"name": "local", "kind": "openai", "base_url": "http://localhost:1/v1", "model": "m"})
    }

    fn wrong_field(field: &str, value: serde_json::Value) -> &'static str {
        let mut config = config();
        config[field] = value;
        serde_json::from_value::<ProviderConfig>(config).unwrap().check().unwrap_err().field
    }

    #[test]
    fn an_error_names_the_field() {
        assert!(serde_json::from_value::<ProviderConfig>(config()).unwrap().check().is_ok());
        let cases: [(&str, serde_json::Value); 12] = [
            ("name", "".into()),
            ("name", "Has Space".into()),
            ("name", "reader".into()),
            ("base_url", "localhost".into()),
            ("base_url", "file:///etc/passwd".into()),
            ("base_url", "http://user:pw@host/v1".into()),
            ("base_url", "http://host/v1?key=1".into()),
            ("api_key", "two\nlines".into()),
            ("model", " ".into()),
            ("max_pixels", 5.into()),
            ("max_tokens", 0.into()),
            ("answer_seconds", 0.into()),
        ];
        for (field, value) in cases {
            assert_eq!(wrong_field(field, value), field);
        }
    }

    #[test]
    fn names_are_unique_and_unknown_fields_refused() {
        let one: ProviderConfig = serde_json::from_value(config()).unwrap();
        assert_eq!(check_all(&[one.clone(), one]).unwrap_err().field, "name");
        let mut more = config();
        more["visoin"] = true.into();
        assert!(serde_json::from_value::<ProviderConfig>(more).is_err());
    }

    #[test]
    fn the_key_never_prints() {
        let mut keyed = config();
        keyed["api_key"] = "sk-very-secret".into();
        let keyed: ProviderConfig = serde_json::from_value(keyed).unwrap();
        assert!(!format!("{keyed:?}").contains("very-secret"));
    }
}
