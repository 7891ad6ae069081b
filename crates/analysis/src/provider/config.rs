//! How a model server is configured: the fields, their defaults and their rules, for every program that reads them.

use std::path::PathBuf;
use std::time::Duration;

use protocol::Secret;
use protocol::analysis::MAX_IMAGE_PIXELS;
use protocol::text::is_invisible;
use serde::{Deserialize, Deserializer};

use super::timeouts::Timeouts;

/// The name by which modes and answers refer to the built-in reader. No model server can have it.
pub const READER: &str = "reader";

/// How many servers a provider can have beside the first.
const MAX_MORE_URLS: usize = 15;
/// In tokens. With a model of 7 billion parameters the memory for it is about 1 GB.
const DEFAULT_OLLAMA_CONTEXT: u32 = 16_384;
/// In tokens.
const DEFAULT_ANSWER_ROOM: u32 = 2_048;

/// The protocol that a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Ollama's own API.
    Ollama,
    /// OpenAI's chat completions, which llama.cpp, vLLM and many others speak too.
    OpenAi,
}

/// One model server with its model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// How modes refer to it and what users read: 1 to 60 characters. Unique, and not [`READER`].
    pub name: String,
    pub kind: ProviderKind,
    /// `http://localhost:11434` for Ollama; with the version for OpenAI-compatible servers: `https://host/v1`. Kept
    /// without a trailing slash.
    #[serde(deserialize_with = "without_trailing_slash")]
    pub base_url: String,
    /// Further servers with the same models, the same kind and the same key. The least busy one is asked, and another when
    /// it fails.
    #[serde(default, deserialize_with = "all_without_trailing_slash")]
    pub more_urls: Vec<String>,
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// A file with the key. Whoever reads the configuration replaces it by the key: relative paths are theirs to
    /// resolve.
    #[serde(default)]
    pub api_key_file: Option<PathBuf>,
    /// The model that is asked unless a mode names another.
    pub model: String,
    /// Whether the model sees pictures. If not, it gets the text that the built-in reader found.
    #[serde(default)]
    pub vision: bool,
    /// Larger pictures are scaled down to so many pixels before they are sent.
    #[serde(default = "default_max_pixels")]
    pub max_pixels: u64,
    /// How much of the screen's text is sent to a model that does not see pictures, in characters.
    #[serde(default = "default_max_text_chars")]
    pub max_text_chars: usize,
    /// The model's context, in tokens, prompt and answer together: the screen's text is shortened to fit. When absent, 16,384 for
    /// Ollama, which is asked for as much of it as is needed; for the others the server decides.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// The longest answer, in tokens; the server decides when absent.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// How long a server that says it is loading the model, or busy, is asked again.
    #[serde(default = "default_load_timeout_seconds")]
    pub load_timeout_seconds: u64,
    /// How long the first piece of an answer may take: a server may have to load the model first, and not all say so.
    #[serde(default = "default_first_token_timeout_seconds")]
    pub first_token_timeout_seconds: u64,
    /// How long the server may then be silent between two pieces.
    #[serde(default = "default_idle_timeout_seconds")]
    pub idle_timeout_seconds: u64,
    /// How long the whole answer may take.
    #[serde(default = "default_answer_timeout_seconds")]
    pub answer_timeout_seconds: u64,
}

fn default_max_pixels() -> u64 {
    2_000_000
}

fn default_max_text_chars() -> usize {
    12_000
}

/// A model of 40 GB takes so long from a slow disk.
fn default_load_timeout_seconds() -> u64 {
    180
}

fn default_first_token_timeout_seconds() -> u64 {
    180
}

fn default_idle_timeout_seconds() -> u64 {
    30
}

fn default_answer_timeout_seconds() -> u64 {
    300
}

fn without_trailing_slash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim_end_matches('/').to_owned())
}

fn all_without_trailing_slash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let urls = Vec::<String>::deserialize(deserializer)?;
    Ok(urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect())
}

/// A field whose value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct FieldError {
    pub field: &'static str,
    pub expected: &'static str,
}

impl ProviderConfig {
    /// With the default of everything else.
    pub fn new(name: String, kind: ProviderKind, base_url: String, model: String) -> Self {
        Self {
            name,
            kind,
            base_url,
            more_urls: Vec::new(),
            api_key: None,
            api_key_file: None,
            model,
            vision: false,
            max_pixels: default_max_pixels(),
            max_text_chars: default_max_text_chars(),
            context_tokens: None,
            max_tokens: None,
            load_timeout_seconds: default_load_timeout_seconds(),
            first_token_timeout_seconds: default_first_token_timeout_seconds(),
            idle_timeout_seconds: default_idle_timeout_seconds(),
            answer_timeout_seconds: default_answer_timeout_seconds(),
        }
    }

    /// Checks the fields, each for itself.
    ///
    /// # Errors
    /// Every field that cannot be used, with what was expected of it.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut check = |valid: bool, field, expected| {
            if !valid {
                errors.push(FieldError { field, expected });
            }
        };
        check(is_name(&self.name), "name", "1 to 60 visible characters, without blanks at either end");
        let reserved = same_name(&self.name, READER);
        check(!reserved, "name", "another name: “reader” is the built-in reader");
        if let Some(expected) = base_url_error(&self.base_url) {
            check(false, "base_url", expected);
        }
        check(self.more_urls.len() <= MAX_MORE_URLS, "more_urls", "at most 15 addresses");
        for url in &self.more_urls {
            if let Some(expected) = base_url_error(url) {
                check(false, "more_urls", expected);
            }
        }
        let sendable = self.api_key.as_ref().is_none_or(|key| is_header_value(key.expose()));
        check(sendable, "api_key", "visible ASCII characters, or no key at all");
        check(self.api_key_file.is_none(), "api_key_file", "the key itself: the file was not read");
        check(!self.model.trim().is_empty(), "model", "the model's name at this server");
        let pixels = (10_000..=MAX_IMAGE_PIXELS).contains(&self.max_pixels);
        check(pixels, "max_pixels", "a number from 10,000 to 64,000,000");
        let chars = (200..=1_000_000).contains(&self.max_text_chars);
        check(chars, "max_text_chars", "a number from 200 to 1,000,000");
        let context = self.context_tokens.is_none_or(|tokens| (1_024..=1_048_576).contains(&tokens));
        check(context, "context_tokens", "a number from 1,024 to 1,048,576");
        check(self.max_tokens != Some(0), "max_tokens", "at least 1, or no limit at all");
        for (field, value) in [
            ("load_timeout_seconds", self.load_timeout_seconds),
            ("first_token_timeout_seconds", self.first_token_timeout_seconds),
            ("idle_timeout_seconds", self.idle_timeout_seconds),
            ("answer_timeout_seconds", self.answer_timeout_seconds),
        ] {
            check((1..=3_600).contains(&value), field, "a number from 1 to 3,600");
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        Timeouts::new(
            Duration::from_secs(self.first_token_timeout_seconds),
            Duration::from_secs(self.idle_timeout_seconds),
            Duration::from_secs(self.answer_timeout_seconds),
            Duration::from_secs(self.load_timeout_seconds),
        )
    }

    /// The context that this configuration allows, in tokens.
    pub fn context_limit(&self) -> Option<u32> {
        let default = (self.kind == ProviderKind::Ollama).then_some(DEFAULT_OLLAMA_CONTEXT);
        self.context_tokens.or(default)
    }

    /// The tokens that are left free for the answer.
    pub fn answer_room(&self) -> usize {
        let wanted = self.max_tokens.unwrap_or(DEFAULT_ANSWER_ROOM);
        // Not so many that no prompt fits.
        self.context_limit().map_or(wanted, |context| wanted.min(context / 2)) as usize
    }

    /// A configuration for each of the servers.
    pub(super) fn of_each_server(&self) -> Vec<Self> {
        let urls = std::iter::once(&self.base_url).chain(&self.more_urls);
        let one = |url: &String| Self { base_url: url.clone(), more_urls: Vec::new(), ..self.clone() };
        urls.map(one).collect()
    }

    /// The address of `path` below the base.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url)
    }
}

/// Checks each configuration, and that no name occurs twice.
///
/// # Errors
/// Every field that cannot be used, with the index of its configuration.
pub fn validate_all(configs: &[ProviderConfig]) -> Result<(), Vec<(usize, FieldError)>> {
    let mut errors = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        errors.extend(config.validate().err().into_iter().flatten().map(|error| (index, error)));
        if configs.iter().take(index).any(|earlier| same_name(&earlier.name, &config.name)) {
            let expected = "a name that no other provider has";
            errors.push((index, FieldError { field: "name", expected }));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// What a mode can name: the model servers, and last the built-in reader.
pub fn selectable_names<'a>(configs: impl IntoIterator<Item = &'a ProviderConfig>) -> Vec<String> {
    configs.into_iter().map(|config| config.name.clone()).chain([READER.to_owned()]).collect()
}

fn is_name(name: &str) -> bool {
    (1..=60).contains(&name.chars().count()) && name.trim() == name && !name.contains(is_invisible)
}

/// People do not tell names apart by case alone.
fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// What was expected, when the address cannot be used.
fn base_url_error(url: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(url) else {
        return Some("an address such as http://localhost:11434");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        Some("an http or https address, such as http://localhost:11434")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("an address without a user or password: use api_key")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("an address without ? and #")
    } else {
        None
    }
}

fn is_header_value(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> serde_json::Value {
        serde_json::json!({"name": "local", "kind": "openai", "base_url": "http://localhost:1/v1", "model": "m"})
    }

    fn with(field: &str, value: serde_json::Value) -> ProviderConfig {
        let mut config = config();
        config[field] = value;
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn an_error_names_the_field() {
        assert!(serde_json::from_value::<ProviderConfig>(config()).unwrap().validate().is_ok());
        let cases: [(&str, serde_json::Value); 24] = [
            ("name", "".into()),
            ("name", " padded ".into()),
            ("name", "two\nlines".into()),
            ("name", "zero\u{200B}width".into()),
            ("name", "x".repeat(61).into()),
            ("name", "reader".into()),
            ("name", "Reader".into()),
            ("base_url", "localhost".into()),
            ("base_url", "file:///etc/passwd".into()),
            ("base_url", "http://user:pw@host/v1".into()),
            ("base_url", "http://host/v1?key=1".into()),
            ("more_urls", serde_json::json!(["http://localhost:2/v1", "ftp://host"])),
            ("more_urls", vec!["http://localhost:2/v1"; 16].into()),
            ("api_key", "two\nlines".into()),
            ("api_key_file", "key".into()),
            ("model", " ".into()),
            ("max_pixels", 5.into()),
            ("max_text_chars", 5.into()),
            ("context_tokens", 1_023.into()),
            ("context_tokens", 1_048_577.into()),
            ("max_tokens", 0.into()),
            ("load_timeout_seconds", 3_601.into()),
            ("idle_timeout_seconds", 3_601.into()),
            ("answer_timeout_seconds", 0.into()),
        ];
        for (field, value) in cases {
            let errors = with(field, value).validate().unwrap_err();
            assert_eq!(errors.iter().map(|error| error.field).collect::<Vec<_>>(), [field]);
        }
    }

    #[test]
    fn names_are_what_people_write() {
        for name in ["local", "Local LLM", "Ollama (Büro)", "qwen2.5-vl:7b", "模型", &"ü".repeat(60)] {
            assert_eq!(with("name", name.into()).validate(), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_unknown_fields_refused() {
        let one: ProviderConfig = serde_json::from_value(config()).unwrap();
        let other = with("name", "Local".into());
        let errors = validate_all(&[one.clone(), with("name", "local 2".into()), other]).unwrap_err();
        assert_eq!(
            errors.iter().map(|(index, error)| (*index, error.field)).collect::<Vec<_>>(),
            [(2, "name")]
        );
        assert_eq!(selectable_names([&one]), ["local", "reader"]);
        let mut more = config();
        more["visoin"] = true.into();
        assert!(serde_json::from_value::<ProviderConfig>(more).is_err());
    }

    #[test]
    fn addresses_are_joined_with_one_slash() {
        assert_eq!(with("base_url", "http://h/v1/".into()).url("chat"), "http://h/v1/chat");
        assert_eq!(with("base_url", "http://h".into()).url("api/chat"), "http://h/api/chat");
    }

    #[test]
    fn the_key_never_prints() {
        assert!(!format!("{:?}", with("api_key", "sk-very-secret".into())).contains("very-secret"));
    }
}
