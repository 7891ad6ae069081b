//! Browser APIs that the pages use.

use std::time::Duration;

use js_sys::{Array, Promise, Uint8Array};
use leptos::prelude::{document, set_timeout};
use protocol::Problem;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
pub use web_sys::RequestInit;
use web_sys::{Blob, BlobPropertyBag, FormData, Headers, HtmlFormElement, Response, Url, UrlSearchParams};

use crate::response::{parse, problem_of, unexpected, unreachable};

/// Posts a form to a server function, as the browser would without scripts, and parses the response.
pub async fn post<T: DeserializeOwned>(path: &str, form: &HtmlFormElement) -> Result<T, Problem> {
    let data = FormData::new_with_form(form).map_err(refused_by_browser)?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&data).map_err(refused_by_browser)?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&fields);
    let response = fetch(path, &init, &[("accept", "application/json")]).await?;
    parse(&text(&response).await?)
}

/// Sends a request to this page's origin; every status but 2xx becomes a problem.
pub async fn fetch(path: &str, init: &RequestInit, headers: &[(&str, &str)]) -> Result<Response, Problem> {
    let sent = Headers::new().map_err(refused_by_browser)?;
    for (name, value) in headers {
        sent.append(name, value).map_err(refused_by_browser)?;
    }
    init.set_headers_headers(&sent);
    let window = web_sys::window().ok_or_else(unreachable)?;
    let answered = JsFuture::from(window.fetch_with_str_and_init(path, init)).await;
    let response: Response = answered.map_err(|_| unreachable())?.unchecked_into();
    if response.ok() {
        return Ok(response);
    }
    let retry_after = header(&response, "retry-after");
    let content_type = header(&response, "content-type");
    let body = text(&response).await.unwrap_or_default();
    Err(problem_of(response.status(), &content_type, Some(&retry_after), &body))
}

pub async fn text(response: &Response) -> Result<String, Problem> {
    let reading = response.text().map_err(|_| unreachable())?;
    Ok(JsFuture::from(reading).await.map_err(|_| unreachable())?.as_string().unwrap_or_default())
}

pub fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).ok().flatten().unwrap_or_default()
}

/// The browser refused to make the request.
pub fn refused_by_browser(_: JsValue) -> Problem {
    unexpected("this browser refuses the request")
}

/// A `blob:` URL of these bytes, valid until [`revoke`] is called with it.
pub fn object_url(bytes: &[u8], media_type: &str) -> Option<String> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = Array::of1(&Uint8Array::from(bytes));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

pub fn revoke(url: &str) {
    // Revoking an unknown URL is no error for the browser either.
    let _ = Url::revoke_object_url(url);
}

pub async fn sleep(time: Duration) {
    let over = Promise::new(&mut |resolve, _| {
        set_timeout(move || drop(resolve.call0(&JsValue::NULL)), time);
    });
    // A timer does not fail.
    let _ = JsFuture::from(over).await;
}

/// Sets the page's heading and the window's title.
pub fn set_title(title: &str) {
    let document = document();
    document.set_title(&format!("{title} – {}", crate::design::organisation()));
    if let Ok(Some(heading)) = document.query_selector("h1") {
        heading.set_text_content(Some(title));
    }
}
