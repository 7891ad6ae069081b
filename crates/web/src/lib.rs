//! HTTP building blocks for axum that do not depend on the subject of a request: request ids, access log, security headers,
//! CSRF protection, extractors, rate and concurrency limits, and errors as problem documents (RFC 9457).
//!
//! The crate knows neither services nor SQL. A panic in a handler becomes a 500 and an error in the log. A log line names
//! the route, never the path, which may hold a secret, and nothing about the person.

mod body;
mod body_arrival;
mod byte_budget;
mod cached;
mod concurrency_limit;
mod cookie;
mod csrf;
pub mod documented_errors;
pub mod drain_body;
mod fallback;
mod headers;
mod input;
mod layers;
mod network;
mod nul;
mod peer;
mod problem;
mod rate_limit;
mod request_id;
mod trace;

pub use body::{
    FormBody, JsonBody, MultipartBody, PathParams, QueryParams, multipart_problem, reject_nul_in_form,
};
pub use byte_budget::{BudgetExhausted, ByteBudget, Reservation};
pub use cached::{CachedBytes, IMMUTABLE, REVALIDATE};
pub use concurrency_limit::{ConcurrencyLimit, LimitError, Permit};
pub use cookie::{CookieKind, CookieNames, cookie_value};
pub use csrf::cross_site;
pub use fallback::{is_navigation, method_not_allowed, not_found};
pub use headers::CspNonce;
pub use layers::HttpLayers;
pub use network::Network;
pub use nul::without_nul;
pub use peer::{Listener, Peer, PeerCertificate};
pub use problem::{ApiResult, HandlerError, ProblemResponse};
pub use rate_limit::{InMemoryRateLimiter, RateLimited, RateLimiter, Rule};
pub use request_id::RequestId;
