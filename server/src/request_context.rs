//! The context of a request (who sent it, with which certificate), resolved once before any page or server function
//! runs.

use std::sync::Arc;

use app::request_context::{Administrator, RequestContext};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::secret::{Secret, TokenHash};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use protocol::certificate::RejectionReason;
use protocol::{Problem, ServiceError};
use web::documented_errors::DocumentedErrors;
use web::{CookieKind, CookieNames, HandlerError, Listener, Peer, ProblemResponse, cookie_value};

use crate::certificate::{Certificates, Machine};
use crate::config::Config;
use crate::environment::Environment;
use crate::people::{Activity, PanelSession, People};

/// How long the browser keeps the expiry of its certificate after that has expired, in seconds.
const CERTIFICATE_END_RETENTION: i64 = 180 * 24 * 3600;

/// Resolves the context of requests.
#[derive(Debug, Clone)]
pub struct RequestContexts {
    env: Arc<Environment>,
    certificates: Certificates,
    people: People,
}

/// Extracts the context of a request, in handlers outside the pages.
#[derive(Debug)]
pub struct Visitor(pub RequestContext);

/// Extracts the signed-in administrator; rejects everybody else.
#[derive(Debug)]
pub struct Admin(pub Administrator);

/// Middleware that adds the [`RequestContext`] to the request's extensions.
pub async fn add(State(contexts): State<RequestContexts>, mut request: Request, next: Next) -> Response {
    let (mut parts, body) = std::mem::take(&mut request).into_parts();
    let context = match contexts.resolve_parts(&mut parts).await {
        Ok(context) => context,
        Err(response) => return response,
    };
    let names = contexts.env.cookies(context.secure);
    let cookie = certificate_end_cookie(&context, &parts.headers, names, contexts.env.now());
    parts.extensions.insert(context);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The cookie that records when the presented certificate expires, for later requests without one. `None`: the browser
/// has it already.
fn certificate_end_cookie(
    context: &RequestContext,
    headers: &HeaderMap,
    names: CookieNames,
    now: i64,
) -> Option<HeaderValue> {
    let report = &context.certificate;
    let end = report.presented.as_ref().filter(|_| report.rejection.is_none())?.not_after;
    let value = end.to_string();
    if cookie_value(headers, CookieKind::CertificateEnd, names).as_ref() == Some(&value) {
        return None;
    }
    let max_age = end.saturating_sub(now).saturating_add(CERTIFICATE_END_RETENTION);
    CookieKind::CertificateEnd.set(&value, max_age, names).parse().ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    RequestContexts: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match parts.extensions.get::<RequestContext>() {
            Some(context) => Ok(Self(context.clone())),
            None => RequestContexts::from_ref(state).resolve_parts(parts).await.map(Self),
        }
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
        vec![Problem::sign_in_required(), Problem::forbidden().detail("You need an administrator account.")]
    }
}

impl RequestContexts {
    pub fn new(env: Arc<Environment>, certificates: Certificates, people: People) -> Self {
        Self { env, certificates, people }
    }

    async fn resolve_parts(&self, parts: &mut Parts) -> Result<RequestContext, Response> {
        let peer = Peer::from_request_parts(parts, &()).await.map_err(IntoResponse::into_response)?;
        let is_polling = parts.uri.path().starts_with(app::POLLING_PREFIX);
        let activity = if is_polling { Activity::Polling } else { Activity::User };
        self.resolve(&peer, &parts.headers, activity)
            .await
            .map_err(|error| HandlerError::from(error).into_response())
    }

    async fn resolve(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        activity: Activity,
    ) -> Result<RequestContext, ServiceError> {
        let names = self.env.cookies(peer.tls);
        let cookie = |kind| cookie_value(headers, kind, names).map(Secret::new);
        let (mut certificate, machine) = self.certificates.report(peer.certificate.as_ref()).await?;
        let machine = machine.as_ref().map(Machine::identity);
        if certificate.rejection == Some(RejectionReason::Missing) {
            let end = cookie(CookieKind::CertificateEnd).and_then(|end| end.expose().parse().ok());
            certificate.last_ended = end.filter(|end| (0..self.env.now()).contains(end));
        }
        let session = cookie(CookieKind::Session);
        let panel_session = match &session {
            Some(session) => {
                let token = TokenHash::of(session.expose());
                self.people.panel_session(&token, machine.as_ref(), activity).await?
            }
            None => PanelSession::Invalid,
        };
        let (signed_in, idle_minutes) = match panel_session {
            PanelSession::Invalid => (None, None),
            PanelSession::Active(person) => (Some(person), None),
            PanelSession::IdleExpired { minutes } => (None, Some(minutes)),
        };
        Ok(RequestContext {
            signed_in,
            idle_minutes,
            session,
            challenge: cookie(CookieKind::Challenge),
            setup: cookie(CookieKind::Setup),
            requester: cookie(CookieKind::Requester),
            address: peer.address,
            user_agent: headers
                .get(header::USER_AGENT)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            secure: peer.tls,
            certificate,
            machine,
            pages_origin: pages_origin(&self.env.config, peer.listener),
        })
    }
}

fn pages_origin(config: &Config, listener: Listener) -> Option<String> {
    let (pages, machines) = (config.public_url.origin(), config.machines_url.origin());
    (listener == Listener::Machines && pages != machines).then(|| pages.to_owned())
}
