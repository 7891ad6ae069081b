//! Services of groups, of the fleet policy, and of what left the machines.

use async_trait::async_trait;
use domain::group::Group;
use domain::id::GroupId;
use protocol::ServiceError;
use protocol::access::Page;
use protocol::group::GroupDetail;
use protocol::ledger::{LedgerRow, OwnDevices, UseRow};
use protocol::policy::{AppliedPolicy, PolicyDocument, PolicyRow};

use crate::request_context::{Administrator, RequestContext};

/// What administrators do with groups.
#[async_trait]
pub trait GroupService: Send + Sync {
    /// By name.
    async fn list(&self, admin: &Administrator) -> Result<Vec<Group>, ServiceError>;
    async fn find(&self, admin: &Administrator, id: &str) -> Result<GroupDetail, ServiceError>;
    async fn create(&self, admin: &Administrator, name: &str) -> Result<GroupId, ServiceError>;
    async fn rename(&self, admin: &Administrator, id: &str, name: &str) -> Result<(), ServiceError>;
    /// With its policy. 409 while a mode is limited to it.
    async fn delete(&self, admin: &Administrator, id: &str) -> Result<(), ServiceError>;
    /// `emails`: one address per line. All of them, or none; returns how many were no members before.
    async fn add_members(&self, admin: &Administrator, id: &str, emails: &str) -> Result<u64, ServiceError>;
    async fn remove_member(&self, admin: &Administrator, id: &str, member: &str) -> Result<(), ServiceError>;
}

/// What administrators do with the fleet policy. An empty `group` means the policy for everyone.
#[async_trait]
pub trait PolicyService: Send + Sync {
    /// That for everyone first, then those of groups, by name.
    async fn list(&self, admin: &Administrator) -> Result<Vec<PolicyRow>, ServiceError>;
    async fn find(&self, admin: &Administrator, group: &str) -> Result<PolicyDocument, ServiceError>;
    /// 409 when `version` is not the stored one.
    async fn save(&self, admin: &Administrator, policy: PolicyDocument) -> Result<(), ServiceError>;
    /// Removes the policy of a group, to which that for everyone applies then.
    async fn remove(&self, admin: &Administrator, group: &str, version: i64) -> Result<(), ServiceError>;
    /// What applies to the person with this address.
    async fn applied(&self, admin: &Administrator, email: &str) -> Result<AppliedPolicy, ServiceError>;
}

/// What left the machines.
#[async_trait]
pub trait LedgerService: Send + Sync {
    /// One's own entries, the newest first.
    async fn own(&self, context: &RequestContext, page: u32) -> Result<Page<LedgerRow>, ServiceError>;
    /// Erases one of one's own entries, or all of them, with questions, answers and pictures. Returns their number.
    async fn erase(&self, context: &RequestContext, id: Option<&str>) -> Result<u64, ServiceError>;
    /// How many pictures each person has sent, per program, in the last days. No contents.
    async fn usage(&self, admin: &Administrator, days: u32) -> Result<Vec<UseRow>, ServiceError>;
}

/// One's own machines and sessions.
#[async_trait]
pub trait OwnSessionService: Send + Sync {
    async fn devices(&self, context: &RequestContext) -> Result<OwnDevices, ServiceError>;
    /// Ends the sign-in of one of one's own sessions.
    async fn end(&self, context: &RequestContext, id: &str) -> Result<(), ServiceError>;
}
