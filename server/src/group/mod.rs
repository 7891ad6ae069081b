//! Groups of people.

use std::sync::Arc;

use app::request_context::Administrator;
use app::services::GroupService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::group::{Group, GroupName, MAX_GROUPS, MAX_MEMBERS};
use domain::id::{AccountId, GroupId};
use protocol::access::EmailAddress;
use protocol::group::GroupDetail;
use protocol::{Problem, ServiceError};
use store::{StoreError, Tx};

use crate::environment::Environment;
use crate::people::authorise;

/// The most addresses of one form.
const MAX_LINES: usize = 200;

/// The service behind the panel's pages of groups.
#[derive(Debug, Clone)]
pub struct GroupManager {
    env: Arc<Environment>,
}

impl GroupManager {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env }
    }

    /// A transaction of somebody who administers still, with the group that it is about.
    async fn begin(&self, admin: &Administrator, id: &str) -> Result<(Tx, Group), ServiceError> {
        let id = parse(id)?;
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        let group = tx.groups().find(&id).await?.ok_or_else(Problem::not_found)?;
        Ok((tx, group))
    }

    async fn finish(
        &self,
        mut tx: Tx,
        admin: &Administrator,
        action: Action,
        id: &GroupId,
        detail: &str,
    ) -> Result<(), ServiceError> {
        tx.audit_log().append(self.env.now(), &admin.account_id, action, id, detail).await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl GroupService for GroupManager {
    #[tracing::instrument(skip_all, level = "debug", name = "group.list")]
    async fn list(&self, _: &Administrator) -> Result<Vec<Group>, ServiceError> {
        Ok(self.env.store.read().await?.groups().list().await?)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "group.find")]
    async fn find(&self, _: &Administrator, id: &str) -> Result<GroupDetail, ServiceError> {
        let id = parse(id)?;
        let mut tx = self.env.store.read().await?;
        let group = tx.groups().find(&id).await?.ok_or_else(Problem::not_found)?;
        let members = tx.groups().members(&id).await?;
        let modes = tx.groups().modes_of(&id).await?;
        let has_policy = tx.policies().find(Some(&id)).await?.is_some();
        Ok(GroupDetail { group, members, modes, has_policy })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "group.create", fields(account_id = %admin.account_id))]
    async fn create(&self, admin: &Administrator, name: &str) -> Result<GroupId, ServiceError> {
        let name = parse_name(name)?;
        let (id, now): (GroupId, _) = (self.env.new_id(), self.env.now());
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        if tx.groups().count().await? >= MAX_GROUPS {
            let message = format!("There are {MAX_GROUPS} groups already. Delete one first.");
            return Err(Problem::invalid_input().field("name", message).into());
        }
        tx.groups().insert(&id, &name, now).await.map_err(taken)?;
        self.finish(tx, admin, Action::GroupCreated, &id, name.as_str()).await?;
        Ok(id)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "group.rename", fields(account_id = %admin.account_id, group_id = id))]
    async fn rename(&self, admin: &Administrator, id: &str, name: &str) -> Result<(), ServiceError> {
        let name = parse_name(name)?;
        let (mut tx, group) = self.begin(admin, id).await?;
        if group.name == name {
            return Ok(());
        }
        tx.groups().rename(&group.id, &name).await.map_err(taken)?;
        let detail = format!("{} → {name}", group.name);
        self.finish(tx, admin, Action::GroupRenamed, &group.id, &detail).await
    }

    #[tracing::instrument(skip_all, level = "debug", name = "group.delete", fields(account_id = %admin.account_id, group_id = id))]
    async fn delete(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError> {
        let (mut tx, group) = self.begin(admin, id).await?;
        let modes = tx.groups().modes_of(&group.id).await?;
        if !modes.is_empty() || !tx.groups().delete(&group.id).await? {
            // Without the group they would be for everybody.
            let detail = format!("Modes are limited to this group: {}. Change them first.", modes.join(", "));
            return Err(Problem::conflict(detail).into());
        }
        let detail = format!("{}, {} members", group.name, group.members);
        self.finish(tx, admin, Action::GroupDeleted, &group.id, &detail).await
    }

    #[tracing::instrument(skip_all, level = "debug", name = "group.add_members", fields(account_id = %admin.account_id, group_id = id))]
    async fn add_members(&self, admin: &Administrator, id: &str, emails: &str) -> Result<u64, ServiceError> {
        let emails = parse_emails(emails)?;
        let (mut tx, group) = self.begin(admin, id).await?;
        let mut unknown = Vec::new();
        let mut added = Vec::new();
        for email in &emails {
            match tx.accounts().find_by_email(email).await? {
                Some(account) => {
                    if tx.groups().add_member(&group.id, &account.id).await? {
                        added.push(account.id);
                    }
                }
                None => unknown.push(email.as_str()),
            }
        }
        if !unknown.is_empty() {
            let message = format!("These addresses have no account: {}.", unknown.join(", "));
            return Err(Problem::invalid_input().field("emails", message).into());
        }
        let count = u64::try_from(added.len()).unwrap_or(u64::MAX);
        if group.members.saturating_add(count) > MAX_MEMBERS {
            let message = format!("A group has at most {MAX_MEMBERS} members.");
            return Err(Problem::invalid_input().field("emails", message).into());
        }
        let now = self.env.now();
        for account in &added {
            tx.audit_log()
                .append(now, &admin.account_id, Action::GroupMemberAdded, &group.id, account.as_str())
                .await?;
        }
        tx.commit().await?;
        Ok(count)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "group.remove_member", fields(account_id = %admin.account_id, group_id = id))]
    async fn remove_member(&self, admin: &Administrator, id: &str, member: &str) -> Result<(), ServiceError> {
        let member: AccountId = member.parse().map_err(|_| Problem::not_found())?;
        let (mut tx, group) = self.begin(admin, id).await?;
        if !tx.groups().remove_member(&group.id, &member).await? {
            return Err(Problem::conflict("This person is no longer in the group.").into());
        }
        self.finish(tx, admin, Action::GroupMemberRemoved, &group.id, member.as_str()).await
    }
}

fn parse(id: &str) -> Result<GroupId, Problem> {
    id.parse().map_err(|_| Problem::not_found())
}

fn parse_name(name: &str) -> Result<GroupName, Problem> {
    name.parse().map_err(|error: domain::Invalid| Problem::invalid_input().field("name", error.0))
}

fn parse_emails(text: &str) -> Result<Vec<EmailAddress>, Problem> {
    let wrong = |message: String| Problem::invalid_input().field("emails", message);
    let lines: Vec<_> = text.split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(wrong(format!("Enter 1 to {MAX_LINES} e-mail addresses, one per line.")));
    }
    let parse = |line: &str| {
        // What was typed is not repeated at any length.
        let start: String = line.chars().filter(|c| !domain::text::is_invisible(*c)).take(60).collect();
        line.parse().map_err(|_| wrong(format!("This is no e-mail address: {start}")))
    };
    lines.into_iter().map(parse).collect()
}

fn taken(error: StoreError) -> ServiceError {
    match error {
        StoreError::Duplicate => {
            Problem::invalid_input().field("name", "Another group has this name.").into()
        }
        error => error.into(),
    }
}
