//! Forms that lose nothing.
//!
//! In the panel, a form's problem comes back as the server function's answer and the fields stay as they are. The forms of
//! the public pages are posted by the browser, which is sent on with 303; the problem and what was typed travel in a
//! cookie that lives for a minute and is read once. They never travel in a URL: those end up in logs and in histories, and a
//! crafted one could put words into the server's mouth. Secrets are never handed to [`Typed`]. What became of a form
//! that was taken ([`tell`]) travels in the same way.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use protocol::Problem;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// What a refused form held, by the name of each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
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

/// A form that was refused after the browser posted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The endpoint of the form's server function.
    form: String,
    pub problem: Problem,
    pub typed: Typed,
}

/// What this browser's last form, posted to `form`, was refused for. Tells it once.
#[cfg(feature = "ssr")]
pub fn refused(form: &str) -> Option<Refused> {
    carried::take::<Refused>(carried::REFUSED).filter(|refused| refused.form == form)
}

/// Leaves what became of a form for the page that a browser without scripts opens next; [`told`] gives it there, once.
/// `false` when it is too long: say less.
#[cfg(feature = "ssr")]
pub fn tell<T: Serialize>(form: &str, what: &T) -> bool {
    carried::put(carried::TOLD, &(form, what))
}

/// What [`tell`] left for this form.
#[cfg(feature = "ssr")]
pub fn told<T: serde::de::DeserializeOwned>(form: &str) -> Option<T> {
    carried::take::<(String, T)>(carried::TOLD).filter(|(of, _)| of == form).map(|(_, what)| what)
}

/// A server function as a page's action. Use it instead of [`ServerAction::new`], which would also show an error that
/// anybody can write into the page's URL.
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
    problem_since(None, action)
}

/// The problem of an action's last run, or the one that its form was refused for while scripts were off.
pub fn problem_since<S>(refused: Option<&Refused>, action: ServerAction<S>) -> Signal<Option<Problem>>
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

/// Whether an action's last run ended, be it with a refusal. What is wrong in its fields is no end: it is mended there.
pub fn answered<S>(action: ServerAction<S>) -> Signal<bool>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    Signal::derive(move || {
        action.value().with(|value| match value {
            None => false,
            Some(Ok(_)) => true,
            Some(Err(error)) => error.problem().errors.is_empty(),
        })
    })
}

/// What a problem says about one field.
pub fn field_error(problem: Signal<Option<Problem>>, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || problem.with(|p| p.as_ref().and_then(|p| p.error_of(field).map(str::to_owned))))
}

/// Ends a form's server function: on success both kinds of browser go to `next`; on a problem one without scripts
/// goes back to `back`, where [`refused`] tells it what was wrong.
#[cfg(feature = "ssr")]
pub fn conclude<T>(
    form: &str,
    back: &str,
    typed: Typed,
    result: Result<T, Problem>,
    next: impl FnOnce(&T) -> Option<String>,
) -> Result<T, AppError> {
    match result {
        Ok(value) => {
            if let Some(next) = next(&value) {
                crate::navigation::redirect(&next);
            }
            Ok(value)
        }
        Err(problem) if crate::navigation::wants_html() => {
            let refused = Refused { form: form.to_owned(), problem: problem.clone(), typed };
            if !carried::put(carried::REFUSED, &refused) {
                // Better the problem alone than nothing.
                carried::put(carried::REFUSED, &Refused { typed: Typed::default(), ..refused });
            }
            let error = AppError::from(problem);
            crate::navigation::redirect(back);
            Err(error)
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The cookies.
#[cfg(feature = "ssr")]
mod carried {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use http::HeaderValue;
    use http::header::{COOKIE, SET_COOKIE};
    use leptos::prelude::use_context;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::visit::Visit;

    pub const REFUSED: &str = "aiwe-form";
    pub const TOLD: &str = "aiwe-told";
    /// Browsers refuse cookies of more than 4,096 bytes, attributes included.
    const MAX_BYTES: usize = 3_900;

    /// `false` when it is too long for a cookie.
    pub fn put<T: Serialize>(name: &str, what: &T) -> bool {
        let value = encode(what);
        let fits = value.len() <= MAX_BYTES;
        if fits {
            set(&format!("{name}={value}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax{}", secure()));
        }
        fits
    }

    pub fn take<T: DeserializeOwned>(name: &str) -> Option<T> {
        let parts = use_context::<http::request::Parts>()?;
        let what = cookies(&parts.headers).find(|(n, _)| *n == name).map(|(_, value)| decode(value))?;
        set(&format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{}", secure()));
        what
    }

    fn secure() -> &'static str {
        if Visit::current().is_ok_and(|visit| visit.secure) { "; Secure" } else { "" }
    }

    fn set(cookie: &str) {
        if let (Some(response), Ok(value)) =
            (use_context::<leptos_axum::ResponseOptions>(), HeaderValue::from_str(cookie))
        {
            response.append_header(SET_COOKIE, value);
        }
    }

    pub(super) fn cookies(headers: &http::HeaderMap) -> impl Iterator<Item = (&str, &str)> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
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
    carried::cookies(&parts.headers).find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn refused_form() -> Refused {
        Refused {
            form: "access/submit".into(),
            problem: Problem::invalid_input().field("email", "Enter an e-mail address."),
            typed: Typed::default()
                .with("email", "ännä")
                .with("message", "a; b=c,\n\"d\"")
                .with("device_name", ""),
        }
    }

    #[test]
    fn what_was_typed_survives_the_cookie() {
        let value = carried::encode(&refused_form());
        assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{value}");
        let back: Refused = carried::decode(&value).unwrap();
        assert_eq!(back, refused_form());
        assert_eq!(back.typed.value("message").as_deref(), Some("a; b=c,\n\"d\""));
        assert_eq!(back.typed.value("device_name"), None);
    }

    #[test]
    fn a_foreign_cookie_is_nothing() {
        for bad in ["", "x", "e30", "%7B%7D", "eyJmb3JtIjoxfQ"] {
            assert_eq!(carried::decode::<Refused>(bad), None);
        }
    }

    #[test]
    fn the_longest_message_fits_the_cookie() {
        let message = "\u{1F980}".repeat(protocol::access::Message::MAX_CHARS);
        let refused = Refused { typed: refused_form().typed.with("message", &message), ..refused_form() };
        assert!(carried::encode(&refused).len() < 3_900);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = http::HeaderMap::new();
        headers.append("cookie", "a=1; theme=dark".parse().unwrap());
        headers.append("cookie", "b=x=y".parse().unwrap());
        let all: Vec<_> = carried::cookies(&headers).collect();
        assert_eq!(all, [("a", "1"), ("theme", "dark"), ("b", "x=y")]);
    }
}
