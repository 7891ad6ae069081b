//! The layers of every route.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use protocol::Problem;
use tower_http::catch_panic::CatchPanicLayer;

use domain::random::Random;

use crate::problem::ProblemResponse;
use crate::{body_arrival, csrf, headers, nul, request_id, trace};

/// The layers that every route of a server gets: request id, access log, security headers, panic handler, the checks
/// for cross-site requests and NUL characters, and the limits of how bodies arrive.
#[derive(Debug)]
pub struct HttpLayers {
    random: Arc<dyn Random>,
    /// The server's own origins (RFC 6454).
    origins: Arc<[String]>,
    /// The hosts that send HSTS.
    hsts_hosts: Arc<[String]>,
}

impl HttpLayers {
    /// `origins`: the server's own, from which requests that change something are accepted. `hsts_hosts`: the hosts that send
    /// `Strict-Transport-Security` over TLS; never local names or IP addresses.
    pub fn new(origins: Vec<String>, hsts_hosts: Vec<String>, random: Arc<dyn Random>) -> Self {
        Self { random, origins: origins.into(), hsts_hosts: hsts_hosts.into() }
    }

    /// Adds the layers to all routes of the router. Routes that are added later do not have them.
    pub fn apply(&self, routes: Router) -> Router {
        routes
            .layer(from_fn_with_state(body_arrival::budget(), body_arrival::limit))
            .layer(from_fn_with_state(Arc::clone(&self.origins), csrf::check))
            .layer(from_fn(nul::check))
            .layer(CatchPanicLayer::custom(handle_panic))
            .layer(from_fn_with_state(Arc::clone(&self.hsts_hosts), headers::add))
            .layer(from_fn(trace::log))
            .layer(from_fn_with_state(Arc::clone(&self.random), request_id::add))
    }
}

fn handle_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no message)");
    tracing::error!(panic = text, "a request's handler panicked");
    ProblemResponse(Problem::internal()).into_response()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
