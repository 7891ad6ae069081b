//! New links for lost packages: the administrators' side.

use app::request_context::Administrator;
use app::services::LinkService;
use async_trait::async_trait;
use domain::account::AccountState;
use domain::audit::Action;
use domain::secret::{Token, TokenHash};
use protocol::access::AccessRequestRow;
use protocol::{Problem, ServiceError};
use web::documented_errors::DocumentedErrors;

use super::decide::{already_decided, reason_of};
use super::{Access, known, renewal};

#[async_trait]
impl LinkService for Access {
    /// Sends a new link, which invalidates the one before it. `sent` is how many links the administrator has seen: a double
    /// click, or two administrators at once, sends only one.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "link.send_link",
        fields(account_id = %admin.account_id, access_request_id = id)
    )]
    async fn send_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, ServiceError> {
        let id = &known(id)?;
        let (access, now) = (&self.env.config.access, self.env.now());
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_requests().find(id).await?.ok_or_else(Problem::not_found)?;
        if renewal::renews(&mut tx, &request).await? {
            return Err(is_renewal_link().into());
        }
        let former = request.grant().map_or(0, |grant| grant.number);
        if sent.is_some_and(|sent| i64::from(sent) != former) {
            return Err(sent_meanwhile().into());
        }
        let expires_at = now + i64::from(access.link_lifetime_hours) * 3600;
        let request = request.reissue_link(now, expires_at).map_err(already_decided)?;
        if former >= i64::from(access.max_links) {
            return Err(no_more_links().into());
        }
        let account = tx.accounts().find_by_email(&request.email).await?.ok_or_else(Problem::not_found)?;
        if matches!(account.state, AccountState::Disabled) {
            return Err(account_disabled().into());
        }
        let link = Token::generate(self.env.random.as_ref());
        if !tx.access_requests().reissue_link(&request, &link.hash()).await? {
            return Err(sent_meanwhile().into());
        }
        // Whoever has the former link has the set-up link that it led to as well.
        tx.sessions().end_setup_link(&TokenHash::of(&self.setup_token(id, former)), now).await?;
        let detail = format!("number {}", former + 1);
        tx.audit_log().append(now, &admin.account_id, Action::LinkReissued, id, &detail).await?;
        self.outbox.new_link(&mut tx, &request, &link).await?;
        let row = tx.access_requests().row(request, now, access.max_links).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(row)
    }

    /// Declines a request for a new link.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "link.decline_link",
        fields(account_id = %admin.account_id, access_request_id = id)
    )]
    async fn decline_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, ServiceError> {
        let (id, reason) = (&known(id)?, &reason_of(reason)?);
        let (access, now) = (&self.env.config.access, self.env.now());
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_requests().find(id).await?.ok_or_else(Problem::not_found)?;
        if !tx.access_requests().decline_link(&request, access.max_reminders).await? {
            return Err(not_requested().into());
        }
        tx.audit_log().append(now, &admin.account_id, Action::LinkDeclined, id, "").await?;
        self.outbox.link_declined(&mut tx, &request, reason).await?;
        let request = tx.access_requests().find(id).await?.ok_or_else(Problem::not_found)?;
        let row = tx.access_requests().row(request, now, access.max_links).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(row)
    }
}

pub(super) fn sent_meanwhile() -> Problem {
    Problem::conflict("A new link was just sent or requested. Reload the page.")
}

fn not_requested() -> Problem {
    Problem::conflict("No new link is being requested here. Reload the page.")
}

fn account_disabled() -> Problem {
    Problem::conflict("This person’s account is disabled.")
}

/// 409: the link to a machine's next certificate is the same in each reminder (`docs/decisions/renewal.md`).
fn is_renewal_link() -> Problem {
    Problem::new("no-other-link", 409, "This link renews a machine’s certificate").detail(
        "Its reminders contain the same link while it is valid. If the new certificate was lost, request access again.",
    )
}

fn no_more_links() -> Problem {
    Problem::new("no-more-links", 409, "No more links can be sent for this request")
        .detail("Have the requester request access again.")
}

/// The errors of [`LinkService::send_link`].
#[derive(Debug)]
pub struct SendLinkErrors;

impl DocumentedErrors for SendLinkErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), sent_meanwhile(), is_renewal_link(), no_more_links(), account_disabled()]
    }
}

/// The errors of [`LinkService::decline_link`].
#[derive(Debug)]
pub struct DeclineLinkErrors;

impl DocumentedErrors for DeclineLinkErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), not_requested()]
    }
}
