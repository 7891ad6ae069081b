//! Modes: AI personas that administrators define and desktop users choose.

use std::sync::Arc;

use analysis::provider::ProviderSet;
use app::request_context::Administrator;
use app::services::ModeService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::{AccountId, GroupId, ModeId};
use protocol::mode::{Mode, ModeSummary};
use protocol::{Problem, ServiceError};
use store::StoreError;

use crate::environment::Environment;
use crate::policy::Policies;
use crate::read_cache::ReadCache;

#[derive(Debug, Clone)]
pub struct Modes {
    env: Arc<Environment>,
    policies: Policies,
    providers: ProviderSet,
    /// All modes, in the administrator's order.
    all: Arc<ReadCache<(), Arc<Vec<Mode>>>>,
}

impl Modes {
    pub fn new(env: Arc<Environment>, policies: Policies, providers: ProviderSet) -> Self {
        Self { env, policies, providers, all: Arc::new(ReadCache::new(1)) }
    }

    async fn all(&self) -> Result<Arc<Vec<Mode>>, ServiceError> {
        let store = &self.env.store;
        let read = async { Ok::<_, StoreError>(Some(Arc::new(store.read().await?.modes().list().await?))) };
        Ok(self.all.get(store, (), read).await?.unwrap_or_default())
    }

    /// Creates the default modes on a new server.
    pub async fn seed(&self) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin().await?;
        if tx.modes().count().await? == 0 {
            for (position, (name, description, prompt, temperature)) in (1_i64..).zip(DEFAULT_MODES) {
                let mode = Mode {
                    id: self.env.new_id::<ModeId>().into_string(),
                    name: name.to_owned(),
                    description: description.to_owned(),
                    prompt: prompt.to_owned(),
                    provider: String::new(),
                    model: String::new(),
                    workflow: String::new(),
                    temperature,
                    enabled: true,
                    edits_allowed: false,
                    groups: Vec::new(),
                    position,
                    version: 1,
                };
                tx.modes().insert(&mode).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// The modes that a desktop user chooses from, in the administrator's order.
    #[tracing::instrument(skip_all, level = "debug", name = "mode.enabled", fields(account_id = %account_id))]
    pub async fn enabled(&self, account_id: &AccountId) -> Result<Vec<ModeSummary>, ServiceError> {
        let (all, policy) = (self.all().await?, self.policies.of(account_id).await?);
        let groups = self.groups_for(&all, account_id).await?;
        let summary = |m: &Mode| ModeSummary {
            id: m.id.clone(),
            name: m.name.clone(),
            description: m.description.clone(),
            edits_allowed: m.edits_allowed && policy.edits_allowed,
        };
        Ok(all.iter().filter(|m| m.enabled && m.is_for(&groups)).map(summary).collect())
    }

    /// The groups of an account, read only if a mode is limited to any.
    async fn groups_for(&self, modes: &[Mode], account_id: &AccountId) -> Result<Vec<GroupId>, ServiceError> {
        if modes.iter().all(|mode| mode.groups.is_empty()) {
            return Ok(Vec::new());
        }
        let groups = self.env.store.read().await?.groups().of_account(account_id).await?;
        Ok(groups.into_iter().map(|group| group.id).collect())
    }

    /// The enabled mode with this id, or the first enabled one by default: of those that the account may choose, or of all for
    /// an administrator's trial.
    pub async fn choose(
        &self,
        id: Option<&str>,
        account_id: Option<&AccountId>,
    ) -> Result<Mode, ServiceError> {
        let mut tx = self.env.store.read().await?;
        let mut modes = match id {
            Some(id) => tx.modes().find(id).await?.into_iter().collect(),
            None => tx.modes().list().await?,
        };
        drop(tx);
        modes.retain(|mode| mode.enabled);
        if let Some(account_id) = account_id {
            let groups = self.groups_for(&modes, account_id).await?;
            modes.retain(|mode| mode.is_for(&groups));
        }
        let mode = modes.into_iter().next();
        let wrong = || {
            Problem::invalid_input().field("mode", "Choose one of the modes that GET /native/modes lists.")
        };
        Ok(mode.ok_or_else(wrong)?)
    }

    /// What a mode can name besides the default.
    fn provider_names(&self) -> Vec<String> {
        self.providers.names()
    }
}

#[async_trait]
impl ModeService for Modes {
    #[tracing::instrument(skip_all, level = "debug", name = "mode.list")]
    async fn list(&self, _: &Administrator) -> Result<Vec<Mode>, ServiceError> {
        Ok(self.env.store.read().await?.modes().list().await?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "mode.save",
        fields(account_id = %admin.account_id, mode_id = mode.id)
    )]
    async fn save(&self, admin: &Administrator, mode: Mode) -> Result<Mode, ServiceError> {
        mode.check().map_err(Problem::from)?;
        if !mode.provider.is_empty() && !self.provider_names().contains(&mode.provider) {
            return Err(Problem::invalid_input()
                .field("provider", "Choose one of the configured providers.")
                .into());
        }
        let now = self.env.now();
        let is_new = mode.id.is_empty();
        let mode = if is_new {
            Mode { id: self.env.new_id::<ModeId>().into_string(), version: 1, ..mode }
        } else {
            mode
        };
        let mut tx = self.env.store.begin().await?;
        if !mode.workflow.is_empty() && tx.workflows().find(&mode.workflow).await?.is_none() {
            return Err(Problem::invalid_input()
                .field("workflow", "Choose one of the workflows in the list.")
                .into());
        }
        if !mode.groups.is_empty() {
            let groups = tx.groups().list().await?;
            if mode.groups.iter().any(|id| !groups.iter().any(|group| group.id == *id)) {
                return Err(Problem::invalid_input().field("groups", "Choose groups of the list.").into());
            }
        }
        let saved = if is_new {
            tx.modes().insert(&mode).await.map(|()| true)
        } else {
            tx.modes().update(&mode).await
        };
        match saved {
            Ok(true) => {}
            Ok(false) => {
                return Err(Problem::conflict("Somebody else has changed this mode. Reload it.").into());
            }
            Err(StoreError::Duplicate) => {
                return Err(Problem::invalid_input().field("name", "Another mode has this name.").into());
            }
            Err(error) => return Err(error.into()),
        }
        let action = if is_new { Action::ModeCreated } else { Action::ModeChanged };
        tx.audit_log().append(now, &admin.account_id, action, &mode.id, &mode.name).await?;
        let stored = tx.modes().find(&mode.id).await?.ok_or_else(Problem::not_found)?;
        tx.commit().await?;
        Ok(stored)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "mode.providers")]
    async fn providers(&self, _: &Administrator) -> Result<Vec<String>, ServiceError> {
        Ok(self.provider_names())
    }
}

/// Name, description, prompt, temperature.
const DEFAULT_MODES: [(&str, &str, &str, f64); 3] = [
    (
        "General",
        "Answers questions about what is on the screen.",
        "You help a person at their desktop. You see a picture of their screen. Answer their question about it in plain, \
         short sentences. Say so when the screen does not show what is asked.",
        0.4,
    ),
    (
        "Reflective Coach",
        "Asks back, and helps to think a matter through.",
        "You are a calm coach. Use what the screen shows to understand what the person works on. Mirror it in one \
         sentence, then ask one or two questions that help them to decide for themselves. Give advice only when asked.",
        0.7,
    ),
    (
        "Coding Assistant",
        "Explains errors and proposes changes to code.",
        "You are an experienced software engineer. Read the code, the error or the log on the screen exactly. Name the \
         cause, then the smallest change that mends it, as a code block. Say which file and line you mean.",
        0.2,
    ),
];
