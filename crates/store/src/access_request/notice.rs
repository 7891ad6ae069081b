//! What requesters and administrators have still to be told, and the reminders that make it so.

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
    /// What administrators do not know yet of requests that go on, the oldest first; new ones only if `with_new`.
    pub async fn unnoticed(
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
            let notice = Notice::named(&row.notice).ok_or_else(|| StoreError::Inconsistent {
                table: "access_request",
                id,
                what: "unknown notice".to_owned(),
            })?;
            Ok((AccessRequest::try_from(row.request)?, notice))
        };
        rows.into_iter().map(notice_of).collect()
    }

    /// Administrators know of this request now.
    pub async fn set_noticed(&mut self, id: &AccessRequestId) -> Result<(), StoreError> {
        execute!(self.0, "UPDATE access_request SET notice = NULL WHERE id = $1", id.as_str())?;
        Ok(())
    }

    /// Takes the turn to write about a topic; `false` when somebody took it after `not_since`.
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

    /// Counts a reminder; `false` when the request has been decided or another reminder was faster. Where administrators
    /// have still to be told of the request itself (`with_new`), that is enough.
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

    /// Requests that ended undecided, or whose link ended unused, and whose requesters do not know it yet. Nobody asked for
    /// those with a renewal link.
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

    /// Takes it on to tell the requester; `false` when somebody else has.
    pub async fn set_expiry_notified(&mut self, request: &AccessRequest) -> Result<bool, StoreError> {
        // What administrators were to be told of a pending request is of no use any more.
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
