//! Server functions of groups.

use domain::group::Group;
use leptos::prelude::*;
use protocol::group::GroupDetail;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{FormValues, respond, take_rejected},
    navigation::{path_segment, wants_html},
    request_context::require_administrator,
    services::{Services, reply},
};

#[cfg(feature = "ssr")]
const ADD: &str = "group/add-members";
#[cfg(feature = "ssr")]
const CREATE: &str = "group/create";
#[cfg(feature = "ssr")]
const DELETE: &str = "group/delete";
#[cfg(feature = "ssr")]
const REMOVE: &str = "group/remove-member";
#[cfg(feature = "ssr")]
const RENAME: &str = "group/rename";

/// A group, and the forms about it that a browser without scripts posted and that were rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    pub detail: GroupDetail,
    pub refused: RefusedForms,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedForms {
    pub add: Option<RejectedForm>,
    pub delete: Option<RejectedForm>,
    pub remove: Option<RejectedForm>,
    pub rename: Option<RejectedForm>,
}

#[server(prefix = "/app", endpoint = "group/list")]
pub async fn list() -> Result<Vec<Group>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.groups.list(&admin).await)
}

/// The form of a new group that was rejected before, if one was.
#[server(prefix = "/app", endpoint = "group/start")]
pub async fn start() -> Result<Option<RejectedForm>, AppError> {
    require_administrator()?;
    Ok(take_rejected(CREATE))
}

#[server(prefix = "/app", endpoint = "group/find")]
pub async fn find(id: String) -> Result<OpenGroup, AppError> {
    let admin = require_administrator()?;
    let detail = reply(Services::current()?.groups.find(&admin, &id).await)?;
    let refused = RefusedForms {
        add: take_rejected(ADD),
        delete: take_rejected(DELETE),
        remove: take_rejected(REMOVE),
        rename: take_rejected(RENAME),
    };
    Ok(OpenGroup { detail, refused })
}

#[server(prefix = "/app", endpoint = "group/create")]
pub async fn create(#[server(default)] name: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let created = Services::current()?.groups.create(&admin, &name).await;
    let typed = FormValues::default().with("name", &name);
    respond(CREATE, "/admin/groups", typed, created, |id| Some(page_of(id.as_str()))).map(drop)
}

#[server(prefix = "/app", endpoint = "group/rename")]
pub async fn rename(id: String, #[server(default)] name: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let renamed = Services::current()?.groups.rename(&admin, &id, &name).await;
    let (page, typed) = (page_of(&id), FormValues::default().with("name", &name));
    respond(RENAME, &page, typed, renamed, |()| wants_html().then(|| page.clone()))
}

#[server(prefix = "/app", endpoint = "group/delete")]
pub async fn delete(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let deleted = Services::current()?.groups.delete(&admin, &id).await;
    respond(DELETE, &page_of(&id), FormValues::default(), deleted, |()| Some("/admin/groups".to_owned()))
}

#[server(prefix = "/app", endpoint = "group/add-members")]
pub async fn add_members(id: String, #[server(default)] emails: String) -> Result<u64, AppError> {
    let admin = require_administrator()?;
    let added = Services::current()?.groups.add_members(&admin, &id, &emails).await;
    let (page, typed) = (page_of(&id), FormValues::default().with("emails", &emails));
    respond(ADD, &page, typed, added, |_| wants_html().then(|| page.clone()))
}

#[server(prefix = "/app", endpoint = "group/remove-member")]
pub async fn remove_member(id: String, member: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    let removed = Services::current()?.groups.remove_member(&admin, &id, &member).await;
    let page = page_of(&id);
    respond(REMOVE, &page, FormValues::default(), removed, |()| wants_html().then(|| page.clone()))
}

#[cfg(feature = "ssr")]
fn page_of(id: &str) -> String {
    format!("/admin/groups/{}", path_segment(id))
}
