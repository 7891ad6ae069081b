//! Which pages require a client certificate.

use app::request_context::RequestContext;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::certificate::RejectionReason;
use web::{Listener, Peer, is_navigation};

use crate::certificate::Rejected;
use crate::state::AppState;

/// Middleware that rejects requests for such a page without a valid certificate.
pub(super) async fn require_certificate(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if needs_certificate(request.uri().path(), &state) {
        let extensions = request.extensions();
        let context = extensions.get::<RequestContext>();
        let on_pages = extensions.get::<Peer>().is_none_or(|peer| peer.listener == Listener::Pages);
        if on_pages
            && request.uri().path() == "/sidebar"
            && is_navigation(request.method(), request.headers())
        {
            // Only there the browser is asked for its certificate, so nothing can be said about it here.
            let config = &state.env.config;
            if config.machines_url.origin() != config.public_url.origin() {
                return Redirect::to(&config.machines_url.join("/sidebar")).into_response();
            }
        }
        let rejection =
            context.map_or(Some(RejectionReason::Missing), |context| context.certificate.rejection);
        if let Some(reason) = rejection.or(on_pages.then_some(RejectionReason::Missing)) {
            let (parts, _) = request.into_parts();
            return Rejected::new(reason, &parts).into_response();
        }
    }
    next.run(request).await
}

fn needs_certificate(path: &str, state: &AppState) -> bool {
    let panel = path == "/login" || path == "/admin" || path.starts_with("/admin/");
    path == "/sidebar" || (panel && state.env.config.admin.require_certificate)
}
