//! Server functions of the fleet policy.

use leptos::prelude::*;
use protocol::Problem;
#[cfg(feature = "ssr")]
use protocol::ServiceError;
use protocol::policy::{AppliedPolicy, PolicyDocument, PolicyRow};
use serde::{Deserialize, Serialize};

use super::form::PolicyForm;
use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{FormValues, respond, take_rejected},
    navigation::path_segment,
    request_context::require_administrator,
    services::{Services, reply},
};

#[cfg(feature = "ssr")]
const REMOVE: &str = "policy/remove";
#[cfg(feature = "ssr")]
const SAVE: &str = "policy/save";
#[cfg(feature = "ssr")]
const LIST: &str = "/admin/policy";

/// In place of a group's id in addresses.
pub const EVERYONE: &str = "everyone";

/// A policy for the editor, and the forms about it that were rejected while scripts were off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPolicy {
    pub policy: PolicyDocument,
    pub refused: Option<RejectedForm>,
    pub not_removed: Option<RejectedForm>,
}

#[server(prefix = "/app", endpoint = "policy/list")]
pub async fn list() -> Result<Vec<PolicyRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.policies.list(&admin).await)
}

/// `group`: an id, or `everyone`.
#[server(prefix = "/app", endpoint = "policy/find")]
pub async fn find(group: String) -> Result<OpenPolicy, AppError> {
    let admin = require_administrator()?;
    let group = if group == EVERYONE { String::new() } else { group };
    let policy = reply(Services::current()?.policies.find(&admin, &group).await)?;
    Ok(OpenPolicy { policy, refused: take_rejected(SAVE), not_removed: take_rejected(REMOVE) })
}

#[server(prefix = "/app", endpoint = "policy/save")]
pub async fn save(policy: PolicyForm) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let (page, typed) = (page_of(&policy.group), policy.typed());
    let saved = match policy.check() {
        Ok(policy) => Services::current()?.policies.save(&admin, policy).await,
        Err(problem) => Err(problem.into()),
    };
    respond(SAVE, &page, typed, saved, |()| Some(LIST.to_owned()))
}

#[server(prefix = "/app", endpoint = "policy/remove")]
pub async fn remove(group: String, version: i64) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let removed = Services::current()?.policies.remove(&admin, &group, version).await;
    respond(REMOVE, &page_of(&group), FormValues::default(), removed, |()| Some(LIST.to_owned()))
}

/// What applies to a person, or what is wrong with the address. Neither: nobody was named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub applied: Option<AppliedPolicy>,
    pub problem: Option<Problem>,
}

#[server(prefix = "/app", endpoint = "policy/applied")]
pub async fn person(#[server(default)] email: String) -> Result<Applied, AppError> {
    let admin = require_administrator()?;
    if email.trim().is_empty() {
        return Ok(Applied::default());
    }
    match Services::current()?.policies.applied(&admin, &email).await.map_err(ServiceError::into_problem) {
        Ok(applied) => Ok(Applied { applied: Some(applied), problem: None }),
        // A wrong address is no failure of the page.
        Err(problem) if problem.status == 422 => Ok(Applied { applied: None, problem: Some(problem) }),
        Err(problem) => Err(problem.into()),
    }
}

#[cfg(feature = "ssr")]
fn page_of(group: &str) -> String {
    format!("{LIST}/{}", if group.is_empty() { EVERYONE.to_owned() } else { path_segment(group) })
}
