//! Submitting a request for access, and its status.

use app::request_context::{RequestContext, WithCookies};
use domain::audit::{Action, Actor};
use protocol::Problem;
use protocol::access::{CheckedRequest, MatchCode, RequestAccess, RequestReceipt, RequestStatus};

use super::Access;
use super::redeem::is_same_browser;
use crate::failure::{Failure, ServiceError};
use domain::access::{AccessRequest, Reminders, State, SuppressedRequest};
use domain::secret::{Token, TokenHash};
use store::Tx;
use web::CookieKind;
use web::Rule;
use web::documented_errors::DocumentedErrors;

/// Lifetime of the requesting browser's cookie: longer than any request and link together.
pub(super) const ASKED_COOKIE_SECONDS: i64 = 60 * 24 * 3600;

impl Access {
    /// Accepts a request. The answer is the same whether or not the address is known, and whether or not it has made too
    /// many requests: those are suppressed, which the answer must not reveal.
    pub(super) async fn submit_request(
        &self,
        context: &RequestContext,
        request: &RequestAccess,
    ) -> Result<WithCookies<RequestReceipt>, ServiceError> {
        let checked = request.check()?;
        let per_hour = self.env.config.limits.access_requests_per_hour;
        self.limits.check_address(Rule::per_hour("request-access", per_hour), context.address).await?;

        let browser = self.secret_of_browser(context);
        let status = Token::generate(self.env.random.as_ref());
        let request = self.new_request(checked)?;
        let match_code = request.match_code.grouped();
        self.store_request(&request, &status, &TokenHash::of(&browser)).await?;

        let status_url =
            self.env.config.public_url.join(&format!("/public/request-status/{}", status.expose()));
        let cookie = CookieKind::Asked.set(&browser, ASKED_COOKIE_SECONDS, context.secure);
        Ok(WithCookies { value: RequestReceipt { match_code, status_url }, cookies: vec![cookie] })
    }

    pub(super) async fn status_of(
        &self,
        context: &RequestContext,
        token: &str,
    ) -> Result<RequestStatus, ServiceError> {
        self.check_link_rate(context).await?;
        let mut tx = self.env.store.read().await?;
        let status = TokenHash::of(token);
        if let Some(request) = tx.access_requests().find_by_status(&status).await? {
            return self.request_status(&mut tx, context, &request).await;
        }
        let suppressed = tx.suppressed_requests().find(&status).await?.ok_or_else(Problem::not_found)?;
        Ok(self.suppressed_status(context, &suppressed))
    }

    /// What the status page shows to whoever has its address.
    pub(super) async fn request_status(
        &self,
        tx: &mut Tx,
        context: &RequestContext,
        request: &AccessRequest,
    ) -> Result<RequestStatus, ServiceError> {
        let now = self.env.now();
        let same_browser = is_same_browser(tx, context, request).await?;
        Ok(RequestStatus {
            state: request.state_at(now),
            match_code: same_browser.then(|| request.match_code.grouped()),
            requested_at: request.requested_at,
            expires_at: request.expires_at(),
            reason: request.reason().map(str::to_owned),
            reminded_at: request.reminders.last_at,
            reminder: self.reminder(request),
        })
    }

    /// Limits how fast one network can try links.
    pub(super) async fn check_link_rate(&self, context: &RequestContext) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.links_per_minute;
        self.limits.check_address(Rule::per_minute("links", per_minute), context.address).await
    }

    /// The browser's existing secret, so that one cookie covers all of its requests; a new one when it has none.
    pub(super) fn secret_of_browser(&self, context: &RequestContext) -> String {
        let existing =
            context.asked.as_ref().filter(|cookie| cookie.0.len() == 43).map(|cookie| cookie.0.clone());
        existing.unwrap_or_else(|| Token::generate(self.env.random.as_ref()).expose().to_owned())
    }

    fn new_request(&self, checked: CheckedRequest) -> Result<AccessRequest, ServiceError> {
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
    ) -> Result<(), ServiceError> {
        let (limits, now) = (&self.env.config.access, request.requested_at);
        let mut tx = self.env.store.begin().await?;
        if tx.access_requests().count_pending(now).await? >= u64::from(limits.max_pending) {
            return Err(too_many_pending().into());
        }
        if tx.access_requests().count_pending_of(&request.email, now).await?
            >= u64::from(limits.max_pending_per_address)
            && let Some(suppressed) = SuppressedRequest::instead_of(request, browser)
        {
            // Suppressed requests are evicted rather than refused: a refusal would reveal which addresses have many.
            if tx.suppressed_requests().count(now).await? >= u64::from(limits.max_pending) {
                tx.suppressed_requests().delete_next(now).await?;
            }
            tracing::info!("a request was suppressed: its address has too many pending ones");
            tx.suppressed_requests().insert(&suppressed, &status.hash()).await?;
            return Ok(tx.commit().await?);
        }
        tx.access_requests().insert(request, &status.hash(), browser).await?;
        tx.audit_log().append(now, Actor::Visitor, Action::AccessRequestSubmitted, &request.id, "").await?;
        self.outbox.request_received(&mut tx, request, status).await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(())
    }
}

/// 503: the administrators' queue is full.
fn too_many_pending() -> Problem {
    Problem::unavailable("Too many requests wait for a decision.", 600)
}

/// The errors of [`Access::submit_request`] beyond those of its extractors.
#[derive(Debug)]
pub struct SubmitErrors;

impl DocumentedErrors for SubmitErrors {
    fn problems() -> Vec<Problem> {
        vec![too_many_pending()]
    }
}
