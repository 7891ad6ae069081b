//! The fleet policy: what applies to a person, and its administration.
//!
//! There is one policy for everyone and at most one per group; the strictest of each field applies
//! (`docs/decisions/fleet-policy.md`).

use std::sync::Arc;

use app::request_context::Administrator;
use app::services::PolicyService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::{AccountId, GroupId};
use domain::policy::{PolicyRules, StoredPolicy};
use protocol::access::EmailAddress;
use protocol::policy::{AppliedPolicy, FleetPolicy, PolicyDocument, PolicyRow};
use protocol::{Problem, ServiceError};
use sha2::{Digest, Sha256};
use store::StoreError;
use web::{RateLimiter, Rule};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::native::Person;
use crate::people::authorise;
use crate::read_cache::ReadCache;

/// Requests of one person for their policy, per minute.
const REQUESTS_PER_MINUTE: u32 = 30;
/// People whose policy is kept for a moment.
const MAX_CACHED: usize = 4_096;
/// The subject of audit entries about the policy for everyone.
const EVERYONE: &str = "everyone";

#[derive(Debug, Clone)]
pub struct Policies {
    env: Arc<Environment>,
    limits: Arc<dyn RateLimiter>,
    applied: Arc<ReadCache<AccountId, Arc<PolicyRules>>>,
}

impl Policies {
    pub fn new(env: Arc<Environment>, limits: Arc<dyn RateLimiter>) -> Self {
        Self { env, limits, applied: Arc::new(ReadCache::new(MAX_CACHED)) }
    }

    /// The rules that apply to an account.
    pub async fn of(&self, account_id: &AccountId) -> Result<Arc<PolicyRules>, ServiceError> {
        let store = &self.env.store;
        let read = async {
            let policies = store.read().await?.policies().of_account(account_id).await?;
            Ok::<_, StoreError>(Some(Arc::new(combined(&policies))))
        };
        let rules = self.applied.get(store, account_id.clone(), read).await?;
        Ok(rules.ok_or(Failure::Other("no policy was read"))?)
    }

    /// The policy for a person's desktop program.
    #[tracing::instrument(skip_all, level = "debug", name = "policy.show", fields(account_id = %person.account.id))]
    pub async fn document(&self, person: &Person) -> Result<FleetPolicy, ServiceError> {
        let rule = Rule::per_minute("policy", REQUESTS_PER_MINUTE);
        self.limits.check_key(rule, person.account.id.as_str()).await?;
        let rules = PolicyRules::clone(&*self.of(&person.account.id).await?);
        let issued_at = self.env.now();
        let valid_until = issued_at + i64::from(self.env.config.policy.valid_hours) * 3_600;
        let managed_by = self.env.config.organisation.clone();
        Ok(FleetPolicy { version: version_of(&rules)?, issued_at, valid_until, managed_by, rules })
    }
}

/// Everyone's rules, or the default's, combined with those of groups.
fn combined(policies: &[StoredPolicy]) -> PolicyRules {
    let everyone = policies.iter().find(|policy| policy.group_id.is_none());
    let everyone = everyone.map_or_else(PolicyRules::default, |policy| policy.rules.clone());
    let groups = policies.iter().filter(|policy| policy.group_id.is_some());
    groups.fold(everyone, |rules, group| rules.strictest(&group.rules)).normalised()
}

/// The same for the same rules, on every server.
fn version_of(rules: &PolicyRules) -> Result<String, ServiceError> {
    let json = serde_json::to_vec(rules).map_err(|_| Failure::Other("rules without a JSON form"))?;
    Ok(hex::encode(&Sha256::digest(json)[..16]))
}

#[async_trait]
impl PolicyService for Policies {
    #[tracing::instrument(skip_all, level = "debug", name = "policy.list")]
    async fn list(&self, _: &Administrator) -> Result<Vec<PolicyRow>, ServiceError> {
        let mut tx = self.env.store.read().await?;
        let (groups, stored) = (tx.groups().list().await?, tx.policies().list().await?);
        let version = |group: Option<&GroupId>| {
            stored.iter().find(|policy| policy.group_id.as_ref() == group).map_or(0, |policy| policy.version)
        };
        let everyone =
            PolicyRow { group: String::new(), name: "Everyone".to_owned(), version: version(None) };
        let groups = groups.into_iter().map(|group| PolicyRow {
            version: version(Some(&group.id)),
            group: group.id.into_string(),
            name: group.name.into_string(),
        });
        Ok(std::iter::once(everyone).chain(groups).collect())
    }

    #[tracing::instrument(skip_all, level = "debug", name = "policy.find")]
    async fn find(&self, _: &Administrator, group: &str) -> Result<PolicyDocument, ServiceError> {
        let id = parse(group)?;
        let mut tx = self.env.store.read().await?;
        let group_name = match &id {
            Some(id) => tx.groups().find(id).await?.ok_or_else(Problem::not_found)?.name.into_string(),
            None => String::new(),
        };
        let stored = tx.policies().find(id.as_ref()).await?;
        let (version, rules) = match stored {
            Some(policy) => (policy.version, policy.rules),
            None => (0, initial(id.as_ref())),
        };
        Ok(PolicyDocument { group: group.to_owned(), group_name, version, rules })
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "policy.save",
        fields(account_id = %admin.account_id, group_id = policy.group)
    )]
    async fn save(&self, admin: &Administrator, policy: PolicyDocument) -> Result<(), ServiceError> {
        policy.rules.check().map_err(Problem::from)?;
        let group_id = parse(&policy.group)?;
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        if let Some(id) = &group_id {
            tx.groups().find(id).await?.ok_or_else(Problem::not_found)?;
        }
        let before = tx.policies().find(group_id.as_ref()).await?;
        let before = before.map_or_else(|| initial(group_id.as_ref()), |policy| policy.rules);
        let stored =
            StoredPolicy { group_id, rules: policy.rules.clone().normalised(), version: policy.version };
        if policy.version < 0 || !tx.policies().save(&stored, now).await? {
            return Err(Problem::conflict("Somebody else has changed this policy. Reload it.").into());
        }
        let changed = changed_fields(&before, &stored.rules)?;
        let detail = format!("version {}: {changed}", policy.version.saturating_add(1));
        let subject = stored.group_id.as_ref().map_or(EVERYONE, GroupId::as_str);
        tx.audit_log().append(now, &admin.account_id, Action::PolicyChanged, subject, &detail).await?;
        Ok(tx.commit().await?)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "policy.remove", fields(account_id = %admin.account_id, group_id = group))]
    async fn remove(&self, admin: &Administrator, group: &str, version: i64) -> Result<(), ServiceError> {
        let id =
            parse(group)?.ok_or_else(|| Problem::conflict("The policy for everyone always is there."))?;
        let mut tx = self.env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        if !tx.policies().remove(&id, version).await? {
            return Err(Problem::conflict("Somebody else has changed this policy. Reload it.").into());
        }
        let detail = format!("version {version}");
        tx.audit_log().append(self.env.now(), &admin.account_id, Action::PolicyRemoved, &id, &detail).await?;
        Ok(tx.commit().await?)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "policy.applied")]
    async fn applied(&self, _: &Administrator, email: &str) -> Result<AppliedPolicy, ServiceError> {
        let wrong = |message: &str| Problem::invalid_input().field("email", message);
        let email: EmailAddress = email.parse().map_err(|error: domain::Invalid| wrong(error.0))?;
        let mut tx = self.env.store.read().await?;
        let account = tx.accounts().find_by_email(&email).await?;
        let account = account.ok_or_else(|| wrong("This address has no account."))?;
        let policies = tx.policies().of_account(&account.id).await?;
        let has_policy = |id: &GroupId| policies.iter().any(|policy| policy.group_id.as_ref() == Some(id));
        let groups = tx.groups().of_account(&account.id).await?;
        let groups = groups.into_iter().filter(|group| has_policy(&group.id));
        Ok(AppliedPolicy {
            email: email.into_string(),
            groups: groups.map(|group| group.name.into_string()).collect(),
            rules: combined(&policies),
        })
    }
}

/// Before anything is saved. A group adds nothing then.
fn initial(group: Option<&GroupId>) -> PolicyRules {
    if group.is_some() { PolicyRules::unrestricted() } else { PolicyRules::default() }
}

/// `None`: the policy for everyone.
fn parse(group: &str) -> Result<Option<GroupId>, Problem> {
    if group.is_empty() { Ok(None) } else { group.parse().map(Some).map_err(|_| Problem::not_found()) }
}

/// The names of the fields that differ, for the audit log.
fn changed_fields(before: &PolicyRules, after: &PolicyRules) -> Result<String, ServiceError> {
    let json = |rules: &PolicyRules| {
        serde_json::to_value(rules).map_err(|_| Failure::Other("rules without a JSON form"))
    };
    let (before, after) = (json(before)?, json(after)?);
    let fields = after.as_object().into_iter().flatten();
    let mut changed: Vec<_> = fields
        .filter(|(name, value)| before.get(name.as_str()) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    changed.sort_unstable();
    Ok(if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") })
}
