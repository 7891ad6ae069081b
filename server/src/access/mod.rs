//! Access: from asking for it to holding a certificate.
//!
//! The link of an approved request is worth nothing alone: redeeming it needs the browser that asked (a cookie) or the
//! match code, which is never mailed. Looking at a link spends nothing; redeeming does, once.

mod decide;
mod history;
pub mod http;
mod link;
pub mod look;
mod notify;
mod redeem;
mod remind;
mod renewal;
mod request;
mod submit;
mod unheard;

use std::sync::Arc;

use app::services::AccessService;
use app::visit::{Administrator, Answer, Visit};
use async_trait::async_trait;
use protocol::Problem;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, Asked, DownloadOffer, Page, RequestAccess, RequestStatus,
};
use protocol::review::{Decide, Decided, News, RequestDetail};

pub use link::{Declining, LinkAsking, Relinking};
pub use redeem::{Proof, Redeemed, SetupPath};
pub use remind::Reminding;
#[cfg(test)]
pub use request::tests::pending;
pub use request::{
    AccessRequest, Decision, Grant, InvalidTransition, Notice, Redemption, ReminderRules, Reminders, State,
};
pub use submit::Submission;
pub use unheard::UnheardRequest;

use crate::certificate::Certificates;
use crate::environment::Environment;
use crate::http::RateLimiter;
use crate::outbox::Outbox;
use crate::people::People;

/// How many rows the administrator's list shows at once.
const PAGE_SIZE: u32 = 50;

/// Everything that is done with access requests.
#[derive(Debug, Clone)]
pub struct Access {
    env: Arc<Environment>,
    certificates: Certificates,
    limits: Arc<RateLimiter>,
    outbox: Outbox,
    people: People,
}

impl Access {
    pub fn new(
        env: Arc<Environment>,
        certificates: Certificates,
        limits: Arc<RateLimiter>,
        outbox: Outbox,
        people: People,
    ) -> Self {
        Self { env, certificates, limits, outbox, people }
    }
}

#[async_trait]
impl AccessService for Access {
    async fn submit(&self, visit: &Visit, request: RequestAccess) -> Result<Answer<Asked>, Problem> {
        Ok(self.submit_request(visit, &request).await?)
    }

    async fn status(&self, visit: &Visit, token: &str) -> Result<RequestStatus, Problem> {
        Ok(self.status_of(visit, token).await?)
    }

    async fn remind(&self, visit: &Visit, token: &str) -> Result<RequestStatus, Problem> {
        Ok(self.remind_administrators(visit, token).await?)
    }

    async fn offer(&self, visit: &Visit, token: &str) -> Result<DownloadOffer, Problem> {
        Ok(self.offer_of(visit, token).await?)
    }

    async fn ask_for_link(
        &self,
        visit: &Visit,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<Answer<DownloadOffer>, Problem> {
        Ok(self.ask_for_new_link(visit, token, match_code).await?)
    }

    async fn list(
        &self,
        _: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, Problem> {
        Ok(self.list_requests(&filter).await?)
    }

    async fn find(&self, _: &Administrator, id: &str) -> Result<RequestDetail, Problem> {
        Ok(self.find_request(id).await?)
    }

    async fn approve(&self, admin: &Administrator, id: &str) -> Result<AccessRequestRow, Problem> {
        Ok(self.approve_request(admin, id).await?)
    }

    async fn reject(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem> {
        Ok(self.reject_request(admin, id, &decide::reason_of(reason)?).await?)
    }

    async fn send_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, Problem> {
        Ok(self.send_new_link(admin, id, sent).await?)
    }

    async fn decline_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem> {
        Ok(self.decline_new_link(admin, id, &decide::reason_of(reason)?).await?)
    }

    async fn decide(&self, admin: &Administrator, asked: Decide) -> Result<Decided, Problem> {
        Ok(self.decide_each(admin, &asked).await?)
    }

    async fn news(&self, _: &Administrator, since: Option<&str>) -> Result<News, Problem> {
        Ok(self.news_since(since).await?)
    }
}
