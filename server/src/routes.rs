//! Every address that the server answers, in one place. Both listeners serve all of it; what needs a certificate asks
//! for it itself, and gets none on the pages' listener.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::handlers::description::{ApiDescription, Document};
use crate::handlers::{access, analysis, certificate, description, health, native};
use crate::pages;
use crate::pages::assets::Assets;
use crate::state::AppState;
use web::drain_body::drain_body;
use web::{HttpLayers, method_not_allowed, not_found};

/// JSON bodies and forms are short.
const BODY_BYTES: usize = 256 * 1024;
/// What stands around a picture in a multipart body.
const AROUND_A_PICTURE: usize = 64 * 1024;

/// The whole router, with every layer around it.
pub fn router(state: &AppState) -> Router {
    let layers = HttpLayers::new(
        state.env.config.origins(),
        state.env.config.hsts_hosts(),
        Arc::clone(&state.env.random),
    );
    let routes = Router::new()
        .merge(api(state))
        .merge(pages::routes(state))
        .merge(Assets::new(state.env.config.pages.site_root.clone()).routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES));
    layers.around(routes)
}

/// What `/api/openapi.json` describes. Method and address of each route stand in its handler's description.
fn api(state: &AppState) -> Router {
    let upload_bytes = state.env.config.limits.pictures().bytes + AROUND_A_PICTURE;
    let (routes, described) = OpenApiRouter::with_openapi(ApiDescription::openapi())
        .routes(routes!(description::document))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(certificate::ca_pem))
        .routes(routes!(certificate::crl_der))
        .routes(routes!(certificate::crl_of_authority))
        .routes(routes!(access::submit))
        .routes(routes!(access::remind))
        .routes(routes!(access::redeem::package))
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
        .routes(
            routes!(analysis::analyze).layer(DefaultBodyLimit::max(upload_bytes)).layer(from_fn(drain_body)),
        )
        .routes(routes!(analysis::list))
        .routes(routes!(analysis::open, analysis::delete))
        .routes(routes!(analysis::image))
        .split_for_parts();
    let document = Document::new(described, &state.env.config);
    routes.layer(Extension(document)).with_state(state.clone())
}
