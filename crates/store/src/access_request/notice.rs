//! Pending notices to administrators and requesters, and reminders.

use domain::access::{AccessRequest, Notice};
use domain::id::AccessRequestId;

use super::{COLUMNS, Row};
use crate::query::{execute, fetch_all};
use crate::{AccessRequests, StoreError};

#[derive(sqlx::FromRow)]
struct NoticeRow {
    #[sqlx(flatten)]
    request: Row,
    notice: String,
}

impl AccessRequests<'_> {
    /// The pending notices to administrators about requests that have not expired, oldest first. Notices about new requests
    /// only if `with_new`.
    pub async fn pending_notices(
        &mut self,
        with_new: bool,
        now: i64,
    ) -> Result<Vec<(AccessRequest, Notice)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, notice FROM access_request WHERE notice IN ('link', 'new', 'reminder')
             AND (notice <> 'new' OR $1 = 1) AND (state <> 'pending' OR expires_at > $2) ORDER BY requested_at, id"
        );
        let rows: Vec<NoticeRow> = fetch_all!(self.0, NoticeRow, &sql, i64::from(with_new), now)?;
        let notice_of = |row: NoticeRow| {
            let id = row.request.id.clone();
            let notice = Notice::from_name(&row.notice).ok_or_else(|| StoreError::Inconsistent {
                table: "access_request",
                id,
                what: "unknown notice".to_owned(),
            })?;
            Ok((AccessRequest::try_from(row.request)?, notice))
        };
        rows.into_iter().map(notice_of).collect()
    }

    /// Clears the pending notice about a request: the administrators have been notified.
    pub async fn mark_noticed(&mut self, id: &AccessRequestId) -> Result<(), StoreError> {
        execute!(self.0, "UPDATE access_request SET notice = NULL WHERE id = $1", id.as_str())?;
        Ok(())
    }

    /// Claims the next mail about a topic; `false` if one was claimed after `not_since` (seconds since the Unix epoch).
    pub async fn claim_notice(&mut self, topic: &str, not_since: i64, now: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "INSERT INTO notice (topic, last_at) VALUES ($1, $2)
             ON CONFLICT (topic) DO UPDATE SET last_at = $2 WHERE notice.last_at <= $3",
            topic,
            now,
            not_since
        )?;
        Ok(changed == 1)
    }

    /// Records a reminder; `false` if the request has been decided, or another reminder came first. With `with_new`, a pending
    /// notice about the new request itself remains instead.
    pub async fn remind(
        &mut self,
        request: &AccessRequest,
        with_new: bool,
        now: i64,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE access_request SET reminders = reminders + 1, reminded_at = $1,
             notice = CASE WHEN notice = 'new' AND $2 = 1 THEN 'new' ELSE 'reminder' END
             WHERE id = $3 AND state = 'pending' AND reminders = $4",
            now,
            i64::from(with_new),
            request.id.as_str(),
            request.reminders.sent
        )?;
        Ok(changed == 1)
    }

    /// Requests that expired undecided, or whose link expired unused, and whose requesters have not been notified of it.
    /// Without those of renewal links, which nobody requested.
    pub async fn unnotified_expiries(
        &mut self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<AccessRequest>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM access_request WHERE state IN ('approved', 'pending') AND expiry_told = 0
             AND CASE state WHEN 'pending' THEN expires_at ELSE grant_expires_at END <= $1
             AND NOT EXISTS (SELECT 1 FROM renewal_link WHERE request_id = access_request.id)
             ORDER BY expires_at LIMIT $2"
        );
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, now, limit)?;
        rows.into_iter().map(AccessRequest::try_from).collect()
    }

    /// Claims the notification of the requester about the expiry; `false` if another server has claimed it.
    pub async fn set_expiry_notified(&mut self, request: &AccessRequest) -> Result<bool, StoreError> {
        // A pending notice to administrators is obsolete: an expired request cannot be decided.
        let changed = execute!(
            self.0,
            "UPDATE access_request SET expiry_told = 1, notice = CASE state WHEN 'pending' THEN NULL ELSE notice END
             WHERE id = $1 AND expiry_told = 0 AND (state = 'pending' OR state = 'approved' AND links = $2)",
            request.id.as_str(),
            request.grant().map_or(0, |grant| grant.number)
        )?;
        Ok(changed == 1)
    }
}
