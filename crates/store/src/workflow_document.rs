//! Workflows that administrators make, and their versions.

use domain::id::WorkflowId;
use domain::workflow::StoredWorkflow;

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{StoreError, Workflows};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: WorkflowId,
    name: String,
    version: i64,
    document: String,
    saved_at: i64,
}

impl From<Row> for StoredWorkflow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            version: row.version,
            document: row.document,
            saved_at: row.saved_at,
        }
    }
}

const SELECT: &str = "SELECT workflow.id, workflow.name, workflow_version.version, document, saved_at
    FROM workflow JOIN workflow_version ON workflow_version.workflow_id = workflow.id";

impl Workflows<'_> {
    /// The newest version of each, by name.
    pub async fn list(&mut self) -> Result<Vec<StoredWorkflow>, StoreError> {
        let sql = format!("{SELECT} AND workflow_version.version = workflow.version ORDER BY name");
        Ok(fetch_all!(self.0, Row, &sql)?.into_iter().map(Into::into).collect())
    }

    /// The newest version.
    pub async fn find(&mut self, id: &str) -> Result<Option<StoredWorkflow>, StoreError> {
        let sql = format!("{SELECT} AND workflow_version.version = workflow.version WHERE workflow.id = $1");
        Ok(fetch_optional!(self.0, Row, &sql, id)?.map(Into::into))
    }

    pub async fn version(&mut self, id: &str, version: i64) -> Result<Option<StoredWorkflow>, StoreError> {
        let sql = format!("{SELECT} WHERE workflow.id = $1 AND workflow_version.version = $2");
        Ok(fetch_optional!(self.0, Row, &sql, id, version)?.map(Into::into))
    }

    /// Every version, newest first.
    pub async fn versions(&mut self, id: &str) -> Result<Vec<StoredWorkflow>, StoreError> {
        let sql = format!("{SELECT} WHERE workflow.id = $1 ORDER BY workflow_version.version DESC");
        Ok(fetch_all!(self.0, Row, &sql, id)?.into_iter().map(Into::into).collect())
    }

    pub async fn count(&mut self) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM workflow")?.unsigned_abs())
    }

    /// Stores the first version of a new one. [`StoreError::Duplicate`] when another has its name.
    pub async fn insert(&mut self, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO workflow (id, name, version) VALUES ($1, $2, $3)",
            workflow.id.as_str(),
            &workflow.name,
            workflow.version
        )?;
        self.insert_version(workflow).await
    }

    /// Stores the next version; `false` if the newest is not the one before. [`StoreError::Duplicate`] when another has
    /// its name.
    pub async fn update(&mut self, workflow: &StoredWorkflow) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE workflow SET name = $1, version = $2 WHERE id = $3 AND version = $2 - 1",
            &workflow.name,
            workflow.version,
            workflow.id.as_str()
        )?;
        if changed == 1 {
            self.insert_version(workflow).await?;
        }
        Ok(changed == 1)
    }

    async fn insert_version(&mut self, workflow: &StoredWorkflow) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO workflow_version (workflow_id, version, document, saved_at) VALUES ($1, $2, $3, $4)",
            workflow.id.as_str(),
            workflow.version,
            &workflow.document,
            workflow.saved_at
        )?;
        Ok(())
    }

    /// Deletes one that no mode uses; otherwise `false`.
    pub async fn delete(&mut self, id: &str) -> Result<bool, StoreError> {
        let deleted = execute!(
            self.0,
            "DELETE FROM workflow WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM mode WHERE workflow_id = $1)",
            id
        )?;
        Ok(deleted == 1)
    }
}
