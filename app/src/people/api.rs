//! Server functions of accounts. Passwords and codes are arguments only: no response and no rejected form's cookie
//! contains them.

use leptos::prelude::*;
use protocol::access::Page;
use protocol::people::{
    AccountChange, AccountDetail, AccountRow, OwnAccount, RecoveryCodes, SetupOffer, SignInStep,
};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{FormValues, flash, respond, take_flash, take_rejected},
    navigation::{local_path, path_segment, redirect, wants_html, with_query},
    request_context::{RequestContext, WithCookies, idle_message, require_administrator},
    services::{Services, reply},
};
#[cfg(feature = "ssr")]
use protocol::{Problem, people::SetupAnswer};

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
    Ok(reply(Services::current()?.setup.set_up(&context, &token, answer).await)?.deliver())
}

/// The recovery codes of this browser's set-up are saved: they are not shown again.
#[server(prefix = "/app", endpoint = "people/codes-saved")]
pub async fn codes_saved() -> Result<(), AppError> {
    let context = RequestContext::current()?;
    reply(Services::current()?.setup.codes_saved(&context).await)?.deliver();
    Ok(())
}

/// The account of the person who is signed in.
#[server(prefix = "/app", endpoint = "people/own")]
pub async fn own() -> Result<OwnAccount, AppError> {
    let context = RequestContext::current()?;
    reply(Services::current()?.own_account.own_account(&context).await)
}

/// New recovery codes for the person who is signed in. `code`: the second factor, once more.
#[server(prefix = "/app", endpoint = "people/renew-codes")]
pub async fn renew_codes(#[server(default)] code: String) -> Result<RecoveryCodes, AppError> {
    let context = RequestContext::current()?;
    reply(Services::current()?.own_account.renew_codes(&context, &code).await)
}

/// One's own machines and sessions, and the outcome of the form that was posted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevicesShown {
    pub devices: protocol::ledger::OwnDevices,
    pub refused: Option<RejectedForm>,
    pub ended: bool,
}

#[server(prefix = "/app", endpoint = "people/own-devices")]
pub async fn own_devices() -> Result<OwnDevicesShown, AppError> {
    let context = RequestContext::current()?;
    let devices = reply(Services::current()?.own_sessions.devices(&context).await)?;
    let ended = take_flash(END_SESSION).unwrap_or_default();
    Ok(OwnDevicesShown { devices, refused: take_rejected(END_SESSION), ended })
}

/// Ends one of one's own sessions.
#[server(prefix = "/app", endpoint = "people/end-session")]
pub async fn end_session(id: String) -> Result<(), AppError> {
    let context = RequestContext::current()?;
    let ended = Services::current()?.own_sessions.end(&context, &id).await;
    respond(END_SESSION, "/account", FormValues::default(), ended, |()| {
        flash(END_SESSION, &true);
        Some("/account".to_owned())
    })
}

#[server(prefix = "/app", endpoint = "people/list")]
pub async fn list(search: String, page: u32) -> Result<Page<AccountRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.accounts.list(&admin, &search, page).await)
}

/// An account, and the outcome of a form that a browser without scripts posted about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub detail: AccountDetail,
    pub refused: Option<RejectedForm>,
    pub done: Option<AccountChange>,
}

#[server(prefix = "/app", endpoint = "people/find")]
pub async fn find(id: String) -> Result<Person, AppError> {
    let admin = require_administrator()?;
    let detail = reply(Services::current()?.accounts.find(&admin, &id).await)?;
    Ok(Person { detail, refused: take_rejected(CHANGE), done: take_flash(CHANGE) })
}

#[server(prefix = "/app", endpoint = "people/change")]
pub async fn change(id: String, #[server(default)] change: String) -> Result<AccountChange, AppError> {
    let admin = require_administrator()?;
    let change: AccountChange = change
        .parse()
        .map_err(|e: protocol::access::Invalid| Problem::invalid_input().field("change", e.0))?;
    let page = person_path(&id);
    let done = Services::current()?.accounts.change(&admin, &id, change).await.map(|()| change);
    respond(CHANGE, &page, FormValues::default(), done, |change| {
        // Scripts stay on the page and load it again.
        wants_html().then(|| {
            flash(CHANGE, change);
            page.clone()
        })
    })
}

/// The form that was rejected before, if one was.
#[server(prefix = "/app", endpoint = "people/invite-start")]
pub async fn invite_start() -> Result<Option<RejectedForm>, AppError> {
    require_administrator()?;
    Ok(take_rejected(INVITE))
}

#[server(prefix = "/app", endpoint = "people/invite")]
pub async fn invite(
    #[server(default)] email: String,
    #[server(default)] role: String,
) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let invited = Services::current()?.accounts.invite(&admin, &email, &role).await;
    let typed = FormValues::default().with("email", &email).with("role", &role);
    respond(INVITE, "/admin/people/new", typed, invited, |id| Some(person_path(id.as_str()))).map(drop)
}

#[cfg(feature = "ssr")]
fn person_path(id: &str) -> String {
    format!("/admin/people/{}", path_segment(id))
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
const CHANGE: &str = "people/change";
#[cfg(feature = "ssr")]
const END_SESSION: &str = "people/end-session";
#[cfg(feature = "ssr")]
const INVITE: &str = "people/invite";
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
