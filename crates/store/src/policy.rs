//! The fleet policy: one for everyone, and at most one per group.

use domain::id::{AccountId, GroupId};
use domain::policy::{PolicyRules, StoredPolicy};

use crate::query::{execute, fetch_all, fetch_optional};
use crate::{Policies, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    group_id: Option<String>,
    rules: String,
    version: i64,
}

impl TryFrom<Row> for StoredPolicy {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let rules = serde_json::from_str(&row.rules).map_err(|_| StoreError::Inconsistent {
            table: "fleet_policy",
            id: row.id.clone(),
            what: "rules of another form".to_owned(),
        })?;
        let group_id = row.group_id.map(|id| parsed("fleet_policy", id)).transpose()?;
        Ok(Self { group_id, rules, version: row.version })
    }
}

const COLUMNS: &str = "id, group_id, rules, version";
/// The id of the policy for everyone.
const EVERYONE: &str = "everyone";

fn id_of(group: Option<&GroupId>) -> &str {
    group.map_or(EVERYONE, GroupId::as_str)
}

fn json_of(rules: &PolicyRules) -> Result<String, StoreError> {
    serde_json::to_string(rules).map_err(|_| StoreError::InvalidText)
}

impl Policies<'_> {
    /// All of them, that for everyone first.
    pub async fn list(&mut self) -> Result<Vec<StoredPolicy>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fleet_policy ORDER BY CASE WHEN group_id IS NULL THEN 0 ELSE 1 END, id"
        );
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql)?;
        rows.into_iter().map(StoredPolicy::try_from).collect()
    }

    /// That of a group, or that for everyone.
    pub async fn find(&mut self, group: Option<&GroupId>) -> Result<Option<StoredPolicy>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM fleet_policy WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id_of(group))?.map(StoredPolicy::try_from).transpose()
    }

    /// Those that apply to an account: that for everyone, and those of its groups.
    pub async fn of_account(&mut self, account_id: &AccountId) -> Result<Vec<StoredPolicy>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fleet_policy WHERE group_id IS NULL
             OR group_id IN (SELECT group_id FROM people_group_member WHERE account_id = $1)"
        );
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, account_id.as_str())?;
        rows.into_iter().map(StoredPolicy::try_from).collect()
    }

    /// Stores the next version; `false` if the stored one is not `policy.version` (0: there is none).
    pub async fn save(&mut self, policy: &StoredPolicy, now: i64) -> Result<bool, StoreError> {
        let (id, rules) = (id_of(policy.group_id.as_ref()), json_of(&policy.rules)?);
        let changed = if policy.version == 0 {
            execute!(
                self.0,
                "INSERT INTO fleet_policy (id, group_id, rules, version, changed_at) VALUES ($1, $2, $3, 1, $4)
                 ON CONFLICT (id) DO NOTHING",
                id,
                policy.group_id.as_ref().map(GroupId::as_str),
                rules,
                now
            )?
        } else {
            execute!(
                self.0,
                "UPDATE fleet_policy SET rules = $1, version = version + 1, changed_at = $2
                 WHERE id = $3 AND version = $4",
                rules,
                now,
                id,
                policy.version
            )?
        };
        Ok(changed == 1)
    }

    /// Removes a group's policy in this version; otherwise `false`.
    pub async fn remove(&mut self, group: &GroupId, version: i64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM fleet_policy WHERE id = $1 AND version = $2";
        Ok(execute!(self.0, sql, group.as_str(), version)? == 1)
    }

    /// Deletes what policies keep for a limited time: analyses that began earlier, with their ledger, and conversations of
    /// which nothing is left.
    pub async fn apply_retention(&mut self, now: i64) -> Result<u64, StoreError> {
        const DAY: i64 = 24 * 3_600;
        let mut deleted = 0;
        for policy in self.list().await? {
            let Some(days) = policy.rules.retention_days else { continue };
            let before = now - i64::from(days) * DAY;
            for table in ["ledger_entry", "analysis"] {
                let sql = format!(
                    "DELETE FROM {table} WHERE started_at < $1 AND ($2 = '' OR account_id IN
                     (SELECT account_id FROM people_group_member WHERE group_id = $2))"
                );
                let group = policy.group_id.as_ref().map_or("", GroupId::as_str);
                deleted += execute!(self.0, &sql, before, group)?;
            }
        }
        if deleted > 0 {
            execute!(
                self.0,
                "DELETE FROM conversation WHERE NOT EXISTS
                 (SELECT 1 FROM analysis WHERE analysis.conversation_id = conversation.id)"
            )?;
        }
        Ok(deleted)
    }
}
