//! Content negotiation (RFC 9110 §12.1): addresses that answer people with a page and programs with JSON.

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use http::{HeaderMap, Method, header};
use tower::ServiceExt;
use web::is_navigation;

use super::page;
use crate::request_context;
use crate::state::AppState;

/// The pages whose address also has a JSON representation. Their routes are those of the JSON handlers.
pub(super) const PATHS: [&str; 2] = ["/public/download-certs/{token}", "/public/request-status/{token}"];

/// Which requests get JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFor {
    /// Those whose `Accept` begins with `application/json`. All others get the page, such as mail programs that open a link
    /// without `Accept`.
    AcceptJson,
    /// All but a browser's navigations.
    AllButNavigations,
}

#[derive(Clone)]
struct PageOrJson {
    page: MethodRouter,
    json_for: JsonFor,
}

/// Serves the page of the same address to those who do not get JSON from `json`.
pub fn page_or_json(
    state: &AppState,
    json: MethodRouter<AppState>,
    json_for: JsonFor,
) -> MethodRouter<AppState> {
    let choice = PageOrJson { page: page(state), json_for };
    json.layer(from_fn_with_state(choice, choose))
        .layer(from_fn_with_state(state.contexts.clone(), request_context::add))
}

async fn choose(State(choice): State<PageOrJson>, request: Request, next: Next) -> Response {
    if choice.json_for.includes(request.method(), request.headers()) {
        next.run(request).await
    } else {
        choice.page.oneshot(request).await.into_response()
    }
}

impl JsonFor {
    fn includes(self, method: &Method, headers: &HeaderMap) -> bool {
        *method == Method::GET
            && match self {
                Self::AcceptJson => {
                    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
                    accept.is_some_and(|accept| accept.starts_with("application/json"))
                }
                Self::AllButNavigations => !is_navigation(method, headers),
            }
    }
}
