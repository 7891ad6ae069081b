//! Every address that the server answers, in one place. Both listeners serve all of it; what needs a certificate asks
//! for it itself, and gets none on the pages' listener.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use protocol::analysis::MAX_IMAGE_BYTES;

use crate::http::assets::Assets;
use crate::http::{House, method_not_allowed, not_found};
use crate::state::AppState;
use crate::{access, analysis, certificate, health, native, pages};

/// JSON bodies and forms are short.
const BODY_BYTES: usize = 256 * 1024;
/// A picture and what stands around it in a multipart body.
const UPLOAD_BYTES: usize = MAX_IMAGE_BYTES + 64 * 1024;

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

fn api(state: &AppState) -> Router {
    let upload = post(analysis::http::analyze).layer(DefaultBodyLimit::max(UPLOAD_BYTES));
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/ca.pem", get(certificate::http::ca_pem))
        .route("/crl.der", get(certificate::http::crl_der))
        .route("/public/request-access", post(access::http::submit))
        .route("/public/request-status/{token}/remind", post(access::http::remind))
        .route("/public/download-certs/{token}", post(access::http::redeem))
        .route("/public/download-certs/{token}/csr", post(access::http::redeem_csr))
        .route("/public/download-certs/{token}/new-link", post(access::http::ask_for_link))
        .route("/public/download-certs/{token}/setup", get(access::http::setup))
        .route("/admin/api/access-requests", get(access::http::list))
        .route("/admin/api/access-requests/decide", post(access::http::decide))
        .route("/admin/api/access-requests/{id}", get(access::http::find))
        .route("/admin/api/access-requests/{id}/link", post(access::http::send_link))
        .route("/admin/api/access-requests/{id}/approve", post(access::http::approve))
        .route("/admin/api/access-requests/{id}/reject", post(access::http::reject))
        .route("/native/login", post(native::http::login))
        .route("/native/verify-2fa", post(native::http::verify))
        .route("/native/logout", post(native::http::logout))
        .route("/native/session", get(native::http::session))
        .route("/native/modes", get(native::http::modes))
        .route("/native/analyze", upload)
        .route("/native/analyses", get(analysis::http::list))
        .route("/native/analyses/{id}", get(analysis::http::open).delete(analysis::http::delete))
        .with_state(state.clone())
}
