//! Setting up an account: a link lets its holder choose a password and a second factor, once.

use protocol::Problem;
use protocol::access::{EmailAddress, Invalid};
use protocol::people::{NewPassword, RecoveryCodes, Role, SetupAnswer, SetupOffer, TotpCode};

use super::sign_in::totp_context;
use super::{People, TotpSecret, recovery};
use crate::failure::Refusal;
use crate::secret::{Token, TokenHash};
use crate::store::{SetupLink, Tx};

/// What a link's second factor is sealed for. The hash names the row, and is not secret.
fn link_context(link: &TokenHash) -> String {
    format!("setup_link.totp:{}", hex::encode(&link.0))
}

/// What the holder of the link sent, every field of it fitting.
struct CheckedAnswer {
    email: Option<EmailAddress>,
    password: NewPassword,
    totp_step: i64,
}

impl People {
    /// Makes the link for the first administrator, unless there is one already. Links made before end.
    pub async fn first_setup_link(&self) -> Result<Option<Token>, Refusal> {
        let mut tx = self.env.store.begin().await?;
        if tx.has_active_administrator().await? {
            return Ok(None);
        }
        let token = Token::generate(self.env.random.as_ref());
        tx.end_first_setup_links(self.env.now()).await?;
        self.store_setup_link(&mut tx, &token.hash(), None).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Stores a link for an account. The same token stored again changes nothing.
    pub async fn store_setup_link(
        &self,
        tx: &mut Tx,
        token: &TokenHash,
        account_id: Option<&str>,
    ) -> Result<(), Refusal> {
        let secret = TotpSecret::generate(self.env.random.as_ref());
        let sealed = self.env.vault.seal(&link_context(token), secret.expose(), self.env.random.as_ref())?;
        let expires_at = self.env.now() + i64::from(self.env.config.access.setup_lifetime_hours) * 3600;
        tx.insert_setup_link(token, account_id, &sealed, expires_at).await?;
        Ok(())
    }

    pub async fn setup_offer_for(&self, token: &str) -> Result<SetupOffer, Refusal> {
        let token = TokenHash::of(token);
        let mut tx = self.env.store.read().await?;
        let link = usable_link(&mut tx, &token, self.env.now()).await?;
        let (email, role) = match &link.account_id {
            None => (None, Role::Administrator),
            Some(id) => {
                let account = tx.account(id).await?.ok_or_else(Problem::not_found)?;
                (Some(account.email.into_string()), account.role)
            }
        };
        // Drawing takes longer than reading, and connections are few.
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

    pub async fn set_up_with(&self, token: &str, answer: SetupAnswer) -> Result<RecoveryCodes, Refusal> {
        let (token, now) = (TokenHash::of(token), self.env.now());
        let link = usable_link(&mut self.env.store.read().await?, &token, now).await?;
        let secret = self.env.vault.open(&link_context(&token), &link.totp_secret_sealed)?;
        let checked = check(&answer, &link, &TotpSecret::from_bytes(&secret), now)?;
        let password_hash = self.passwords.hash(&checked.password, self.env.random.as_ref()).await?;
        let codes = recovery::generate(self.env.random.as_ref());
        let hashes: Vec<_> = codes.0.iter().filter_map(|code| recovery::hash(code)).collect();

        let mut tx = self.env.store.begin().await?;
        if !tx.take_setup_link(&token, now).await? {
            return Err(link_over().into());
        }
        let account = match (&link.account_id, &checked.email) {
            (Some(id), _) => tx.account(id).await?.ok_or_else(Problem::not_found)?,
            (None, Some(email)) => {
                let account = tx.ensure_account(&self.env.new_id(), email, Role::Administrator, now).await?;
                tx.set_role(&account.id, Role::Administrator).await?;
                account
            }
            (None, None) => return Err(Problem::internal().into()),
        };
        let sealed = self.env.vault.seal(&totp_context(&account.id), &secret, self.env.random.as_ref())?;
        if !tx.set_factors(&account.id, &password_hash, &sealed, checked.totp_step).await? {
            return Err(Problem::forbidden().detail("This account is disabled.").into());
        }
        tx.set_recovery_codes(&account.id, &hashes).await?;
        tx.audit(now, &account.id, "account.set-up", &account.id, "password, TOTP, recovery codes").await?;
        tx.commit().await?;
        Ok(codes)
    }
}

async fn usable_link(tx: &mut Tx, token: &TokenHash, now: i64) -> Result<SetupLink, Refusal> {
    let link = tx.setup_link(token).await?.ok_or_else(Problem::not_found)?;
    if link.used_at.is_some() || link.expires_at <= now { Err(link_over().into()) } else { Ok(link) }
}

fn link_over() -> Problem {
    Problem::gone("Sign in if you have set up your account already, or ask an administrator for a new link.")
}

/// Checks every field and names all that are wrong.
fn check(
    answer: &SetupAnswer,
    link: &SetupLink,
    secret: &TotpSecret,
    now: i64,
) -> Result<CheckedAnswer, Refusal> {
    let mut problem = Problem::invalid_input();
    let mut note = |field: &str, Invalid(message): Invalid| {
        problem = std::mem::replace(&mut problem, Problem::invalid_input()).field(field, message);
    };
    let email = match link.account_id {
        Some(_) => None,
        None => answer.email.parse::<EmailAddress>().map_err(|e| note("email", e)).ok(),
    };
    let password = answer.password.parse::<NewPassword>().and_then(|password| {
        if is_guessable(password.expose()) {
            Err(Invalid("This password is easy to guess. Use several words."))
        } else {
            Ok(password)
        }
    });
    let password = password.map_err(|e| note("password", e)).ok();
    let totp_step = match answer.code.parse::<TotpCode>() {
        Ok(code) => secret.matching_step(&code, now)?.ok_or(Invalid(
            "This code does not fit. Check that the clock of the device with the authenticator is right.",
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

/// Whether an attacker's first guesses would find it (NIST SP 800-63B-4 §3.1.1.2 asks for a list of common ones).
fn is_guessable(password: &str) -> bool {
    let head: String = password.chars().take(100).collect();
    zxcvbn::zxcvbn(&head, &[]).score() < zxcvbn::Score::Three
}
