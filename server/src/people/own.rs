//! One's own account, and new recovery codes for it.

use app::request_context::RequestContext;
use app::services::OwnAccountService;
use async_trait::async_trait;
use domain::account::{Account, AccountState};
use domain::audit::Action;
use protocol::people::{OwnAccount, RecoveryCodes, SignedIn};
use protocol::{Problem, ServiceError};

use super::factor::Factor;
use super::{People, recovery};

#[async_trait]
impl OwnAccountService for People {
    #[tracing::instrument(skip_all, level = "debug", name = "own_account.show")]
    async fn own_account(&self, context: &RequestContext) -> Result<OwnAccount, ServiceError> {
        let SignedIn { account_id, email, role } = signed_in(context)?;
        let mut tx = self.env.store.read().await?;
        let recovery_codes_left = tx.accounts().count_recovery_codes(&account_id).await?;
        Ok(OwnAccount { email, role, recovery_codes_left })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "own_account.renew_codes")]
    async fn renew_codes(&self, context: &RequestContext, code: &str) -> Result<RecoveryCodes, ServiceError> {
        let SignedIn { account_id, .. } = signed_in(context)?;
        let origin = self.origin(context)?;
        self.check_code_rate(&origin).await?;
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        let account = tx.accounts().find(&account_id).await?.ok_or_else(Problem::sign_in_required)?;
        let factor = self.read_factor(&mut tx, &account, code, now).await?;
        drop(tx);
        if matches!(factor, Factor::UsedTotp) {
            return Err(Problem::invalid_input().field("code", super::factor::USED).into());
        }
        self.check_factor_budget(&account, &factor, &origin).await?;
        let codes = recovery::generate(self.env.random.as_ref());
        let hashes: Vec<_> = codes.0.iter().filter_map(|code| recovery::hash(code)).collect();
        let mut tx = self.env.store.begin().await?;
        tx.certificates().lock_machines_of(&account_id).await?;
        // Neither disabled nor set up anew meanwhile, with another second factor.
        let current = tx.accounts().find(&account_id).await?;
        if !current.is_some_and(|current| has_same_factor(&current, &account)) {
            return Err(Problem::sign_in_required().into());
        }
        let Some(method) = self.use_factor(&mut tx, &account_id, &factor, now).await? else {
            drop(tx);
            self.wrong_code(&account, &origin).await?;
            return Err(Problem::invalid_input().field("code", "This code does not match.").into());
        };
        tx.accounts().set_recovery_codes(&account_id, &hashes).await?;
        tx.accounts().forget_shown_codes_of(&account_id).await?;
        tx.audit_log().append(now, &account_id, Action::RecoveryCodesRenewed, &account_id, method).await?;
        self.outbox.recovery_codes_renewed(&mut tx, &account.email).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(codes)
    }
}

fn has_same_factor(a: &Account, b: &Account) -> bool {
    let secret = |account: &Account| match &account.state {
        AccountState::Active { totp_secret_sealed, .. } => Some(totp_secret_sealed.clone()),
        AccountState::Invited | AccountState::Disabled => None,
    };
    secret(a).is_some() && secret(a) == secret(b)
}

fn signed_in(context: &RequestContext) -> Result<SignedIn, Problem> {
    context.signed_in.clone().ok_or_else(Problem::sign_in_required)
}
