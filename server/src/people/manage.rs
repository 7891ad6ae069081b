//! The administrators' side of accounts: the list, invitations, and changes of one account.
//!
//! There is always an active administrator: every change that could take one away locks all of them first. Who acts must be
//! one of them still.

use app::request_context::Administrator;
use app::services::AccountService;
use async_trait::async_trait;
use domain::account::{Account, AccountRow, AccountState, AccountStatus, Role};
use domain::audit::Action;
use domain::id::AccountId;
use domain::secret::Token;
use protocol::access::{EmailAddress, Invalid, Page};
use protocol::people::{AccountChange, AccountDetail};
use protocol::{Problem, ServiceError};
use store::Tx;

use super::People;
use crate::certificate::Certificates;
use crate::mail::Purpose;

/// Rows per page of the list.
const PAGE_SIZE: u32 = 50;

/// The service behind the panel's page of people.
#[derive(Debug, Clone)]
pub struct AccountManager {
    certificates: Certificates,
    people: People,
}

#[async_trait]
impl AccountService for AccountManager {
    #[tracing::instrument(skip_all, level = "debug", name = "people.list")]
    async fn list(
        &self,
        _: &Administrator,
        search: &str,
        page: u32,
    ) -> Result<Page<AccountRow>, ServiceError> {
        let env = &self.people.env;
        crate::search::check(search)?;
        Ok(env.store.read().await?.accounts().list(search, page, PAGE_SIZE, env.now()).await?)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "people.find")]
    async fn find(&self, admin: &Administrator, id: &str) -> Result<AccountDetail, ServiceError> {
        let id: AccountId = id.parse().map_err(|_| Problem::not_found())?;
        let mut tx = self.people.env.store.read().await?;
        let row = tx.accounts().find_row(&id, self.people.env.now()).await?.ok_or_else(Problem::not_found)?;
        let is_active_administrator = row.role == Role::Administrator && row.status == AccountStatus::Active;
        let is_last_administrator =
            is_active_administrator && tx.accounts().administrators().await?.len() == 1;
        Ok(AccountDetail { is_own: row.id == admin.account_id, is_last_administrator, row })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "people.invite", fields(account_id = %admin.account_id))]
    async fn invite(
        &self,
        admin: &Administrator,
        email: &str,
        role: &str,
    ) -> Result<AccountId, ServiceError> {
        let mut problem = Problem::invalid_input();
        let mut note = |field: &str, Invalid(message): Invalid| {
            problem = std::mem::replace(&mut problem, Problem::invalid_input()).field(field, message);
        };
        let email = email.parse::<EmailAddress>().map_err(|e| note("email", e)).ok();
        let role = role.parse::<Role>().map_err(|e| note("role", e)).ok();
        let (Some(email), Some(role)) = (email, role) else { return Err(problem.into()) };
        let env = &self.people.env;
        let (id, now) = (env.new_id(), env.now());
        let mut tx = env.store.begin().await?;
        authorise(&mut tx, admin).await?;
        let account = tx.accounts().ensure(&id, &email, role, now).await?;
        if account.id != id {
            let taken = "This address has an account already. Search for it in the list of people.";
            return Err(Problem::invalid_input().field("email", taken).into());
        }
        self.send_setup_link(&mut tx, &account, Purpose::Invitation).await?;
        tx.audit_log().append(now, &admin.account_id, Action::AccountInvited, &id, role.as_str()).await?;
        tx.commit().await?;
        self.people.outbox.notify_job();
        Ok(id)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "people.change",
        fields(account_id = %admin.account_id, subject = id, change = change.as_str())
    )]
    async fn change(
        &self,
        admin: &Administrator,
        id: &str,
        change: AccountChange,
    ) -> Result<(), ServiceError> {
        let id: AccountId = id.parse().map_err(|_| Problem::not_found())?;
        let ended = match self.apply(admin, &id, change).await {
            // Shutting somebody out must work on a full disk, too.
            Err(error)
                if change == AccountChange::Disable && self.people.env.release_reserve_after(&error) =>
            {
                self.apply(admin, &id, change).await?
            }
            done => done?,
        };
        self.people.outbox.notify_job();
        if let Some(Ended { fingerprints, at }) = ended {
            let closed = self.certificates.close_account(&fingerprints, at);
            tracing::info!(account = %id, closed, "everything of an account was ended");
        }
        Ok(())
    }
}

/// The certificates of an account whose sessions were ended, and when, in seconds since the Unix epoch.
struct Ended {
    fingerprints: Vec<String>,
    at: i64,
}

impl AccountManager {
    pub fn new(certificates: Certificates, people: People) -> Self {
        Self { certificates, people }
    }

    /// Carries a change out. `Some`: it has ended all that the account had open.
    async fn apply(
        &self,
        admin: &Administrator,
        id: &AccountId,
        change: AccountChange,
    ) -> Result<Option<Ended>, ServiceError> {
        let env = &self.people.env;
        let now = env.now();
        let mut tx = match change {
            AccountChange::Disable => env.store.begin_urgent().await?,
            _ => env.store.begin().await?,
        };
        let administrators = authorise(&mut tx, admin).await?;
        // A sign-in or a renewal that runs at the same time has either opened its session before, or opens none.
        tx.certificates().lock_machines_of(id).await?;
        let account = tx.accounts().find(id).await?.ok_or_else(Problem::not_found)?;
        if change.takes_an_administrator_away() && administrators == [id.clone()] {
            return Err(last_administrator().into());
        }
        let (action, detail) = match change {
            AccountChange::Disable => {
                changed(tx.accounts().disable(id).await?, "This account is disabled already.")?;
                (Action::AccountDisabled, "")
            }
            AccountChange::Enable => {
                let enabled = tx.accounts().enable(id).await?.is_some();
                changed(enabled, "This account is not disabled.")?;
                (Action::AccountEnabled, "")
            }
            AccountChange::MakeAdministrator | AccountChange::MakeUser => {
                let role = match change {
                    AccountChange::MakeAdministrator => Role::Administrator,
                    _ => Role::User,
                };
                changed(tx.accounts().change_role(id, role).await?, "The account has this role already.")?;
                (Action::AccountRoleChanged, role.as_str())
            }
            AccountChange::Reset => {
                changed(
                    tx.accounts().reset_factors(id).await?,
                    "This account is disabled. Enable it first.",
                )?;
                (Action::AccountReset, "")
            }
        };
        let ends = matches!(change, AccountChange::Disable | AccountChange::Reset);
        let ended = if ends {
            tx.accounts().close(id, now).await?;
            Some(Ended { fingerprints: tx.accounts().fingerprints(id, now).await?, at: now })
        } else {
            None
        };
        if change == AccountChange::Reset {
            let purpose = match account.state {
                AccountState::Invited => Purpose::Invitation,
                AccountState::Active { .. } | AccountState::Disabled => Purpose::Reset,
            };
            self.send_setup_link(&mut tx, &account, purpose).await?;
        }
        tx.audit_log().append(now, &admin.account_id, action, id, detail).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn send_setup_link(
        &self,
        tx: &mut Tx,
        account: &Account,
        purpose: Purpose,
    ) -> Result<(), ServiceError> {
        let token = Token::generate(self.people.env.random.as_ref());
        self.people.store_setup_link(tx, &token.hash(), Some(&account.id)).await?;
        self.people.outbox.setup_link(tx, &account.email, purpose, &token).await
    }
}

/// The active administrators, locked. 403 when the one who acts is no longer one of them.
pub async fn authorise(tx: &mut Tx, admin: &Administrator) -> Result<Vec<AccountId>, ServiceError> {
    let administrators = tx.accounts().lock_administrators().await?;
    if administrators.contains(&admin.account_id) {
        Ok(administrators)
    } else {
        Err(Problem::forbidden().detail("You need an administrator account.").into())
    }
}

fn changed(changed: bool, otherwise: &str) -> Result<(), Problem> {
    if changed { Ok(()) } else { Err(Problem::conflict(otherwise)) }
}

/// 409: without this account nobody could administer the server.
fn last_administrator() -> Problem {
    Problem::new("last-administrator", 409, "This is the only administrator")
        .detail("Make someone else an administrator first, and have them set up their account.")
}
