//! The records of analyses, as their owners see them.

use domain::analysis::AnalysisRecord;
use domain::audit::Action;
use domain::id::AnalysisId;
use protocol::{Problem, ServiceError};

use super::Analyses;
use super::stored_screenshot::StoredScreenshot;
use crate::native::Person;

impl Analyses {
    /// One's own analyses, the newest first.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.history",
        fields(account_id = %person.account.id)
    )]
    pub async fn history(
        &self,
        person: &Person,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AnalysisRecord>, ServiceError> {
        crate::search::check(search)?;
        Ok(self.env.store.read().await?.analyses().list(&person.account.id, search, limit, offset).await?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.one",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn one(&self, person: &Person, id: &AnalysisId) -> Result<AnalysisRecord, ServiceError> {
        let found = self.env.store.read().await?.analyses().find(&person.account.id, id).await?;
        Ok(found.ok_or_else(Problem::not_found)?)
    }

    /// The image of one's own analysis, if it was stored.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.picture",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn picture(&self, person: &Person, id: &AnalysisId) -> Result<StoredScreenshot, ServiceError> {
        Ok(self.screenshots.of(&person.account.id, id).await?.ok_or_else(Problem::not_found)?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.delete",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn delete(&self, person: &Person, id: &AnalysisId) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin().await?;
        if !tx.analyses().delete(&person.account.id, id).await? {
            return Err(Problem::not_found().into());
        }
        tx.audit_log().append(self.env.now(), &person.account.id, Action::AnalysisDeleted, id, "").await?;
        tx.commit().await?;
        Ok(())
    }
}
