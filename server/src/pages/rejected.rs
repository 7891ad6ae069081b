//! Rejected forms that are too long for a cookie: a browser without scripts gets the form's page, with what was typed, as
//! the answer to its post.

use app::form::LongForm;
use app::request_context::RequestContext;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use http::{HeaderMap, Method, StatusCode, header};
use tower::ServiceExt;

use super::is_server_function;

/// Middleware. Needs [`crate::request_context::add`] around it; `page` renders the page of a request's address.
pub(super) async fn answer_with_page(
    State(page): State<MethodRouter>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST || !is_server_function(request.uri()) {
        return next.run(request).await;
    }
    let form = LongForm::default();
    request.extensions_mut().insert(form.clone());
    let context = request.extensions().get::<RequestContext>().cloned();
    let headers = request.headers().clone();
    let response = next.run(request).await;
    let Some(returned) = form.returned() else { return response };
    let status = StatusCode::from_u16(returned.rejected.problem.status);
    let Ok(mut request) = Request::get(&returned.page).body(Body::empty()) else { return response };
    *request.headers_mut() = of_page(headers);
    request.extensions_mut().insert(returned.clone());
    if let Some(context) = context {
        request.extensions_mut().insert(context);
    }
    let mut answer = page.oneshot(request).await.into_response();
    if answer.status().is_success() {
        *answer.status_mut() = status.unwrap_or(StatusCode::BAD_REQUEST);
    }
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        answer.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    answer
}

/// The headers of the post without those of its body.
fn of_page(mut headers: HeaderMap) -> HeaderMap {
    let of_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::EXPECT];
    for name in of_body {
        headers.remove(name);
    }
    headers
}
