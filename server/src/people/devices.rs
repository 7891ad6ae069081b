//! One's own machines and sessions.

use app::request_context::RequestContext;
use app::services::OwnSessionService;
use async_trait::async_trait;
use domain::id::{AccountId, SessionId};
use domain::secret::TokenHash;
use protocol::ledger::OwnDevices;
use protocol::{Problem, ServiceError};

use super::People;

#[async_trait]
impl OwnSessionService for People {
    #[tracing::instrument(skip_all, level = "debug", name = "own_sessions.devices")]
    async fn devices(&self, context: &RequestContext) -> Result<OwnDevices, ServiceError> {
        let account_id = own(context)?;
        let token = context.session.as_ref().map(|session| TokenHash::of(session.expose()));
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        let current = match &token {
            Some(token) => tx.sessions().find_panel(token, now).await?.map(|session| session.id),
            None => None,
        };
        let idle = i64::from(self.env.config.admin.idle_minutes) * 60;
        let mut sessions = tx.sessions().open_of_account(&account_id, now, now - idle).await?;
        for session in &mut sessions {
            session.is_current = current.as_ref().is_some_and(|id| id.as_str() == session.id);
        }
        Ok(OwnDevices { machines: tx.certificates().of_account(&account_id, now).await?, sessions })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "own_sessions.end")]
    async fn end(&self, context: &RequestContext, id: &str) -> Result<(), ServiceError> {
        let account_id = own(context)?;
        let id: SessionId = id.parse().map_err(|_| Problem::not_found())?;
        match self.end_own(&account_id, &id).await {
            Err(error) if self.env.release_reserve_after(&error) => self.end_own(&account_id, &id).await,
            done => done,
        }
    }
}

impl People {
    async fn end_own(&self, account_id: &AccountId, id: &SessionId) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin_urgent().await?;
        // A renewal that runs at the same time has either opened its session before, which ends too, or opens none.
        tx.certificates().lock_machines_of(account_id).await?;
        let session = tx.sessions().find_of_account(account_id, id, self.env.now()).await?;
        // Another person's, too: the answer does not tell.
        let session = session.ok_or_else(|| Problem::conflict("This session has ended already."))?;
        self.end_sign_in(&mut tx, &session, "ended by its person").await?;
        Ok(tx.commit().await?)
    }
}

fn own(context: &RequestContext) -> Result<AccountId, Problem> {
    let signed_in = context.signed_in.as_ref().ok_or_else(Problem::sign_in_required)?;
    Ok(signed_in.account_id.clone())
}
