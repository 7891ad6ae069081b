//! Drafts: workflows that are run before they are saved.

use analysis::CustomWorkflow;
use app::request_context::Administrator;
use domain::audit::Action;
use domain::id::WorkflowId;
use protocol::{Problem, ServiceError};

use super::Workflows;

impl Workflows {
    /// A draft that is about to be tried, ready to run.
    pub async fn draft(&self, id: &str, document: &str) -> Result<Draft, ServiceError> {
        let id: Option<WorkflowId> =
            if id.is_empty() { None } else { Some(id.parse().map_err(|_| Problem::not_found())?) };
        Ok(Draft { id, graph: self.compile_named(document).await? })
    }

    /// Records that an administrator runs a draft.
    pub async fn record_trial(&self, admin: &Administrator, draft: &Draft) -> Result<(), ServiceError> {
        let (subject, name) =
            (draft.id.as_ref().map_or("", WorkflowId::as_str), &draft.graph.document().name);
        let mut tx = self.env.store.begin().await?;
        tx.audit_log()
            .append(self.env.now(), &admin.account_id, Action::WorkflowTried, subject, name)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A workflow that is not saved.
#[derive(Debug)]
pub struct Draft {
    /// Of the saved workflow that it is to become a version of.
    id: Option<WorkflowId>,
    pub graph: CustomWorkflow,
}
