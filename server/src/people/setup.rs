//! Account set-up: a one-time link for choosing a password and a second factor.

use app::request_context::{RequestContext, WithCookies};
use app::services::SetupService;
use async_trait::async_trait;
use domain::account::{Account, AccountState, SetupLink};
use domain::audit::Action;
use domain::code::opaque_string;
use domain::id::AccountId;
use domain::secret::{Token, TokenHash};
use protocol::access::{EmailAddress, Invalid};
use protocol::people::{NewPassword, RecoveryCodes, Role, SetupAnswer, SetupOffer, TotpCode};
use protocol::{Problem, ServiceError};
use store::Tx;
use web::{CookieKind, Rule};
use zeroize::Zeroizing;

use super::limits::NETWORK_KNOWN;
use super::sign_in::totp_context;
use super::{People, TotpSecret, recovery};
use crate::failure::Failure;

/// For how long the browser that set an account up may see its recovery codes again, in seconds.
const CODES_SHOWN_SECONDS: i64 = 30 * 60;

/// The context that shown recovery codes are sealed with.
fn codes_context(browser: &TokenHash) -> String {
    format!("shown_recovery_codes.codes:{}", hex::encode(&browser.0))
}

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
        if let Some(offer) = self.shown_codes(&mut tx, context, &token).await? {
            return Ok(offer);
        }
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
            codes: None,
        })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "setup.set_up")]
    async fn set_up(
        &self,
        context: &RequestContext,
        token: &str,
        answer: SetupAnswer,
    ) -> Result<WithCookies<RecoveryCodes>, ServiceError> {
        self.check_link_rate(context).await?;
        let (token, now) = (TokenHash::of(token), self.env.now());
        let (link, account) = usable_link(&mut self.env.store.read().await?, &token, now).await?;
        let secret = self.env.vault.open(&link_context(&token), &link.totp_secret_sealed)?;
        let checked = self.check(&answer, &link, account.as_ref(), &TotpSecret::from_bytes(&secret), now)?;
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
        let network = self.network_hash(&account.email, context.address);
        tx.accounts().remember_network(&account.id, &network, now + NETWORK_KNOWN).await?;
        let browser = self.keep_codes(&mut tx, &token, &account.id, &codes).await?;
        tx.commit().await?;
        self.outbox.notify_job();
        let cookie =
            CookieKind::Setup.set(browser.expose(), CODES_SHOWN_SECONDS, self.env.cookies(context.secure));
        Ok(WithCookies { value: codes, cookies: vec![cookie] })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "setup.codes_saved")]
    async fn codes_saved(&self, context: &RequestContext) -> Result<WithCookies<()>, ServiceError> {
        if let Some(browser) = &context.setup {
            let mut tx = self.env.store.begin().await?;
            tx.accounts().forget_shown_codes(&TokenHash::of(browser.expose())).await?;
            tx.commit().await?;
        }
        let cookies = vec![CookieKind::Setup.remove(self.env.cookies(context.secure))];
        Ok(WithCookies { value: (), cookies })
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

    /// Keeps the codes for a reload of the page, sealed, and for the browser alone that gets this token as a cookie.
    async fn keep_codes(
        &self,
        tx: &mut Tx,
        link: &TokenHash,
        account_id: &AccountId,
        codes: &RecoveryCodes,
    ) -> Result<Token, ServiceError> {
        let random = self.env.random.as_ref();
        let browser = Token::generate(random);
        let text = Zeroizing::new(codes.0.join("\n"));
        let sealed = self.env.vault.seal(&codes_context(&browser.hash()), text.as_bytes(), random)?;
        let expires_at = self.env.now() + CODES_SHOWN_SECONDS;
        tx.accounts().forget_shown_codes_of(account_id).await?;
        tx.accounts().keep_shown_codes(&browser.hash(), link, account_id, &sealed, expires_at).await?;
        Ok(browser)
    }

    /// The codes that [`Self::keep_codes`] kept for this browser and link, as long as the account stays as it was set up.
    async fn shown_codes(
        &self,
        tx: &mut Tx,
        context: &RequestContext,
        link: &TokenHash,
    ) -> Result<Option<SetupOffer>, ServiceError> {
        let Some(browser) = context.setup.as_ref().map(|cookie| TokenHash::of(cookie.expose())) else {
            return Ok(None);
        };
        let found = tx.accounts().find_shown_codes(&browser, link, self.env.now()).await?;
        let Some((account_id, sealed)) = found else { return Ok(None) };
        let account = tx.accounts().find(&account_id).await?;
        let Some(account) = account.filter(|a| matches!(a.state, AccountState::Active { .. })) else {
            return Ok(None);
        };
        let text = self.env.vault.open(&codes_context(&browser), &sealed)?;
        let text =
            std::str::from_utf8(&text).map_err(|_| Failure::Other("stored recovery codes are no text"))?;
        Ok(Some(SetupOffer {
            email: Some(account.email.into_string()),
            role: account.role,
            totp_secret: String::new(),
            totp_qr_svg: String::new(),
            codes: Some(RecoveryCodes(text.lines().map(str::to_owned).collect())),
        }))
    }

    /// Limits how fast one network can try links.
    async fn check_link_rate(&self, context: &RequestContext) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.links_per_minute;
        self.limits.check_address(Rule::per_minute("links", per_minute), context.address).await
    }

    /// Validates every field and reports all errors at once.
    fn check(
        &self,
        answer: &SetupAnswer,
        link: &SetupLink,
        account: Option<&Account>,
        secret: &TotpSecret,
        now: i64,
    ) -> Result<CheckedAnswer, ServiceError> {
        let known = account.map(|account| &account.email);
        let mut problem = Problem::invalid_input();
        let mut note = |field: &str, Invalid(message): Invalid| {
            problem = std::mem::replace(&mut problem, Problem::invalid_input()).field(field, message);
        };
        let email = match link.account_id {
            Some(_) => None,
            None => answer.email.parse::<EmailAddress>().map_err(|e| note("email", e)).ok(),
        };
        let about = about_account(email.as_ref().or(known), &self.env.config.organisation);
        // The spelling that is hashed.
        let password = opaque_string(answer.password.expose()).parse::<NewPassword>().and_then(|password| {
            if is_guessable(password.expose(), &about) {
                Err(Invalid("This password is easy to guess. Use several words that have nothing to do with each other."))
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
    Problem::gone("Sign in if your account is already set up, or ask an administrator for a new link.")
}

/// What a guesser tries first for this account: its address, the organisation and the product.
fn about_account(email: Option<&EmailAddress>, organisation: &str) -> Vec<String> {
    let email = email.map(EmailAddress::as_str).unwrap_or_default();
    let names = [email, organisation, "AI Workflow Engine", "aiwe", "assistant"];
    let parts = names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let whole = names.iter().map(|name| name.replace(|c: char| !c.is_alphanumeric(), ""));
    let all = parts.map(str::to_owned).chain(names.iter().map(|name| (*name).to_owned())).chain(whole);
    all.filter(|word| word.chars().count() > 2).map(|word| word.to_lowercase()).collect()
}

/// Whether it is among an attacker's first guesses (NIST SP 800-63B-4 §3.1.1.2 requires a blocklist of common passwords, and of
/// words of the context). The highest score is required: an easy word with a year and signs has the second highest.
fn is_guessable(password: &str, about: &[String]) -> bool {
    let head: String = password.chars().take(100).collect();
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    zxcvbn::zxcvbn(&head, &about).score() < zxcvbn::Score::Four
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guesser_tries_first_is_refused() {
        let about = about_account(Some(&"anna.lovelace@example.org".parse().unwrap()), "Nordwind Clinic");
        for weak in [
            "Summer2026!!",
            "Winter2025!!!",
            "Password2026!",
            "AI Workflow Engine",
            "AIWorkflowEngine1!",
            "aiworkflowengine2026",
            "anna.lovelace@example.org",
            "Anna.Lovelace@example.org1",
            "annalovelace2026",
            "Nordwind Clinic 1",
            "nordwindclinic2026!",
            "passwordpassword",
            "qwertyuiop123",
        ] {
            assert!(is_guessable(weak, &about), "{weak}");
        }
        for good in [
            "correct horse battery staple",
            "correct horse staple",
            "correct horse battery",
            "several words make a password",
            "other words make another one",
            "another correct horse battery",
            "Grüße aus Köln und Bonn 12",
            "v7#kQ2mZx9Lp",
            "lamp-ocean-quartz-ninety",
        ] {
            assert!(!is_guessable(good, &about), "{good}");
        }
    }
}
