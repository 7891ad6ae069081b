use std::net::IpAddr;

use axum::body::{Body, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Extension, Json};
use http::{HeaderValue, Request, StatusCode};
use serde::Deserialize;
use tower::ServiceExt;

use super::*;
use crate::*;
use domain::random::SeededRandom;

#[derive(Debug, Deserialize)]
struct Point {
    x: i64,
    #[serde(default)]
    #[expect(dead_code, reason = "only its type matters")]
    colour: Option<Colour>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Colour {
    #[expect(dead_code, reason = "only its type matters")]
    red: u8,
}

fn app() -> Router {
    let origins = ["https://a.example.org", "https://localhost:8443"].map(str::to_owned).into();
    let layers = HttpLayers::new(origins, vec!["a.example.org".to_owned()], Arc::new(SeededRandom::new(1)));
    let page = || async { (Extension(CspNonce("bm9uY2U=".to_owned())), Html("<p>")) };
    layers.apply(
        Router::new()
            .route("/json", post(|JsonBody(p): JsonBody<Point>| async move { Json(p.x) }))
            .route("/form", post(|FormBody(p): FormBody<Point>| async move { Json(p.x) }))
            .route("/query", get(|QueryParams(p): QueryParams<Point>| async move { Json(p.x) }))
            .route("/path/{n}", get(|PathParams(n): PathParams<u32>| async move { Json(n) }))
            .route("/multipart", post(multipart))
            .route("/panic", get(panics))
            .route("/page", get(page))
            .route("/busy", get(|| async { ApiResult::<()>::Err(Problem::too_many_requests(7).into()) }))
            .route("/list", get(|| async { ([("cache-control", "max-age=60")], "list") }))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(DefaultBodyLimit::max(200)),
    )
}

async fn multipart(MultipartBody(mut parts): MultipartBody) -> ApiResult<String> {
    while let Some(part) = parts.next_field().await.map_err(|e| multipart_problem(&e))? {
        part.bytes().await.map_err(|e| multipart_problem(&e))?;
    }
    Ok("whole".to_owned())
}

async fn panics() -> &'static str {
    panic!("a bug")
}

async fn send(request: Request<Body>) -> Response {
    app().oneshot(request).await.unwrap()
}

async fn problem(response: Response) -> Problem {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let status = response.status().as_u16();
    let problem: Problem =
        serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap();
    assert_eq!(problem.status, status);
    problem
}

async fn posted(path: &str, kind: &str, body: &str) -> Problem {
    let request = Request::post(path).header("content-type", kind).body(Body::from(body.to_owned())).unwrap();
    problem(send(request).await).await
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn wrong_json_names_the_field() {
    const JSON: &str = "application/json";
    for (body, field, message) in [
        (r"{}", "x", "This field is required."),
        (r#"{"x": "one"}"#, "x", "Expected a whole number."),
        (
            r#"{"x": 1, "colour": {"red": 256}}"#,
            "colour.red",
            "Expected a whole number of 0 or more, within bounds.",
        ),
        (r#"{"x": 1, "colour": {}}"#, "colour.red", "This field is required."),
        (r#"{"x": 1, "colour": {"red": 1, "blue": 2}}"#, "colour.blue", "There is no such field."),
        (r"[]", "body", ""),
    ] {
        let problem = posted("/json", JSON, body).await;
        assert!(problem.is("invalid-input"), "{problem:?}");
        let error = problem.error_of(field).unwrap_or_else(|| panic!("{field} is not in {problem:?}"));
        assert!(message.is_empty() || error == message, "{error}");
    }
    assert!(posted("/json", JSON, "{\"x\": ").await.is("malformed"));
    assert!(posted("/json", JSON, "{\"x\": 1} {}").await.is("malformed"));
    assert!(posted("/json", "text/plain", "{\"x\": 1}").await.is("unsupported-media-type"));
    assert_eq!(posted("/json", JSON, &" ".repeat(300)).await.status, 413);
    let right = Request::post("/json").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(send(right.body(Body::from("{\"x\": 1}")).unwrap()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn wrong_forms_queries_and_paths() {
    const FORM: &str = "application/x-www-form-urlencoded";
    assert_eq!(posted("/form", FORM, "y=1").await.error_of("x"), Some("This field is required."));
    assert!(posted("/form", FORM, "x=one").await.error_of("x").is_some());
    assert!(posted("/form", "application/json", "{}").await.is("unsupported-media-type"));
    assert!(problem(send(get_request("/query?x=")).await).await.error_of("x").is_some());
    assert_eq!(problem(send(get_request("/path/one")).await).await.status, 404);
    let kind = "multipart/form-data; boundary=b";
    let part = |size| {
        format!("--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n{}\r\n--b--\r\n", "x".repeat(size))
    };
    assert_eq!(posted("/multipart", kind, &part(300)).await.status, 413);
    assert!(posted("/multipart", kind, &part(10)[..60]).await.is("malformed"));
    assert!(posted("/multipart", "multipart/form-data", &part(1)).await.is("malformed"));
    assert!(posted("/multipart", "application/json", "{}").await.is("unsupported-media-type"));
}

#[tokio::test]
async fn a_panic_is_a_problem_with_all_headers() {
    let response = send(get_request("/panic")).await;
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers().contains_key("x-request-id"));
    let problem = problem(response).await;
    assert!(problem.is("internal") && !problem.detail.contains("bug"));
}

#[tokio::test]
async fn no_route_and_no_method() {
    let page = |mut request: Request<Body>| {
        request.headers_mut().insert("accept", HeaderValue::from_static("text/html,*/*;q=0.8"));
        request
    };
    assert_eq!(problem(send(get_request("/nowhere")).await).await.status, 404);
    let html = send(page(get_request("/nowhere"))).await;
    assert_eq!(html.status(), StatusCode::NOT_FOUND);
    assert!(html.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let mut fetched = page(get_request("/nowhere"));
    fetched.headers_mut().insert("sec-fetch-mode", HeaderValue::from_static("cors"));
    problem(send(fetched).await).await;
    let response = send(get_request("/json")).await;
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(problem(response).await.status, 405);
    assert_eq!(send(page(get_request("/json"))).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn safe_headers() {
    let response = send(get_request("/page")).await;
    let headers = response.headers();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'strict-dynamic' 'nonce-bm9uY2U=' 'wasm-unsafe-eval';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "same-origin");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
    assert_eq!(send(get_request("/list")).await.headers()["cache-control"], "max-age=60");
    let busy = send(get_request("/busy")).await;
    assert_eq!(busy.headers()["retry-after"], "7");
    assert_eq!(busy.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
}

#[tokio::test]
async fn hsts_only_for_real_hosts_with_tls() {
    let hsts = |host: &'static str, tls: bool| async move {
        let mut request = get_request("/page");
        request.headers_mut().insert("host", HeaderValue::from_static(host));
        let address = IpAddr::from([127, 0, 0, 1]);
        request.extensions_mut().insert(Peer { address, listener: Listener::Pages, tls, certificate: None });
        send(request).await.headers().contains_key("strict-transport-security")
    };
    assert!(hsts("a.example.org", true).await);
    assert!(hsts("a.example.org:8443", true).await);
    assert!(!hsts("a.example.org", false).await);
    assert!(!hsts("localhost:8443", true).await, "machines_url is https, but local");
    assert!(!hsts("b.example.org", true).await);
}

#[tokio::test]
async fn changes_from_another_site_are_refused() {
    let request = Request::post("/json")
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/json");
    assert!(problem(send(request.body(Body::from("{\"x\": 1}")).unwrap()).await).await.is("cross-site"));
}

#[tokio::test]
async fn ids() {
    let id = |response: Response| response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id(send(get_request("/list")).await).len(), 24);
    let mut request = get_request("/list");
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("from-the-proxy-1"));
    assert_eq!(id(send(request).await), "from-the-proxy-1");
    let mut request = get_request("/list");
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("bad id\tERROR"));
    assert_eq!(id(send(request).await).len(), 24);
}
