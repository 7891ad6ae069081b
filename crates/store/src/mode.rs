//! Modes.

use domain::mode::Mode;

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Modes, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    description: String,
    prompt: String,
    provider: String,
    model: String,
    workflow_id: String,
    temperature: f64,
    enabled: i64,
    edits_allowed: i64,
    position: i64,
    version: i64,
}

impl From<Row> for Mode {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            prompt: row.prompt,
            provider: row.provider,
            model: row.model,
            workflow: row.workflow_id,
            temperature: row.temperature,
            enabled: row.enabled != 0,
            edits_allowed: row.edits_allowed != 0,
            groups: Vec::new(),
            position: row.position,
            version: row.version,
        }
    }
}

const COLUMNS: &str = "id, name, description, prompt, provider, model, workflow_id, temperature, enabled, edits_allowed, position, version";

impl Modes<'_> {
    /// All modes, ordered by position and name.
    pub async fn list(&mut self) -> Result<Vec<Mode>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM mode ORDER BY position, name");
        let mut modes: Vec<Mode> = fetch_all!(self.0, Row, &sql)?.into_iter().map(Mode::from).collect();
        let sql = "SELECT mode_id, group_id FROM mode_group ORDER BY mode_id, group_id";
        let groups: Vec<(String, String)> = fetch_all!(self.0, (String, String), sql)?;
        for (mode_id, group_id) in groups {
            if let Some(mode) = modes.iter_mut().find(|mode| mode.id == mode_id) {
                mode.groups.push(parsed("mode_group", group_id)?);
            }
        }
        Ok(modes)
    }

    pub async fn find(&mut self, id: &str) -> Result<Option<Mode>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM mode WHERE id = $1");
        let Some(mut mode) = fetch_optional!(self.0, Row, &sql, id)?.map(Mode::from) else { return Ok(None) };
        let sql = "SELECT group_id FROM mode_group WHERE mode_id = $1 ORDER BY group_id";
        let groups: Vec<(String,)> = fetch_all!(self.0, (String,), sql, id)?;
        let groups = groups.into_iter().map(|(id,)| parsed("mode_group", id));
        mode.groups = groups.collect::<Result<_, _>>()?;
        Ok(Some(mode))
    }

    pub async fn count(&mut self) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM mode")?.unsigned_abs())
    }

    /// Stores a new mode with version 1.
    pub async fn insert(&mut self, mode: &Mode) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO mode (id, name, description, prompt, provider, model, temperature, enabled, position, workflow_id,
             edits_allowed, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)",
            &mode.id,
            &mode.name,
            &mode.description,
            &mode.prompt,
            &mode.provider,
            &mode.model,
            mode.temperature,
            i64::from(mode.enabled),
            mode.position,
            &mode.workflow,
            i64::from(mode.edits_allowed)
        )?;
        self.set_groups(mode).await
    }

    /// Saves a mode if its version is still the stored one (optimistic locking); otherwise `false`.
    pub async fn update(&mut self, mode: &Mode) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE mode SET name = $1, description = $2, prompt = $3, provider = $4, model = $5, temperature = $6,
             enabled = $7, position = $8, workflow_id = $9, edits_allowed = $10, version = version + 1
             WHERE id = $11 AND version = $12",
            &mode.name,
            &mode.description,
            &mode.prompt,
            &mode.provider,
            &mode.model,
            mode.temperature,
            i64::from(mode.enabled),
            mode.position,
            &mode.workflow,
            i64::from(mode.edits_allowed),
            &mode.id,
            mode.version
        )?;
        if changed == 1 {
            self.set_groups(mode).await?;
        }
        Ok(changed == 1)
    }

    async fn set_groups(&mut self, mode: &Mode) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM mode_group WHERE mode_id = $1", &mode.id)?;
        for group in &mode.groups {
            execute!(
                self.0,
                "INSERT INTO mode_group (mode_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                &mode.id,
                group.as_str()
            )?;
        }
        Ok(())
    }
}
