//! Groups of people and their members.

use domain::group::{Group, GroupName, Member};
use domain::id::{AccountId, GroupId};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Groups, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: GroupId,
    name: String,
    created_at: i64,
    members: i64,
}

impl TryFrom<Row> for Group {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: parsed("people_group", row.name)?,
            id: row.id,
            members: row.members.unsigned_abs(),
            created_at: row.created_at,
        })
    }
}

const SELECT: &str = "SELECT id, name, created_at,
    (SELECT COUNT(*) FROM people_group_member m WHERE m.group_id = people_group.id) AS members FROM people_group";

impl Groups<'_> {
    /// All of them, by name.
    pub async fn list(&mut self) -> Result<Vec<Group>, StoreError> {
        let sql = format!("{SELECT} ORDER BY name_key");
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql)?;
        rows.into_iter().map(Group::try_from).collect()
    }

    pub async fn find(&mut self, id: &GroupId) -> Result<Option<Group>, StoreError> {
        let sql = format!("{SELECT} WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id.as_str())?.map(Group::try_from).transpose()
    }

    pub async fn count(&mut self) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM people_group")?.unsigned_abs())
    }

    /// [`StoreError::Duplicate`] when another has this name.
    pub async fn insert(&mut self, id: &GroupId, name: &GroupName, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO people_group (id, name, name_key, created_at) VALUES ($1, $2, $3, $4)",
            id.as_str(),
            name.as_str(),
            name.key(),
            now
        )?;
        Ok(())
    }

    /// `false` if there is none; [`StoreError::Duplicate`] when another has this name.
    pub async fn rename(&mut self, id: &GroupId, name: &GroupName) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE people_group SET name = $1, name_key = $2 WHERE id = $3",
            name.as_str(),
            name.key(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Deletes a group that no mode is limited to, with its policy; otherwise `false`.
    pub async fn delete(&mut self, id: &GroupId) -> Result<bool, StoreError> {
        let deleted = execute!(
            self.0,
            "DELETE FROM people_group WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM mode_group WHERE group_id = $1)",
            id.as_str()
        )?;
        Ok(deleted == 1)
    }

    /// The names of the modes that are limited to a group.
    pub async fn modes_of(&mut self, id: &GroupId) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT m.name FROM mode m JOIN mode_group g ON g.mode_id = m.id WHERE g.group_id = $1 ORDER BY m.name",
            id.as_str()
        )?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// By e-mail address.
    pub async fn members(&mut self, id: &GroupId) -> Result<Vec<Member>, StoreError> {
        let rows: Vec<(String, String)> = fetch_all!(
            self.0,
            (String, String),
            "SELECT a.id, a.email FROM people_group_member m JOIN account a ON a.id = m.account_id
             WHERE m.group_id = $1 ORDER BY a.email",
            id.as_str()
        )?;
        let member = |(id, email)| Ok(Member { account_id: parsed("account", id)?, email });
        rows.into_iter().map(member).collect()
    }

    /// `false` if the account is a member already.
    pub async fn add_member(&mut self, id: &GroupId, account_id: &AccountId) -> Result<bool, StoreError> {
        let added = execute!(
            self.0,
            "INSERT INTO people_group_member (group_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            id.as_str(),
            account_id.as_str()
        )?;
        Ok(added == 1)
    }

    /// `false` if the account is no member.
    pub async fn remove_member(&mut self, id: &GroupId, account_id: &AccountId) -> Result<bool, StoreError> {
        let removed = execute!(
            self.0,
            "DELETE FROM people_group_member WHERE group_id = $1 AND account_id = $2",
            id.as_str(),
            account_id.as_str()
        )?;
        Ok(removed == 1)
    }

    /// The groups that an account is in, by name.
    pub async fn of_account(&mut self, account_id: &AccountId) -> Result<Vec<Group>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE id IN (SELECT group_id FROM people_group_member WHERE account_id = $1) ORDER BY name_key"
        );
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, account_id.as_str())?;
        rows.into_iter().map(Group::try_from).collect()
    }
}
