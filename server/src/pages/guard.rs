//! Which pages need a machine's certificate, and which answer programs as well as people.

use app::request_context::RequestContext;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, header};
use protocol::certificate::RejectionReason;

use crate::certificate::Rejected;
use crate::state::AppState;
use web::is_navigation;
use web::{Listener, Peer};

/// Turns away what needs a certificate and has none, and answers programs that ask for a request's status or look at its link.
pub(super) async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let context = request.extensions().get::<RequestContext>();
    if needs_certificate(path, &state) {
        let on_pages = request.extensions().get::<Peer>().is_none_or(|peer| peer.listener == Listener::Pages);
        let rejection =
            context.map_or(Some(RejectionReason::Missing), |context| context.certificate.rejection);
        if let Some(reason) = rejection.or(on_pages.then_some(RejectionReason::Missing)) {
            let (parts, _) = request.into_parts();
            return Rejected::new(reason, &parts).into_response();
        }
    }
    if let (Some(token), Some(context)) = (path.strip_prefix("/public/request-status/"), context)
        && request.method() == Method::GET
        && !is_navigation(request.method(), request.headers())
    {
        return crate::handlers::access::status(&state.access, context, token).await.into_response();
    }
    if let (Some(token), Some(context)) = (path.strip_prefix("/public/download-certs/"), context)
        && request.method() == Method::GET
        && !token.contains('/')
        && wants_json(&request)
    {
        return crate::handlers::access::redeem::offer(&state.access, context, token).await.into_response();
    }
    next.run(request).await
}

/// By its own word: without one, whoever looks at a link in a mail gets the page.
fn wants_json(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.starts_with("application/json"))
}

fn needs_certificate(path: &str, state: &AppState) -> bool {
    let panel = path == "/login" || path == "/admin" || path.starts_with("/admin/");
    path == "/sidebar" || (panel && state.env.config.admin.require_certificate)
}
