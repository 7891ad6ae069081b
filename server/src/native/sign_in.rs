//! The native sign-in and its sessions.

use std::net::IpAddr;

use protocol::Problem;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor, Session};

use super::Native;
use crate::certificate::Machine;
use crate::failure::Refusal;
use crate::people::{CHALLENGE_SECONDS, Origin};
use crate::store::{Account, AccountState, SessionRecord};

/// A token's life (contract: 12 hours).
const TOKEN_SECONDS: i64 = 12 * 3600;

/// Somebody signed in on a machine.
#[derive(Debug, Clone)]
pub struct Person {
    pub account: Account,
    pub machine: Machine,
    pub session: SessionRecord,
}

impl Native {
    /// The first step. Only the machine's owner gets further, and nobody learns who that is.
    pub async fn login(
        &self,
        machine: &Machine,
        address: IpAddr,
        login: &Login,
    ) -> Result<Challenge, Refusal> {
        let challenge =
            self.people.check_password(&login.username, &login.password, &origin(machine, address)).await?;
        Ok(Challenge {
            challenge: challenge.expose().to_owned(),
            methods: vec!["totp".to_owned(), "recovery".to_owned()],
            expires_in: CHALLENGE_SECONDS.unsigned_abs(),
        })
    }

    /// The second step: gives the access token.
    pub async fn verify(
        &self,
        machine: &Machine,
        address: IpAddr,
        factor: &SecondFactor,
    ) -> Result<AccessToken, Refusal> {
        let certificate = &machine.certificate;
        let (account, session) = self
            .people
            .check_code(
                &factor.challenge,
                &factor.code,
                &origin(machine, address),
                TOKEN_SECONDS,
                None,
                Some(certificate.id.clone()),
            )
            .await?;
        let now = self.env.now();
        let token =
            self.tokens.sign(&account.id, &session.id, &certificate.fingerprint, now, session.expires_at)?;
        Ok(AccessToken {
            access_token: token,
            token_type: "Bearer".to_owned(),
            expires_in: TOKEN_SECONDS.unsigned_abs(),
        })
    }

    /// Who holds this token, if it counts on this machine and its session runs.
    pub async fn person(&self, machine: Machine, bearer: Option<&str>) -> Result<Person, Refusal> {
        let now = self.env.now();
        let claims = bearer.and_then(|token| self.tokens.check(token, &machine.certificate.fingerprint, now));
        let claims = claims.ok_or_else(Problem::sign_in_required)?;
        let mut tx = self.env.store.read().await?;
        let session = tx.native_session(&claims.sid, now).await?;
        let session = session
            .filter(|s| {
                s.account_id == claims.sub && s.certificate_id.as_deref() == Some(&machine.certificate.id)
            })
            .ok_or_else(Problem::sign_in_required)?;
        let account = tx.account(&claims.sub).await?;
        let account = account
            .filter(|a| matches!(a.state, AccountState::Active { .. }))
            .ok_or_else(Problem::sign_in_required)?;
        Ok(Person { account, machine, session })
    }

    pub async fn logout(&self, person: &Person) -> Result<(), Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        tx.end_session(&person.session.id, now).await?;
        tx.audit(now, &person.account.id, "session.ended", &person.session.id, "signed out").await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Person {
    pub fn session_document(&self) -> Session {
        Session {
            email: self.account.email.as_str().to_owned(),
            device_name: self.machine.certificate.device_name.clone(),
            expires_at: self.session.expires_at,
        }
    }
}

fn origin(machine: &Machine, address: IpAddr) -> Origin {
    let certificate = &machine.certificate;
    Origin { address, machine: Some((certificate.fingerprint.clone(), certificate.account_id.clone())) }
}
