//! What every HTTP exchange has, whatever it is about: an id, a log line, safe headers, a check of where it comes from,
//! and errors as problem documents.
//!
//! What always holds: a panic becomes a 500 and an error in the log; a log line names the route and never the path, which
//! may hold a secret, nor anything about the person who asks.

pub mod assets;
mod body;
mod csrf;
mod fallback;
mod headers;
pub mod kept;
pub mod leftover;
mod nul;
mod problem;
mod rate_limit;
pub mod refusals;
mod request_id;
mod trace;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use protocol::Problem;
use tower_http::catch_panic::CatchPanicLayer;

pub use body::{FormBody, JsonBody, MultipartBody, PathParams, QueryParams, multipart_problem};
pub use csrf::cross_site;
pub use fallback::{is_navigation, method_not_allowed, not_found};
pub use headers::CspNonce;
pub use nul::{check_form, without_nul};
pub use problem::{Outcome, ProblemResponse};
pub use rate_limit::{RateLimiter, Rule};
pub use request_id::RequestId;

use crate::config::Config;
use crate::random::Random;

/// What the layers need to know.
#[derive(Debug)]
pub struct House {
    random: Arc<dyn Random>,
    /// The origins of our own pages.
    origins: Vec<String>,
    /// Hosts that are real names with TLS: only these get HSTS.
    lasting_tls: Vec<String>,
}

impl House {
    pub fn new(config: &Config, random: Arc<dyn Random>) -> Arc<Self> {
        let urls = [&config.public_url, &config.machines_url];
        let lasting = urls.iter().filter(|u| u.is_https() && !u.is_local() && !u.is_address());
        Arc::new(Self {
            random,
            origins: urls.iter().map(|u| u.origin().to_owned()).collect(),
            lasting_tls: lasting.map(|u| u.host()).collect(),
        })
    }

    /// Puts every layer around the routes. Call it last: routes that are added later have none of them.
    pub fn around(self: &Arc<Self>, routes: Router) -> Router {
        routes
            .layer(from_fn_with_state(Arc::clone(self), csrf::check))
            .layer(from_fn(nul::check))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(Arc::clone(self), headers::add))
            .layer(from_fn(trace::log))
            .layer(from_fn_with_state(Arc::clone(self), request_id::add))
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no text)");
    tracing::error!(panic = text, "a request's handler panicked");
    ProblemResponse(Problem::internal()).into_response()
}

#[cfg(test)]
mod tests;
