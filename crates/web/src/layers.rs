//! The layers around every route.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use protocol::Problem;
use tower_http::catch_panic::CatchPanicLayer;

use domain::random::Random;

use crate::problem::ProblemResponse;
use crate::{csrf, headers, nul, request_id, trace};

/// What the layers need to know.
#[derive(Debug)]
pub struct HttpLayers {
    random: Arc<dyn Random>,
    /// The origins of our own pages.
    origins: Arc<[String]>,
    /// Hosts that are real names with TLS: only these get HSTS.
    hsts_hosts: Arc<[String]>,
}

impl HttpLayers {
    /// `origins`: of our own pages; `hsts_hosts`: real names with TLS, never a local one or an address.
    pub fn new(origins: Vec<String>, hsts_hosts: Vec<String>, random: Arc<dyn Random>) -> Self {
        Self { random, origins: origins.into(), hsts_hosts: hsts_hosts.into() }
    }

    /// Puts every layer around the routes. Call it last: routes that are added later have none of them.
    pub fn around(&self, routes: Router) -> Router {
        routes
            .layer(from_fn_with_state(Arc::clone(&self.origins), csrf::check))
            .layer(from_fn(nul::check))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(Arc::clone(&self.hsts_hosts), headers::add))
            .layer(from_fn(trace::log))
            .layer(from_fn_with_state(Arc::clone(&self.random), request_id::add))
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no text)");
    tracing::error!(panic = text, "a request's handler panicked");
    ProblemResponse(Problem::internal()).into_response()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
