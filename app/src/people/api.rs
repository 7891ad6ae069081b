//! Server functions. Passwords and codes are arguments only: no answer and no cookie of a refused form holds them.

use leptos::prelude::*;
use protocol::people::{RecoveryCodes, SetupOffer, SignInStep};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::Refused;
#[cfg(feature = "ssr")]
use crate::{
    form::{Typed, conclude, refused},
    navigation::{local_path, redirect, with_query},
    services::Services,
    visit::{Answer, Visit, unused_words},
};
#[cfg(feature = "ssr")]
use protocol::people::SetupAnswer;

#[server(prefix = "/app", endpoint = "people/offer")]
pub async fn offer(token: String) -> Result<SetupOffer, AppError> {
    let visit = Visit::current()?;
    Ok(Services::current()?.people.setup_offer(&visit, &token).await?)
}

#[server(prefix = "/app", endpoint = "people/set-up")]
pub async fn set_up(
    token: String,
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] code: String,
) -> Result<RecoveryCodes, AppError> {
    let visit = Visit::current()?;
    let answer = SetupAnswer { email, password, code };
    Ok(Services::current()?.people.set_up(&visit, &token, answer).await?)
}

/// What a visitor of the sign-in must be told first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The form that was refused before, if one was.
    pub refused: Option<Refused>,
    /// Why the session has ended that this browser still names.
    pub signed_out: Option<String>,
}

#[server(prefix = "/app", endpoint = "people/sign-in-start")]
pub async fn sign_in_start(code_step: bool) -> Result<Arrival, AppError> {
    let visit = Visit::current()?;
    Ok(Arrival {
        refused: refused(if code_step { SECOND_FACTOR } else { SIGN_IN }),
        signed_out: visit.unused_minutes.map(unused_words),
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
    let visit = Visit::current()?;
    let step = Services::current()?.people.sign_in(&visit, &email, &password).await.map(Answer::deliver);
    let typed = Typed::default().with("email", &email);
    conclude(SIGN_IN, &step_path(&SignInStep::Password, &next), typed, step, |step| {
        Some(step_path(step, &next))
    })
}

/// The second step: a code of the authenticator, or a recovery code.
#[server(prefix = "/app", endpoint = "people/second-factor")]
pub async fn second_factor(
    #[server(default)] code: String,
    #[server(default)] next: String,
) -> Result<SignInStep, AppError> {
    let visit = Visit::current()?;
    let step = Services::current()?.people.second_factor(&visit, &code).await.map(Answer::deliver);
    let back = step_path(&SignInStep::Code, &next);
    conclude(SECOND_FACTOR, &back, Typed::default(), step, |step| Some(step_path(step, &next)))
}

#[server(prefix = "/app", endpoint = "people/sign-out")]
pub async fn sign_out() -> Result<(), AppError> {
    let visit = Visit::current()?;
    Services::current()?.people.sign_out(&visit).await?.deliver();
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
