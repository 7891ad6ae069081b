//! Forms that keep what was entered.
//!
//! In the panel, a form's problem is the result of the server function and the fields stay as they are. The forms of the
//! public pages are posted by the browser, which gets a 303; the problem and the entered values travel in a cookie that
//! lives for a minute and is read once. They never travel in a URL: URLs end up in logs and histories, and a crafted one
//! could show any message as the server's. Secrets never go into [`FormValues`]. The outcome of an accepted form
//! ([`flash`]) travels in the same way. A form that is too long for a cookie is not redirected: the answer is its page
//! ([`LongForm`]).

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use protocol::Problem;
#[cfg(feature = "ssr")]
use protocol::ServiceError;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// The values of a rejected form, by field name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormValues(Vec<(String, String)>);

impl FormValues {
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push((field.to_owned(), value.to_owned()));
        }
        self
    }

    pub fn value(&self, field: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone())
    }
}

/// A form that the browser posted and the server rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedForm {
    /// The endpoint of the form's server function.
    form: String,
    pub problem: Problem,
    pub typed: FormValues,
}

/// Takes a rejected form that is too long for a cookie. The server adds it to the request of each server function, and
/// answers with the form's page when it holds one.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, Default)]
pub struct LongForm(std::sync::Arc<std::sync::OnceLock<ReturnedForm>>);

/// In the extensions of a page's request: the form that it begins with.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct ReturnedForm {
    pub page: String,
    pub rejected: RejectedForm,
}

#[cfg(feature = "ssr")]
impl LongForm {
    pub fn returned(&self) -> Option<&ReturnedForm> {
        self.0.get()
    }

    /// `false` if nobody would answer with the page.
    fn put(page: &str, rejected: &RejectedForm) -> bool {
        let Some(parts) = use_context::<http::request::Parts>() else { return false };
        let returned = ReturnedForm { page: page.to_owned(), rejected: rejected.clone() };
        parts.extensions.get::<Self>().is_some_and(|form| form.0.set(returned).is_ok())
    }
}

/// Why the last form that this browser posted to `form` was rejected. Returns it once.
#[cfg(feature = "ssr")]
pub fn take_rejected(form: &str) -> Option<RejectedForm> {
    let returned = use_context::<http::request::Parts>()
        .and_then(|parts| parts.extensions.get::<ReturnedForm>().map(|returned| returned.rejected.clone()));
    let rejected = returned.or_else(|| cookies::take::<RejectedForm>(cookies::REJECTED));
    rejected.filter(|rejected| rejected.form == form)
}

/// Stores a form's outcome for the next page of a browser without scripts, where [`take_flash`] returns it once.
/// `false` if it is too long for a cookie: shorten it.
#[cfg(feature = "ssr")]
pub fn flash<T: Serialize>(form: &str, what: &T) -> bool {
    cookies::put(cookies::FLASH, &(form, what))
}

/// What [`flash`] stored for this form.
#[cfg(feature = "ssr")]
pub fn take_flash<T: serde::de::DeserializeOwned>(form: &str) -> Option<T> {
    cookies::take::<(String, T)>(cookies::FLASH).filter(|(of, _)| of == form).map(|(_, what)| what)
}

/// A server function as a page's action. Use it instead of [`ServerAction::new`], which also shows an error taken from
/// the page's URL, where anybody can put one.
pub fn action<S>() -> ServerAction<S>
where
    S: ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: Send + Sync + 'static,
{
    provide_context(ServerActionError::new("", ""));
    ServerAction::new()
}

/// The problem of an action's last run.
pub fn problem_of<S>(action: ServerAction<S>) -> Signal<Option<Problem>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    problem_or_rejected(None, action)
}

/// The problem of an action's last run, or the one for which its form was rejected while scripts were off.
pub fn problem_or_rejected<S>(
    refused: Option<&RejectedForm>,
    action: ServerAction<S>,
) -> Signal<Option<Problem>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let before = refused.map(|refused| refused.problem.clone());
    Signal::derive(move || {
        action.value().with(|value| match value {
            None => before.clone(),
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(error.problem().clone()),
        })
    })
}

/// Whether the same form can be sent again: the session ended, or the server or the way to it failed. What was typed stays
/// where it is until then.
pub fn can_be_retried(problem: &Problem) -> bool {
    problem.errors.is_empty()
        && (matches!(problem.status, 0 | 401 | 429) || problem.status >= 500 || problem.is("bad-answer"))
}

/// The problem of an action's last run, if the same form can be sent again: shown at the form.
pub fn retryable_problem_of<S>(action: ServerAction<S>) -> Signal<Option<Problem>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let problem = problem_of(action);
    Signal::derive(move || problem.get().filter(can_be_retried))
}

/// The problem of an action's last run, if sending the form again would not help: shown once the form has gone.
pub fn final_problem_of<S>(action: ServerAction<S>) -> Signal<Option<Problem>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let problem = problem_of(action);
    Signal::derive(move || problem.get().filter(|problem| !can_be_retried(problem)))
}

/// Whether an action's last run is over, successfully or not. Errors in fields do not count, nor does what can be tried
/// again: the form stays with what was typed, and is sent again.
pub fn completed<S>(action: ServerAction<S>) -> Signal<bool>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    Signal::derive(move || {
        action.value().with(|value| match value {
            None => false,
            Some(Ok(_)) => true,
            Some(Err(error)) => error.problem().errors.is_empty() && !can_be_retried(error.problem()),
        })
    })
}

/// What a problem says about one field.
pub fn field_error(problem: Signal<Option<Problem>>, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || problem.with(|p| p.as_ref().and_then(|p| p.error_of(field).map(str::to_owned))))
}

/// Ends a form's server function: on success the browser goes to `next`, with or without scripts; on a problem, one
/// without scripts goes back to `back`, where [`take_rejected`] returns what was wrong.
#[cfg(feature = "ssr")]
pub fn respond<T>(
    form: &str,
    back: &str,
    typed: FormValues,
    result: Result<T, ServiceError>,
    next: impl FnOnce(&T) -> Option<String>,
) -> Result<T, AppError> {
    let problem = match result {
        Ok(value) => {
            if let Some(next) = next(&value) {
                crate::navigation::redirect(&next);
            }
            return Ok(value);
        }
        Err(error) => error.into_problem(),
    };
    if !crate::navigation::wants_html() {
        return Err(problem.into());
    }
    let refused = RejectedForm { form: form.to_owned(), problem: problem.clone(), typed };
    if !cookies::put(cookies::REJECTED, &refused) && !LongForm::put(back, &refused) {
        // Neither is possible: the problem alone.
        cookies::put(cookies::REJECTED, &RejectedForm { typed: FormValues::default(), ..refused });
    }
    let error = AppError::from(problem);
    crate::navigation::redirect(back);
    Err(error)
}

/// The form name of everything in the panel that [`respond_in_panel`] ends.
#[cfg(feature = "ssr")]
pub const PANEL: &str = "admin";

/// Ends a server function of the panel that stays on its page. A browser without scripts goes back to the page that it
/// posted from; the panel's frame shows there what was wrong ([`PANEL`]).
#[cfg(feature = "ssr")]
pub fn respond_in_panel<T>(result: Result<T, ServiceError>) -> Result<T, AppError> {
    let from = crate::navigation::referring_path().unwrap_or_else(|| "/admin".to_owned());
    let done = without_question(&from);
    respond(PANEL, &from, FormValues::default(), result, |_| crate::navigation::wants_html().then_some(done))
}

/// The address of a page without the question that it asks (`design/question.rs`).
#[cfg(feature = "ssr")]
fn without_question(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let rest = query.split('&').filter(|pair| !pair.starts_with("ask=") && !pair.starts_with("about="));
    match rest.collect::<Vec<_>>().join("&") {
        rest if rest.is_empty() => path.to_owned(),
        rest => format!("{path}?{rest}"),
    }
}

/// The cookies that carry a form's result to the next page.
#[cfg(feature = "ssr")]
mod cookies {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use cookie::time::Duration;
    use cookie::{Cookie, SameSite};
    use http::HeaderValue;
    use http::header::{COOKIE, SET_COOKIE};
    use leptos::prelude::use_context;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::request_context::RequestContext;

    pub const REJECTED: &str = "aiwe-form";
    pub const FLASH: &str = "aiwe-told";
    /// Browsers refuse cookies of more than 4,096 bytes, attributes included.
    const MAX_BYTES: usize = 3_900;
    const LIFETIME: Duration = Duration::MINUTE;

    /// `false` when it is too long for a cookie.
    pub fn put<T: Serialize>(name: &str, what: &T) -> bool {
        let value = encode(what);
        let fits = value.len() <= MAX_BYTES;
        if fits {
            set(name, &value, LIFETIME);
        }
        fits
    }

    pub fn take<T: DeserializeOwned>(name: &str) -> Option<T> {
        let parts = use_context::<http::request::Parts>()?;
        let what = cookies(&parts.headers).find(|cookie| cookie.name() == name)?;
        set(name, "", Duration::ZERO);
        decode(what.value())
    }

    fn set(name: &str, value: &str, max_age: Duration) {
        let cookie = Cookie::build((name, value))
            .path("/")
            .max_age(max_age)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(RequestContext::current().is_ok_and(|context| context.secure));
        if let (Some(response), Ok(value)) =
            (use_context::<leptos_axum::ResponseOptions>(), HeaderValue::from_str(&cookie.to_string()))
        {
            response.append_header(SET_COOKIE, value);
        }
    }

    pub(super) fn cookies(headers: &http::HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(Cookie::split_parse).flatten()
    }

    pub(super) fn encode<T: Serialize>(what: &T) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(what).unwrap_or_default())
    }

    pub(super) fn decode<T: DeserializeOwned>(value: &str) -> Option<T> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }
}

/// The value of one of the request's cookies.
#[cfg(feature = "ssr")]
pub fn cookie(name: &str) -> Option<String> {
    let parts = use_context::<http::request::Parts>()?;
    let cookie = cookies::cookies(&parts.headers).find(|cookie| cookie.name() == name)?;
    Some(cookie.value().to_owned())
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn rejected_form() -> RejectedForm {
        RejectedForm {
            form: "access/submit".into(),
            problem: Problem::invalid_input().field("email", "Enter an e-mail address."),
            typed: FormValues::default()
                .with("email", "ännä")
                .with("message", "a; b=c,\n\"d\"")
                .with("device_name", ""),
        }
    }

    #[test]
    fn form_values_survive_the_cookie() {
        let value = cookies::encode(&rejected_form());
        assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{value}");
        let back: RejectedForm = cookies::decode(&value).unwrap();
        assert_eq!(back, rejected_form());
        assert_eq!(back.typed.value("message").as_deref(), Some("a; b=c,\n\"d\""));
        assert_eq!(back.typed.value("device_name"), None);
    }

    #[test]
    fn a_form_stays_open_while_sending_it_again_may_help() {
        let again = [
            Problem::sign_in_required(),
            Problem::internal(),
            Problem::too_many_requests(3),
            crate::response::unreachable(),
        ];
        assert!(again.iter().all(can_be_retried));
        let over = [
            Problem::conflict("Grace was faster."),
            Problem::not_found(),
            Problem::forbidden(),
            Problem::invalid_input().field("reason", "Too long."),
        ];
        assert!(!over.iter().any(can_be_retried));
    }

    #[test]
    fn an_answered_question_leaves_the_address() {
        assert_eq!(without_question("/a?state=pending&ask=approve"), "/a?state=pending");
        assert_eq!(without_question("/a?ask=revoke&about=7"), "/a");
        assert_eq!(without_question("/a"), "/a");
    }

    #[test]
    fn a_malformed_cookie_is_ignored() {
        for bad in ["", "x", "e30", "%7B%7D", "eyJmb3JtIjoxfQ"] {
            assert_eq!(cookies::decode::<RejectedForm>(bad), None);
        }
    }

    #[test]
    fn the_longest_message_fits_the_cookie() {
        let message = "\u{1F980}".repeat(protocol::access::Message::MAX_CHARS);
        let refused =
            RejectedForm { typed: rejected_form().typed.with("message", &message), ..rejected_form() };
        assert!(cookies::encode(&refused).len() < 3_900);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = http::HeaderMap::new();
        headers.append("cookie", "a=1; theme=dark".parse().unwrap());
        headers.append("cookie", "b=x=y".parse().unwrap());
        let all: Vec<_> = cookies::cookies(&headers).collect();
        let pairs: Vec<_> = all.iter().map(cookie::Cookie::name_value).collect();
        assert_eq!(pairs, [("a", "1"), ("theme", "dark"), ("b", "x=y")]);
    }
}
