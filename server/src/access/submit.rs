//! Asking for access, and looking where one's request stands.

use app::visit::{Answer, Visit};
use protocol::Problem;
use protocol::access::{Asked, CheckedRequest, MatchCode, RequestAccess, RequestStatus};

use super::redeem::asked_here;
use super::{Access, AccessRequest, Reminders, State, UnheardRequest};
use crate::failure::{Failure, Refusal};
use crate::http::Rule;
use crate::http::refusals::Refuses;
use crate::people::CookieKind;
use crate::secret::{Token, TokenHash};
use crate::store::Tx;

/// How long a browser remembers that it asked: longer than any request and link together.
pub(super) const ASKED_COOKIE_SECONDS: i64 = 60 * 24 * 3600;

impl Access {
    /// Takes a request. The answer is the same whether or not the address is known, and whether or not the address
    /// has asked too often: then nobody hears of it, which nobody learns.
    pub(super) async fn submit_request(
        &self,
        visit: &Visit,
        asked: &RequestAccess,
    ) -> Result<Answer<Asked>, Refusal> {
        let checked = asked.check()?;
        let per_hour = self.env.config.limits.access_requests_per_hour;
        self.limits.check_address(Rule::per_hour("request-access", per_hour), visit.address)?;

        let browser = self.secret_of_browser(visit);
        let status = Token::generate(self.env.random.as_ref());
        let request = self.new_request(checked)?;
        let match_code = request.match_code.grouped();
        self.store_request(&request, &status, &TokenHash::of(&browser)).await?;

        let status_url =
            self.env.config.public_url.join(&format!("/public/request-status/{}", status.expose()));
        let cookie = CookieKind::Asked.set(&browser, ASKED_COOKIE_SECONDS, visit.secure);
        Ok(Answer { value: Asked { match_code, status_url }, cookies: vec![cookie] })
    }

    pub(super) async fn status_of(&self, visit: &Visit, token: &str) -> Result<RequestStatus, Refusal> {
        self.check_link_rate(visit)?;
        let mut tx = self.env.store.read().await?;
        let status = TokenHash::of(token);
        if let Some(request) = tx.access_request_by_status(&status).await? {
            return self.standing(&mut tx, visit, &request).await;
        }
        let unheard = tx.unheard_request(&status).await?.ok_or_else(Problem::not_found)?;
        Ok(self.standing_of_unheard(visit, &unheard))
    }

    /// What the holder of the status page's address may know of a request.
    pub(super) async fn standing(
        &self,
        tx: &mut Tx,
        visit: &Visit,
        request: &AccessRequest,
    ) -> Result<RequestStatus, Refusal> {
        let now = self.env.now();
        let asked_here = asked_here(tx, visit, request).await?;
        Ok(RequestStatus {
            state: request.state_at(now),
            match_code: asked_here.then(|| request.match_code.grouped()),
            requested_at: request.requested_at,
            expires_at: request.expires_at(),
            reason: request.reason().map(str::to_owned),
            reminded_at: request.reminders.last_at,
            reminder: self.reminder(request),
        })
    }

    /// Bounds how fast one network can try links.
    pub(super) fn check_link_rate(&self, visit: &Visit) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.links_per_minute;
        self.limits.check_address(Rule::per_minute("links", per_minute), visit.address)
    }

    /// A browser keeps its secret, so that all of its requests are its own.
    pub(super) fn secret_of_browser(&self, visit: &Visit) -> String {
        let kept = visit.asked.as_ref().filter(|cookie| cookie.0.len() == 43).map(|cookie| cookie.0.clone());
        kept.unwrap_or_else(|| Token::generate(self.env.random.as_ref()).expose().to_owned())
    }

    fn new_request(&self, checked: CheckedRequest) -> Result<AccessRequest, Refusal> {
        let now = self.env.now();
        let mut bytes = [0; 64];
        self.env.random.fill(&mut bytes);
        let match_code = MatchCode::from_random(bytes).ok_or(Failure::Other("the random source ran dry"))?;
        Ok(AccessRequest {
            id: self.env.new_id(),
            email: checked.email,
            match_code,
            platform: checked.platform,
            device_name: checked.device_name,
            message: checked.message,
            requested_at: now,
            reminders: Reminders::default(),
            state: State::Pending {
                expires_at: now + i64::from(self.env.config.access.request_lifetime_hours) * 3600,
            },
        })
    }

    async fn store_request(
        &self,
        request: &AccessRequest,
        status: &Token,
        browser: &TokenHash,
    ) -> Result<(), Refusal> {
        let (limits, now) = (&self.env.config.access, request.requested_at);
        let mut tx = self.env.store.begin().await?;
        if tx.count_pending(now).await? >= u64::from(limits.max_pending) {
            return Err(too_many_pending().into());
        }
        if tx.count_pending_of(&request.email, now).await? >= u64::from(limits.max_pending_per_address)
            && let Some(unheard) = UnheardRequest::instead_of(request, browser)
        {
            // A refusal would tell who filled them up which addresses have many.
            if tx.count_unheard_requests(now).await? >= u64::from(limits.max_pending) {
                tx.forget_an_unheard_request(now).await?;
            }
            tracing::info!("nobody hears of a request: its address has too many that are pending");
            tx.insert_unheard_request(&unheard, &status.hash()).await?;
            return Ok(tx.commit().await?);
        }
        tx.insert_access_request(request, &status.hash(), browser).await?;
        tx.audit(now, "visitor", "access-request.submitted", &request.id, "").await?;
        self.outbox.request_received(&mut tx, request, status).await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(())
    }
}

/// 503: administrators have more than enough to decide.
fn too_many_pending() -> Problem {
    Problem::unavailable("Too many requests wait for a decision.", 600)
}

/// What only [`Access::submit_request`] refuses with.
#[derive(Debug)]
pub struct Submission;

impl Refuses for Submission {
    fn problems() -> Vec<Problem> {
        vec![too_many_pending()]
    }
}
