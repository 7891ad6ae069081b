//! Administrators' view of accounts: the list, and closing, opening and resetting one.

use domain::Page;
use domain::account::{AccountRow, AccountStatus, Role};
use domain::id::AccountId;

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Accounts, StoreError, Tx, like_pattern, parsed};

#[derive(sqlx::FromRow)]
struct Listed {
    #[sqlx(try_from = "String")]
    id: AccountId,
    email: String,
    role: String,
    state: String,
    created_at: i64,
    last_sign_in_at: Option<i64>,
    machines: i64,
}

impl TryFrom<Listed> for AccountRow {
    type Error = StoreError;

    fn try_from(row: Listed) -> Result<Self, StoreError> {
        Ok(Self {
            role: parsed("account", row.role)?,
            status: parsed("account", row.state)?,
            id: row.id,
            email: row.email,
            created_at: row.created_at,
            last_sign_in_at: row.last_sign_in_at,
            machines: row.machines.unsigned_abs(),
        })
    }
}

/// Of PostgreSQL's advisory locks, the one for changes of who administers: "accounts" in ASCII.
const ADMINISTRATORS_LOCK: i64 = 0x6163_636F_756E_7473;

/// `$1`: the time at which a machine's certificate must be valid.
const COLUMNS: &str = "a.id, a.email, a.role, a.state, a.created_at, a.last_sign_in_at,
     (SELECT COUNT(DISTINCT c.machine_id) FROM machine_certificate c
      WHERE c.account_id = a.id AND c.revoked_at IS NULL AND c.not_after > $1) AS machines";

impl Accounts<'_> {
    /// One page of the accounts whose address contains `search`, by address. `page` counts from 0.
    pub async fn list(
        &mut self,
        search: &str,
        page: u32,
        page_size: u32,
        now: i64,
    ) -> Result<Page<AccountRow>, StoreError> {
        let pattern = like_pattern(search);
        let count = "SELECT COUNT(*) FROM account WHERE email LIKE $1 ESCAPE '\\'";
        let total = fetch_number!(self.0, count, &pattern)?.unsigned_abs();
        let sql = format!(
            "SELECT {COLUMNS} FROM account a WHERE a.email LIKE $2 ESCAPE '\\' ORDER BY a.email LIMIT $3 OFFSET $4"
        );
        let (size, offset) = (i64::from(page_size), i64::from(page) * i64::from(page_size));
        let rows: Vec<Listed> = fetch_all!(self.0, Listed, &sql, now, &pattern, size, offset)?;
        let rows = rows.into_iter().map(AccountRow::try_from).collect::<Result<_, _>>()?;
        Ok(Page { rows, total, page, page_size })
    }

    /// One row of [`Self::list`].
    pub async fn find_row(&mut self, id: &AccountId, now: i64) -> Result<Option<AccountRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account a WHERE a.id = $2");
        fetch_optional!(self.0, Listed, &sql, now, id.as_str())?.map(AccountRow::try_from).transpose()
    }

    /// The active administrators. Until the transaction ends, no other one that calls this goes on: together they cannot take
    /// all of them away.
    pub async fn lock_administrators(&mut self) -> Result<Vec<AccountId>, StoreError> {
        if let Tx::Postgres(_) = self.0 {
            // Row locks would be taken in the order of another snapshot, and two transactions could wait for each other.
            // SQLite has one writer.
            execute!(self.0, "SELECT pg_advisory_xact_lock($1)", ADMINISTRATORS_LOCK)?;
        }
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT id FROM account WHERE role = 'administrator' AND state = 'active'"
        )?;
        rows.into_iter().map(|(id,)| parsed("account", id)).collect()
    }

    /// Disables an account, which keeps its credentials; `false` if it was disabled before.
    pub async fn disable(&mut self, id: &AccountId) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE account SET state = 'disabled' WHERE id = $1 AND state <> 'disabled'",
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Ends the disabling: the account is what it was before. Returns its state; `None` if it was not disabled.
    pub async fn enable(&mut self, id: &AccountId) -> Result<Option<AccountStatus>, StoreError> {
        let row = fetch_optional!(
            self.0,
            (String,),
            "UPDATE account SET state = CASE WHEN password_hash IS NULL THEN 'invited' ELSE 'active' END
             WHERE id = $1 AND state = 'disabled' RETURNING state",
            id.as_str()
        )?;
        row.map(|(state,)| parsed("account", state)).transpose()
    }

    /// Removes the credentials of an account, which is invited again. Nothing if it is disabled: returns `false`.
    pub async fn reset_factors(&mut self, id: &AccountId) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE account SET state = 'invited', password_hash = NULL, totp_secret_sealed = NULL,
             totp_last_step = NULL, wrong_codes = 0 WHERE id = $1 AND state <> 'disabled'",
            id.as_str()
        )?;
        if changed == 1 {
            self.set_recovery_codes(id, &[]).await?;
        }
        Ok(changed == 1)
    }

    /// Changes the role; `false` if the account has it already.
    pub async fn change_role(&mut self, id: &AccountId, role: Role) -> Result<bool, StoreError> {
        let sql = "UPDATE account SET role = $1 WHERE id = $2 AND role <> $1";
        Ok(execute!(self.0, sql, role.as_str(), id.as_str())? == 1)
    }

    /// Ends all that an account has open: its sessions, its sign-ins, its set-up links, and the connections of its
    /// certificates, which each server closes ([`Self::closed_since`]). Networks are no longer known.
    pub async fn close(&mut self, id: &AccountId, now: i64) -> Result<(), StoreError> {
        self.0.sessions().end_for_account(id, now).await?;
        execute!(
            self.0,
            "UPDATE setup_link SET used_at = $1 WHERE account_id = $2 AND used_at IS NULL",
            now,
            id.as_str()
        )?;
        execute!(self.0, "DELETE FROM known_network WHERE account_id = $1", id.as_str())?;
        execute!(self.0, "DELETE FROM shown_recovery_codes WHERE account_id = $1", id.as_str())?;
        execute!(self.0, "UPDATE account SET closed_at = $1 WHERE id = $2", now, id.as_str())?;
        Ok(())
    }

    /// The fingerprints of the certificates that an account had when it was closed, at or after `since`, each with that time. Both are
    /// seconds since the Unix epoch.
    pub async fn closed_since(&mut self, since: i64) -> Result<Vec<(String, i64)>, StoreError> {
        fetch_all!(
            self.0,
            (String, i64),
            "SELECT c.fingerprint, a.closed_at FROM account a JOIN machine_certificate c ON c.account_id = a.id
             WHERE a.closed_at >= $1 AND c.not_after >= $1 AND c.issued_at <= a.closed_at",
            since
        )
    }

    /// The fingerprints of an account's certificates that have not expired.
    pub async fn fingerprints(&mut self, id: &AccountId, now: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT fingerprint FROM machine_certificate WHERE account_id = $1 AND not_after >= $2",
            id.as_str(),
            now
        )?;
        Ok(rows.into_iter().map(|(fingerprint,)| fingerprint).collect())
    }
}
