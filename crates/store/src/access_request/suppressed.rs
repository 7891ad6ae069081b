//! Suppressed access requests: what their status pages show.

use domain::access::{MatchCode, Reminders, SuppressedRequest};
use domain::secret::TokenHash;

use crate::query::{execute, fetch_number, fetch_optional};
use crate::{StoreError, SuppressedRequests};

#[derive(sqlx::FromRow)]
struct Row {
    browser_hash: Vec<u8>,
    match_code: String,
    requested_at: i64,
    expires_at: i64,
    reminders: i64,
    reminded_at: Option<i64>,
}

impl TryFrom<Row> for SuppressedRequest {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let inconsistent = || StoreError::Inconsistent {
            table: "unheard_request",
            // It has no id, and the hash of its token is not for the log.
            id: format!("of {}", row.requested_at),
            what: "the match code".to_owned(),
        };
        Ok(Self {
            match_code: row.match_code.parse().map_err(|_| inconsistent())?,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            reminders: Reminders { sent: row.reminders, last_at: row.reminded_at },
            browser: TokenHash(row.browser_hash),
        })
    }
}

impl SuppressedRequests<'_> {
    /// Stores a suppressed request under the hash of its status token.
    pub async fn insert(
        &mut self,
        request: &SuppressedRequest,
        status: &TokenHash,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO unheard_request (status_hash, browser_hash, match_code, requested_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
            status.0.as_slice(),
            request.browser.0.as_slice(),
            request.match_code.as_str(),
            request.requested_at,
            request.expires_at
        )?;
        Ok(())
    }

    pub async fn find(&mut self, status: &TokenHash) -> Result<Option<SuppressedRequest>, StoreError> {
        let sql = "SELECT browser_hash, match_code, requested_at, expires_at, reminders, reminded_at
             FROM unheard_request WHERE status_hash = $1";
        fetch_optional!(self.0, Row, sql, status.0.as_slice())?.map(SuppressedRequest::try_from).transpose()
    }

    /// When the request with this match code was made, if it waits (`now`: seconds since the Unix epoch).
    pub async fn find_by_code(&mut self, code: &MatchCode, now: i64) -> Result<Option<i64>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Found {
            requested_at: i64,
        }
        let sql = "SELECT requested_at FROM unheard_request WHERE match_code = $1 AND expires_at > $2
             ORDER BY requested_at LIMIT 1";
        Ok(fetch_optional!(self.0, Found, sql, code.as_str(), now)?.map(|found| found.requested_at))
    }

    /// Records a reminder; `false` if another one came first, so that there are no longer `sent` of them.
    pub async fn remind(&mut self, status: &TokenHash, sent: i64, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE unheard_request SET reminders = reminders + 1, reminded_at = $1
             WHERE status_hash = $2 AND reminders = $3",
            now,
            status.0.as_slice(),
            sent
        )?;
        Ok(changed == 1)
    }

    /// The number of suppressed requests that have not expired.
    pub async fn count(&mut self, now: i64) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM unheard_request WHERE expires_at > $1";
        Ok(fetch_number!(self.0, sql, now)?.unsigned_abs())
    }

    /// Deletes the one that expires next.
    pub async fn delete_next(&mut self, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "DELETE FROM unheard_request WHERE status_hash =
             (SELECT status_hash FROM unheard_request WHERE expires_at > $1 ORDER BY expires_at, status_hash LIMIT 1)",
            now
        )?;
        Ok(())
    }

    /// Deletes those that expired before `before` (seconds since the Unix epoch).
    pub async fn clean_up(&mut self, before: i64) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM unheard_request WHERE expires_at < $1", before)?;
        Ok(())
    }
}
