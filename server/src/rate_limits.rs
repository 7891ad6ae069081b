//! Rate limits of several servers on one database.
//!
//! Bursts from a network count in each server's memory: there they are cheap, and a stranger's storm writes nothing. What is
//! counted for longer, such as the budget of an account, counts in the database, so that neither a second server nor a restart
//! gives a guesser the same tries again. SQLite has one server, which counts everything in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::{Problem, ServiceError};
use store::RateBudget;
use web::{InMemoryRateLimiter, RateLimiter, Rule};

use crate::environment::Environment;

/// Budgets of this period or a longer one are shared.
const SHARED_FROM: Duration = Duration::from_mins(10);

/// Counts in memory, and on PostgreSQL the long budgets in the database.
#[derive(Debug)]
pub struct SharedRateLimiter {
    env: Arc<Environment>,
    memory: InMemoryRateLimiter,
}

impl SharedRateLimiter {
    pub fn new(env: Arc<Environment>, memory: InMemoryRateLimiter) -> Self {
        Self { env, memory }
    }

    async fn take(&self, rule: Rule, key: &str) -> Result<Option<i64>, ServiceError> {
        let hash = self.env.vault.derive(&format!("rate-budget:{}:{key}", rule.name()));
        let period_ms = i64::try_from(rule.period().as_millis()).unwrap_or(i64::MAX);
        let budget = RateBudget { attempts: rule.attempts(), period_ms };
        let mut tx = self.env.store.begin().await?;
        let wait = tx.rate_budgets().take(hash.as_slice(), budget, self.env.now_ms()).await?;
        tx.commit().await?;
        Ok(wait)
    }
}

#[async_trait]
impl RateLimiter for SharedRateLimiter {
    async fn check_address(&self, rule: Rule, address: IpAddr) -> Result<(), Problem> {
        self.memory.check_address(rule, address).await
    }

    async fn check_key(&self, rule: Rule, key: &str) -> Result<(), Problem> {
        if rule.period() < SHARED_FROM || self.env.store.kind() == "sqlite" {
            return self.memory.check_key(rule, key).await;
        }
        match self.take(rule, key).await.map_err(ServiceError::into_problem)? {
            None => Ok(()),
            Some(wait_ms) => {
                let seconds = u64::try_from(wait_ms).unwrap_or(1_000).div_ceil(1_000);
                Err(Problem::too_many_requests(seconds))
            }
        }
    }
}
