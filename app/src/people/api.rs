//! Server functions of accounts. Passwords and codes are arguments only: no response and no rejected form's cookie
//! contains them.

use leptos::prelude::*;
use protocol::people::{RecoveryCodes, SetupOffer, SignInStep};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{FormValues, respond, take_rejected},
    navigation::{local_path, redirect, with_query},
    request_context::{RequestContext, WithCookies, idle_message},
    services::{Services, reply},
};
#[cfg(feature = "ssr")]
use protocol::people::SetupAnswer;

#[server(prefix = "/app", endpoint = "people/offer")]
pub async fn offer(token: String) -> Result<SetupOffer, AppError> {
    let context = RequestContext::current()?;
    reply(Services::current()?.setup.setup_offer(&context, &token).await)
}

#[server(prefix = "/app", endpoint = "people/set-up")]
pub async fn set_up(
    token: String,
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] code: String,
) -> Result<RecoveryCodes, AppError> {
    let context = RequestContext::current()?;
    let answer = SetupAnswer { email, password: password.into(), code: code.into() };
    reply(Services::current()?.setup.set_up(&context, &token, answer).await)
}

/// What the sign-in page shows first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The form that was rejected before, if one was.
    pub refused: Option<RejectedForm>,
    /// Why the session that this browser still has a cookie for has ended.
    pub signed_out: Option<String>,
}

#[server(prefix = "/app", endpoint = "people/sign-in-start")]
pub async fn sign_in_start(code_step: bool) -> Result<Arrival, AppError> {
    let context = RequestContext::current()?;
    Ok(Arrival {
        refused: take_rejected(if code_step { SECOND_FACTOR } else { SIGN_IN }),
        signed_out: context.idle_minutes.map(idle_message),
    })
}

#[cfg(feature = "ssr")]
const SIGN_IN: &str = "people/sign-in";
#[cfg(feature = "ssr")]
const SECOND_FACTOR: &str = "people/second-factor";

/// The first step: address and password.
#[server(prefix = "/app", endpoint = "people/sign-in")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] next: String,
) -> Result<SignInStep, AppError> {
    let context = RequestContext::current()?;
    let step =
        Services::current()?.sign_in.sign_in(&context, &email, &password).await.map(WithCookies::deliver);
    let typed = FormValues::default().with("email", &email);
    respond(SIGN_IN, &step_path(&SignInStep::Password, &next), typed, step, |step| {
        Some(step_path(step, &next))
    })
}

/// The second step: a code from the authenticator, or a recovery code.
#[server(prefix = "/app", endpoint = "people/second-factor")]
pub async fn second_factor(
    #[server(default)] code: String,
    #[server(default)] next: String,
) -> Result<SignInStep, AppError> {
    let context = RequestContext::current()?;
    let step = Services::current()?.sign_in.second_factor(&context, &code).await.map(WithCookies::deliver);
    let back = step_path(&SignInStep::Code, &next);
    respond(SECOND_FACTOR, &back, FormValues::default(), step, |step| Some(step_path(step, &next)))
}

#[server(prefix = "/app", endpoint = "people/sign-out")]
pub async fn sign_out() -> Result<(), AppError> {
    let context = RequestContext::current()?;
    reply(Services::current()?.sign_in.sign_out(&context).await)?.deliver();
    redirect("/login");
    Ok(())
}

/// The page of a step. `next` is followed only if it is a path on this server.
#[cfg(feature = "ssr")]
pub fn step_path(step: &SignInStep, next: &str) -> String {
    let next = local_path(next).unwrap_or_default();
    match step {
        SignInStep::Password => with_query("/login", &[("next", next)]),
        SignInStep::Code => with_query("/login", &[("step", "code"), ("next", next)]),
        SignInStep::Done if next.is_empty() => "/admin".to_owned(),
        SignInStep::Done => next.to_owned(),
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_pages_of_this_server() {
        assert_eq!(step_path(&SignInStep::Done, "/admin/modes?x=1"), "/admin/modes?x=1");
        assert_eq!(step_path(&SignInStep::Done, "//evil.example"), "/admin");
        assert_eq!(step_path(&SignInStep::Done, ""), "/admin");
        assert_eq!(step_path(&SignInStep::Code, "/admin"), "/login?step=code&next=/admin");
        assert_eq!(step_path(&SignInStep::Password, "https://evil.example"), "/login");
    }
}
