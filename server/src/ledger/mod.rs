//! What left the machines: one's own entries, and the administrators' view without contents.

use std::sync::Arc;

use app::request_context::{Administrator, RequestContext};
use app::services::LedgerService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::AccountId;
use domain::ledger::day_of;
use protocol::access::Page;
use protocol::ledger::{LedgerEntry, LedgerRow, UseRow};
use protocol::{Problem, ServiceError};
use serde::Serialize;
use web::{RateLimiter, Rule};

use crate::environment::Environment;

/// Rows per page of the list.
const PAGE_SIZE: u32 = 50;
/// Entries that are read at once for an export.
const EXPORT_PAGE: u32 = 1_000;
/// The most entries of an export: the newest.
const MAX_EXPORTED: usize = 50_000;
const EXPORTS_PER_MINUTE: u32 = 6;
const ERASURES_PER_MINUTE: u32 = 60;
/// The most rows of the administrators' view.
const MAX_USE_ROWS: i64 = 1_000;
/// The longest time of the administrators' view, in days.
pub const MAX_USE_DAYS: u32 = 366;

#[derive(Debug, Clone)]
pub struct Ledger {
    env: Arc<Environment>,
    limits: Arc<dyn RateLimiter>,
}

/// One's own ledger as a document.
#[derive(Debug, Serialize)]
pub struct ExportedLedger {
    pub email: String,
    /// Seconds since the Unix epoch.
    pub exported_at: i64,
    /// How many entries there are; more than `entries` has when there are very many.
    pub total: u64,
    /// The newest first.
    pub entries: Vec<LedgerEntry>,
}

impl Ledger {
    pub fn new(env: Arc<Environment>, limits: Arc<dyn RateLimiter>) -> Self {
        Self { env, limits }
    }

    #[tracing::instrument(skip_all, level = "debug", name = "ledger.export")]
    pub async fn export(&self, context: &RequestContext) -> Result<ExportedLedger, ServiceError> {
        let account_id = own(context)?;
        self.limits
            .check_key(Rule::per_minute("ledger-export", EXPORTS_PER_MINUTE), account_id.as_str())
            .await?;
        let mut entries = Vec::new();
        let mut tx = self.env.store.read().await?;
        let mut total = 0;
        for page in 0.. {
            let read = tx.ledger().list(&account_id, page, EXPORT_PAGE).await?;
            total = read.total;
            let is_last = read.rows.len() < EXPORT_PAGE as usize;
            entries.extend(read.rows);
            if is_last || entries.len() >= MAX_EXPORTED {
                break;
            }
        }
        drop(tx);
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let detail = format!("{} entries", entries.len());
        tx.audit_log().append(now, &account_id, Action::LedgerExported, &account_id, &detail).await?;
        tx.commit().await?;
        let email = context.signed_in.as_ref().map(|person| person.email.clone()).unwrap_or_default();
        Ok(ExportedLedger { email, exported_at: now, total, entries })
    }
}

#[async_trait]
impl LedgerService for Ledger {
    #[tracing::instrument(skip_all, level = "debug", name = "ledger.own")]
    async fn own(&self, context: &RequestContext, page: u32) -> Result<Page<LedgerRow>, ServiceError> {
        let account_id = own(context)?;
        Ok(self.env.store.read().await?.ledger().list(&account_id, page, PAGE_SIZE).await?)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "ledger.erase")]
    async fn erase(&self, context: &RequestContext, id: Option<&str>) -> Result<u64, ServiceError> {
        let account_id = own(context)?;
        let rule = Rule::per_minute("ledger-erase", ERASURES_PER_MINUTE);
        self.limits.check_key(rule, account_id.as_str()).await?;
        let mut tx = self.env.store.begin().await?;
        let erased = match id {
            None => tx.ledger().erase_all(&account_id).await?,
            Some(id) if tx.ledger().erase(&account_id, id).await? => 1,
            // Another person's, too: the answer does not tell.
            Some(_) => return Err(Problem::not_found().into()),
        };
        let detail =
            if id.is_some() { "1 entry".to_owned() } else { format!("everything, {erased} entries") };
        tx.audit_log()
            .append(self.env.now(), &account_id, Action::LedgerErased, &account_id, &detail)
            .await?;
        tx.commit().await?;
        Ok(erased)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "ledger.usage")]
    async fn usage(&self, _: &Administrator, days: u32) -> Result<Vec<UseRow>, ServiceError> {
        let since = day_of(self.env.now()) - i64::from(days.clamp(1, MAX_USE_DAYS)) + 1;
        Ok(self.env.store.read().await?.ledger().usage(since, MAX_USE_ROWS).await?)
    }
}

fn own(context: &RequestContext) -> Result<AccountId, Problem> {
    let signed_in = context.signed_in.as_ref().ok_or_else(Problem::sign_in_required)?;
    Ok(signed_in.account_id.clone())
}
