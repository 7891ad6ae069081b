//! The panel's sign-in and its sessions: who a session belongs to, and its idle timeout (`admin.idle_minutes`).
//!
//! The last use is exact within this process and stored at most once a minute. After a restart, or with several servers on
//! one database, a session may therefore end up to a minute early, but never late.

use std::collections::HashMap;

use app::request_context::{MachineIdentity, RequestContext, WithCookies};
use app::services::SignInService;
use async_trait::async_trait;
use domain::account::{AccountState, Session, SessionKind};
use domain::error::{ClassifiedError, ErrorClass};
use domain::id::{CertificateId, SessionId};
use domain::secret::{Secret, Token, TokenHash};
use parking_lot::Mutex;
use protocol::certificate::RejectionReason;
use protocol::people::{SignInStep, SignedIn};
use protocol::{Problem, ServiceError};
use store::StoreError;
use web::CookieKind;

use super::sign_in::CHALLENGE_SECONDS;
use super::{NewSession, Origin, People};
use crate::certificate::rejected;

/// The shortest interval between two stored uses of a session, in seconds.
const STORE_INTERVAL: i64 = 60;

/// What a session cookie stands for.
#[derive(Debug, Clone)]
pub enum PanelSession {
    /// No session, or one that has ended.
    Invalid,
    Active(SignedIn),
    /// The session was not used for this many minutes.
    IdleExpired {
        minutes: u32,
    },
}

/// What caused a request with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// An open page that polls: the user may be away.
    Polling,
    User,
}

/// The last use of each session by its id, in seconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct LastUses(Mutex<HashMap<SessionId, i64>>);

#[async_trait]
impl SignInService for People {
    #[tracing::instrument(skip_all, level = "debug", name = "sign_in.sign_in")]
    async fn sign_in(
        &self,
        context: &RequestContext,
        email: &str,
        password: &str,
    ) -> Result<WithCookies<SignInStep>, ServiceError> {
        let origin = self.origin(context)?;
        // An administrator must get in to revoke.
        let challenge = match self.check_password(email, password, &origin).await {
            Err(error) if self.env.release_reserve_after(&error) => {
                self.check_password(email, password, &origin).await?
            }
            done => done?,
        };
        let cookie = CookieKind::Challenge.set(
            challenge.expose(),
            CHALLENGE_SECONDS,
            self.env.cookies(context.secure),
        );
        Ok(WithCookies { value: SignInStep::Code, cookies: vec![cookie] })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "sign_in.second_factor")]
    async fn second_factor(
        &self,
        context: &RequestContext,
        code: &str,
    ) -> Result<WithCookies<SignInStep>, ServiceError> {
        let challenge = context.challenge.as_ref().map_or("", Secret::expose);
        let token = Token::generate(self.env.random.as_ref());
        let seconds = i64::from(self.env.config.admin.session_hours) * 3600;
        let former = context.session.as_ref().map(|cookie| TokenHash::of(cookie.expose()));
        let session = || NewSession::Panel { token: token.hash(), former: former.clone() };
        let origin = self.origin(context)?;
        match self.check_code(challenge, code, &origin, seconds, session()).await {
            Err(error) if self.env.release_reserve_after(&error) => {
                self.check_code(challenge, code, &origin, seconds, session()).await?
            }
            done => done?,
        };
        let names = self.env.cookies(context.secure);
        let cookies = vec![
            CookieKind::Session.set(token.expose(), seconds, names),
            CookieKind::Challenge.remove(names),
        ];
        Ok(WithCookies { value: SignInStep::Done, cookies })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "sign_in.sign_out")]
    async fn sign_out(&self, context: &RequestContext) -> Result<WithCookies<()>, ServiceError> {
        if let Some(cookie) = &context.session {
            let token = TokenHash::of(cookie.expose());
            match self.end_panel_session(&token).await {
                Err(error) if self.env.release_reserve_after(&error) => {
                    self.end_panel_session(&token).await?;
                }
                done => done?,
            }
        }
        let cookies = vec![CookieKind::Session.remove(self.env.cookies(context.secure))];
        Ok(WithCookies { value: (), cookies })
    }
}

impl People {
    /// The session of a cookie that came with this machine's certificate. A user's request counts as a use of the session,
    /// polling does not.
    pub async fn panel_session(
        &self,
        token: &TokenHash,
        machine: Option<&MachineIdentity>,
        activity: Activity,
    ) -> Result<PanelSession, ServiceError> {
        let (now, minutes) = (self.env.now(), self.env.config.admin.idle_minutes);
        let idle = i64::from(minutes) * 60;
        let mut tx = self.env.store.read().await?;
        let Some(session) = tx.sessions().find_panel(token, now).await? else {
            return Ok(PanelSession::Invalid);
        };
        let account = tx.accounts().find(&session.account_id).await?.ok_or_else(Problem::internal)?;
        // Release this connection before taking another one: enough requests that hold one each would deadlock the pool.
        drop(tx);
        if !matches!(account.state, AccountState::Active { .. }) {
            return Ok(PanelSession::Invalid);
        }
        let SessionKind::Panel { last_used_at, certificate_id } = &session.kind else {
            return Ok(PanelSession::Invalid);
        };
        if !self.is_usable_with(certificate_id.as_ref(), machine) {
            return Ok(PanelSession::Invalid);
        }
        let last_used_at = *last_used_at;
        if !self.last_uses.record(&session, last_used_at, now, idle, activity) {
            return Ok(PanelSession::IdleExpired { minutes });
        }
        if activity == Activity::User && now - last_used_at >= STORE_INTERVAL {
            match self.store_use(&session.id, now).await {
                Ok(()) => self.last_uses.forget_before(now - idle),
                // The request itself may need no room, or may be a revocation.
                Err(error) if error.class() == ErrorClass::StorageFull => {
                    tracing::warn!("the disk is full: that a session was used is not stored");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(PanelSession::Active(SignedIn {
            account_id: account.id,
            email: account.email.into_string(),
            role: account.role,
        }))
    }

    async fn store_use(&self, id: &SessionId, now: i64) -> Result<(), StoreError> {
        let mut tx = self.env.store.begin().await?;
        tx.sessions().touch(id, now, now - STORE_INTERVAL).await?;
        tx.commit().await
    }

    async fn end_panel_session(&self, token: &TokenHash) -> Result<(), ServiceError> {
        let mut tx = self.env.store.begin_urgent().await?;
        if let Some(session) = tx.sessions().find_panel(token, self.env.now()).await? {
            self.end_sign_in(&mut tx, &session, "signed out").await?;
        }
        Ok(tx.commit().await?)
    }

    /// Where a sign-in to the panel comes from. Where the panel needs a certificate, that is a machine, whose owner alone can
    /// sign in, as with the desktop program.
    pub(super) fn origin(&self, context: &RequestContext) -> Result<Origin, Problem> {
        let machine = if self.env.config.admin.require_certificate {
            let reason = context.certificate.rejection.unwrap_or(RejectionReason::Missing);
            Some(context.machine.clone().ok_or_else(|| rejected(reason))?)
        } else {
            None
        };
        Ok(Origin { address: context.address, machine })
    }

    /// Whether a session that was opened with this certificate, if with any, may be used from this machine.
    fn is_usable_with(&self, bound_to: Option<&CertificateId>, machine: Option<&MachineIdentity>) -> bool {
        match bound_to {
            Some(id) => machine.is_some_and(|machine| machine.certificate_id == *id),
            None => !self.env.config.admin.require_certificate,
        }
    }
}

impl LastUses {
    /// Records a user's request; `stored` is the last use that the database knows. `false` when the session's last use is `idle` seconds ago or longer.
    fn record(&self, session: &Session, stored: i64, now: i64, idle: i64, activity: Activity) -> bool {
        let mut uses = self.0.lock();
        let local = uses.get(&session.id).copied().unwrap_or(i64::MIN);
        let in_time = now - local.max(stored) < idle;
        if in_time && activity == Activity::User {
            uses.insert(session.id.clone(), now);
        }
        in_time
    }

    /// Drops entries whose sessions have expired by the stored time, too.
    fn forget_before(&self, instant: i64) {
        self.0.lock().retain(|_, used_at| *used_at > instant);
    }
}
