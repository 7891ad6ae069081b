//! The native sign-in and its sessions.

use std::net::IpAddr;

use domain::account::{Account, AccountState, Session, SessionKind};
use domain::id::SessionId;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor};
use protocol::{Problem, ServiceError};
use store::StoreError;

use super::Native;
use crate::certificate::Machine;
use crate::people::{CHALLENGE_SECONDS, NewSession, Origin};

/// Lifetime of an access token (by the API contract: 12 hours).
const TOKEN_SECONDS: i64 = 12 * 3600;

/// A user signed in on a machine.
#[derive(Debug, Clone)]
pub struct Person {
    pub account: Account,
    pub machine: Machine,
    pub session: Session,
}

impl Native {
    /// The first step. Only the machine's owner gets further, and the answers do not reveal who that is.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "native.login",
        fields(certificate_id = %machine.certificate.id)
    )]
    pub async fn login(
        &self,
        machine: &Machine,
        address: IpAddr,
        login: &Login,
    ) -> Result<Challenge, ServiceError> {
        let challenge = self
            .people
            .check_password(&login.username, login.password.expose(), &origin(machine, address))
            .await?;
        Ok(Challenge {
            challenge: challenge.expose().into(),
            methods: vec!["totp".to_owned(), "recovery".to_owned()],
            expires_in: CHALLENGE_SECONDS.unsigned_abs(),
        })
    }

    /// The second step: returns the access token.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "native.verify",
        fields(certificate_id = %machine.certificate.id)
    )]
    pub async fn verify(
        &self,
        machine: &Machine,
        address: IpAddr,
        factor: &SecondFactor,
    ) -> Result<AccessToken, ServiceError> {
        let certificate = &machine.certificate;
        let (account, session) = self
            .people
            .check_code(
                factor.challenge.expose(),
                factor.code.expose(),
                &origin(machine, address),
                TOKEN_SECONDS,
                NewSession::Native { certificate_id: certificate.id.clone() },
            )
            .await?;
        let now = self.env.now();
        let token =
            self.tokens.sign(&account.id, &session.id, &certificate.fingerprint, now, session.expires_at)?;
        Ok(AccessToken {
            access_token: token.into(),
            token_type: "Bearer".to_owned(),
            expires_in: TOKEN_SECONDS.unsigned_abs(),
        })
    }

    /// The user of an access token, if it is valid on this machine and its session is active.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "native.person",
        fields(certificate_id = %machine.certificate.id)
    )]
    pub async fn person(&self, machine: Machine, bearer: Option<&str>) -> Result<Person, ServiceError> {
        let now = self.env.now();
        let claims =
            bearer.and_then(|token| self.tokens.verify(token, &machine.certificate.fingerprint, now));
        let claims = claims.ok_or_else(Problem::sign_in_required)?;
        let store = &self.env.store;
        let read = self.read_session(&claims.sid, now);
        let (session, account) = self
            .open
            .get(store, claims.sid.clone(), read)
            .await?
            // The time and the machine of this call; the entry may be of an earlier one.
            .filter(|(session, account)| {
                session.expires_at > now
                    && session.account_id == claims.sub
                    && matches!(&session.kind, SessionKind::Native { certificate_id } if *certificate_id == machine.certificate.id)
                    && matches!(account.state, AccountState::Active { .. })
            })
            .ok_or_else(Problem::sign_in_required)?;
        Ok(Person { account, machine, session })
    }

    async fn read_session(&self, id: &SessionId, now: i64) -> Result<Option<(Session, Account)>, StoreError> {
        let mut tx = self.env.store.read().await?;
        let Some(session) = tx.sessions().find_native(id, now).await? else { return Ok(None) };
        let account = tx.accounts().find(&session.account_id).await?;
        Ok(account.map(|account| (session, account)))
    }

    /// Ends the session, and with it the others of its sign-in: each renewal of the certificate has opened one.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "native.logout",
        fields(account_id = %person.account.id)
    )]
    pub async fn logout(&self, person: &Person) -> Result<(), ServiceError> {
        match self.end_session_of(person).await {
            Err(error) if self.env.release_reserve_after(&error) => self.end_session_of(person).await,
            done => done,
        }
    }

    async fn end_session_of(&self, person: &Person) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin_urgent().await?;
        // A renewal that runs at the same time has either opened its session before, which ends too, or opens none.
        tx.certificates().lock_machines_of(&person.account.id).await?;
        self.people.end_sign_in(&mut tx, &person.session, "signed out").await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Person {
    pub fn session_document(&self) -> protocol::native::Session {
        protocol::native::Session {
            email: self.account.email.as_str().to_owned(),
            device_name: self.machine.certificate.device_name.clone(),
            expires_at: self.session.expires_at,
        }
    }
}

fn origin(machine: &Machine, address: IpAddr) -> Origin {
    Origin { address, machine: Some(machine.identity()) }
}
