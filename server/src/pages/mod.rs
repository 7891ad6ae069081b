//! The pages: every route rendered by the Leptos app, with what the server knows of the visit in its context.

pub mod assets;
mod guard;
mod whole;

use std::sync::{Arc, OnceLock};

use app::request_context::RequestContext;
use app::services::Services;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::any;
use http::request::Parts;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::LeptosRoutes;

use crate::request_context;
use crate::state::AppState;
use web::{CspNonce, check_form};

/// Where the server functions live.
const SERVER_FUNCTIONS: &str = "/app/{*function}";

/// The nonce that Leptos made for a page, on its way to the header.
#[derive(Debug, Clone, Default)]
struct NonceSlot(Arc<OnceLock<String>>);

/// All pages and server functions, with the layers that they need.
pub fn routes(state: &AppState) -> Router {
    app::register_server_functions();
    let context = context(state);
    let options = state.leptos.clone();
    Router::new()
        .leptos_routes_with_context(state, app::pages(), context.clone(), move || app::shell(&options))
        .route(
            SERVER_FUNCTIONS,
            any(move |request: Request<Body>| {
                leptos_axum::handle_server_fns_with_context(context.clone(), request)
            }),
        )
        .layer(from_fn(check_fields))
        .layer(from_fn(whole::render))
        .layer(from_fn(pass_nonce))
        .layer(from_fn_with_state(state.clone(), guard::check))
        .layer(from_fn_with_state(state.contexts.clone(), request_context::add))
        .with_state(state.clone())
}

/// Of a server function's form. Leptos routes each of them by itself.
async fn check_fields(request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/app/") {
        check_form(request, next).await
    } else {
        next.run(request).await
    }
}

/// What every page and server function finds in its context.
fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let services: Services = state.services.clone();
    move || {
        provide_context(services.clone());
        let Some(parts) = use_context::<Parts>() else { return };
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            provide_context(context.clone());
        }
        if let (Some(slot), Some(nonce)) = (parts.extensions.get::<NonceSlot>(), use_nonce()) {
            // Set once per request; a second page in one request there is not.
            let _ = slot.0.set(nonce.to_string());
        }
    }
}

/// Carries the page's nonce to the layer that writes the Content-Security-Policy.
async fn pass_nonce(mut request: Request, next: Next) -> Response {
    let slot = NonceSlot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(nonce) = slot.0.get() {
        response.extensions_mut().insert(CspNonce(nonce.clone()));
    }
    response
}
