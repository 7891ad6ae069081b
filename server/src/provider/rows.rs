//! What the panel shows of a provider.

use ::analysis::provider::{ProviderConfig, ProviderKind};
use domain::provider::{ProviderKind as RowKind, StoredProvider};
use protocol::ServiceError;
use protocol::provider::{ModelRow, ModelState, ProviderDraft, ProviderRow, ServerRow};

use super::{Known, Providers};

/// Which servers are asked first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe {
    All,
    None,
    /// Those that were not asked lately.
    Stale,
}

impl Providers {
    pub(super) async fn rows(&self, probe: Probe) -> Result<Vec<ProviderRow>, ServiceError> {
        let known = self.known().await;
        match probe {
            Probe::All => self.health.probe(&known, self.env.now()).await,
            Probe::None => {}
            Probe::Stale => self.health.probe_stale(&known, self.env.now()).await,
        }
        let mut tx = self.env.store.read().await?;
        let (modes, failing) = (tx.modes().list().await?, tx.analyses().failing_providers().await?);
        let stored = tx.providers().list().await?.into_iter();
        let unusable = stored.filter(|stored| known.iter().all(|known| known.id != stored.id.as_str()));
        let usable = known.iter().map(|known| self.row(known));
        let mut rows: Vec<_> = usable.chain(unusable.map(unusable_row)).collect();
        for (number, row) in rows.iter_mut().enumerate() {
            row.is_default = number == 0 && !known.is_empty();
            let uses = |name: &str| name == row.name;
            row.modes =
                modes.iter().filter(|mode| uses(&mode.provider)).map(|mode| mode.name.clone()).collect();
            let failed = failing.iter().find(|(failure, _)| uses(&failure.provider));
            row.failure = row.failure.take().or_else(|| failed.map(|(failure, _)| failure.words.clone()));
        }
        Ok(rows)
    }

    fn row(&self, known: &Known) -> ProviderRow {
        let config = known.provider.config();
        let urls = std::iter::once(&config.base_url).chain(&config.more_urls);
        let (mut servers, mut models) = (Vec::new(), Vec::<ModelRow>::new());
        let mut is_known = false;
        for url in urls {
            let seen = self.health.of(&known.id, url);
            let health = seen.as_ref().map(|seen| seen.health.clone());
            is_known |= health.as_ref().is_some_and(|health| health.problem.is_none());
            for model in seen.into_iter().flat_map(|seen| seen.models) {
                if !models.iter().any(|listed| listed.name == model.name) {
                    models.push(model);
                }
            }
            servers.push(ServerRow { base_url: url.clone(), health });
        }
        // A server that lists nothing says nothing about what it lacks.
        if is_known && !models.is_empty() && !models.iter().any(|model| is_same(&model.name, &config.model)) {
            models.push(missing(&config.model));
        }
        models.sort_by(|one, other| one.name.cmp(&other.name));
        ProviderRow {
            id: known.id.clone(),
            name: config.name.clone(),
            kind: row_kind(config.kind),
            model: config.model.clone(),
            configured: known.configured,
            is_default: false,
            servers,
            models,
            modes: Vec::new(),
            failure: None,
        }
    }
}

/// One whose stored key does not open: it was sealed with another data key.
fn unusable_row(stored: StoredProvider) -> ProviderRow {
    let urls = std::iter::once(stored.base_url).chain(stored.more_urls);
    ProviderRow {
        id: stored.id.into_string(),
        name: stored.name,
        kind: stored.kind,
        model: stored.model,
        configured: false,
        is_default: false,
        servers: urls.map(|base_url| ServerRow { base_url, health: None }).collect(),
        models: Vec::new(),
        modes: Vec::new(),
        failure: Some("its stored key cannot be read; enter it again".to_owned()),
    }
}

/// Ollama takes a name without a tag for the one with `latest`.
fn is_same(listed: &str, wanted: &str) -> bool {
    listed == wanted || listed.strip_suffix(":latest") == Some(wanted)
}

fn missing(name: &str) -> ModelRow {
    ModelRow {
        name: name.to_owned(),
        vision: None,
        tools: None,
        reasoning: None,
        context_tokens: None,
        bytes: None,
        state: ModelState::Missing,
    }
}

fn row_kind(kind: ProviderKind) -> RowKind {
    match kind {
        ProviderKind::Ollama => RowKind::Ollama,
        ProviderKind::OpenAi => RowKind::OpenAi,
    }
}

pub(super) fn draft_of(stored: StoredProvider) -> ProviderDraft {
    ProviderDraft {
        id: stored.id.into_string(),
        name: stored.name,
        kind: stored.kind,
        base_url: stored.base_url,
        more_urls: stored.more_urls,
        model: stored.model,
        vision: stored.vision,
        context_tokens: stored.context_tokens,
        max_tokens: stored.max_tokens,
        has_key: stored.api_key_sealed.is_some(),
        version: stored.version,
    }
}

pub(super) fn draft_of_config(id: &str, config: &ProviderConfig) -> ProviderDraft {
    ProviderDraft {
        id: id.to_owned(),
        name: config.name.clone(),
        kind: row_kind(config.kind),
        base_url: config.base_url.clone(),
        more_urls: config.more_urls.clone(),
        model: config.model.clone(),
        vision: config.vision,
        context_tokens: config.context_tokens,
        max_tokens: config.max_tokens,
        has_key: config.api_key.is_some(),
        version: 0,
    }
}
