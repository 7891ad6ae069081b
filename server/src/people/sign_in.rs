//! Signing in: a password yields a challenge; the challenge and a second factor yield a session. The panel and the desktop
//! program use the same two steps; only what the session is bound to differs.

use std::net::IpAddr;

use app::request_context::MachineIdentity;
use domain::account::{Account, AccountState, Challenge, Session, SessionKind};
use domain::audit::Action;
use domain::id::{AccountId, CertificateId, SessionId};
use domain::secret::{Token, TokenHash};
use protocol::access::EmailAddress;
use protocol::{Problem, ServiceError};
use store::Tx;
use web::documented_errors::DocumentedErrors;

use super::People;
use super::factor::{Factor, code_used};
use super::failures::Wrong;
use super::limits::NETWORK_KNOWN;

/// How long a correct password waits for its second factor, in seconds.
pub const CHALLENGE_SECONDS: i64 = 300;
/// Attempts at the second factor per challenge.
const MAX_CODE_ATTEMPTS: i64 = 5;
/// Numbers of wrong codes, since the last sign-in, of which the owner is told.
const WRONG_CODES_TOLD: [i64; 4] = [10, 100, 1_000, 10_000];

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
        let email: Option<EmailAddress> = email.parse().ok();
        self.check_password_rate(email.as_ref(), origin).await?;
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
        let Some(account) = account.clone().filter(|a| matches && owns(a)) else {
            self.record_failure(account.as_ref().map(|a| &a.id), Wrong::Password, origin);
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
        self.check_code_rate(origin).await?;
        let (challenge, now) = (TokenHash::of(challenge), self.env.now());
        let Some(found) = self.try_challenge(&challenge, now).await? else {
            return Err(challenge_expired().into());
        };
        let fingerprint = origin.machine.as_ref().map(|machine| machine.fingerprint.as_str());
        if found.fingerprint.as_deref() != fingerprint {
            return Err(challenge_expired().into());
        }
        let mut tx = self.env.store.read().await?;
        let account = tx.accounts().find(&found.account_id).await?.ok_or_else(Problem::wrong_credentials)?;
        let factor = self.read_factor(&mut tx, &account, code, now).await?;
        drop(tx);
        if matches!(factor, Factor::UsedTotp) {
            return Err(self.refuse_used_code(&challenge).await?.into());
        }
        self.check_factor_budget(&account, &factor, origin).await?;

        let mut tx = self.env.store.begin_urgent().await?;
        // An administrator who disables the account meanwhile ends this session, too, or comes first.
        tx.certificates().lock_machines_of(&account.id).await?;
        let is_active = tx
            .accounts()
            .find(&account.id)
            .await?
            .is_some_and(|account| matches!(account.state, AccountState::Active { .. }));
        if !is_active {
            return Err(Problem::wrong_credentials().into());
        }
        let Some(method) = self.use_factor(&mut tx, &account.id, &factor, now).await? else {
            drop(tx);
            if matches!(factor, Factor::Totp(_)) {
                // Another sign-in has used it at the same time.
                return Err(self.refuse_used_code(&challenge).await?.into());
            }
            self.wrong_code(&account, origin).await?;
            return Err(Problem::wrong_credentials().into());
        };
        if !tx.sessions().consume_challenge(&challenge, now).await? {
            return Err(challenge_expired().into());
        }
        let network = self.network_hash(&account.email, origin.address);
        tx.accounts().remember_network(&account.id, &network, now + NETWORK_KNOWN).await?;
        tx.accounts().record_sign_in(&account.id, now).await?;
        let session = self.open_session(&mut tx, &account.id, origin, session, seconds, method).await?;
        tx.commit().await?;
        Ok((account, session))
    }

    /// Opens the session of a sign-in, with its audit entry. `method`: the second factor.
    async fn open_session(
        &self,
        tx: &mut Tx,
        account_id: &AccountId,
        origin: &Origin,
        session: NewSession,
        seconds: i64,
        method: &str,
    ) -> Result<Session, ServiceError> {
        let now = self.env.now();
        let (place, kind, token) = match session {
            NewSession::Native { certificate_id } => {
                ("desktop", SessionKind::Native { certificate_id }, None)
            }
            NewSession::Panel { token, former } => {
                if let Some(former) = former
                    && let Some(session) = tx.sessions().find_panel(&former, now).await?
                {
                    self.end_sign_in(tx, &session, "signed in again").await?;
                }
                let certificate_id = origin.machine.as_ref().map(|machine| machine.certificate_id.clone());
                ("panel", SessionKind::Panel { last_used_at: now, certificate_id }, Some(token))
            }
        };
        let id: SessionId = self.env.new_id();
        let session = Session {
            sign_in_id: id.clone(),
            id,
            account_id: account_id.clone(),
            kind,
            expires_at: now + seconds,
        };
        tx.sessions().insert(&session, token.as_ref(), now).await?;
        tx.audit_log()
            .append(now, account_id, Action::SessionOpened, &session.id, &format!("{place}, {method}"))
            .await?;
        Ok(session)
    }

    /// Ends a session and the others of its sign-in.
    pub async fn end_sign_in(&self, tx: &mut Tx, session: &Session, why: &str) -> Result<(), ServiceError> {
        let now = self.env.now();
        for ended in tx.sessions().end_sign_in(&session.sign_in_id, now).await? {
            tx.audit_log().append(now, &session.account_id, Action::SessionEnded, &ended, why).await?;
        }
        Ok(())
    }

    /// The answer to a code that was right, and used before: that is no guess, so the attempt does not count.
    async fn refuse_used_code(&self, challenge: &TokenHash) -> Result<Problem, ServiceError> {
        let mut tx = self.env.store.begin_urgent().await?;
        tx.sessions().return_attempt(challenge).await?;
        tx.commit().await?;
        Ok(code_used())
    }

    /// Records a wrong code. Its account's owner hears of ten: whoever entered them knows the password.
    pub(super) async fn wrong_code(&self, account: &Account, origin: &Origin) -> Result<(), ServiceError> {
        self.record_failure(Some(&account.id), Wrong::Code, origin);
        let mut tx = self.env.store.begin_urgent().await?;
        let count = tx.accounts().count_wrong_code(&account.id).await?;
        if WRONG_CODES_TOLD.contains(&count) {
            self.outbox.wrong_codes(&mut tx, &account.email, count).await?;
        }
        tx.commit().await?;
        if WRONG_CODES_TOLD.contains(&count) {
            self.outbox.notify_job();
        }
        Ok(())
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
        vec![challenge_expired(), code_used(), Problem::wrong_credentials()]
    }
}
