//! Accounts and recovery codes.

mod manage;
mod recovery;
mod sign_in;

use domain::access::EmailAddress;
use domain::account::{Account, AccountState, Role};
use domain::id::AccountId;

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Accounts, StoreError};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    email: String,
    role: String,
    state: String,
    password_hash: Option<String>,
    totp_secret_sealed: Option<Vec<u8>>,
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let inconsistent = |what: &str| StoreError::Inconsistent {
            table: "account",
            id: row.id.clone(),
            what: what.to_owned(),
        };
        let state = match (row.state.as_str(), row.password_hash.clone(), row.totp_secret_sealed.clone()) {
            ("invited", ..) => AccountState::Invited,
            ("disabled", ..) => AccountState::Disabled,
            ("active", Some(password_hash), Some(totp_secret_sealed)) => {
                AccountState::Active { password_hash, totp_secret_sealed }
            }
            _ => return Err(inconsistent("an active account lacks its factors")),
        };
        Ok(Self {
            email: row.email.parse().map_err(|_| inconsistent("the e-mail address"))?,
            role: row.role.parse().map_err(|_| inconsistent("the role"))?,
            state,
            id: row.id.parse().map_err(|_| inconsistent("the id"))?,
        })
    }
}

const COLUMNS: &str = "id, email, role, state, password_hash, totp_secret_sealed";

impl Accounts<'_> {
    pub async fn find(&mut self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id.as_str())?.map(Account::try_from).transpose()
    }

    pub async fn find_by_email(&mut self, email: &EmailAddress) -> Result<Option<Account>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE email = $1");
        fetch_optional!(self.0, Row, &sql, email.as_str())?.map(Account::try_from).transpose()
    }

    /// The account of an address, created as an invited one if there is none.
    pub async fn ensure(
        &mut self,
        new_id: &AccountId,
        email: &EmailAddress,
        role: Role,
        now: i64,
    ) -> Result<Account, StoreError> {
        execute!(
            self.0,
            "INSERT INTO account (id, email, role, state, created_at) VALUES ($1, $2, $3, 'invited', $4)
             ON CONFLICT (email) DO NOTHING",
            new_id.as_str(),
            email.as_str(),
            role.as_str(),
            now
        )?;
        self.0.addresses().put_skeleton(email).await?;
        self.find_by_email(email).await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// Sets the credentials of an invited account and makes it active; `false` if it is not invited. What was signed in, or
    /// about to be, ends.
    pub async fn set_factors(
        &mut self,
        account_id: &AccountId,
        password_hash: &str,
        totp_secret_sealed: &[u8],
        totp_step: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE account SET password_hash = $1, totp_secret_sealed = $2, totp_last_step = $3, state = 'active'
             WHERE id = $4 AND state = 'invited'",
            password_hash,
            totp_secret_sealed,
            totp_step,
            account_id.as_str()
        )?;
        if changed == 1 {
            self.0.sessions().end_for_account(account_id, now).await?;
        }
        Ok(changed == 1)
    }

    pub async fn set_role(&mut self, account_id: &AccountId, role: Role) -> Result<(), StoreError> {
        execute!(self.0, "UPDATE account SET role = $1 WHERE id = $2", role.as_str(), account_id.as_str())?;
        Ok(())
    }

    /// Uses up a TOTP time step, since a code must be accepted only once (RFC 6238 §5.2); `false` if this step or a later
    /// one was used before.
    pub async fn consume_totp_step(&mut self, account_id: &AccountId, step: i64) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE account SET totp_last_step = $1
             WHERE id = $2 AND (totp_last_step IS NULL OR totp_last_step < $1)",
            step,
            account_id.as_str()
        )?;
        Ok(changed == 1)
    }

    pub async fn count_active(&mut self) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM account WHERE state = 'active'")?.unsigned_abs())
    }

    pub async fn has_active_administrator(&mut self) -> Result<bool, StoreError> {
        let count = fetch_number!(
            self.0,
            "SELECT COUNT(*) FROM account WHERE role = 'administrator' AND state = 'active'"
        )?;
        Ok(count > 0)
    }

    /// The e-mail addresses of the active administrators.
    pub async fn administrators(&mut self) -> Result<Vec<EmailAddress>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT email FROM account WHERE role = 'administrator' AND state = 'active' ORDER BY email"
        )?;
        Ok(rows.into_iter().filter_map(|(email,)| email.parse().ok()).collect())
    }
}
