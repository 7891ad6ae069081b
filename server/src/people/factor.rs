//! The second factor: a TOTP code or a recovery code, each once.

use domain::account::{Account, AccountState};
use domain::id::AccountId;
use protocol::people::TotpCode;
use protocol::{Problem, ServiceError};
use store::Tx;

use super::sign_in::{Origin, totp_context};
use super::{People, TotpSecret, recovery};

/// The answer to a code that was right, and used before.
pub(super) const USED: &str = "This code was already used. Wait for the next one.";

/// What a typed code is.
#[derive(Debug)]
pub(super) enum Factor {
    /// The hash of a recovery code, which may exist or not.
    Recovery(Vec<u8>),
    /// The time step of a right TOTP code.
    Totp(i64),
    /// A right TOTP code of a time step that was used before.
    UsedTotp,
    Wrong,
}

impl People {
    /// Reads a code, without using it up.
    pub(super) async fn read_factor(
        &self,
        tx: &mut Tx,
        account: &Account,
        code: &str,
        now: i64,
    ) -> Result<Factor, ServiceError> {
        let AccountState::Active { totp_secret_sealed, .. } = &account.state else {
            return Ok(Factor::Wrong);
        };
        let Ok(code) = code.parse::<TotpCode>() else {
            return Ok(recovery::hash(code).map_or(Factor::Wrong, Factor::Recovery));
        };
        let secret = self.env.vault.open(&totp_context(&account.id), totp_secret_sealed)?;
        let Some(step) = TotpSecret::from_bytes(&secret).matching_step(&code, now)? else {
            return Ok(Factor::Wrong);
        };
        let is_used = tx.accounts().is_totp_step_used(&account.id, step).await?;
        Ok(if is_used { Factor::UsedTotp } else { Factor::Totp(step) })
    }

    /// Counts a try with this code. Used codes cost nothing: they are known to be worthless.
    pub(super) async fn check_factor_budget(
        &self,
        account: &Account,
        factor: &Factor,
        origin: &Origin,
    ) -> Result<(), ServiceError> {
        match factor {
            Factor::Totp(_) | Factor::Wrong => self.check_totp_budget(account, origin).await,
            // Eighty random bits need no limit but the network's and the challenge's, and so nobody can keep the owner out.
            Factor::Recovery(_) | Factor::UsedTotp => Ok(()),
        }
    }

    /// Uses a code up. Returns what it was; `None` if it does not exist or was used before.
    pub(super) async fn use_factor(
        &self,
        tx: &mut Tx,
        account_id: &AccountId,
        factor: &Factor,
        now: i64,
    ) -> Result<Option<&'static str>, ServiceError> {
        Ok(match factor {
            Factor::Totp(step) => tx.accounts().consume_totp_step(account_id, *step).await?.then_some("totp"),
            Factor::Recovery(hash) => {
                tx.accounts().consume_recovery_code(account_id, hash, now).await?.then_some("recovery code")
            }
            Factor::UsedTotp | Factor::Wrong => None,
        })
    }
}

/// 401: the code was right, but works only once.
pub(super) fn code_used() -> Problem {
    Problem::new("code-used", 401, "This code was already used").detail("Wait for the next one.")
}
