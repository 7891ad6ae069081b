//! The routes of the server. Both listeners serve all of them. A handler that needs a client certificate checks for it
//! itself; on the pages listener there never is one.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::post;
use axum::{Extension, Router};
use domain::workflow::MAX_DOCUMENT_BYTES;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use web::drain_body::drain_body;
use web::{HttpLayers, method_not_allowed, not_found};

use crate::handlers::description::{ApiDescription, Document};
use crate::handlers::{
    access, analysis, certificate, conversation, description, edit, health, ledger, native, policy, run,
    workflow,
};
use crate::pages::assets::Assets;
use crate::pages::{self, JsonFor, page_or_json};
use crate::state::AppState;

/// The limit of an operation's JSON body or form, several times what the longest valid one has.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// What a multipart body may hold besides the picture: the other fields and the framing.
const MULTIPART_OVERHEAD_BYTES: usize = 192 * 1024;

/// The complete router with all layers.
pub fn router(state: &AppState) -> Router {
    let layers = HttpLayers::new(
        state.env.config.origins(),
        state.env.config.hsts_hosts(),
        Arc::clone(&state.env.random),
    );
    let routes = Router::new()
        .merge(api(state))
        .merge(panel_uploads(state))
        .merge(pages::routes(state))
        .merge(Assets::new(state.env.config.pages.site_root.clone()).routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(pages::MAX_FORM_BYTES));
    layers.apply(routes)
}

/// What the panel sends besides forms; server functions take only those.
fn panel_uploads(state: &AppState) -> Router {
    let upload_bytes =
        state.env.config.limits.picture_limits().bytes + MULTIPART_OVERHEAD_BYTES + MAX_DOCUMENT_BYTES;
    let run_draft = post(workflow::run_draft).layer(DefaultBodyLimit::max(upload_bytes));
    Router::new()
        .route("/app/workflow/try", run_draft.layer(from_fn(drain_body)))
        .route("/app/ledger/export", post(ledger::export))
        .with_state(state.clone())
}

/// The operations of `/api/openapi.json`. Each handler's `utoipa::path` has the route's method and path.
fn api(state: &AppState) -> Router {
    let upload_bytes = state.env.config.limits.picture_limits().bytes + MULTIPART_OVERHEAD_BYTES;
    let (routes, openapi) = OpenApiRouter::with_openapi(ApiDescription::openapi())
        .routes(routes!(description::document))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(certificate::ca_pem))
        .routes(routes!(certificate::crl_der))
        .routes(routes!(certificate::crl_of_authority))
        .routes(routes!(access::submit))
        .routes(routes!(access::status).map(|json| page_or_json(state, json, JsonFor::AllButNavigations)))
        .routes(routes!(access::remind))
        .routes(routes!(access::redeem::package))
        .routes(routes!(access::redeem::offer).map(|json| page_or_json(state, json, JsonFor::AcceptJson)))
        .routes(routes!(access::redeem::certificate))
        .routes(routes!(access::redeem::new_link))
        .routes(routes!(access::redeem::setup))
        .routes(routes!(access::review::list))
        .routes(routes!(access::review::decide))
        .routes(routes!(access::review::open))
        .routes(routes!(access::review::send_link))
        .routes(routes!(access::review::decline_link))
        .routes(routes!(access::review::approve))
        .routes(routes!(access::review::reject))
        .routes(routes!(native::login))
        .routes(routes!(native::verify))
        .routes(routes!(native::renew))
        .routes(routes!(native::logout))
        .routes(routes!(native::session))
        .routes(routes!(native::modes))
        .routes(routes!(policy::show))
        .routes(
            routes!(analysis::analyze).layer(DefaultBodyLimit::max(upload_bytes)).layer(from_fn(drain_body)),
        )
        .routes(routes!(analysis::list))
        .routes(routes!(analysis::open, analysis::delete))
        .routes(routes!(analysis::image))
        .routes(routes!(edit::report))
        .routes(routes!(run::events))
        .routes(routes!(run::cancel))
        .routes(routes!(run::answer))
        .routes(routes!(conversation::list))
        .routes(routes!(conversation::open, conversation::rename, conversation::delete))
        .routes(routes!(conversation::export))
        .split_for_parts();
    let document = Document::new(openapi, &state.env.config);
    routes.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).layer(Extension(document)).with_state(state.clone())
}
