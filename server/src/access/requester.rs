//! The requester's side: submitting a request, seeing its status, and reminding the administrators.

use app::request_context::{RequestContext, WithCookies};
use app::services::RequesterService;
use async_trait::async_trait;
use domain::access::{AccessRequest, Reminders, State, SuppressedRequest};
use domain::audit::{Action, Actor};
use domain::secret::{Secret, Token, TokenHash};
use protocol::access::{MatchCode, RequestAccess, RequestReceipt, RequestStatus, ValidatedRequest};
use protocol::{Problem, ServiceError};
use store::Tx;
use web::documented_errors::DocumentedErrors;
use web::{CookieKind, Rule};

use super::Access;
use super::redeem::is_same_browser;
use super::remind::{check_reminder, lost_race};
use crate::failure::Failure;

/// Lifetime of the requesting browser's cookie: longer than any request and link together.
pub(super) const ASKED_COOKIE_SECONDS: i64 = 60 * 24 * 3600;

#[async_trait]
impl RequesterService for Access {
    /// Accepts a request. The answer is the same whether or not the address is known, and whether or not it has made too
    /// many requests: those are suppressed, which the answer must not reveal.
    #[tracing::instrument(skip_all, level = "debug", name = "requester.submit")]
    async fn submit(
        &self,
        context: &RequestContext,
        request: RequestAccess,
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
        let cookie =
            CookieKind::Requester.set(&browser, ASKED_COOKIE_SECONDS, self.env.cookies(context.secure));
        Ok(WithCookies { value: RequestReceipt { match_code, status_url }, cookies: vec![cookie] })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "requester.status")]
    async fn status(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, ServiceError> {
        self.check_link_rate(context).await?;
        let mut tx = self.env.store.read().await?;
        let status = TokenHash::of(token);
        if let Some(request) = tx.access_requests().find_by_status(&status).await? {
            return self.request_status(&mut tx, context, &request).await;
        }
        let suppressed = tx.suppressed_requests().find(&status).await?.ok_or_else(Problem::not_found)?;
        Ok(self.suppressed_status(context, &suppressed))
    }

    /// Whoever has the status page's address may send a few reminders, well apart. The address is in the requester's mail
    /// and so not a secret of the browser: nothing more than a throttled mail to the administrators may follow from it.
    #[tracing::instrument(skip_all, level = "debug", name = "requester.remind")]
    async fn remind(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, ServiceError> {
        self.check_link_rate(context).await?;
        let (status, now) = (TokenHash::of(token), self.env.now());
        let mut tx = self.env.store.begin().await?;
        let Some(request) = tx.access_requests().find_by_status(&status).await? else {
            let suppressed = tx.suppressed_requests().find(&status).await?.ok_or_else(Problem::not_found)?;
            let answer = self.remind_of_suppressed(&mut tx, context, &status, suppressed).await?;
            tx.commit().await?;
            return Ok(answer);
        };
        check_reminder(request.next_reminder(self.reminder_rules(), now), now)?;
        if !tx.access_requests().remind(&request, self.env.config.access.notices, now).await? {
            return Err(lost_race().into());
        }
        let detail = format!("{} so far", request.reminders.sent + 1);
        tx.audit_log()
            .append(now, Actor::Visitor, Action::AccessRequestReminded, &request.id, &detail)
            .await?;
        self.notify(&mut tx).await?;
        let reminded = tx.access_requests().find(&request.id).await?.ok_or_else(Problem::not_found)?;
        let answer = self.request_status(&mut tx, context, &reminded).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(answer)
    }
}

impl Access {
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
        let existing = context
            .requester
            .as_ref()
            .map(Secret::expose)
            .filter(|cookie| cookie.len() == 43)
            .map(str::to_owned);
        existing.unwrap_or_else(|| Token::generate(self.env.random.as_ref()).expose().to_owned())
    }

    fn new_request(&self, checked: ValidatedRequest) -> Result<AccessRequest, ServiceError> {
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
            && let Some(suppressed) = SuppressedRequest::from_request(request, browser)
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

/// The errors of [`RequesterService::submit`] beyond those of its extractors.
#[derive(Debug)]
pub struct SubmitErrors;

impl DocumentedErrors for SubmitErrors {
    fn problems() -> Vec<Problem> {
        vec![too_many_pending()]
    }
}
