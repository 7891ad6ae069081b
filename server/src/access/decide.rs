//! Deciding about requests: the administrators' side.

use app::visit::Administrator;
use protocol::Problem;
use protocol::access::{AccessRequestFilter, AccessRequestRow, Message, Page, RequestState};
use protocol::people::Role;

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
        Ok(tx.access_request_rows(filter, PAGE_SIZE, self.env.now()).await?)
    }

    pub(super) async fn find_request(&self, id: &str) -> Result<AccessRequestRow, Refusal> {
        let mut tx = self.env.store.read().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        Ok(tx.access_request_row(request, self.env.now()).await?)
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
        let row = tx.access_request_row(request, now).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(row)
    }

    pub(super) async fn reject_request(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Refusal> {
        let reason: Message = reason
            .parse()
            .map_err(|e: protocol::access::Invalid| Problem::invalid_input().field("reason", e.0))?;
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        let request = request.reject(&admin.email, now, &reason)?;
        if !tx.decide(&request, None).await? {
            return Err(Problem::conflict("Somebody else has decided about this request.").into());
        }
        tx.audit(now, &admin.account_id, "access-request.rejected", id, "").await?;
        self.outbox.rejected(&mut tx, &request, &reason).await?;
        let row = tx.access_request_row(request, now).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(row)
    }
}
