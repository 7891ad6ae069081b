//! The dashboard's numbers.

use std::sync::Arc;

use app::admin::Overview;
use app::services::OverviewService;
use app::visit::Administrator;
use async_trait::async_trait;
use protocol::Problem;

use crate::environment::Environment;
use crate::failure::Refusal;

const DAY: i64 = 24 * 3600;

#[derive(Debug, Clone)]
pub struct Dashboard {
    env: Arc<Environment>,
}

impl Dashboard {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env }
    }

    async fn count(&self) -> Result<Overview, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        Ok(Overview {
            pending_requests: tx.count_pending(now).await?,
            machines: tx.count_machines(now).await?,
            accounts: tx.count_accounts().await?,
            // Days are UTC, as everywhere on the server.
            analyses_today: tx.count_analyses_since(now - now.rem_euclid(DAY)).await?,
            mails_needing_attention: tx.count_mails_needing_attention().await?,
            organisation: self.env.config.organisation.clone(),
        })
    }
}

#[async_trait]
impl OverviewService for Dashboard {
    async fn overview(&self, _: &Administrator) -> Result<Overview, Problem> {
        Ok(self.count().await?)
    }
}
