//! New links for lost packages: an administrator sends one; the holder of an ended one asks for it.

use app::visit::{Administrator, Answer, Visit};
use protocol::Problem;
use protocol::access::{AccessRequestRow, DownloadOffer, Message, NewLink, RequestState};

use super::{Access, AccessRequest, ReminderRules, renewal};
use crate::failure::Refusal;
use crate::http::refusals::Refuses;
use crate::secret::{Token, TokenHash};
use crate::store::{AccountState, Tx};

impl Access {
    /// Sends a new link; the one before it is worth nothing from then on. `sent` is how many the administrator knows of:
    /// who presses twice, or at the same moment as another administrator, sends one.
    pub(super) async fn send_new_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, Refusal> {
        let (access, now) = (&self.env.config.access, self.env.now());
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        if renewal::renews(&mut tx, &request).await? {
            return Err(renewed_otherwise().into());
        }
        let former = request.grant().map_or(0, |grant| grant.number);
        if sent.is_some_and(|sent| i64::from(sent) != former) {
            return Err(sent_meanwhile().into());
        }
        let request = request.relink(now, now + i64::from(access.link_lifetime_hours) * 3600)?;
        if former >= i64::from(access.max_links) {
            return Err(no_more_links().into());
        }
        let account = tx.account_by_email(&request.email).await?.ok_or_else(Problem::not_found)?;
        if matches!(account.state, AccountState::Disabled) {
            return Err(disabled().into());
        }
        let link = Token::generate(self.env.random.as_ref());
        if !tx.relink(&request, &link.hash()).await? {
            return Err(sent_meanwhile().into());
        }
        let detail = format!("number {}", former + 1);
        tx.audit(now, &admin.account_id, "download-link.sent-again", id, &detail).await?;
        self.outbox.new_link(&mut tx, &request, &link).await?;
        let row = tx.access_request_row(request, now, access.max_links).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(row)
    }

    /// Answers the holder of an ended link who asks for a new one that there will be none.
    pub(super) async fn decline_new_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &Message,
    ) -> Result<AccessRequestRow, Refusal> {
        let (access, now) = (&self.env.config.access, self.env.now());
        let mut tx = self.env.store.begin().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        if !tx.decline_link(&request, access.max_reminders).await? {
            return Err(nobody_asks().into());
        }
        tx.audit(now, &admin.account_id, "download-link.declined", id, "").await?;
        self.outbox.link_declined(&mut tx, &request, reason).await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        let row = tx.access_request_row(request, now, access.max_links).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(row)
    }

    /// Asks the administrators for a new link in the place of an ended one. Needs the same proof as the link itself
    /// did: who has stolen it gets nothing by it, not even a mail to somebody.
    pub(super) async fn ask_for_new_link(
        &self,
        visit: &Visit,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<Answer<DownloadOffer>, Refusal> {
        let now = self.env.now();
        let (mut tx, request, proof) = self.identify(visit, token, match_code).await?;
        if renewal::renews(&mut tx, &request).await? {
            return Err(no_new_link(request.state_at(now)).into());
        }
        match self.next_link_ask(&request) {
            None => return Err(no_new_link(request.state_at(now)).into()),
            Some(at) if at > now => return Err(too_early(at - now).into()),
            Some(_) if !tx.ask_for_link(&request, now).await? => return Err(sent_meanwhile().into()),
            Some(_) => {}
        }
        tx.audit(now, "visitor", "download-link.asked", &request.id, "").await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.wake();
        let proven = self.with_cookie(visit, token, &proof, ()).await?;
        let mut offer = self.offer_to(visit, token).await?;
        // A browser that has just proved itself by the code gets its cookie with this answer.
        let at = offer.new_link.and_then(|link| link.at);
        offer.new_link = Some(NewLink { open: false, asked_at: Some(now), at });
        Ok(Answer { value: offer, cookies: proven.cookies })
    }

    /// What an ended link's page says about a new one.
    pub(super) fn new_link(&self, request: &AccessRequest, asked_here: bool) -> Option<NewLink> {
        let now = self.env.now();
        let asked_at = request.grant().and_then(|grant| grant.asks.last_at).filter(|_| asked_here);
        match self.next_link_ask(request) {
            Some(at) if asked_here && at > now => Some(NewLink { open: false, asked_at, at: Some(at) }),
            Some(_) => Some(NewLink { open: true, asked_at, at: None }),
            // No ask is left, but one was taken.
            None => asked_at.map(|_| NewLink { open: false, asked_at, at: None }),
        }
    }

    /// When another link can be asked for by the page of an ended one; `None`: never.
    pub(super) fn next_link_ask(&self, request: &AccessRequest) -> Option<i64> {
        let access = &self.env.config.access;
        let rules = ReminderRules {
            first_after: 0,
            apart: i64::from(access.reminder_hours) * 3600,
            most: i64::from(access.max_reminders),
        };
        let links_left = request.grant().is_some_and(|grant| grant.number < i64::from(access.max_links));
        request.next_link_ask(rules, self.env.now()).filter(|_| links_left)
    }
}

/// The request behind a link. A link that a newer one has replaced says so; any other that is unknown is a 404.
pub(super) async fn request_behind(tx: &mut Tx, token: &str) -> Result<AccessRequest, Refusal> {
    let link = TokenHash::of(token);
    match tx.access_request_by_grant(&link).await? {
        Some(request) => Ok(request),
        None if tx.is_former_link(&link).await? => Err(superseded().into()),
        None => Err(Problem::not_found().into()),
    }
}

/// 410: the link was good once.
fn superseded() -> Problem {
    Problem::gone("A newer link has been mailed. Use the one in the newest mail.")
}

fn sent_meanwhile() -> Problem {
    Problem::conflict("A new link was sent or asked for a moment ago. Reload the page.")
}

fn nobody_asks() -> Problem {
    Problem::conflict("Nobody asks for a new link here by now. Reload the page.")
}

fn disabled() -> Problem {
    Problem::conflict("This person's account is disabled.")
}

/// The link to a machine's next certificate is the same in each reminder (`docs/decisions/renewal.md`).
fn renewed_otherwise() -> Problem {
    Problem::new("no-other-link", 409, "This link renews a machine's certificate").detail(
        "Its reminders give it again while it is good. Whoever has lost the new certificate asks for access.",
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

/// What [`Access::send_new_link`] refuses with.
#[derive(Debug)]
pub struct Relinking;

impl Refuses for Relinking {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), sent_meanwhile(), renewed_otherwise(), no_more_links(), disabled()]
    }
}

/// What [`Access::decline_new_link`] refuses with.
#[derive(Debug)]
pub struct Declining;

impl Refuses for Declining {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found(), nobody_asks()]
    }
}

/// What [`Access::ask_for_new_link`] refuses with, beside a missing proof.
#[derive(Debug)]
pub struct LinkAsking;

impl Refuses for LinkAsking {
    fn problems() -> Vec<Problem> {
        vec![superseded(), no_new_link(RequestState::Redeemed), too_early(3600), sent_meanwhile()]
    }
}
