//! The pages: every route that the Leptos app renders, with the request's context and the services provided to it.

pub mod assets;
mod first_visit;
mod guard;
mod negotiation;
mod rejected;
mod render;

use std::sync::{Arc, OnceLock};

use app::deployment::Deployment;
use app::design::Organisation;
use app::navigation::{local_path, path_of};
use app::request_context::RequestContext;
use app::services::Services;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Uri};
use http_body_util::Limited;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::LeptosRoutes;
use web::{CspNonce, reject_nul_in_form};

use crate::request_context;
use crate::state::AppState;

pub use negotiation::{JsonFor, page_or_json};

/// The limit of a form that an administrator sends.
pub const MAX_FORM_BYTES: usize = 256 * 1024;
/// The limit of a form of anybody else.
const MAX_OPEN_FORM_BYTES: usize = 16 * 1024;

/// The path of the server functions.
const SERVER_FUNCTIONS: &str = "/app/{*function}";

/// The nonce that Leptos generates for a page, handed out to [`add_nonce`].
#[derive(Debug, Clone, Default)]
struct NonceSlot(Arc<OnceLock<String>>);

/// All pages and server functions with their layers, except the pages of [`page_or_json`].
pub fn routes(state: &AppState) -> Router {
    app::register_server_functions();
    let context = context(state);
    let options = state.leptos.clone();
    let mut pages = app::pages();
    pages.retain(|page| !negotiation::PATHS.contains(&page.path()));
    Router::new()
        .leptos_routes_with_context(state, pages, context.clone(), move || app::shell(&options))
        .route(
            SERVER_FUNCTIONS,
            any(move |request: Request<Body>| {
                leptos_axum::handle_server_fns_with_context(context.clone(), request)
            }),
        )
        .layer(from_fn(check_fields))
        .layer(from_fn(keep_redirects_here))
        .layer(from_fn(render::to_completion))
        .layer(from_fn(add_nonce))
        .layer(from_fn_with_state(page(state), rejected::answer_with_page))
        .layer(from_fn_with_state(first_visit::FirstVisits::new(state.env.clone()), first_visit::answer))
        .layer(from_fn_with_state(state.clone(), guard::require_certificate))
        .layer(from_fn_with_state(state.contexts.clone(), request_context::add))
        .with_state(state.clone())
}

/// The page that the app has for the request's address. Needs [`request_context::add`] around it.
fn page(state: &AppState) -> MethodRouter {
    let options = state.leptos.clone();
    let shell = move || app::shell(&options);
    get(leptos_axum::render_app_async_with_context(context(state), shell))
        .layer(from_fn(render::to_completion))
        .layer(from_fn(add_nonce))
}

/// Leptos registers each server function as a route of its own, so layers for them are layers of all routes.
fn is_server_function(uri: &Uri) -> bool {
    uri.path().starts_with("/app/")
}

/// Keeps the redirects of server functions on this server. They redirect to paths, but for a browser without scripts Leptos
/// adds a redirect to the `Referer`, with what went wrong in its query: anybody may have set that.
async fn keep_redirects_here(request: Request, next: Next) -> Response {
    let is_server_function = is_server_function(request.uri());
    let mut response = next.run(request).await;
    if !is_server_function {
        return response;
    }
    let Some(location) = response.headers_mut().remove(LOCATION) else { return response };
    let address = location.to_str().unwrap_or_default();
    if local_path(address).is_some() {
        response.headers_mut().insert(LOCATION, location);
    } else if response.status().is_redirection() {
        let path = local_path(path_of(address)).and_then(|path| HeaderValue::from_str(path).ok());
        response.headers_mut().insert(LOCATION, path.unwrap_or(HeaderValue::from_static("/")));
    }
    response
}

/// Rejects NUL characters in the forms of server functions, and long forms where nobody is signed in. Needs
/// [`request_context::add`] around it.
async fn check_fields(request: Request, next: Next) -> Response {
    if is_server_function(request.uri()) {
        let context = request.extensions().get::<RequestContext>();
        let request = if context.is_some_and(|context| context.signed_in.is_some()) {
            request
        } else {
            request.map(|body| Body::new(Limited::new(body, MAX_OPEN_FORM_BYTES)))
        };
        reject_nul_in_form(request, next).await
    } else {
        next.run(request).await
    }
}

/// Provides the Leptos context of every page and server function.
fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let services: Services = state.services.clone();
    let config = &state.env.config;
    let organisation = Organisation(config.organisation.clone());
    let (pages, machines) = (config.public_url.origin(), config.machines_url.origin());
    let deployment = Deployment {
        sends_mail: state.outbox.sends(),
        machines_origin: (pages != machines).then(|| machines.to_owned()),
    };
    move || {
        provide_context(services.clone());
        provide_context(organisation.clone());
        provide_context(deployment.clone());
        let Some(parts) = use_context::<Parts>() else { return };
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            provide_context(context.clone());
        }
        if let (Some(slot), Some(nonce)) = (parts.extensions.get::<NonceSlot>(), use_nonce()) {
            // A request renders one page, so the slot is still empty.
            let _ = slot.0.set(nonce.to_string());
        }
    }
}

/// Passes the page's nonce to the layer that sets the Content-Security-Policy.
async fn add_nonce(mut request: Request, next: Next) -> Response {
    let slot = NonceSlot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(nonce) = slot.0.get() {
        response.extensions_mut().insert(CspNonce(nonce.clone()));
    }
    response
}
