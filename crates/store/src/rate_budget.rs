//! Budgets of attempts that servers on one database share.

use crate::query::{execute, fetch_number};
use crate::{RateBudgets, StoreError};

/// A budget: so many attempts at once, and as many again over each period.
#[derive(Debug, Clone, Copy)]
pub struct RateBudget {
    pub attempts: u32,
    pub period_ms: i64,
}

impl RateBudgets<'_> {
    /// Takes one attempt. `Some`: none is left, and the next one comes in so many milliseconds.
    ///
    /// One number says it all: when the budget is full again (the generic cell rate algorithm of ITU-T I.371). So the
    /// statement is atomic, and of parallel attempts on several servers no more succeed than the budget has.
    pub async fn take(
        &mut self,
        hash: &[u8],
        budget: RateBudget,
        now_ms: i64,
    ) -> Result<Option<i64>, StoreError> {
        let cost = (budget.period_ms / i64::from(budget.attempts.max(1))).max(1);
        let empty = now_ms.saturating_add(budget.period_ms);
        // A clock that was set back makes no budget emptier than empty.
        let sql = "UPDATE rate_budget SET full_at_ms = $2 WHERE budget_hash = $1 AND full_at_ms > $2";
        execute!(self.0, sql, hash, empty)?;
        let taken = execute!(
            self.0,
            "INSERT INTO rate_budget (budget_hash, full_at_ms) VALUES ($1, $2 + $3)
             ON CONFLICT (budget_hash) DO UPDATE SET full_at_ms =
                CASE WHEN rate_budget.full_at_ms > $2 THEN rate_budget.full_at_ms ELSE $2 END + $3
             WHERE rate_budget.full_at_ms <= $4",
            hash,
            now_ms,
            cost,
            empty - cost
        )?;
        if taken > 0 {
            return Ok(None);
        }
        let sql = "SELECT full_at_ms FROM rate_budget WHERE budget_hash = $1";
        let full_at = fetch_number!(self.0, sql, hash)?;
        Ok(Some((full_at - (empty - cost)).max(1)))
    }

    /// Deletes budgets that are full again.
    pub async fn clean_up(&mut self, now_ms: i64) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM rate_budget WHERE full_at_ms <= $1", now_ms)?;
        Ok(())
    }
}
