//! The counts on the dashboard.

use std::sync::Arc;

use app::request_context::Administrator;
use app::services::OverviewService;
use async_trait::async_trait;
use protocol::ServiceError;
use protocol::overview::{FailingModel, Overview};

use crate::environment::Environment;

const DAY: i64 = 24 * 3600;

#[derive(Debug, Clone)]
pub struct Dashboard {
    env: Arc<Environment>,
}

impl Dashboard {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env }
    }
}

#[async_trait]
impl OverviewService for Dashboard {
    #[tracing::instrument(skip_all, level = "debug", name = "overview.overview")]
    async fn overview(&self, _: &Administrator) -> Result<Overview, ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        let configured = self.env.config.providers.iter().map(|config| config.name.clone());
        let entered = tx.providers().list().await?.into_iter().map(|provider| provider.name);
        let names: Vec<String> = configured.chain(entered).collect();
        let failing = tx.analyses().failing_providers().await?.into_iter();
        let failing_models =
            failing.filter(|(failure, _)| names.contains(&failure.provider)).map(|(failure, failed_at)| {
                FailingModel { provider: failure.provider, failure: failure.words, failed_at }
            });
        Ok(Overview {
            pending_requests: tx.access_requests().count_pending(now).await?,
            machines: tx.certificates().count_machines(now).await?,
            accounts: tx.accounts().count_active().await?,
            administrators: tx.accounts().administrators().await?.len() as u64,
            model_servers: names.len() as u64,
            // Days are UTC, as everywhere on the server.
            analyses_today: tx.analyses().count_since(now - now.rem_euclid(DAY)).await?,
            mails_needing_attention: tx.mails().count_needing_attention().await?,
            failing_models: failing_models.collect(),
            organisation: self.env.config.organisation.clone(),
        })
    }
}
