//! Model servers: those of the configuration, and those that administrators enter in the panel.
//!
//! Always holds: a stored key is encrypted, goes to the addresses that it was entered for and nowhere else, and is never shown
//! again; a change is in force at once on the server that made it, and on the others within [`WATCH_INTERVAL`].

mod check;
mod health;
mod rows;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use ::analysis::provider::{self, FieldError, Provider, ProviderConfig, ProviderKind, ProviderSet};
use app::request_context::Administrator;
use app::services::ProviderService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::ProviderId;
use domain::provider::{MAX_PROVIDERS, StoredProvider};
use protocol::provider::{
    KeyChange, ProviderDraft, ProviderEditor, ProviderModels, ProviderRow, ProviderTest,
};
use protocol::{Problem, Secret, ServiceError};
use store::{StoreError, Tx};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use web::{RateLimiter, Rule};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::job;
use crate::people::authorise;
use health::Health;
use rows::Probe;

/// Of each administrator.
const TESTS_PER_MINUTE: u32 = 20;
/// How soon what another server has changed is in force here.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// How often the servers are asked whether they are there.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);
/// What the ids of the configuration's providers begin with. Stored ones have UUIDs.
const CONFIGURED: &str = "configured-";

/// All providers, and what is known of their servers.
#[derive(Debug, Clone)]
pub struct Providers {
    env: Arc<Environment>,
    /// Those in force: the configuration's, then the stored ones.
    set: ProviderSet,
    configured: Arc<[Arc<dyn Provider>]>,
    /// For providers that were entered in the panel.
    client: reqwest::Client,
    entered: Arc<Mutex<Vec<Entered>>>,
    health: Arc<Health>,
    limits: Arc<dyn RateLimiter>,
}

/// A stored provider.
#[derive(Debug, Clone)]
struct Entered {
    id: ProviderId,
    version: i64,
    /// `None`: it cannot be used, and is not in force. The panel shows it all the same.
    provider: Option<Arc<dyn Provider>>,
}

/// A provider in force, with its id.
#[derive(Debug, Clone)]
struct Known {
    id: String,
    configured: bool,
    provider: Arc<dyn Provider>,
}

impl Providers {
    pub async fn open(env: Arc<Environment>, limits: Arc<dyn RateLimiter>) -> Result<Self, ServiceError> {
        let no_client = |_| Failure::Other("no HTTP client for the model servers");
        let client = provider::http_client().map_err(no_client)?;
        let configs = env.config.providers.iter();
        let configured = configs
            .map(|config| provider::connect(config.clone(), client.clone()).map_err(Failure::Provider))
            .collect::<Result<Vec<_>, Failure>>()?;
        let allowed = env.config.models.link_local_addresses;
        let client =
            if allowed { Ok(client) } else { provider::checking_http_client() }.map_err(no_client)?;
        let providers = Self {
            set: ProviderSet::new(configured.clone()),
            configured: configured.into(),
            client,
            entered: Arc::default(),
            health: Arc::default(),
            limits,
            env,
        };
        providers.refresh().await?;
        Ok(providers)
    }

    pub fn set(&self) -> ProviderSet {
        self.set.clone()
    }

    /// What is stored is stored: if it cannot be read now, [`Self::watch`] tries again.
    async fn refresh_after_commit(&self) {
        if let Err(error) = self.refresh().await {
            error.log("taking over a changed model server");
        }
    }

    /// Takes over what is stored. One that has not changed stays, with what was learned of it.
    pub async fn refresh(&self) -> Result<(), ServiceError> {
        let mut entered = self.entered.lock().await;
        let stored = self.env.store.read().await?.providers().list().await?;
        let same =
            |(one, other): (&Entered, &StoredProvider)| one.id == other.id && one.version == other.version;
        if entered.len() == stored.len() && entered.iter().zip(&stored).all(same) {
            return Ok(());
        }
        let mut now = Vec::new();
        for stored in stored {
            let before = entered.iter().find(|one| same((one, &stored)));
            let one = before.cloned().unwrap_or_else(|| Entered {
                provider: self
                    .connect(&stored)
                    .inspect_err(|error| error.log("connecting a stored model server"))
                    .ok(),
                id: stored.id,
                version: stored.version,
            });
            now.push(one);
        }
        let usable = now.iter().filter_map(|one| one.provider.clone());
        let set = self.configured.iter().cloned().chain(usable);
        self.set.replace(set.collect());
        *entered = now;
        tracing::info!(stored = entered.len(), "the model servers have changed");
        Ok(())
    }

    fn connect(&self, stored: &StoredProvider) -> Result<Arc<dyn Provider>, ServiceError> {
        let mut config = config_of(stored);
        if let Some(sealed) = &stored.api_key_sealed {
            let opened = self.env.vault.open(&key_context(&stored.id), sealed).map_err(Failure::Vault)?;
            let text = String::from_utf8(opened.to_vec());
            config.api_key = Some(Secret::new(text.map_err(|_| Failure::Other("a stored key is no text"))?));
        }
        Ok(provider::connect(config, self.client.clone()).map_err(Failure::Provider)?)
    }

    /// Takes over what other servers store, until the shutdown.
    pub async fn watch(self, shutdown: CancellationToken) {
        job::every(WATCH_INTERVAL, &shutdown, "watching for model servers", || self.refresh()).await;
    }

    /// Asks all servers now and then whether they are there, until the shutdown.
    pub async fn probe(self, shutdown: CancellationToken) {
        job::every(PROBE_INTERVAL, &shutdown, "asking the model servers", || async {
            self.health.probe(&self.known().await, self.env.now()).await;
            Ok(())
        })
        .await;
    }

    async fn known(&self) -> Vec<Known> {
        let configured = self.configured.iter().enumerate().map(|(number, provider)| Known {
            id: format!("{CONFIGURED}{number}"),
            configured: true,
            provider: Arc::clone(provider),
        });
        let entered = self.entered.lock().await;
        let entered = entered.iter().filter_map(|one| {
            Some(Known { id: one.id.to_string(), configured: false, provider: one.provider.clone()? })
        });
        configured.chain(entered).collect()
    }

    async fn find(&self, id: &str) -> Result<Known, ServiceError> {
        let found = self.known().await.into_iter().find(|known| known.id == id);
        Ok(found.ok_or_else(Problem::not_found)?)
    }

    /// The key as it is stored after a save.
    fn key_after(
        &self,
        id: &ProviderId,
        before: Option<&StoredProvider>,
        draft: &ProviderDraft,
        change: &KeyChange,
    ) -> Result<Option<Vec<u8>>, ServiceError> {
        match change {
            KeyChange::Remove => Ok(None),
            KeyChange::Replace(key) => {
                let random = self.env.random.as_ref();
                let sealed = self.env.vault.seal(&key_context(id), key.expose().as_bytes(), random);
                Ok(Some(sealed.map_err(Failure::Vault)?))
            }
            KeyChange::Keep => {
                let Some(before) = before.filter(|before| before.api_key_sealed.is_some()) else {
                    return Ok(None);
                };
                check::key_stays_where_it_was(before, draft)?;
                Ok(before.api_key_sealed.clone())
            }
        }
    }
}

/// What the sealed key of a provider is bound to.
fn key_context(id: &ProviderId) -> String {
    format!("model_provider.api_key:{id}")
}

fn kind_of(kind: domain::provider::ProviderKind) -> ProviderKind {
    match kind {
        domain::provider::ProviderKind::Ollama => ProviderKind::Ollama,
        domain::provider::ProviderKind::OpenAi => ProviderKind::OpenAi,
    }
}

/// Without its key.
fn config_of(stored: &StoredProvider) -> ProviderConfig {
    ProviderConfig {
        more_urls: stored.more_urls.clone(),
        vision: stored.vision,
        context_tokens: stored.context_tokens,
        max_tokens: stored.max_tokens,
        ..ProviderConfig::new(
            stored.name.clone(),
            kind_of(stored.kind),
            stored.base_url.clone(),
            stored.model.clone(),
        )
    }
}

#[async_trait]
impl ProviderService for Providers {
    #[tracing::instrument(skip_all, level = "debug", name = "provider.list")]
    async fn list(&self, _: &Administrator, now: bool) -> Result<Vec<ProviderRow>, ServiceError> {
        self.rows(if now { Probe::All } else { Probe::Stale }).await
    }

    #[tracing::instrument(skip_all, level = "debug", name = "provider.models")]
    async fn models(&self, _: &Administrator) -> Result<Vec<ProviderModels>, ServiceError> {
        let rows = self.rows(Probe::None).await?.into_iter();
        Ok(rows
            .map(|row| ProviderModels {
                models: row.models.into_iter().map(|model| model.name).collect(),
                provider: row.name,
            })
            .collect())
    }

    #[tracing::instrument(skip_all, level = "debug", name = "provider.edit")]
    async fn edit(&self, _: &Administrator, id: &str) -> Result<ProviderEditor, ServiceError> {
        if id.is_empty() {
            return Ok(ProviderEditor { draft: ProviderDraft::default(), row: None });
        }
        let row = self.rows(Probe::Stale).await?.into_iter().find(|row| row.id == id);
        let draft = match self.env.store.read().await?.providers().find(id).await? {
            Some(stored) => rows::draft_of(stored),
            None => rows::draft_of_config(id, self.find(id).await?.provider.config()),
        };
        Ok(ProviderEditor { draft, row })
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "provider.save",
        fields(account_id = %admin.account_id, provider_id = draft.id)
    )]
    async fn save(
        &self,
        admin: &Administrator,
        draft: ProviderDraft,
        key: KeyChange,
    ) -> Result<String, ServiceError> {
        check::draft(&draft, &key, &self.env.config)?;
        let is_new = draft.id.is_empty();
        let id: ProviderId = match draft.id.parse() {
            Ok(id) => id,
            Err(_) if is_new => self.env.new_id(),
            Err(_) => return Err(Problem::not_found().into()),
        };
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        let before = tx.providers().find(id.as_str()).await?;
        if !is_new && before.is_none() {
            return Err(Problem::not_found().into());
        }
        if let Some(before) = before.as_ref().filter(|before| before.name != draft.name) {
            check::unused(&mut tx, &before.name).await.map_err(check::about_the_name)?;
        }
        let sealed = self.key_after(&id, before.as_ref(), &draft, &key)?;
        let stored = check::stored(id, draft, sealed, now);
        write(&mut tx, &stored, is_new).await?;
        let action = if is_new { Action::ProviderCreated } else { Action::ProviderChanged };
        let detail = format!("{}, {}", stored.name, stored.base_url);
        tx.audit_log().append(now, &admin.account_id, action, stored.id.as_str(), &detail).await?;
        tx.commit().await?;
        self.refresh_after_commit().await;
        Ok(stored.id.into_string())
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "provider.delete",
        fields(account_id = %admin.account_id, provider_id = id)
    )]
    async fn delete(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        let stored = tx.providers().find(id).await?.ok_or_else(Problem::not_found)?;
        check::unused(&mut tx, &stored.name).await?;
        if !tx.providers().delete(id).await? {
            return Err(
                Problem::conflict("A mode uses this provider. Choose another one there first.").into()
            );
        }
        tx.audit_log().append(now, &admin.account_id, Action::ProviderDeleted, id, &stored.name).await?;
        tx.commit().await?;
        self.refresh_after_commit().await;
        Ok(())
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "provider.test",
        fields(account_id = %admin.account_id, provider_id = id)
    )]
    async fn test(&self, admin: &Administrator, id: &str) -> Result<ProviderTest, ServiceError> {
        let rule = Rule::per_minute("provider-tests", TESTS_PER_MINUTE);
        self.limits.check_key(rule, admin.account_id.as_str()).await?;
        let known = self.find(id).await?;
        let name = known.provider.config().name.clone();
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        tx.audit_log().append(self.env.now(), &admin.account_id, Action::ProviderTested, id, &name).await?;
        tx.commit().await?;
        Ok(trial::ask(known.provider.as_ref()).await)
    }
}

async fn write(tx: &mut Tx, stored: &StoredProvider, is_new: bool) -> Result<(), ServiceError> {
    let saved = if is_new {
        if tx.providers().count().await? >= MAX_PROVIDERS {
            return Err(Problem::conflict("There are too many providers. Delete one first.").into());
        }
        tx.providers().insert(stored).await.map(|()| true)
    } else {
        tx.providers().update(stored).await
    };
    match saved {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::conflict("Somebody else has changed this provider. Reload it.").into()),
        Err(StoreError::Duplicate) => {
            Err(Problem::invalid_input().field("name", "Another provider has this name.").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// A field's error as a form shows it.
fn with_field(problem: Problem, error: FieldError) -> Problem {
    problem.field(error.field, format!("Enter {}.", error.expected))
}
