//! Access: from the request to the certificate.
//!
//! The link of an approved request is not enough on its own: redeeming it also needs the browser that made the request
//! (a cookie) or the match code, which is never mailed. Opening a link does not use it up; redeeming does, once.

mod decide;
mod history;
mod link;
mod notify;
pub mod redeem;
mod remind;
mod renewal;
mod submit;
mod suppressed;

use std::sync::Arc;

use app::request_context::{Administrator, RequestContext, WithCookies};
use app::services::AccessService;
use async_trait::async_trait;
use domain::id::AccessRequestId;
use protocol::Problem;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, DownloadOffer, Page, RequestAccess, RequestReceipt, RequestStatus,
};
use protocol::review::{Decide, Decided, News, RequestDetail};

pub use decide::DecisionErrors;
pub use link::{DeclineLinkErrors, NewLinkRequestErrors, SendLinkErrors};
pub use redeem::{Proof, Redeemed, SetupPathErrors};
pub use remind::RemindErrors;
pub use submit::SubmitErrors;

use crate::certificate::Certificates;
use crate::environment::Environment;
use crate::outbox::Outbox;
use crate::people::People;
use web::RateLimiter;

/// Rows per page of the administrator's list.
const PAGE_SIZE: u32 = 50;

/// The service behind every operation on access requests.
#[derive(Debug, Clone)]
pub struct Access {
    env: Arc<Environment>,
    certificates: Certificates,
    limits: Arc<dyn RateLimiter>,
    outbox: Outbox,
    people: People,
}

impl Access {
    pub fn new(
        env: Arc<Environment>,
        certificates: Certificates,
        limits: Arc<dyn RateLimiter>,
        outbox: Outbox,
        people: People,
    ) -> Self {
        Self { env, certificates, limits, outbox, people }
    }
}

#[async_trait]
impl AccessService for Access {
    async fn submit(
        &self,
        context: &RequestContext,
        request: RequestAccess,
    ) -> Result<WithCookies<RequestReceipt>, Problem> {
        Ok(self.submit_request(context, &request).await?)
    }

    async fn status(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, Problem> {
        Ok(self.status_of(context, token).await?)
    }

    async fn remind(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, Problem> {
        Ok(self.remind_administrators(context, token).await?)
    }

    async fn offer(&self, context: &RequestContext, token: &str) -> Result<DownloadOffer, Problem> {
        Ok(self.offer_of(context, token).await?)
    }

    async fn request_new_link(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<WithCookies<DownloadOffer>, Problem> {
        Ok(self.accept_link_request(context, token, match_code).await?)
    }

    async fn list(
        &self,
        _: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, Problem> {
        Ok(self.list_requests(&filter).await?)
    }

    async fn find(&self, _: &Administrator, id: &str) -> Result<RequestDetail, Problem> {
        Ok(self.find_request(&known(id)?).await?)
    }

    async fn approve(&self, admin: &Administrator, id: &str) -> Result<AccessRequestRow, Problem> {
        Ok(self.approve_request(admin, &known(id)?).await?)
    }

    async fn reject(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem> {
        Ok(self.reject_request(admin, &known(id)?, &decide::reason_of(reason)?).await?)
    }

    async fn send_link(
        &self,
        admin: &Administrator,
        id: &str,
        sent: Option<u32>,
    ) -> Result<AccessRequestRow, Problem> {
        Ok(self.send_new_link(admin, &known(id)?, sent).await?)
    }

    async fn decline_link(
        &self,
        admin: &Administrator,
        id: &str,
        reason: &str,
    ) -> Result<AccessRequestRow, Problem> {
        Ok(self.decline_new_link(admin, &known(id)?, &decide::reason_of(reason)?).await?)
    }

    async fn decide(&self, admin: &Administrator, asked: Decide) -> Result<Decided, Problem> {
        Ok(self.decide_each(admin, &asked).await?)
    }

    async fn news(&self, _: &Administrator, since: Option<&str>) -> Result<News, Problem> {
        Ok(self.news_since(since).await?)
    }
}

/// What is no id is the id of no request.
fn known(id: &str) -> Result<AccessRequestId, Problem> {
    id.parse().map_err(|_| Problem::not_found())
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::access::{AccessRequest, Message, Reminders, State};

    /// Anna's, of the year 1970, which waits for 100 seconds.
    pub(crate) fn pending() -> AccessRequest {
        AccessRequest {
            id: "r".parse().unwrap(),
            email: "anna@example.org".parse().unwrap(),
            match_code: "2345-6789".parse().unwrap(),
            platform: None,
            device_name: None,
            message: Message::default(),
            requested_at: 0,
            reminders: Reminders::default(),
            state: State::Pending { expires_at: 100 },
        }
    }
}
