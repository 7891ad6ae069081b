//! Every address that the server answers, in one place. Both listeners serve all of it; what needs a certificate asks
//! for it itself, and gets none on the pages' listener.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::description::{Beginning, Document};
use crate::http::assets::Assets;
use crate::http::{House, leftover, method_not_allowed, not_found};
use crate::state::AppState;
use crate::{access, analysis, certificate, description, health, native, pages};

/// JSON bodies and forms are short.
const BODY_BYTES: usize = 256 * 1024;
/// What stands around a picture in a multipart body.
const AROUND_A_PICTURE: usize = 64 * 1024;

/// The whole router, with every layer around it.
pub fn router(state: &AppState) -> Router {
    let house = House::new(&state.env.config, Arc::clone(&state.env.random));
    let routes = Router::new()
        .merge(api(state))
        .merge(pages::routes(state))
        .merge(Assets::new(state.env.config.pages.site_root.clone()).routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES));
    house.around(routes)
}

/// What `/api/openapi.json` describes. Method and address of each route stand in its handler's description.
fn api(state: &AppState) -> Router {
    let upload_bytes = state.env.config.limits.pictures().bytes + AROUND_A_PICTURE;
    let (routes, described) = OpenApiRouter::with_openapi(Beginning::openapi())
        .routes(routes!(description::document))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(certificate::http::ca_pem))
        .routes(routes!(certificate::http::crl_der))
        .routes(routes!(certificate::http::crl_of_authority))
        .routes(routes!(access::http::submit))
        .routes(routes!(access::http::remind))
        .routes(routes!(access::http::redeem::package))
        .routes(routes!(access::http::redeem::certificate))
        .routes(routes!(access::http::redeem::new_link))
        .routes(routes!(access::http::redeem::setup))
        .routes(routes!(access::http::review::list))
        .routes(routes!(access::http::review::decide))
        .routes(routes!(access::http::review::open))
        .routes(routes!(access::http::review::send_link))
        .routes(routes!(access::http::review::decline_link))
        .routes(routes!(access::http::review::approve))
        .routes(routes!(access::http::review::reject))
        .routes(routes!(native::http::login))
        .routes(routes!(native::http::verify))
        .routes(routes!(native::http::renew))
        .routes(routes!(native::http::logout))
        .routes(routes!(native::http::session))
        .routes(routes!(native::http::modes))
        .routes(
            routes!(analysis::http::analyze)
                .layer(DefaultBodyLimit::max(upload_bytes))
                .layer(from_fn(leftover::read)),
        )
        .routes(routes!(analysis::http::list))
        .routes(routes!(analysis::http::open, analysis::http::delete))
        .routes(routes!(analysis::http::image))
        .split_for_parts();
    let document = Document::new(described, &state.env.config);
    routes.layer(Extension(document)).with_state(state.clone())
}
