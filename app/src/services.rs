//! The services that the pages use. The server implements each trait beside the rules of its subject and provides one
//! [`Services`] in the context, so this crate depends neither on SQL nor on TLS or mail.

mod fleet;

use std::sync::Arc;

use async_trait::async_trait;
use domain::id::AccountId;
use leptos::prelude::use_context;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, DownloadOffer, Page, RequestAccess, RequestReceipt, RequestStatus,
};
use protocol::certificate::{AuthorityChange, CertificateRow};
use protocol::mode::Mode;
use protocol::outbox::{MailRow, MailState};
use protocol::overview::Overview;
use protocol::people::{
    AccountChange, AccountDetail, AccountRow, OwnAccount, RecoveryCodes, SetupAnswer, SetupOffer, SignInStep,
};
use protocol::provider::{
    KeyChange, ProviderDraft, ProviderEditor, ProviderModels, ProviderRow, ProviderTest,
};
use protocol::review::{Decide, Decided, News, RequestDetail, Unlisted};
use protocol::workflow::{Drawing, RunDetail, RunRow, WorkflowDraft, WorkflowEditor, WorkflowRow};
use protocol::{Problem, ServiceError};

pub use fleet::{GroupService, LedgerService, OwnSessionService, PolicyService};

use crate::error::AppError;
use crate::request_context::{Administrator, RequestContext, WithCookies};

/// All services of the pages.
#[derive(Clone)]
pub struct Services {
    pub accounts: Arc<dyn AccountService>,
    pub certificates: Arc<dyn CertificateService>,
    pub downloads: Arc<dyn DownloadService>,
    pub groups: Arc<dyn GroupService>,
    pub ledger: Arc<dyn LedgerService>,
    pub links: Arc<dyn LinkService>,
    pub modes: Arc<dyn ModeService>,
    pub outbox: Arc<dyn OutboxService>,
    pub overview: Arc<dyn OverviewService>,
    pub own_account: Arc<dyn OwnAccountService>,
    pub own_sessions: Arc<dyn OwnSessionService>,
    pub policies: Arc<dyn PolicyService>,
    pub providers: Arc<dyn ProviderService>,
    pub requests: Arc<dyn RequesterService>,
    pub reviews: Arc<dyn ReviewService>,
    pub runs: Arc<dyn RunService>,
    pub setup: Arc<dyn SetupService>,
    pub sign_in: Arc<dyn SignInService>,
    pub workflows: Arc<dyn WorkflowService>,
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

/// A service's result as that of a server function. Logs the cause of a failure, which the caller must not see.
pub fn reply<T>(result: Result<T, ServiceError>) -> Result<T, AppError> {
    result.map_err(|error| error.into_problem().into())
}

/// What a requester does: submit a request, see its status, remind the administrators.
#[async_trait]
pub trait RequesterService: Send + Sync {
    /// Submits a request; sets the cookie that later proves "this browser asked".
    async fn submit(
        &self,
        context: &RequestContext,
        request: RequestAccess,
    ) -> Result<WithCookies<RequestReceipt>, ServiceError>;
    /// The state of the request behind a status token.
    async fn status(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, ServiceError>;
    /// Reminds the administrators of the request behind a status token. 429 when that is too early, 409 when it is no
    /// longer possible.
    async fn remind(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, ServiceError>;
}

/// The page behind the link of an approved request.
#[async_trait]
pub trait DownloadService: Send + Sync {
    /// What the link offers. Does not use it up.
    async fn offer(&self, context: &RequestContext, token: &str) -> Result<DownloadOffer, ServiceError>;
    /// Requests a new link in place of one that has ended; needs the same proof as the link.
    async fn request_new_link(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<WithCookies<DownloadOffer>, ServiceError>;
}

/// Administrators' decisions about requests.
#[async_trait]
pub trait ReviewService: Send + Sync {
    async fn list(
        &self,
        admin: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, ServiceError>;
    /// One request with its history, whatever the list shows. 404 when there is none.
    async fn find(&self, admin: &Administrator, id: &str) -> Result<RequestDetail, ServiceError>;
    /// Approves: creates the account if there is none, and mails the link.
    async fn approve(&self, admin: &Administrator, id: &str) -> Result<AccessRequestRow, ServiceError>;
    async fn reject(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, ServiceError>;
    /// One decision about several requests, each carried out by itself.
    async fn decide(&self, admin: &Administrator, asked: Decide) -> Result<Decided, ServiceError>;
    /// The request with this match code that is in no list, since its address has too many waiting ones.
    async fn unlisted(&self, admin: &Administrator, code: &str) -> Result<Option<Unlisted>, ServiceError>;
    /// Whether anything has changed, and how many requests are newer than the one with the id `since`.
    async fn news(&self, admin: &Administrator, since: Option<&str>) -> Result<News, ServiceError>;
}

/// Administrators' answers to requests for a new link.
#[async_trait]
pub trait LinkService: Send + Sync {
    /// Sends a new link for a package that was lost, and ends the previous one. 409 when `sent` is not the number of links
    /// sent so far.
    async fn send_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, ServiceError>;
    /// Declines a request for a new link. 409 when there is none.
    async fn decline_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, ServiceError>;
}

/// The page behind an account's set-up link.
#[async_trait]
pub trait SetupService: Send + Sync {
    async fn setup_offer(&self, context: &RequestContext, token: &str) -> Result<SetupOffer, ServiceError>;
    /// Sets password and second factor, and uses up the link. The cookie lets this browser see the codes again.
    async fn set_up(
        &self,
        context: &RequestContext,
        token: &str,
        answer: SetupAnswer,
    ) -> Result<WithCookies<RecoveryCodes>, ServiceError>;
    /// The recovery codes are saved: they are not shown again.
    async fn codes_saved(&self, context: &RequestContext) -> Result<WithCookies<()>, ServiceError>;
}

/// What administrators do with workflows.
#[async_trait]
pub trait WorkflowService: Send + Sync {
    async fn list(&self, admin: &Administrator) -> Result<Vec<WorkflowRow>, ServiceError>;
    /// A workflow for the editor: this version's document, or the newest. An empty id means a new one.
    async fn edit(
        &self,
        admin: &Administrator,
        id: &str,
        version: Option<i64>,
    ) -> Result<WorkflowEditor, ServiceError>;
    /// Draws a document. 422 with everything that is wrong with it.
    async fn check(&self, admin: &Administrator, document: &str) -> Result<Drawing, ServiceError>;
    /// Saves a draft as the next version; returns the workflow's id. 409 when that is not the next any more.
    async fn save(&self, admin: &Administrator, draft: WorkflowDraft) -> Result<String, ServiceError>;
    /// 409 when a mode uses it.
    async fn delete(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError>;
}

/// What administrators do with model servers.
#[async_trait]
pub trait ProviderService: Send + Sync {
    /// All of them, with what was found when their servers were asked the last time. `now`: they are asked again.
    async fn list(&self, admin: &Administrator, now: bool) -> Result<Vec<ProviderRow>, ServiceError>;
    /// The models of all of them.
    async fn models(&self, admin: &Administrator) -> Result<Vec<ProviderModels>, ServiceError>;
    /// A provider for the editor. An empty id means a new one.
    async fn edit(&self, admin: &Administrator, id: &str) -> Result<ProviderEditor, ServiceError>;
    /// Saves a provider; returns its id. 409 when `version` is not the stored one.
    async fn save(
        &self,
        admin: &Administrator,
        draft: ProviderDraft,
        key: KeyChange,
    ) -> Result<String, ServiceError>;
    /// 409 when a mode or a workflow uses it.
    async fn delete(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError>;
    /// Asks its model a small question.
    async fn test(&self, admin: &Administrator, id: &str) -> Result<ProviderTest, ServiceError>;
}

/// What administrators do with the runs of workflows.
#[async_trait]
pub trait RunService: Send + Sync {
    /// The newest runs of a workflow.
    async fn list(&self, admin: &Administrator, workflow: &str) -> Result<Vec<RunRow>, ServiceError>;
    /// A run with what was sent and came back. Leaves an entry in the audit log: it is what somebody asked.
    async fn open(&self, admin: &Administrator, id: &str) -> Result<RunDetail, ServiceError>;
    /// Goes on from a checkpoint in a new run; `changes` is a JSON object of channels and their new values, or empty. Returns
    /// the new run's id.
    async fn replay(
        &self,
        admin: &Administrator,
        id: &str,
        sequence: u64,
        changes: &str,
    ) -> Result<String, ServiceError>;
}

/// What people do with their own account.
#[async_trait]
pub trait OwnAccountService: Send + Sync {
    async fn own_account(&self, context: &RequestContext) -> Result<OwnAccount, ServiceError>;
    /// Replaces the recovery codes. `code`: the second factor, once more.
    async fn renew_codes(&self, context: &RequestContext, code: &str) -> Result<RecoveryCodes, ServiceError>;
}

/// What administrators do with accounts.
#[async_trait]
pub trait AccountService: Send + Sync {
    async fn list(
        &self,
        admin: &Administrator,
        search: &str,
        page: u32,
    ) -> Result<Page<AccountRow>, ServiceError>;
    async fn find(&self, admin: &Administrator, id: &str) -> Result<AccountDetail, ServiceError>;
    /// Makes an account and mails its set-up link. Returns the account's id.
    async fn invite(&self, admin: &Administrator, email: &str, role: &str)
    -> Result<AccountId, ServiceError>;
    /// 409 when the account's state does not allow it, or nobody else could administer the server.
    async fn change(
        &self,
        admin: &Administrator,
        id: &str,
        change: AccountChange,
    ) -> Result<(), ServiceError>;
}

/// The panel's sign-in.
#[async_trait]
pub trait SignInService: Send + Sync {
    /// The first step: the code comes next, or the same error for every cause.
    async fn sign_in(
        &self,
        context: &RequestContext,
        email: &str,
        password: &str,
    ) -> Result<WithCookies<SignInStep>, ServiceError>;
    /// The second step: a TOTP or a recovery code.
    async fn second_factor(
        &self,
        context: &RequestContext,
        code: &str,
    ) -> Result<WithCookies<SignInStep>, ServiceError>;
    async fn sign_out(&self, context: &RequestContext) -> Result<WithCookies<()>, ServiceError>;
}

#[async_trait]
pub trait ModeService: Send + Sync {
    async fn list(&self, admin: &Administrator) -> Result<Vec<Mode>, ServiceError>;
    /// Saves a mode; an empty id makes a new one. 409 when `version` is not the stored one.
    async fn save(&self, admin: &Administrator, mode: Mode) -> Result<Mode, ServiceError>;
    /// The names of the configured providers, for the editor's choice.
    async fn providers(&self, admin: &Administrator) -> Result<Vec<String>, ServiceError>;
}

#[async_trait]
pub trait OutboxService: Send + Sync {
    /// Those in one state, or all of them.
    async fn list(
        &self,
        admin: &Administrator,
        state: Option<MailState>,
        page: u32,
    ) -> Result<Page<MailRow>, ServiceError>;
    /// Retries a mail that was given up.
    async fn retry(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError>;
    /// Marks a mail as sent by the administrator: one to copy, or one that was given up.
    async fn delivered(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError>;
    /// Takes back that the administrator has sent a mail, while its text is kept.
    async fn take_back(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError>;
    /// Retries all mails that were given up; returns their number.
    async fn retry_all(&self, admin: &Administrator) -> Result<u64, ServiceError>;
}

#[async_trait]
pub trait CertificateService: Send + Sync {
    async fn list(
        &self,
        admin: &Administrator,
        search: &str,
        page: u32,
    ) -> Result<Page<CertificateRow>, ServiceError>;
    /// `reason`: one of [`protocol::certificate::RevocationReason`], or empty; `words`: an explanation in free text.
    async fn revoke(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
        words: &str,
    ) -> Result<(), ServiceError>;
    /// `None`: one authority is trusted, and none replaces it.
    async fn replacement(&self, admin: &Administrator) -> Result<Option<AuthorityChange>, ServiceError>;
}

#[async_trait]
pub trait OverviewService: Send + Sync {
    async fn overview(&self, admin: &Administrator) -> Result<Overview, ServiceError>;
}
