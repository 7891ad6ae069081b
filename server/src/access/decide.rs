//! Decisions about requests: the administrators' side.

use app::request_context::Administrator;
use app::services::ReviewService;
use async_trait::async_trait;
use domain::access::InvalidTransition;
use domain::audit::Action;
use domain::id::AccessRequestId;
use domain::secret::Token;
use protocol::access::{AccessRequestFilter, AccessRequestRow, MatchCode, Message, Page, RequestState};
use protocol::people::Role;
use protocol::review::{Decide, Decided, News, RequestDetail, Undecided, Unlisted, Verdict};
use protocol::{Problem, ServiceError};
use web::documented_errors::DocumentedErrors;

use super::history::history;
use super::{Access, known};

/// Rows per page of the list.
const PAGE_SIZE: u32 = 50;
/// Audit entries shown per request; there are rarely more than a dozen.
const MAX_HISTORY_ENTRIES: i64 = 200;

/// 409: the request has left the state that this action needs.
pub(super) fn already_decided(error: InvalidTransition) -> Problem {
    let actual = error.actual.as_str();
    Problem::conflict(format!("This request is already {actual}. Reload the list."))
}

/// The errors of decisions that come too late.
#[derive(Debug)]
pub struct DecisionErrors;

impl DocumentedErrors for DecisionErrors {
    fn problems() -> Vec<Problem> {
        let late = InvalidTransition { actual: RequestState::Approved, wanted: "rejected" };
        vec![already_decided(late)]
    }
}

#[async_trait]
impl ReviewService for Access {
    #[tracing::instrument(skip_all, level = "debug", name = "review.list")]
    async fn list(
        &self,
        _: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, ServiceError> {
        crate::search::check(&filter.search)?;
        let mut tx = self.env.store.read().await?;
        let max_links = self.env.config.access.max_links;
        Ok(tx.access_requests().list(&filter, PAGE_SIZE, self.env.now(), max_links).await?)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "review.unlisted")]
    async fn unlisted(&self, _: &Administrator, code: &str) -> Result<Option<Unlisted>, ServiceError> {
        let Ok(code) = code.parse::<MatchCode>() else { return Ok(None) };
        let mut tx = self.env.store.read().await?;
        let found = tx.suppressed_requests().find_by_code(&code, self.env.now()).await?;
        let allowed = self.env.config.access.max_pending_per_address;
        Ok(found.map(|requested_at| Unlisted { requested_at, allowed }))
    }

    #[tracing::instrument(skip_all, level = "debug", name = "review.find", fields(access_request_id = id))]
    async fn find(&self, _: &Administrator, id: &str) -> Result<RequestDetail, ServiceError> {
        let (id, now) = (known(id)?, self.env.now());
        let mut tx = self.env.store.read().await?;
        let request = tx.access_requests().find(&id).await?.ok_or_else(Problem::not_found)?;
        let entries = tx.audit_log().entries_of(id.as_str(), MAX_HISTORY_ENTRIES).await?;
        let history = history(&request, entries, now);
        let request = tx.access_requests().row(request, now, self.env.config.access.max_links).await?;
        Ok(RequestDetail { request, history })
    }

    /// The mark changes with every change of a request: each writes an audit entry, and an expiry, which writes none,
    /// lowers the number of pending requests.
    #[tracing::instrument(skip_all, level = "debug", name = "review.news")]
    async fn news(&self, _: &Administrator, since: Option<&str>) -> Result<News, ServiceError> {
        let mut tx = self.env.store.read().await?;
        let (last, pending) = (
            tx.audit_log().last_sequence().await?,
            tx.access_requests().count_pending(self.env.now()).await?,
        );
        let newest =
            tx.access_requests().newest().await?.map_or_else(String::new, AccessRequestId::into_string);
        let arrived = match since {
            None => 0,
            // The page was opened before there was any request.
            Some("") => tx.access_requests().count_newer(None).await?,
            Some(since) => match since.parse() {
                Ok(since) => tx.access_requests().count_newer(Some(&since)).await?,
                Err(_) => 0,
            },
        };
        Ok(News { mark: format!("{last}.{pending}"), newest, arrived })
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "review.approve",
        fields(account_id = %admin.account_id, access_request_id = id)
    )]
    async fn approve(&self, admin: &Administrator, id: &str) -> Result<AccessRequestRow, ServiceError> {
        let (id, now) = (&known(id)?, self.env.now());
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_requests().find(id).await?.ok_or_else(Problem::not_found)?;
        let expires_at = now + i64::from(self.env.config.access.link_lifetime_hours) * 3600;
        let request = request.approve(&admin.email, now, expires_at).map_err(already_decided)?;
        let link = Token::generate(self.env.random.as_ref());
        if !tx.access_requests().decide(&request, Some(&link.hash())).await? {
            return Err(Problem::conflict("Someone else already decided this request.").into());
        }
        tx.accounts().ensure(&self.env.new_id(), &request.email, Role::User, now).await?;
        tx.audit_log().append(now, &admin.account_id, Action::AccessRequestApproved, id, "").await?;
        self.outbox.approved(&mut tx, &request, &link).await?;
        let row = tx.access_requests().row(request, now, self.env.config.access.max_links).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(row)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "review.reject",
        fields(account_id = %admin.account_id, access_request_id = id)
    )]
    async fn reject(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, ServiceError> {
        let (id, reason, now) = (&known(id)?, &reason_of(reason)?, self.env.now());
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_requests().find(id).await?.ok_or_else(Problem::not_found)?;
        let request = request.reject(&admin.email, now, reason).map_err(already_decided)?;
        if !tx.access_requests().decide(&request, None).await? {
            return Err(Problem::conflict("Someone else already decided this request.").into());
        }
        tx.audit_log().append(now, &admin.account_id, Action::AccessRequestRejected, id, "").await?;
        self.outbox.rejected(&mut tx, &request, reason).await?;
        let row = tx.access_requests().row(request, now, self.env.config.access.max_links).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(row)
    }

    /// One verdict on several requests, each in a transaction of its own, so that one which somebody else has decided in
    /// the meantime does not roll back the others. The verdict itself is validated before anything is decided.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "review.decide",
        fields(account_id = %admin.account_id)
    )]
    async fn decide(&self, admin: &Administrator, asked: Decide) -> Result<Decided, ServiceError> {
        reason_of(&asked.reason)?;
        let mut ids = distinct(&asked.ids)?.into_iter();
        let mut answer = Decided { verdict: asked.verdict, decided: 0, undecided: Vec::new(), unnamed: 0 };
        for id in ids.by_ref() {
            let result = match asked.verdict {
                Verdict::Approve => self.approve(admin, id).await,
                Verdict::Reject => self.reject(admin, id, &asked.reason).await,
            };
            let Err(error) = result else {
                answer.decided += 1;
                continue;
            };
            let failed = !matches!(error, ServiceError::Problem(_));
            let problem = error.into_problem();
            let why = if problem.detail.is_empty() { problem.title } else { problem.detail };
            answer.undecided.push(Undecided { id: id.to_owned(), email: self.email_of(id).await, why });
            if failed {
                // The next ones would fail for the same reason, each after its own timeout.
                break;
            }
        }
        for id in ids {
            let why = "Not tried, since the server failed before.".to_owned();
            answer.undecided.push(Undecided { id: id.to_owned(), email: None, why });
        }
        Ok(answer)
    }
}

impl Access {
    /// The requester's address, for the answer; `None` when it cannot be looked up.
    async fn email_of(&self, id: &str) -> Option<String> {
        let id = id.parse().ok()?;
        let request = self.env.store.read().await.ok()?.access_requests().find(&id).await.ok()??;
        Some(request.email.into_string())
    }
}

/// The administrator's reason for a rejection.
pub(super) fn reason_of(text: &str) -> Result<Message, Problem> {
    text.parse().map_err(|e: protocol::access::Invalid| Problem::invalid_input().field("reason", e.0))
}

/// The ids without duplicates, in order.
fn distinct(ids: &[String]) -> Result<Vec<&str>, Problem> {
    let mut seen = std::collections::HashSet::new();
    let ids: Vec<_> = ids.iter().map(String::as_str).filter(|id| seen.insert(*id)).collect();
    match ids.len() {
        0 => Err(Problem::invalid_input().field("ids", "Choose at least one request.")),
        n if n > Decide::MAX => {
            let most = Decide::MAX;
            Err(Problem::invalid_input().field("ids", format!("Choose at most {most} requests at once.")))
        }
        _ => Ok(ids),
    }
}
