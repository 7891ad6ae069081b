//! The services that the pages use. The server implements these traits and provides one [`Services`] in the context, so
//! this crate depends neither on SQL nor on TLS or mail. Every problem that they return may be shown to the user.

use std::sync::Arc;

use async_trait::async_trait;
use leptos::prelude::use_context;
use protocol::Problem;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, DownloadOffer, Page, RequestAccess, RequestReceipt, RequestStatus,
};
use protocol::mode::Mode;
use protocol::people::{RecoveryCodes, SetupAnswer, SetupOffer, SignInStep};
use protocol::review::{Decide, Decided, News, RequestDetail};

use crate::admin::Overview;
use crate::certificate::{AuthorityChange, CertificateRow};
use crate::outbox::{MailRow, MailState};
use crate::request_context::{Administrator, RequestContext, WithCookies};

/// All services of the pages.
#[derive(Clone)]
pub struct Services {
    pub access: Arc<dyn AccessService>,
    pub certificates: Arc<dyn CertificateService>,
    pub modes: Arc<dyn ModeService>,
    pub outbox: Arc<dyn OutboxService>,
    pub overview: Arc<dyn OverviewService>,
    pub people: Arc<dyn PeopleService>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

impl Services {
    /// The services of the running server function or page.
    pub fn current() -> Result<Self, Problem> {
        use_context::<Self>().ok_or_else(Problem::internal)
    }
}

/// From the request for access to the downloaded package.
#[async_trait]
pub trait AccessService: Send + Sync {
    /// Submits a request; sets the cookie that later proves "this browser asked".
    async fn submit(
        &self,
        context: &RequestContext,
        request: RequestAccess,
    ) -> Result<WithCookies<RequestReceipt>, Problem>;
    /// The state of the request behind a status token.
    async fn status(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, Problem>;
    /// Reminds the administrators of the request behind a status token. 429 when that is too early, 409 when it is no
    /// longer possible.
    async fn remind(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, Problem>;
    /// What the link of an approved request offers. Does not use up the link.
    async fn offer(&self, context: &RequestContext, token: &str) -> Result<DownloadOffer, Problem>;
    /// Requests a new link in place of one that has ended; needs the same proof as the link.
    async fn request_new_link(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<WithCookies<DownloadOffer>, Problem>;
    async fn list(
        &self,
        admin: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, Problem>;
    /// One request with its history, whatever the list shows. 404 when there is none.
    async fn find(&self, admin: &Administrator, id: &str) -> Result<RequestDetail, Problem>;
    async fn approve(&self, admin: &Administrator, id: &str) -> Result<AccessRequestRow, Problem>;
    async fn reject(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem>;
    /// Sends a new link for a package that was lost, and ends the previous one. 409 when `sent` is not the number of links
    /// sent so far.
    async fn send_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, Problem>;
    /// Declines a request for a new link. 409 when there is none.
    async fn decline_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem>;
    /// One decision about several requests, each carried out by itself.
    async fn decide(&self, admin: &Administrator, asked: Decide) -> Result<Decided, Problem>;
    /// Whether anything has changed, and how many requests are newer than the one with the id `since`.
    async fn news(&self, admin: &Administrator, since: Option<&str>) -> Result<News, Problem>;
}

/// Accounts, the set-up of their factors, and the panel's sign-in.
#[async_trait]
pub trait PeopleService: Send + Sync {
    async fn setup_offer(&self, context: &RequestContext, token: &str) -> Result<SetupOffer, Problem>;
    /// Sets password and second factor, and uses up the link.
    async fn set_up(
        &self,
        context: &RequestContext,
        token: &str,
        answer: SetupAnswer,
    ) -> Result<RecoveryCodes, Problem>;
    /// The first step: the code comes next, or the same error for every cause.
    async fn sign_in(
        &self,
        context: &RequestContext,
        email: &str,
        password: &str,
    ) -> Result<WithCookies<SignInStep>, Problem>;
    /// The second step: a TOTP or a recovery code.
    async fn second_factor(
        &self,
        context: &RequestContext,
        code: &str,
    ) -> Result<WithCookies<SignInStep>, Problem>;
    async fn sign_out(&self, context: &RequestContext) -> Result<WithCookies<()>, Problem>;
}

#[async_trait]
pub trait ModeService: Send + Sync {
    async fn list(&self, admin: &Administrator) -> Result<Vec<Mode>, Problem>;
    /// Saves a mode; an empty id makes a new one. 409 when `version` is not the stored one.
    async fn save(&self, admin: &Administrator, mode: Mode) -> Result<Mode, Problem>;
    /// The names of the configured providers, for the editor's choice.
    async fn providers(&self, admin: &Administrator) -> Result<Vec<String>, Problem>;
}

#[async_trait]
pub trait OutboxService: Send + Sync {
    /// Those in one state, or all of them.
    async fn list(
        &self,
        admin: &Administrator,
        state: Option<MailState>,
        page: u32,
    ) -> Result<Page<MailRow>, Problem>;
    /// Retries a mail that was given up.
    async fn retry(&self, admin: &Administrator, id: &str) -> Result<(), Problem>;
    /// Marks a mail as sent by the administrator: one to copy, or one that was given up.
    async fn delivered(&self, admin: &Administrator, id: &str) -> Result<(), Problem>;
    /// Retries all mails that were given up; returns their number.
    async fn retry_all(&self, admin: &Administrator) -> Result<u64, Problem>;
}

#[async_trait]
pub trait CertificateService: Send + Sync {
    async fn list(
        &self,
        admin: &Administrator,
        search: &str,
        page: u32,
    ) -> Result<Page<CertificateRow>, Problem>;
    /// `reason`: one of [`protocol::certificate::RevocationReason`], or empty; `words`: an explanation in free text.
    async fn revoke(&self, admin: &Administrator, id: &str, reason: &str, words: &str)
    -> Result<(), Problem>;
    /// `None`: one authority is trusted, and none replaces it.
    async fn replacement(&self, admin: &Administrator) -> Result<Option<AuthorityChange>, Problem>;
}

#[async_trait]
pub trait OverviewService: Send + Sync {
    async fn overview(&self, admin: &Administrator) -> Result<Overview, Problem>;
}
