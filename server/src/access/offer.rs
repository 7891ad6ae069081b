//! The page behind the link of an approved request: what the link offers, and the request for another one once it has
//! ended.

use app::request_context::{RequestContext, WithCookies};
use app::services::DownloadService;
use async_trait::async_trait;
use domain::access::{AccessRequest, ReminderRules};
use domain::account::AccountState;
use domain::audit::{Action, Actor};
use domain::secret::TokenHash;
use protocol::access::{DownloadOffer, DownloadState, NewLink, RequestState};
use protocol::enrolment::DesktopLink;
use protocol::{Problem, ServiceError};
use store::Tx;
use web::documented_errors::DocumentedErrors;

use super::link::sent_meanwhile;
use super::redeem::is_same_browser;
use super::{Access, renewal};

#[async_trait]
impl DownloadService for Access {
    /// What the link's page shows. Does not use the link up.
    #[tracing::instrument(skip_all, level = "debug", name = "download.offer")]
    async fn offer(&self, context: &RequestContext, token: &str) -> Result<DownloadOffer, ServiceError> {
        self.check_link_rate(context).await?;
        self.offer_to(context, token).await
    }

    /// Passes the holder's request for a new link on to the administrators. Needs the same proof as redeeming the link, so
    /// that a thief of the link achieves nothing, not even a mail to somebody.
    #[tracing::instrument(skip_all, level = "debug", name = "download.request_new_link")]
    async fn request_new_link(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<WithCookies<DownloadOffer>, ServiceError> {
        let now = self.env.now();
        let (mut tx, request, proof) = self.identify(context, token, match_code).await?;
        if renewal::renews(&mut tx, &request).await? {
            return Err(no_new_link(request.state_at(now)).into());
        }
        match self.next_link_request(&request) {
            None => return Err(no_new_link(request.state_at(now)).into()),
            Some(at) if at > now => return Err(too_early(at - now).into()),
            Some(_) if !tx.access_requests().request_new_link(&request, now).await? => {
                return Err(sent_meanwhile().into());
            }
            Some(_) => {}
        }
        tx.audit_log().append(now, Actor::Visitor, Action::LinkRequested, &request.id, "").await?;
        self.notify(&mut tx).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        let proven = self.with_cookie(context, token, &proof, ()).await?;
        let mut offer = self.offer_to(context, token).await?;
        // Computed as for the requesting browser: one that has just proved itself by the code gets its cookie only with this
        // answer.
        let at = offer.new_link.and_then(|link| link.at);
        offer.new_link = Some(NewLink { open: false, asked_at: Some(now), at });
        Ok(WithCookies { value: offer, cookies: proven.cookies })
    }
}

impl Access {
    async fn offer_to(&self, context: &RequestContext, token: &str) -> Result<DownloadOffer, ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        let request = request_behind(&mut tx, token).await?;
        let same_browser = is_same_browser(&mut tx, context, &request).await?;
        let renews = renewal::renews(&mut tx, &request).await?;
        let state = match request.state_at(now) {
            RequestState::Approved => DownloadState::Ready,
            RequestState::Redeemed => DownloadState::Redeemed,
            RequestState::Expired | RequestState::Pending | RequestState::Rejected => DownloadState::Expired,
        };
        let account = tx.accounts().find_by_email(&request.email).await?;
        let invited = account.is_some_and(|a| matches!(a.state, AccountState::Invited));
        Ok(DownloadOffer {
            state,
            device_name: request.device_name.as_ref().map(|n| n.as_str().to_owned()),
            platform: request.platform,
            expires_at: request.expires_at().or(request.grant().map(|g| g.expires_at)).unwrap_or(now),
            needs_match_code: !same_browser && !renews,
            needs_certificate: !same_browser && renews,
            new_link: self.new_link(&request, same_browser).filter(|_| !renews),
            setup_url: invited.then(|| format!("/public/download-certs/{token}/setup")),
            machines_url: self.env.config.machines_url.origin().to_owned(),
            pages_url: self.env.config.public_url.origin().to_owned(),
            // The desktop program renews by itself, and cannot present the browser's certificate.
            desktop_link: if renews { None } else { Some(self.desktop_link(token)?) },
        })
    }

    fn desktop_link(&self, token: &str) -> Result<String, ServiceError> {
        let link = DesktopLink {
            server: self.env.config.machines_url.origin(),
            authority: &self.certificates.root_fingerprint_hex()?,
            token,
            // The client cannot work this out itself: falling back to the system's authorities when the pinned one fails would let
            // a man in the middle choose the weaker check.
            system_trust: !self.env.config.machines.tls.is_built_in(),
        };
        Ok(link.to_string())
    }

    /// What the page of an expired or used link says about a new one.
    fn new_link(&self, request: &AccessRequest, same_browser: bool) -> Option<NewLink> {
        let now = self.env.now();
        let asked_at = request.grant().and_then(|grant| grant.link_requests.last_at).filter(|_| same_browser);
        match self.next_link_request(request) {
            Some(at) if same_browser && at > now => Some(NewLink { open: false, asked_at, at: Some(at) }),
            Some(_) => Some(NewLink { open: true, asked_at, at: None }),
            // No requests remain, but one was made.
            None => asked_at.map(|_| NewLink { open: false, asked_at, at: None }),
        }
    }

    /// When the holder of an expired or used link can request the next one; `None`: never.
    pub(super) fn next_link_request(&self, request: &AccessRequest) -> Option<i64> {
        let access = &self.env.config.access;
        let rules = ReminderRules {
            initial_delay: 0,
            interval: i64::from(access.reminder_hours) * 3600,
            max: i64::from(access.max_reminders),
        };
        let links_left = request.grant().is_some_and(|grant| grant.number < i64::from(access.max_links));
        request.next_link_request(rules, self.env.now()).filter(|_| links_left)
    }
}

/// The request that a link belongs to. A superseded link gets an error of its own; any other unknown link is a 404.
pub(super) async fn request_behind(tx: &mut Tx, token: &str) -> Result<AccessRequest, ServiceError> {
    let link = TokenHash::of(token);
    match tx.access_requests().find_by_grant(&link).await? {
        Some(request) => Ok(request),
        None if tx.access_requests().is_former_link(&link).await? => Err(superseded().into()),
        None => Err(Problem::not_found().into()),
    }
}

/// 410: the link was valid once.
fn superseded() -> Problem {
    Problem::gone("There is a newer link, which replaced this one. Use that one.")
}

fn no_new_link(state: RequestState) -> Problem {
    let detail = match state {
        RequestState::Approved => "This link still works.",
        _ => "Ask for access again, or talk to an administrator.",
    };
    Problem::new("no-new-link", 409, "You can’t ask for a new link here").detail(detail)
}

fn too_early(seconds: i64) -> Problem {
    Problem::new("too-early", 429, "You’ve already asked for a new link")
        .detail("Give your administrators some time, or talk to them.")
        .retry_after(seconds.unsigned_abs())
}

/// The errors of [`DownloadService::request_new_link`], except those of a missing proof.
#[derive(Debug)]
pub struct NewLinkRequestErrors;

impl DocumentedErrors for NewLinkRequestErrors {
    fn problems() -> Vec<Problem> {
        vec![superseded(), no_new_link(RequestState::Redeemed), too_early(3600), sent_meanwhile()]
    }
}
