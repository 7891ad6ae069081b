//! What the pages ask of the server. The server implements these traits and provides one [`Services`] in the context;
//! nothing of SQL, TLS or mail can reach this crate. Every problem that comes back is fit for its reader's eyes.

use std::sync::Arc;

use async_trait::async_trait;
use leptos::prelude::use_context;
use protocol::Problem;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, Asked, DownloadOffer, Page, RequestAccess, RequestStatus,
};
use protocol::mode::Mode;
use protocol::people::{RecoveryCodes, SetupAnswer, SetupOffer, SignInStep};
use protocol::review::{Decide, Decided, News, RequestDetail};

use crate::admin::Overview;
use crate::certificate::{AuthorityChange, CertificateRow};
use crate::outbox::{MailRow, MailState};
use crate::visit::{Administrator, Answer, Visit};

/// Everything the pages can ask for.
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

/// From asking for access to the package.
#[async_trait]
pub trait AccessService: Send + Sync {
    /// Submits a request; sets the cookie that later proves "this browser asked".
    async fn submit(&self, visit: &Visit, request: RequestAccess) -> Result<Answer<Asked>, Problem>;
    /// Where the request behind a status token stands.
    async fn status(&self, visit: &Visit, token: &str) -> Result<RequestStatus, Problem>;
    /// Reminds the administrators of the request behind a status token. 429 when that is too early, 409 when it is no
    /// longer possible.
    async fn remind(&self, visit: &Visit, token: &str) -> Result<RequestStatus, Problem>;
    /// What the link of an approved request offers. Spends nothing.
    async fn offer(&self, visit: &Visit, token: &str) -> Result<DownloadOffer, Problem>;
    /// Asks the administrators for a new link in the place of an ended one; needs the same proof as the link.
    async fn ask_for_link(
        &self,
        visit: &Visit,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<Answer<DownloadOffer>, Problem>;
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
    /// Sends a new link for a package that was lost; the one before it ends. 409 when `sent` is not how many there are.
    async fn send_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, Problem>;
    /// Answers an ask for a new link with none. 409 when nobody asks for one.
    async fn decline_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem>;
    /// One verdict on several requests, each decided by itself.
    async fn decide(&self, admin: &Administrator, asked: Decide) -> Result<Decided, Problem>;
    /// Whether anything has changed, and how many requests came after the one with the id `since`.
    async fn news(&self, admin: &Administrator, since: Option<&str>) -> Result<News, Problem>;
}

/// Accounts, the set-up of their factors, and the panel's sign-in.
#[async_trait]
pub trait PeopleService: Send + Sync {
    async fn setup_offer(&self, visit: &Visit, token: &str) -> Result<SetupOffer, Problem>;
    /// Sets password and second factor; the link is spent.
    async fn set_up(&self, visit: &Visit, token: &str, answer: SetupAnswer)
    -> Result<RecoveryCodes, Problem>;
    /// The first step: always leads to the code or to one and the same refusal.
    async fn sign_in(
        &self,
        visit: &Visit,
        email: &str,
        password: &str,
    ) -> Result<Answer<SignInStep>, Problem>;
    /// The second step: a TOTP or a recovery code.
    async fn second_factor(&self, visit: &Visit, code: &str) -> Result<Answer<SignInStep>, Problem>;
    async fn sign_out(&self, visit: &Visit) -> Result<Answer<()>, Problem>;
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
    /// Sends a mail again that was given up.
    async fn retry(&self, admin: &Administrator, id: &str) -> Result<(), Problem>;
    /// An administrator has sent a kept or given-up mail otherwise.
    async fn delivered(&self, admin: &Administrator, id: &str) -> Result<(), Problem>;
    /// Sends all mails again that were given up; gives how many.
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
    /// `reason`: one of [`protocol::certificate::RevocationReason`], or nothing; `words`: what is told of it beside.
    async fn revoke(&self, admin: &Administrator, id: &str, reason: &str, words: &str)
    -> Result<(), Problem>;
    /// `None`: one authority is trusted, and none replaces it.
    async fn replacement(&self, admin: &Administrator) -> Result<Option<AuthorityChange>, Problem>;
}

#[async_trait]
pub trait OverviewService: Send + Sync {
    async fn overview(&self, admin: &Administrator) -> Result<Overview, Problem>;
}
