//! Signing in: the password leads to a challenge, the challenge and a second factor to a session. The panel and the
//! desktop go the same two steps; only what the session is bound to differs.

use std::net::IpAddr;
use std::time::Duration;

use protocol::Problem;
use protocol::access::EmailAddress;
use protocol::people::TotpCode;

use super::{People, TotpSecret, recovery};
use crate::failure::Refusal;
use crate::http::Rule;
use crate::http::refusals::Refuses;
use crate::secret::{Token, TokenHash};
use crate::store::{Account, AccountState, ChallengeRecord, SessionRecord};

/// How long a right password waits for its second factor, in seconds.
pub const CHALLENGE_SECONDS: i64 = 300;
/// Tries of a second factor for one right password.
const MAX_CODE_ATTEMPTS: i64 = 5;

/// Tries of one account's second factor in a quarter of an hour, wherever they come from: only who knows the password
/// gets that far.
const CODES_PER_QUARTER: u32 = 15;

/// Where a sign-in comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub address: IpAddr,
    /// The machine's certificate: its fingerprint and the account that owns it. `None`: the panel.
    pub machine: Option<(String, String)>,
}

impl People {
    /// Checks the password. Every refusal reads and costs the same.
    pub async fn check_password(
        &self,
        email: &str,
        password: &str,
        origin: &Origin,
    ) -> Result<Token, Refusal> {
        self.check_rate(origin)?;
        let email: Option<EmailAddress> = email.parse().ok();
        if let Some(email) = &email {
            let per_hour = self.env.config.limits.sign_in_per_account_and_hour;
            // Per network, so that a stranger elsewhere locks nobody out.
            let key = format!("{email}|{}", network(origin.address));
            self.limits.check_key(Rule::per_hour("sign-in-account", per_hour), &key)?;
        }
        let account = match &email {
            Some(email) => self.env.store.read().await?.account_by_email(email).await?,
            None => None,
        };
        let hash = account.as_ref().and_then(|a| match &a.state {
            AccountState::Active { password_hash, .. } => Some(password_hash.as_str()),
            AccountState::Invited | AccountState::Disabled => None,
        });
        let matches = self.passwords.verify(password, hash).await?;
        let owns = |a: &Account| origin.machine.as_ref().is_none_or(|(_, owner)| *owner == a.id);
        let Some(account) = account.filter(|a| matches && owns(a)) else {
            return Err(Problem::wrong_credentials().into());
        };
        let token = Token::generate(self.env.random.as_ref());
        let challenge = ChallengeRecord {
            account_id: account.id,
            fingerprint: origin.machine.as_ref().map(|(fingerprint, _)| fingerprint.clone()),
            expires_at: self.env.now() + CHALLENGE_SECONDS,
        };
        let mut tx = self.env.store.begin().await?;
        tx.insert_challenge(&token.hash(), &challenge).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Checks the second factor, a TOTP or a recovery code, and opens a session that ends after `seconds`.
    /// `token` is the hash of a panel session's secret; `certificate_id` binds a native one.
    pub async fn check_code(
        &self,
        challenge: &str,
        code: &str,
        origin: &Origin,
        seconds: i64,
        token: Option<&TokenHash>,
        certificate_id: Option<String>,
    ) -> Result<(Account, SessionRecord), Refusal> {
        self.check_rate(origin)?;
        let (challenge, now) = (TokenHash::of(challenge), self.env.now());
        let Some(found) = self.try_challenge(&challenge, now).await? else {
            return Err(challenge_over().into());
        };
        if found.fingerprint != origin.machine.as_ref().map(|(fingerprint, _)| fingerprint.clone()) {
            return Err(challenge_over().into());
        }
        let rule = Rule::new("second-factor", CODES_PER_QUARTER, Duration::from_secs(900));
        self.limits.check_key(rule, &found.account_id)?;

        let mut tx = self.env.store.begin().await?;
        let account = tx.account(&found.account_id).await?.ok_or_else(Problem::wrong_credentials)?;
        let AccountState::Active { totp_secret_sealed, .. } = &account.state else {
            return Err(Problem::wrong_credentials().into());
        };
        let secret = self.env.vault.open(&totp_context(&account.id), totp_secret_sealed)?;
        let method = if let Ok(code) = code.parse::<TotpCode>() {
            match TotpSecret::from_bytes(&secret).matching_step(&code, now)? {
                Some(step) => tx.take_totp_step(&account.id, step).await?.then_some("totp"),
                None => None,
            }
        } else {
            match recovery::hash(code) {
                Some(hash) => {
                    tx.take_recovery_code(&account.id, &hash, now).await?.then_some("recovery code")
                }
                None => None,
            }
        };
        let Some(method) = method else {
            return Err(Problem::wrong_credentials().into());
        };
        if !tx.take_challenge(&challenge, now).await? {
            return Err(challenge_over().into());
        }
        let session = SessionRecord {
            id: self.env.new_id(),
            account_id: account.id.clone(),
            certificate_id,
            expires_at: now + seconds,
            last_used_at: now,
        };
        tx.insert_session(&session, token, now).await?;
        let kind = if session.certificate_id.is_some() { "desktop" } else { "panel" };
        tx.audit(now, &account.id, "session.opened", &session.id, &format!("{kind}, {method}")).await?;
        tx.commit().await?;
        Ok((account, session))
    }

    fn check_rate(&self, origin: &Origin) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.sign_in_per_minute;
        self.limits.check_address(Rule::per_minute("sign-in", per_minute), origin.address)
    }

    /// Counts the try in a transaction of its own: it stays counted when the rest is rolled back.
    async fn try_challenge(
        &self,
        challenge: &TokenHash,
        now: i64,
    ) -> Result<Option<ChallengeRecord>, Refusal> {
        let mut tx = self.env.store.begin().await?;
        let found = tx.try_challenge(challenge, MAX_CODE_ATTEMPTS, now).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// What a second factor's secret is sealed for.
pub(super) fn totp_context(account_id: &str) -> String {
    format!("account.totp:{account_id}")
}

/// 401: the first step must be done again.
fn challenge_over() -> Problem {
    Problem::new("challenge-expired", 401, "This sign-in took too long")
        .detail("Enter your e-mail address and password again.")
}

/// What only [`People::check_password`] refuses with.
#[derive(Debug)]
pub struct PasswordCheck;

impl Refuses for PasswordCheck {
    fn problems() -> Vec<Problem> {
        vec![Problem::wrong_credentials()]
    }
}

/// What only [`People::check_code`] refuses with.
#[derive(Debug)]
pub struct CodeCheck;

impl Refuses for CodeCheck {
    fn problems() -> Vec<Problem> {
        vec![challenge_over(), Problem::wrong_credentials()]
    }
}

/// The network of an address as the limits count it.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.segments()[..4].iter().map(|s| format!("{s:x}")).collect::<Vec<_>>().join(":"),
    }
}
