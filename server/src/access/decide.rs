//! Deciding about requests: the administrators' side.

use app::visit::Administrator;
use protocol::Problem;
use protocol::access::{AccessRequestFilter, AccessRequestRow, Message, Page, RequestState};
use protocol::people::Role;
use protocol::review::{Decide, Decided, News, Undecided, Verdict};

use super::{Access, InvalidTransition, PAGE_SIZE};
use crate::failure::Refusal;
use crate::http::refusals::Refuses;
use crate::secret::Token;

impl From<InvalidTransition> for Refusal {
    fn from(error: InvalidTransition) -> Self {
        let actual = error.actual.as_str();
        Self::Problem(Problem::conflict(format!("This request is {actual} by now. Reload the list.")))
    }
}

impl Refuses for InvalidTransition {
    fn problems() -> Vec<Problem> {
        let late = Self { actual: RequestState::Approved, wanted: "rejected" };
        vec![Refusal::from(late).into()]
    }
}

impl Access {
    pub(super) async fn list_requests(
        &self,
        filter: &AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, Refusal> {
        let mut tx = self.env.store.read().await?;
        let max_links = self.env.config.access.max_links;
        Ok(tx.access_request_rows(filter, PAGE_SIZE, self.env.now(), max_links).await?)
    }

    /// Every change of a request stands in the audit log, except that time ends it; then fewer are pending.
    pub(super) async fn news_since(&self, since: Option<&str>) -> Result<News, Refusal> {
        let mut tx = self.env.store.read().await?;
        let (last, pending) = (tx.last_audit().await?, tx.count_pending(self.env.now()).await?);
        let newest = tx.newest_access_request().await?.unwrap_or_default();
        let arrived = match since {
            Some(since) => tx.count_newer_access_requests(since).await?,
            None => 0,
        };
        Ok(News { mark: format!("{last}.{pending}"), newest, arrived })
    }

    /// Approves: the account is there from now on, and the link goes out.
    pub(super) async fn approve_request(
        &self,
        admin: &Administrator,
        id: &str,
    ) -> Result<AccessRequestRow, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        let expires_at = now + i64::from(self.env.config.access.link_lifetime_hours) * 3600;
        let request = request.approve(&admin.email, now, expires_at)?;
        let link = Token::generate(self.env.random.as_ref());
        if !tx.decide(&request, Some(&link.hash())).await? {
            return Err(Problem::conflict("Somebody else has decided about this request.").into());
        }
        tx.ensure_account(&self.env.new_id(), &request.email, Role::User, now).await?;
        tx.audit(now, &admin.account_id, "access-request.approved", id, "").await?;
        self.outbox.approved(&mut tx, &request, &link).await?;
        let row = tx.access_request_row(request, now, self.env.config.access.max_links).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(row)
    }

    pub(super) async fn reject_request(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &Message,
    ) -> Result<AccessRequestRow, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        let request = request.reject(&admin.email, now, reason)?;
        if !tx.decide(&request, None).await? {
            return Err(Problem::conflict("Somebody else has decided about this request.").into());
        }
        tx.audit(now, &admin.account_id, "access-request.rejected", id, "").await?;
        self.outbox.rejected(&mut tx, &request, reason).await?;
        let row = tx.access_request_row(request, now, self.env.config.access.max_links).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(row)
    }

    /// One verdict on several requests: each in a transaction of its own, so that one that somebody else has decided
    /// meanwhile does not undo the others. What is wrong with the verdict itself is told before anything is decided.
    pub(super) async fn decide_each(
        &self,
        admin: &Administrator,
        asked: &Decide,
    ) -> Result<Decided, Refusal> {
        let (reason, mut ids) = (reason_of(&asked.reason)?, distinct(&asked.ids)?.into_iter());
        let mut answer = Decided { verdict: asked.verdict, decided: 0, undecided: Vec::new(), unnamed: 0 };
        for id in ids.by_ref() {
            let done = match asked.verdict {
                Verdict::Approve => self.approve_request(admin, id).await,
                Verdict::Reject => self.reject_request(admin, id, &reason).await,
            };
            let Err(refusal) = done else {
                answer.decided += 1;
                continue;
            };
            let failed = matches!(refusal, Refusal::Failure(_));
            let problem = Problem::from(refusal);
            let why = if problem.detail.is_empty() { problem.title } else { problem.detail };
            answer.undecided.push(Undecided { id: id.to_owned(), email: self.email_of(id).await, why });
            if failed {
                // The next ones would fail for the same cause, each after its own wait.
                break;
            }
        }
        for id in ids {
            let why = "Not tried, since the server failed before.".to_owned();
            answer.undecided.push(Undecided { id: id.to_owned(), email: None, why });
        }
        Ok(answer)
    }

    /// Whose request it is, if that can be told.
    async fn email_of(&self, id: &str) -> Option<String> {
        let request = self.env.store.read().await.ok()?.access_request(id).await.ok()??;
        Some(request.email.into_string())
    }
}

/// What an administrator wrote to those who are rejected.
pub(super) fn reason_of(text: &str) -> Result<Message, Problem> {
    text.parse().map_err(|e: protocol::access::Invalid| Problem::invalid_input().field("reason", e.0))
}

/// Each id once, in the order in which they came.
fn distinct(ids: &[String]) -> Result<Vec<&str>, Problem> {
    let mut seen = std::collections::HashSet::new();
    let ids: Vec<_> = ids.iter().map(String::as_str).filter(|id| seen.insert(*id)).collect();
    match ids.len() {
        0 => Err(Problem::invalid_input().field("ids", "Choose at least one request.")),
        n if n > Decide::MOST => {
            let most = Decide::MOST;
            Err(Problem::invalid_input().field("ids", format!("Choose at most {most} requests at once.")))
        }
        _ => Ok(ids),
    }
}
