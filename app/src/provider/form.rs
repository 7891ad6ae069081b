//! A provider as the editor's form posts it.

#[cfg(feature = "ssr")]
use protocol::Problem;
#[cfg(feature = "ssr")]
use protocol::provider::{KeyChange, ProviderDraft, ProviderKind};
use serde::{Deserialize, Serialize};

/// Every field as text.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ProviderForm {
    /// Empty for a new one.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub base_url: String,
    /// One address a line.
    #[serde(default)]
    pub more_urls: String,
    /// Empty: the stored one stays.
    #[serde(default)]
    pub api_key: String,
    /// Browsers do not send a checkbox that is not checked.
    #[serde(default)]
    pub remove_key: String,
    #[serde(default)]
    pub model: String,
    #[serde(default)]
    pub vision: String,
    #[serde(default)]
    pub context_tokens: String,
    #[serde(default)]
    pub max_tokens: String,
}

impl std::fmt::Debug for ProviderForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderForm").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(feature = "ssr")]
impl ProviderForm {
    /// The provider, or a problem that names every field that is no number or no choice. The service checks the rest.
    pub fn check(self) -> Result<(ProviderDraft, KeyChange), Problem> {
        let (context_tokens, max_tokens) = (number(&self.context_tokens), number(&self.max_tokens));
        let kind = self.kind.parse::<ProviderKind>();
        let mut problem = Problem::invalid_input();
        if let Err(error) = &kind {
            problem = problem.field("kind", error.to_string());
        }
        for (field, value) in [("context_tokens", &context_tokens), ("max_tokens", &max_tokens)] {
            if value.is_err() {
                problem = problem.field(field, "Enter a whole number, or nothing.");
            }
        }
        let (Ok(kind), Ok(context_tokens), Ok(max_tokens)) = (kind, context_tokens, max_tokens) else {
            return Err(problem);
        };
        let key = match self.api_key.trim() {
            "" if self.remove_key == "true" => KeyChange::Remove,
            "" => KeyChange::Keep,
            key => KeyChange::Replace(key.into()),
        };
        let address = |text: &str| text.trim().trim_end_matches('/').to_owned();
        let draft = ProviderDraft {
            id: self.id,
            name: self.name.trim().to_owned(),
            kind,
            base_url: address(&self.base_url),
            more_urls: self.more_urls.lines().map(address).filter(|url| !url.is_empty()).collect(),
            model: self.model.trim().to_owned(),
            vision: self.vision == "true",
            context_tokens,
            max_tokens,
            has_key: false,
            version: self.version.parse().unwrap_or_default(),
        };
        Ok((draft, key))
    }
}

/// A number that may be left out, and may have separators.
#[cfg(feature = "ssr")]
fn number(text: &str) -> Result<Option<u32>, std::num::ParseIntError> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && !",.'’".contains(*c)).collect();
    if digits.is_empty() { Ok(None) } else { digits.parse().map(Some) }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn form() -> ProviderForm {
        ProviderForm {
            name: " Local ".into(),
            kind: "openai".into(),
            base_url: " http://localhost:8000/v1/ ".into(),
            more_urls: "http://b/v1/\r\n\r\n http://c/v1".into(),
            model: "m".into(),
            context_tokens: "16,384".into(),
            version: "3".into(),
            ..ProviderForm::default()
        }
    }

    #[test]
    fn a_form_becomes_a_provider() {
        let (draft, key) = form().check().unwrap();
        assert_eq!((draft.name.as_str(), draft.base_url.as_str()), ("Local", "http://localhost:8000/v1"));
        assert_eq!(draft.more_urls, ["http://b/v1", "http://c/v1"]);
        assert_eq!(
            (draft.kind, draft.context_tokens, draft.max_tokens),
            (ProviderKind::OpenAi, Some(16_384), None)
        );
        assert_eq!(draft.version, 3);
        assert!(matches!(key, KeyChange::Keep));
        let with = |api_key: &str, remove_key: &str| ProviderForm {
            api_key: api_key.into(),
            remove_key: remove_key.into(),
            ..form()
        };
        assert!(matches!(with("", "true").check().unwrap().1, KeyChange::Remove));
        let replaced = with(" sk-1 ", "true").check().unwrap().1;
        assert!(matches!(replaced, KeyChange::Replace(key) if key.expose() == "sk-1"));
        assert!(!format!("{:?}", with("sk-secret", "")).contains("sk-secret"));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = ProviderForm {
            kind: "x".into(),
            context_tokens: "many".into(),
            max_tokens: "-1".into(),
            ..form()
        };
        let problem = wrong.check().unwrap_err();
        for field in ["kind", "context_tokens", "max_tokens"] {
            assert!(problem.error_of(field).is_some(), "{field}");
        }
    }
}
