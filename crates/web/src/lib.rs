//! What every HTTP exchange of the server has, whatever it is about: an id, a log line, safe headers, a check of where it
//! comes from, parsed bodies, limits, and errors as problem documents (RFC 9457).
//!
//! No service and no SQL. A panic becomes a 500 and an error in the log; a log line names the route and never the path,
//! which may hold a secret, nor anything about the person who asks.

mod body;
mod cached;
mod concurrency_limit;
mod cookie;
mod csrf;
pub mod documented_errors;
pub mod drain_body;
mod fallback;
mod headers;
mod layers;
mod nul;
mod peer;
mod problem;
mod rate_limit;
mod request_id;
mod trace;

pub use body::{FormBody, JsonBody, MultipartBody, PathParams, QueryParams, check_form, multipart_problem};
pub use cached::{CachedBytes, IMMUTABLE, REVALIDATE};
pub use concurrency_limit::{ConcurrencyLimit, LimitError, Permit};
pub use cookie::{CookieKind, cookie_value};
pub use csrf::cross_site;
pub use fallback::{is_navigation, method_not_allowed, not_found};
pub use headers::CspNonce;
pub use layers::HttpLayers;
pub use nul::without_nul;
pub use peer::{Listener, Peer, PeerCertificate};
pub use problem::{Outcome, ProblemResponse};
pub use rate_limit::{InMemoryRateLimiter, RateLimited, RateLimiter, Rule};
pub use request_id::RequestId;
