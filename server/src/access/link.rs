//! New links for lost packages: sent by an administrator, or requested by the holder of an expired or used one.

use app::request_context::{Administrator, RequestContext, WithCookies};
use domain::audit::{Action, Actor};
use protocol::Problem;
use protocol::access::{AccessRequestRow, DownloadOffer, Message, NewLink, RequestState};

use super::{Access, renewal};
use crate::failure::ServiceError;
use domain::access::{AccessRequest, ReminderRules};
use domain::account::AccountState;
use domain::id::AccessRequestId;
use domain::secret::{Token, TokenHash};
use store::Tx;
use web::documented_errors::DocumentedErrors;

impl Access {
    /// Sends a new link, which invalidates the one before it. `sent` is how many links the administrator has seen: a double
    /// click, or two administrators at once, sends only one.
    pub(super) async fn send_new_link(
        &self,
        admin: &Administrator,
        id: &AccessRequestId,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, ServiceError> {
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
        let request = request.reissue_link(now, now + i64::from(access.link_lifetime_hours) * 3600)?;
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
        let detail = format!("number {}", former + 1);
        tx.audit_log().append(now, &admin.account_id, Action::LinkReissued, id, &detail).await?;
        self.outbox.new_link(&mut tx, &request, &link).await?;
        let row = tx.access_requests().row(request, now, access.max_links).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(row)
    }

    /// Declines a request for a new link.
    pub(super) async fn decline_new_link(
        &self,
        admin: &Administrator,
        id: &AccessRequestId,
        reason: &Message,
    ) -> Result<AccessRequestRow, ServiceError> {
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

    /// Passes the holder's request for a new link on to the administrators. Needs the same proof as redeeming the link, so
    /// that a thief of the link achieves nothing, not even a mail to somebody.
    pub(super) async fn accept_link_request(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<WithCookies<DownloadOffer>, ServiceError> {
        let now = self.env.now();
        let (mut tx, request, proof) = self.identify(context, token, match_code).await?;
        if renewal::renews(&mut tx, &request).await? {
            return Err(no_new_link(request.state_at(now)).into());
        }
        match self.next_link_request(&request) {
            None => return Err(no_new_link(request.state_at(now)).into()),
            Some(at) if at > now => return Err(too_early(at - now).into()),
            Some(_) if !tx.access_requests().request_new_link(&request, now).await? => {
                return Err(sent_meanwhile().into());
            }
            Some(_) => {}
        }
        tx.audit_log().append(now, Actor::Visitor, Action::LinkRequested, &request.id, "").await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        let proven = self.with_cookie(context, token, &proof, ()).await?;
        let mut offer = self.offer_to(context, token).await?;
        // Computed as for the requesting browser: one that has just proved itself by the code gets its cookie only with this
        // answer.
        let at = offer.new_link.and_then(|link| link.at);
        offer.new_link = Some(NewLink { open: false, asked_at: Some(now), at });
        Ok(WithCookies { value: offer, cookies: proven.cookies })
    }

    /// What the page of an expired or used link says about a new one.
    pub(super) fn new_link(&self, request: &AccessRequest, same_browser: bool) -> Option<NewLink> {
        let now = self.env.now();
        let asked_at = request.grant().and_then(|grant| grant.link_requests.last_at).filter(|_| same_browser);
        match self.next_link_request(request) {
            Some(at) if same_browser && at > now => Some(NewLink { open: false, asked_at, at: Some(at) }),
            Some(_) => Some(NewLink { open: true, asked_at, at: None }),
            // No requests remain, but one was made.
            None => asked_at.map(|_| NewLink { open: false, asked_at, at: None }),
        }
    }

    /// When the holder of an expired or used link can request the next one; `None`: never.
    pub(super) fn next_link_request(&self, request: &AccessRequest) -> Option<i64> {
        let access = &self.env.config.access;
        let rules = ReminderRules {
            first_after: 0,
            apart: i64::from(access.reminder_hours) * 3600,
            most: i64::from(access.max_reminders),
        };
        let links_left = request.grant().is_some_and(|grant| grant.number < i64::from(access.max_links));
        request.next_link_request(rules, self.env.now()).filter(|_| links_left)
    }
}

/// The request that a link belongs to. A superseded link gets an error of its own; any other unknown link is a 404.
pub(super) async fn request_behind(tx: &mut Tx, token: &str) -> Result<AccessRequest, ServiceError> {
    let link = TokenHash::of(token);
    match tx.access_requests().find_by_grant(&link).await? {
        Some(request) => Ok(request),
        None if tx.access_requests().is_former_link(&link).await? => Err(superseded().into()),
        None => Err(Problem::not_found().into()),
    }
}

/// 410: the link was valid once.
fn superseded() -> Problem {
    Problem::gone("A newer link has been mailed. Use the one in the newest mail.")
}

fn sent_meanwhile() -> Problem {
    Problem::conflict("A new link was sent or asked for a moment ago. Reload the page.")
}

fn not_requested() -> Problem {
    Problem::conflict("There is no open request for a new link here. Reload the page.")
}

fn account_disabled() -> Problem {
    Problem::conflict("This person's account is disabled.")
}

/// 409: the link to a machine's next certificate is the same in each reminder (`docs/decisions/renewal.md`).
fn is_renewal_link() -> Problem {
    Problem::new("no-other-link", 409, "This link renews a machine's certificate").detail(
        "Its reminders contain the same link while it is valid. If the new certificate was lost, ask for access again.",
    )
}

fn no_more_links() -> Problem {
    Problem::new("no-more-links", 409, "This request has had all its links")
        .detail("Ask the requester to ask for access again.")
}

fn no_new_link(state: RequestState) -> Problem {
    let detail = match state {
        RequestState::Approved => "This link still works.",
        _ => "Ask for access again, or talk to an administrator.",
    };
    Problem::new("no-new-link", 409, "No new link can be asked for here").detail(detail)
}

fn too_early(seconds: i64) -> Problem {
    Problem::new("too-early", 429, "The administrators have been asked already")
        .detail("Give them time, or talk to them.")
        .retry_after(seconds.unsigned_abs())
}

/// The errors of [`Access::send_new_link`].
#[derive(Debug)]
pub struct SendLinkErrors;

impl DocumentedErrors for SendLinkErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), sent_meanwhile(), is_renewal_link(), no_more_links(), account_disabled()]
    }
}

/// The errors of [`Access::decline_new_link`].
#[derive(Debug)]
pub struct DeclineLinkErrors;

impl DocumentedErrors for DeclineLinkErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), not_requested()]
    }
}

/// The errors of [`Access::accept_link_request`], except those of a missing proof.
#[derive(Debug)]
pub struct NewLinkRequestErrors;

impl DocumentedErrors for NewLinkRequestErrors {
    fn problems() -> Vec<Problem> {
        vec![superseded(), no_new_link(RequestState::Redeemed), too_early(3600), sent_meanwhile()]
    }
}
