//! Access: from asking for it to holding a certificate.
//!
//! The link of an approved request is worth nothing alone: redeeming it needs the browser that asked (a cookie) or the
//! match code, which is never mailed. Looking at a link spends nothing; redeeming does, once.

mod decide;
pub mod http;
mod redeem;
mod renewal;
mod request;
mod submit;

use std::sync::Arc;

use app::services::AccessService;
use app::visit::{Administrator, Answer, Visit};
use async_trait::async_trait;
use protocol::Problem;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, Asked, DownloadOffer, Page, RequestAccess, RequestStatus,
};

pub use redeem::{Proof, Redeemed, SetupPath};
pub use request::{AccessRequest, Decision, Grant, InvalidTransition, Redemption, State};
pub use submit::Submission;

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

    async fn offer(&self, visit: &Visit, token: &str) -> Result<DownloadOffer, Problem> {
        Ok(self.offer_of(visit, token).await?)
    }

    async fn list(
        &self,
        _: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, Problem> {
        Ok(self.list_requests(&filter).await?)
    }

    async fn find(&self, _: &Administrator, id: &str) -> Result<AccessRequestRow, Problem> {
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
        Ok(self.reject_request(admin, id, reason).await?)
    }
}
