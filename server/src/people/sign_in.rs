//! Signing in: a password yields a challenge; the challenge and a second factor yield a session. The panel and the desktop
//! program use the same two steps; only what the session is bound to differs.

use std::net::IpAddr;
use std::time::Duration;

use app::request_context::MachineIdentity;
use domain::account::{Account, AccountState, Challenge, Session, SessionKind};
use domain::audit::Action;
use domain::id::{AccountId, CertificateId, SessionId};
use domain::secret::{Token, TokenHash};
use protocol::access::EmailAddress;
use protocol::people::TotpCode;
use protocol::{Problem, ServiceError};
use store::Tx;
use web::Rule;
use web::documented_errors::DocumentedErrors;

use super::{People, TotpSecret, recovery};

/// How long a correct password waits for its second factor, in seconds.
pub const CHALLENGE_SECONDS: i64 = 300;
/// Attempts at the second factor per challenge.
const MAX_CODE_ATTEMPTS: i64 = 5;

/// Attempts at one account's second factor per quarter of an hour, from all networks: only somebody who knows the password
/// gets that far.
const CODES_PER_QUARTER: u32 = 15;

/// Where a sign-in comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub address: IpAddr,
    /// The machine whose owner signs in. `None`: the panel, unless it needs a certificate.
    pub machine: Option<MachineIdentity>,
}

/// The session that a correct second factor opens.
#[derive(Debug)]
pub enum NewSession {
    Native {
        certificate_id: CertificateId,
    },
    /// `token`: the hash of the session cookie's. `former`: that of the cookie that it replaces, whose session ends.
    Panel {
        token: TokenHash,
        former: Option<TokenHash>,
    },
}

impl People {
    /// Checks the password. Every failure has the same answer and takes the same time.
    pub async fn check_password(
        &self,
        email: &str,
        password: &str,
        origin: &Origin,
    ) -> Result<Token, ServiceError> {
        self.check_rate(origin).await?;
        let email: Option<EmailAddress> = email.parse().ok();
        if let Some(email) = &email {
            let per_hour = self.env.config.limits.sign_in_per_account_and_hour;
            // Per network, so that an attacker elsewhere cannot lock the owner out.
            let key = format!("{email}|{}", network(origin.address));
            self.limits.check_key(Rule::per_hour("sign-in-account", per_hour), &key).await?;
        }
        let account = match &email {
            Some(email) => self.env.store.read().await?.accounts().find_by_email(email).await?,
            None => None,
        };
        let hash = account.as_ref().and_then(|a| match &a.state {
            AccountState::Active { password_hash, .. } => Some(password_hash.as_str()),
            AccountState::Invited | AccountState::Disabled => None,
        });
        let matches = self.passwords.verify(password, hash).await?;
        let owns = |a: &Account| origin.machine.as_ref().is_none_or(|machine| machine.owner == a.id);
        let Some(account) = account.filter(|a| matches && owns(a)) else {
            return Err(Problem::wrong_credentials().into());
        };
        let token = Token::generate(self.env.random.as_ref());
        let challenge = Challenge {
            account_id: account.id,
            fingerprint: origin.machine.as_ref().map(|machine| machine.fingerprint.clone()),
            expires_at: self.env.now() + CHALLENGE_SECONDS,
        };
        let mut tx = self.env.store.begin_urgent().await?;
        tx.sessions().insert_challenge(&token.hash(), &challenge).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Checks the second factor, a TOTP or a recovery code, and opens a session of `seconds`.
    pub async fn check_code(
        &self,
        challenge: &str,
        code: &str,
        origin: &Origin,
        seconds: i64,
        session: NewSession,
    ) -> Result<(Account, Session), ServiceError> {
        self.check_rate(origin).await?;
        let (challenge, now) = (TokenHash::of(challenge), self.env.now());
        let Some(found) = self.try_challenge(&challenge, now).await? else {
            return Err(challenge_expired().into());
        };
        let fingerprint = origin.machine.as_ref().map(|machine| machine.fingerprint.as_str());
        if found.fingerprint.as_deref() != fingerprint {
            return Err(challenge_expired().into());
        }
        let rule = Rule::new("second-factor", CODES_PER_QUARTER, Duration::from_mins(15));
        self.limits.check_key(rule, found.account_id.as_str()).await?;

        let mut tx = self.env.store.begin_urgent().await?;
        let account = tx.accounts().find(&found.account_id).await?.ok_or_else(Problem::wrong_credentials)?;
        let AccountState::Active { totp_secret_sealed, .. } = &account.state else {
            return Err(Problem::wrong_credentials().into());
        };
        let secret = self.env.vault.open(&totp_context(&account.id), totp_secret_sealed)?;
        let method = if let Ok(code) = code.parse::<TotpCode>() {
            match TotpSecret::from_bytes(&secret).matching_step(&code, now)? {
                Some(step) => tx.accounts().consume_totp_step(&account.id, step).await?.then_some("totp"),
                None => None,
            }
        } else {
            match recovery::hash(code) {
                Some(hash) => tx
                    .accounts()
                    .consume_recovery_code(&account.id, &hash, now)
                    .await?
                    .then_some("recovery code"),
                None => None,
            }
        };
        let Some(method) = method else {
            return Err(Problem::wrong_credentials().into());
        };
        if !tx.sessions().consume_challenge(&challenge, now).await? {
            return Err(challenge_expired().into());
        }
        let (place, kind, token) = match session {
            NewSession::Native { certificate_id } => {
                ("desktop", SessionKind::Native { certificate_id }, None)
            }
            NewSession::Panel { token, former } => {
                if let Some(former) = former
                    && let Some(session) = tx.sessions().find_panel(&former, now).await?
                {
                    self.end_sign_in(&mut tx, &session, "signed in again").await?;
                }
                let certificate_id = origin.machine.as_ref().map(|machine| machine.certificate_id.clone());
                ("panel", SessionKind::Panel { last_used_at: now, certificate_id }, Some(token))
            }
        };
        let id: SessionId = self.env.new_id();
        let session = Session {
            sign_in_id: id.clone(),
            id,
            account_id: account.id.clone(),
            kind,
            expires_at: now + seconds,
        };
        tx.sessions().insert(&session, token.as_ref(), now).await?;
        tx.audit_log()
            .append(now, &account.id, Action::SessionOpened, &session.id, &format!("{place}, {method}"))
            .await?;
        tx.commit().await?;
        Ok((account, session))
    }

    /// Ends a session and the others of its sign-in.
    pub async fn end_sign_in(&self, tx: &mut Tx, session: &Session, why: &str) -> Result<(), ServiceError> {
        let now = self.env.now();
        for ended in tx.sessions().end_sign_in(&session.sign_in_id, now).await? {
            tx.audit_log().append(now, &session.account_id, Action::SessionEnded, &ended, why).await?;
        }
        Ok(())
    }

    async fn check_rate(&self, origin: &Origin) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.sign_in_per_minute;
        self.limits.check_address(Rule::per_minute("sign-in", per_minute), origin.address).await
    }

    /// Counts the attempt in a transaction of its own, so that it stays counted when the rest is rolled back.
    async fn try_challenge(
        &self,
        challenge: &TokenHash,
        now: i64,
    ) -> Result<Option<Challenge>, ServiceError> {
        let mut tx = self.env.store.begin_urgent().await?;
        let found = tx.sessions().try_challenge(challenge, MAX_CODE_ATTEMPTS, now).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// The context that an account's TOTP secret is sealed with.
pub(super) fn totp_context(account_id: &AccountId) -> String {
    format!("account.totp:{account_id}")
}

/// 401: start again with the password.
fn challenge_expired() -> Problem {
    Problem::new("challenge-expired", 401, "This sign-in took too long")
        .detail("Enter your e-mail address and password again.")
}

/// The errors of [`People::check_password`] beyond rate limits.
#[derive(Debug)]
pub struct CheckPasswordErrors;

impl DocumentedErrors for CheckPasswordErrors {
    fn problems() -> Vec<Problem> {
        vec![Problem::wrong_credentials()]
    }
}

/// The errors of [`People::check_code`] beyond rate limits.
#[derive(Debug)]
pub struct CheckCodeErrors;

impl DocumentedErrors for CheckCodeErrors {
    fn problems() -> Vec<Problem> {
        vec![challenge_expired(), Problem::wrong_credentials()]
    }
}

/// The network of an address, as the rate limits count it.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.segments()[..4].iter().map(|s| format!("{s:x}")).collect::<Vec<_>>().join(":"),
    }
}
