//! What may be saved, and what may be deleted.

use ::analysis::provider::is_refused_url;
use domain::id::ProviderId;
use domain::provider::StoredProvider;
use protocol::provider::{KeyChange, ProviderDraft};
use protocol::workflow::Document;
use protocol::{Problem, ServiceError};
use store::Tx;

use super::{config_of, with_field};
use crate::config::Config;

/// In characters; no server is known to have longer ones.
const MAX_KEY: usize = 2_000;
/// An address, in bytes.
const MAX_URL: usize = 500;

/// Checks the fields, each for itself.
pub(super) fn draft(draft: &ProviderDraft, key: &KeyChange, config: &Config) -> Result<(), Problem> {
    let Ok(id) = "draft".parse::<ProviderId>() else { return Err(Problem::internal()) };
    let mut candidate = config_of(&stored(id, draft.clone(), None, 0));
    if let KeyChange::Replace(key) = key {
        candidate.api_key = Some(key.clone());
    }
    let mut problem = Problem::invalid_input();
    for error in candidate.validate().err().unwrap_or_default() {
        problem = with_field(problem, error);
    }
    if matches!(key, KeyChange::Replace(key) if key.expose().len() > MAX_KEY) {
        problem = problem.field("api_key", "Use at most 2,000 characters.");
    }
    if draft.model.chars().count() > 120 {
        problem = problem.field("model", "Use at most 120 characters.");
    }
    for (field, url) in addresses(draft) {
        if url.len() > MAX_URL {
            problem = problem.field(field, "Use at most 500 characters.");
        }
        if is_refused_url(url) && !config.models.link_local_addresses {
            problem = problem.field(
                field,
                "Link-local and metadata addresses are not allowed (models.link_local_addresses in the configuration).",
            );
        }
    }
    let name = draft.name.to_lowercase();
    if config.providers.iter().any(|configured| configured.name.to_lowercase() == name) {
        problem = problem.field("name", "A provider of the configuration has this name.");
    }
    if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
}

fn addresses(draft: &ProviderDraft) -> impl Iterator<Item = (&'static str, &String)> {
    let more = draft.more_urls.iter().map(|url| ("more_urls", url));
    std::iter::once(("base_url", &draft.base_url)).chain(more)
}

/// A key that nobody can read must not be sent to another address by whoever may enter one.
pub(super) fn key_stays_where_it_was(before: &StoredProvider, draft: &ProviderDraft) -> Result<(), Problem> {
    let known = |url: &String| *url == before.base_url || before.more_urls.contains(url);
    if addresses(draft).all(|(_, url)| known(url)) {
        return Ok(());
    }
    let message = "An address has changed: enter the key again, or remove it.";
    Err(Problem::invalid_input().field("api_key", message))
}

pub(super) fn stored(
    id: ProviderId,
    draft: ProviderDraft,
    api_key_sealed: Option<Vec<u8>>,
    now: i64,
) -> StoredProvider {
    StoredProvider {
        id,
        name: draft.name,
        kind: draft.kind,
        base_url: draft.base_url,
        more_urls: draft.more_urls,
        api_key_sealed,
        model: draft.model,
        vision: draft.vision,
        context_tokens: draft.context_tokens,
        max_tokens: draft.max_tokens,
        version: draft.version.saturating_add(1),
        saved_at: now,
    }
}

/// 409 that names the mode or the workflow which names this provider.
pub(super) async fn unused(tx: &mut Tx, name: &str) -> Result<(), ServiceError> {
    let modes = tx.modes().list().await?;
    if let Some(mode) = modes.iter().find(|mode| mode.provider == name) {
        let message = format!("The mode “{}” uses this provider. Choose another one there first.", mode.name);
        return Err(Problem::conflict(message).into());
    }
    for workflow in tx.workflows().list().await? {
        let Ok(document) = Document::parse(&workflow.document) else { continue };
        let names_it = |config: &serde_json::Value| {
            config.get("provider").and_then(serde_json::Value::as_str) == Some(name)
        };
        if document.nodes.iter().any(|node| names_it(&node.config)) {
            let message = format!(
                "The workflow “{}” uses this provider. Choose another one there first.",
                workflow.name
            );
            return Err(Problem::conflict(message).into());
        }
    }
    Ok(())
}

/// The same reason, when it is the name that cannot change.
pub(super) fn about_the_name(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Problem(problem) => Problem::invalid_input().field("name", problem.detail).into(),
        other => other,
    }
}
