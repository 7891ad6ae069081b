//! Account set-up: a one-time link for choosing a password and a second factor.

use app::request_context::RequestContext;
use app::services::SetupService;
use async_trait::async_trait;
use domain::account::{Account, AccountState, SetupLink};
use domain::audit::Action;
use domain::id::AccountId;
use domain::secret::{Token, TokenHash};
use protocol::access::{EmailAddress, Invalid};
use protocol::people::{NewPassword, RecoveryCodes, Role, SetupAnswer, SetupOffer, TotpCode};
use protocol::{Problem, ServiceError};
use store::Tx;
use web::Rule;

use super::sign_in::totp_context;
use super::{People, TotpSecret, recovery};

/// The context that a link's TOTP secret is sealed with. The hash identifies the row and is not secret.
fn link_context(link: &TokenHash) -> String {
    format!("setup_link.totp:{}", hex::encode(&link.0))
}

/// The validated fields of the form.
struct CheckedAnswer {
    email: Option<EmailAddress>,
    password: NewPassword,
    totp_step: i64,
}

#[async_trait]
impl SetupService for People {
    #[tracing::instrument(skip_all, level = "debug", name = "setup.setup_offer")]
    async fn setup_offer(&self, context: &RequestContext, token: &str) -> Result<SetupOffer, ServiceError> {
        self.check_link_rate(context).await?;
        let token = TokenHash::of(token);
        let mut tx = self.env.store.read().await?;
        let (link, account) = usable_link(&mut tx, &token, self.env.now()).await?;
        let role = account.as_ref().map_or(Role::Administrator, |account| account.role);
        let email = account.map(|account| account.email.into_string());
        // Rendering the QR code takes a while, and connections are few.
        drop(tx);
        let secret =
            TotpSecret::from_bytes(&self.env.vault.open(&link_context(&token), &link.totp_secret_sealed)?);
        let label = email.as_deref().unwrap_or("administrator");
        Ok(SetupOffer {
            totp_secret: secret.grouped(),
            totp_qr_svg: secret.qr_svg(&self.env.config.organisation, label)?,
            email,
            role,
        })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "setup.set_up")]
    async fn set_up(
        &self,
        context: &RequestContext,
        token: &str,
        answer: SetupAnswer,
    ) -> Result<RecoveryCodes, ServiceError> {
        self.check_link_rate(context).await?;
        let (token, now) = (TokenHash::of(token), self.env.now());
        let (link, _) = usable_link(&mut self.env.store.read().await?, &token, now).await?;
        let secret = self.env.vault.open(&link_context(&token), &link.totp_secret_sealed)?;
        let checked = check(&answer, &link, &TotpSecret::from_bytes(&secret), now)?;
        let password_hash = self.passwords.hash(&checked.password, self.env.random.as_ref()).await?;
        let codes = recovery::generate(self.env.random.as_ref());
        let hashes: Vec<_> = codes.0.iter().filter_map(|code| recovery::hash(code)).collect();

        let mut tx = self.env.store.begin().await?;
        // Another link may have set the account up while the password was hashed.
        let (link, account) = usable_link(&mut tx, &token, now).await?;
        if !tx.sessions().consume_setup_links(&token, link.account_id.as_ref(), now).await? {
            return Err(link_expired().into());
        }
        let account = match (account, &checked.email) {
            (Some(account), _) => account,
            (None, Some(email)) => self.first_administrator(&mut tx, email).await?,
            (None, None) => return Err(Problem::internal().into()),
        };
        let sealed = self.env.vault.seal(&totp_context(&account.id), &secret, self.env.random.as_ref())?;
        let step = checked.totp_step;
        if !tx.accounts().set_factors(&account.id, &password_hash, &sealed, step, now).await? {
            return Err(link_expired().into());
        }
        tx.accounts().set_recovery_codes(&account.id, &hashes).await?;
        tx.audit_log()
            .append(now, &account.id, Action::AccountSetUp, &account.id, "password, TOTP, recovery codes")
            .await?;
        self.outbox.account_set_up(&mut tx, &account.email).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        Ok(codes)
    }
}

impl People {
    /// Creates the link for the first administrator, unless there is one already. Earlier links are invalidated.
    pub async fn first_setup_link(&self) -> Result<Option<Token>, ServiceError> {
        let mut tx = self.env.store.begin().await?;
        if tx.accounts().has_active_administrator().await? {
            return Ok(None);
        }
        let token = Token::generate(self.env.random.as_ref());
        tx.sessions().end_first_setup_links(self.env.now()).await?;
        self.store_setup_link(&mut tx, &token.hash(), None).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// The account that the first administrator's link sets up: a new one, or one that is invited already.
    async fn first_administrator(&self, tx: &mut Tx, email: &EmailAddress) -> Result<Account, ServiceError> {
        let (id, now) = (self.env.new_id(), self.env.now());
        let account = tx.accounts().ensure(&id, email, Role::Administrator, now).await?;
        if !matches!(account.state, AccountState::Invited) {
            return Err(Problem::invalid_input()
                .field("email", "This address has an account already. Use another one.")
                .into());
        }
        tx.accounts().set_role(&account.id, Role::Administrator).await?;
        Ok(account)
    }

    /// Stores a link for an account. Idempotent for the same token.
    pub async fn store_setup_link(
        &self,
        tx: &mut Tx,
        token: &TokenHash,
        account_id: Option<&AccountId>,
    ) -> Result<(), ServiceError> {
        let secret = TotpSecret::generate(self.env.random.as_ref());
        let sealed = self.env.vault.seal(&link_context(token), secret.expose(), self.env.random.as_ref())?;
        let expires_at = self.env.now() + i64::from(self.env.config.access.setup_lifetime_hours) * 3600;
        tx.sessions().insert_setup_link(token, account_id, &sealed, expires_at).await?;
        Ok(())
    }

    /// Limits how fast one network can try links.
    async fn check_link_rate(&self, context: &RequestContext) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.links_per_minute;
        self.limits.check_address(Rule::per_minute("links", per_minute), context.address).await
    }
}

/// The link of a token, with its account; `None`: it is for the first administrator. A link whose account is set up, or
/// disabled, answers as a used one.
async fn usable_link(
    tx: &mut Tx,
    token: &TokenHash,
    now: i64,
) -> Result<(SetupLink, Option<Account>), ServiceError> {
    let link = tx.sessions().find_setup_link(token).await?.ok_or_else(Problem::not_found)?;
    let account = match &link.account_id {
        Some(id) => Some(tx.accounts().find(id).await?.ok_or_else(Problem::not_found)?),
        None => None,
    };
    let is_awaited = match &account {
        Some(account) => matches!(account.state, AccountState::Invited),
        None => !tx.accounts().has_active_administrator().await?,
    };
    if link.used_at.is_some() || link.expires_at <= now || !is_awaited {
        return Err(link_expired().into());
    }
    Ok((link, account))
}

fn link_expired() -> Problem {
    Problem::gone("Sign in if you have set up your account already, or ask an administrator for a new link.")
}

/// Validates every field and reports all errors at once.
fn check(
    answer: &SetupAnswer,
    link: &SetupLink,
    secret: &TotpSecret,
    now: i64,
) -> Result<CheckedAnswer, ServiceError> {
    let mut problem = Problem::invalid_input();
    let mut note = |field: &str, Invalid(message): Invalid| {
        problem = std::mem::replace(&mut problem, Problem::invalid_input()).field(field, message);
    };
    let email = match link.account_id {
        Some(_) => None,
        None => answer.email.parse::<EmailAddress>().map_err(|e| note("email", e)).ok(),
    };
    let password = answer.password.expose().parse::<NewPassword>().and_then(|password| {
        if is_guessable(password.expose()) {
            Err(Invalid("This password is easy to guess. Use several words."))
        } else {
            Ok(password)
        }
    });
    let password = password.map_err(|e| note("password", e)).ok();
    let totp_step = match answer.code.expose().parse::<TotpCode>() {
        Ok(code) => secret.matching_step(&code, now)?.ok_or(Invalid(
            "This code does not match. Check that the clock of the device with the authenticator is right.",
        )),
        Err(invalid) => Err(invalid),
    };
    let totp_step = totp_step.map_err(|e| note("code", e)).ok();
    match (password, totp_step) {
        (Some(password), Some(totp_step)) if problem.errors.is_empty() => {
            Ok(CheckedAnswer { email, password, totp_step })
        }
        _ => Err(problem.into()),
    }
}

/// Whether it is among an attacker's first guesses (NIST SP 800-63B-4 §3.1.1.2 requires a blocklist of common passwords).
fn is_guessable(password: &str) -> bool {
    let head: String = password.chars().take(100).collect();
    zxcvbn::zxcvbn(&head, &[]).score() < zxcvbn::Score::Three
}
