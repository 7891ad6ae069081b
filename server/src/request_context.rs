//! Finding out who asks, once per request, before any page or server function runs.

use std::sync::Arc;

use app::request_context::{Administrator, Cookie, RequestContext};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use protocol::Problem;
use protocol::certificate::RejectionReason;

use crate::certificate::Certificates;
use crate::config::Config;
use crate::environment::Environment;
use crate::failure::ServiceError;
use crate::people::{Activity, PanelSession, People};
use domain::secret::TokenHash;
use web::ProblemResponse;
use web::documented_errors::DocumentedErrors;
use web::{CookieKind, cookie_value};
use web::{Listener, Peer};

/// For how long after a certificate's end its browser still knows of it, in seconds.
const END_IS_OF_USE: i64 = 180 * 24 * 3600;

/// Finds out who is asking.
#[derive(Debug, Clone)]
pub struct RequestContexts {
    env: Arc<Environment>,
    certificates: Certificates,
    people: People,
}

/// The context of a request, for handlers outside the pages.
#[derive(Debug)]
pub struct Visitor(pub RequestContext);

/// An administrator. As an extractor it lets nobody else in.
#[derive(Debug)]
pub struct Admin(pub Administrator);

/// Puts the [`RequestContext`] into the request.
pub async fn add(State(contexts): State<RequestContexts>, mut request: Request, next: Next) -> Response {
    let (mut parts, body) = std::mem::take(&mut request).into_parts();
    let context = match contexts.of_request(&mut parts).await {
        Ok(context) => context,
        Err(response) => return response,
    };
    let remembered = remember_end(&context, &parts.headers, contexts.env.now());
    parts.extensions.insert(context);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(cookie) = remembered {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The cookie by which a later visit without a certificate tells when this one ended, unless the browser has it already.
fn remember_end(context: &RequestContext, headers: &HeaderMap, now: i64) -> Option<HeaderValue> {
    let report = &context.certificate;
    let end = report.presented.as_ref().filter(|_| report.rejection.is_none())?.not_after;
    let value = end.to_string();
    if cookie_value(headers, CookieKind::CertificateEnd, context.secure).as_ref() == Some(&value) {
        return None;
    }
    let life = end.saturating_sub(now).saturating_add(END_IS_OF_USE);
    CookieKind::CertificateEnd.set(&value, life, context.secure).parse().ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    RequestContexts: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        RequestContexts::from_ref(state).of_request(parts).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin
where
    RequestContexts: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Visitor(context) = Visitor::from_request_parts(parts, state).await?;
        context.administrator().map(Self).map_err(|problem| ProblemResponse(problem).into_response())
    }
}

impl DocumentedErrors for Admin {
    fn problems() -> Vec<Problem> {
        vec![
            Problem::sign_in_required(),
            Problem::forbidden().detail("This needs an administrator's account."),
        ]
    }
}

impl RequestContexts {
    pub fn new(env: Arc<Environment>, certificates: Certificates, people: People) -> Self {
        Self { env, certificates, people }
    }

    async fn of_request(&self, parts: &mut Parts) -> Result<RequestContext, Response> {
        let peer = Peer::from_request_parts(parts, &()).await.map_err(IntoResponse::into_response)?;
        let by_itself = parts.uri.path().starts_with(app::POLLING_PREFIX);
        let activity = if by_itself { Activity::Polling } else { Activity::User };
        self.resolve(&peer, &parts.headers, activity)
            .await
            .map_err(|refusal| ProblemResponse::from(refusal).into_response())
    }

    async fn resolve(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        activity: Activity,
    ) -> Result<RequestContext, ServiceError> {
        let cookie = |kind| cookie_value(headers, kind, peer.tls).map(Cookie);
        let mut certificate = self.certificates.report(peer.certificate.as_ref()).await?;
        if certificate.rejection == Some(RejectionReason::Missing) {
            let end = cookie(CookieKind::CertificateEnd).and_then(|end| end.0.parse().ok());
            certificate.last_ended = end.filter(|end| (0..self.env.now()).contains(end));
        }
        let session = cookie(CookieKind::Session);
        let may_sign_in = !self.env.config.admin.require_certificate || certificate.rejection.is_none();
        let standing = match &session {
            Some(session) if may_sign_in => {
                self.people.panel_session(&TokenHash::of(&session.0), activity).await?
            }
            _ => PanelSession::Invalid,
        };
        let (signed_in, idle_minutes) = match standing {
            PanelSession::Invalid => (None, None),
            PanelSession::Active(person) => (Some(person), None),
            PanelSession::IdleExpired { minutes } => (None, Some(minutes)),
        };
        Ok(RequestContext {
            signed_in,
            idle_minutes,
            session,
            challenge: cookie(CookieKind::Challenge),
            asked: cookie(CookieKind::Asked),
            address: peer.address,
            user_agent: headers
                .get(header::USER_AGENT)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            secure: peer.tls,
            certificate,
            pages_origin: pages_origin(&self.env.config, peer.listener),
        })
    }
}

fn pages_origin(config: &Config, listener: Listener) -> Option<String> {
    let (pages, machines) = (config.public_url.origin(), config.machines_url.origin());
    (listener == Listener::Machines && pages != machines).then(|| pages.to_owned())
}
