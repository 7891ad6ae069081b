//! Modes: the personas that administrators design and desktop users choose.

use std::sync::Arc;

use app::services::ModeService;
use app::visit::Administrator;
use async_trait::async_trait;
use protocol::Problem;
use protocol::mode::{Mode, ModeSummary};

use crate::environment::Environment;
use crate::failure::Refusal;
use crate::store::StoreError;

#[derive(Debug, Clone)]
pub struct Modes {
    env: Arc<Environment>,
}

impl Modes {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env }
    }

    /// Makes the first modes on a new server.
    pub async fn seed(&self) -> Result<(), Refusal> {
        let mut tx = self.env.store.begin().await?;
        if tx.count_modes().await? == 0 {
            for (position, (name, description, prompt, temperature)) in (1_i64..).zip(FIRST_MODES) {
                let mode = Mode {
                    id: self.env.new_id(),
                    name: name.to_owned(),
                    description: description.to_owned(),
                    prompt: prompt.to_owned(),
                    provider: String::new(),
                    model: String::new(),
                    temperature,
                    enabled: true,
                    position,
                    version: 1,
                };
                tx.insert_mode(&mode).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// The modes that a desktop user chooses from, in the administrator's order.
    pub async fn enabled(&self) -> Result<Vec<ModeSummary>, Refusal> {
        let modes = self.env.store.read().await?.modes().await?;
        let summary = |m: Mode| ModeSummary { id: m.id, name: m.name, description: m.description };
        Ok(modes.into_iter().filter(|m| m.enabled).map(summary).collect())
    }

    /// The mode that a question names, or the first enabled one.
    pub async fn choose(&self, id: Option<&str>) -> Result<Mode, Refusal> {
        let mut tx = self.env.store.read().await?;
        let mode = match id {
            Some(id) => tx.mode(id).await?.filter(|m| m.enabled),
            None => tx.modes().await?.into_iter().find(|m| m.enabled),
        };
        let wrong = || {
            Problem::invalid_input().field("mode", "Choose one of the modes that GET /native/modes lists.")
        };
        Ok(mode.ok_or_else(wrong)?)
    }

    async fn save_mode(&self, admin: &Administrator, mode: Mode) -> Result<Mode, Refusal> {
        mode.check()?;
        if !mode.provider.is_empty() && !self.env.config.providers.iter().any(|p| p.name == mode.provider) {
            return Err(Problem::invalid_input()
                .field("provider", "Choose one of the configured providers.")
                .into());
        }
        let now = self.env.now();
        let is_new = mode.id.is_empty();
        let mode = if is_new { Mode { id: self.env.new_id(), version: 1, ..mode } } else { mode };
        let mut tx = self.env.store.begin().await?;
        let saved =
            if is_new { tx.insert_mode(&mode).await.map(|()| true) } else { tx.update_mode(&mode).await };
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
        let action = if is_new { "mode.created" } else { "mode.changed" };
        tx.audit(now, &admin.account_id, action, &mode.id, &mode.name).await?;
        let stored = tx.mode(&mode.id).await?.ok_or_else(Problem::not_found)?;
        tx.commit().await?;
        Ok(stored)
    }

    async fn all(&self) -> Result<Vec<Mode>, Refusal> {
        Ok(self.env.store.read().await?.modes().await?)
    }
}

#[async_trait]
impl ModeService for Modes {
    async fn list(&self, _: &Administrator) -> Result<Vec<Mode>, Problem> {
        Ok(self.all().await?)
    }

    async fn save(&self, admin: &Administrator, mode: Mode) -> Result<Mode, Problem> {
        Ok(self.save_mode(admin, mode).await?)
    }

    async fn providers(&self, _: &Administrator) -> Result<Vec<String>, Problem> {
        Ok(self.env.config.providers.iter().map(|p| p.name.clone()).collect())
    }
}

/// Name, description, prompt, temperature.
const FIRST_MODES: [(&str, &str, &str, f64); 3] = [
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
