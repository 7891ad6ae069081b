//! The administrators' list of access requests.

use std::fmt::Write as _;

use domain::Page;
use domain::access::skeleton;
use domain::access::{AccessRequest, AccessRequestFilter, AccessRequestRow, Grant, Links, RequestState};
use domain::id::AccessRequestId;
use domain::search::folded;

use super::{COLUMNS, Row};
use crate::query::{Value, execute, fetch_all, fetch_all_with, fetch_number, fetch_optional};
use crate::{AccessRequests, StoreError, like_pattern, parsed};

impl AccessRequests<'_> {
    /// One page of the requests that match the filter: first those that wait for an administrator, then the others, each
    /// newest first. `max_links`: how many links a request may have.
    pub async fn list(
        &mut self,
        filter: &AccessRequestFilter,
        page_size: u32,
        now: i64,
        max_links: u32,
    ) -> Result<Page<AccessRequestRow>, StoreError> {
        let mut listed = Vec::new();
        let (mut total, mut skip) = (0, i64::from(filter.page) * i64::from(page_size));
        for group in groups(filter, now) {
            let sql = group.count();
            let counted: Vec<(i64,)> = fetch_all_with!(self.0, (i64,), &sql, &group.values)?;
            let count: i64 = counted.iter().map(|(count,)| count).sum();
            let wanted = i64::from(page_size).saturating_sub_unsigned(listed.len() as u64);
            if wanted > 0 && skip < count {
                let slice = group.slice(wanted, skip);
                let rows: Vec<Row> = fetch_all_with!(self.0, Row, &slice.sql, &slice.values)?;
                for row in rows {
                    let request = AccessRequest::try_from(row)?;
                    listed.push(self.row(request, now, max_links).await?);
                }
            }
            total += count;
            skip = (skip - count).max(0);
        }
        Ok(Page { rows: listed, total: total.unsigned_abs(), page: filter.page, page_size })
    }

    /// Requests without a search text, stored by an older version of the server. At most `limit`.
    pub async fn without_search_text(&mut self, limit: i64) -> Result<Vec<AccessRequest>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM access_request WHERE search_text = '' LIMIT $1");
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, limit)?;
        rows.into_iter().map(AccessRequest::try_from).collect()
    }

    /// Stores the text that searches match.
    pub async fn set_search_text(&mut self, request: &AccessRequest) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE access_request SET search_text = $1 WHERE id = $2",
            search_text(request),
            request.id.as_str()
        )?;
        Ok(())
    }

    /// The id of the newest request. Ids are UUIDs of version 7, so they are ordered by time.
    pub async fn newest(&mut self) -> Result<Option<AccessRequestId>, StoreError> {
        let newest: Option<(Option<String>,)> =
            fetch_optional!(self.0, (Option<String>,), "SELECT MAX(id) FROM access_request")?;
        newest.and_then(|(id,)| id).map(|id| parsed("access_request", id)).transpose()
    }

    /// The number of requests that are newer than this one; of all requests for `None`.
    pub async fn count_newer(&mut self, id: Option<&AccessRequestId>) -> Result<u64, StoreError> {
        // Every id sorts after the empty text.
        let id = id.map_or("", AccessRequestId::as_str);
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM access_request WHERE id > $1", id)?.unsigned_abs())
    }

    /// A request as the administrator sees it.
    pub async fn row(
        &mut self,
        request: AccessRequest,
        now: i64,
        max_links: u32,
    ) -> Result<AccessRequestRow, StoreError> {
        let (known_account, notes) = self.0.addresses().about(&request.email).await?;
        let links = match request.grant() {
            // A renewal link is sent with the reminders of the certificate and cannot be reissued.
            Some(_) if self.0.renewals().certificate_to_renew(&request.id).await?.is_some() => None,
            grant => grant.map(|grant| links(grant, max_links)),
        };
        Ok(AccessRequestRow {
            match_code: request.match_code.grouped(),
            platform: request.platform,
            device_name: request.device_name.as_ref().map(|n| n.as_str().to_owned()),
            message: request.message.as_str().to_owned(),
            state: request.state_at(now),
            requested_at: request.requested_at,
            expires_at: request.expires_at(),
            decided_at: request.decision().map(|d| d.at),
            decided_by: request.decision().map(|d| d.by.clone()),
            reason: request.reason().map(str::to_owned),
            known_account,
            notes,
            reminded_at: request.reminders.last_at,
            links,
            email: request.email.into_string(),
            id: request.id.into_string(),
        })
    }
}

/// The text that searches match: the address, the device name, and the match code with and without its hyphen.
pub(super) fn search_text(request: &AccessRequest) -> String {
    let device = request.device_name.as_ref().map_or("", |name| name.as_str());
    let (code, grouped) = (request.match_code.as_str(), request.match_code.grouped());
    let readable = skeleton::readable_address(&request.email);
    folded(&format!("{}\n{readable}\n{device}\n{code}\n{grouped}", request.email))
}

/// A condition or a statement, with its parameters.
#[derive(Debug, Clone)]
struct Clause {
    sql: String,
    values: Vec<Value>,
}

impl Clause {
    fn new(sql: &str, values: &[i64]) -> Self {
        Self { sql: String::new(), values: Vec::new() }
            .with(sql, values.iter().map(|number| Value::Number(*number)))
    }

    /// Appends SQL in which each `?` stands for the next value. They are numbered, as PostgreSQL requires.
    fn with(mut self, sql: &str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut values = values.into_iter();
        for part in sql.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    self.values.extend(values.next());
                    let _ = write!(self.sql, "{before}${}", self.values.len());
                }
                None => self.sql.push_str(part),
            }
        }
        self
    }

    fn count(&self) -> String {
        format!("SELECT COUNT(*) FROM access_request WHERE {}", self.sql)
    }

    /// A slice of the matching rows, newest first.
    fn slice(&self, limit: i64, offset: i64) -> Self {
        let sql = format!("SELECT {COLUMNS} FROM access_request WHERE {}", self.sql);
        Self { sql, values: self.values.clone() }.with(
            " ORDER BY requested_at DESC, id DESC LIMIT ? OFFSET ?",
            [Value::Number(limit), Value::Number(offset)],
        )
    }
}

/// The groups of the list, in order. The states are literals, so that the query planner can use the partial indexes.
fn groups(filter: &AccessRequestFilter, now: i64) -> Vec<Clause> {
    // `> 0` and `IS NOT NULL` are equivalent here: the first can use the index, the second can be negated.
    const WAITING: &str = "(state = 'pending' AND expires_at > ? OR link_asked_at > 0)";
    const OTHERS: &str = "NOT (state = 'pending' AND expires_at > ? OR link_asked_at IS NOT NULL)";
    let groups = match filter.state {
        Some(RequestState::Approved) => {
            vec![Clause::new("state = 'approved' AND grant_expires_at > ?", &[now])]
        }
        Some(RequestState::Expired) => vec![Clause::new(
            "(state = 'pending' AND expires_at <= ? OR state = 'approved' AND grant_expires_at <= ?)",
            &[now, now],
        )],
        Some(RequestState::Pending) => vec![Clause::new("state = 'pending' AND expires_at > ?", &[now])],
        Some(RequestState::Redeemed) => vec![Clause::new("state = 'redeemed'", &[])],
        Some(RequestState::Rejected) => vec![Clause::new("state = 'rejected'", &[])],
        None if filter.waiting => vec![Clause::new(WAITING, &[now])],
        None => vec![Clause::new(WAITING, &[now]), Clause::new(OTHERS, &[now])],
    };
    if filter.search.trim().is_empty() {
        return groups;
    }
    let pattern = Value::Text(like_pattern(&filter.search));
    let searched = |group: Clause| group.with(" AND search_text LIKE ? ESCAPE '\\'", [pattern.clone()]);
    groups.into_iter().map(searched).collect()
}

fn links(grant: &Grant, max: u32) -> Links {
    let sent = u32::try_from(grant.number).unwrap_or_default();
    let wrong_codes = u32::try_from(grant.wrong_codes).unwrap_or(u32::MAX);
    Links { sent, left: max.saturating_sub(sent), asked_at: grant.link_requests.last_at, wrong_codes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, Tx};

    const NOW: i64 = 1_795_348_815;

    fn filters() -> Vec<AccessRequestFilter> {
        let of = |state, waiting, search: &str| AccessRequestFilter {
            state,
            waiting,
            search: search.to_owned(),
            page: 0,
        };
        let states = RequestState::ALL.into_iter().map(Some);
        let plain = states.clone().chain([None]).map(|state| of(state, false, ""));
        let searched =
            states.filter(|s| *s != Some(RequestState::Expired)).map(|state| of(state, false, "anna"));
        plain.chain(searched).chain([of(None, true, "")]).collect()
    }

    /// SQLite's query plan of a statement, line by line.
    async fn plan(tx: &mut Tx, sql: &str, values: &[Value]) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let rows: Vec<(i64, i64, i64, String)> =
            fetch_all_with!(tx, (i64, i64, i64, String), &sql, values).unwrap();
        rows.into_iter().map(|(.., detail)| detail).collect()
    }

    #[tokio::test]
    async fn every_list_uses_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("plan.db")).await.unwrap();
        let mut tx = store.read().await.unwrap();
        for filter in filters() {
            for group in groups(&filter, NOW) {
                let slice = group.slice(50, 100);
                let statements = [(group.count(), group.values.clone()), (slice.sql, slice.values)];
                for (sql, values) in statements {
                    let plan = plan(&mut tx, &sql, &values).await;
                    let reads = plan.iter().filter(|line| line.contains("access_request"));
                    assert!(reads.clone().count() > 0, "{plan:?}");
                    assert!(
                        reads.clone().all(|line| line.contains("INDEX access_request")),
                        "{sql}\n{plan:#?}"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn counting_newer_requests_uses_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("plan.db")).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let sql = "SELECT COUNT(*) FROM access_request WHERE id > $1";
        let plan = plan(&mut tx, sql, &[Value::Text(String::new())]).await;
        assert!(plan.iter().all(|line| line.starts_with("SEARCH")), "{plan:?}");
    }

    #[test]
    fn parameters_are_numbered_in_order() {
        let clause = Clause::new("a = ? OR b = ?", &[1, 2]).with(" AND c LIKE ?", [Value::Text("x".into())]);
        assert_eq!(clause.sql, "a = $1 OR b = $2 AND c LIKE $3");
        assert_eq!(clause.values, [Value::Number(1), Value::Number(2), Value::Text("x".into())]);
    }
}
