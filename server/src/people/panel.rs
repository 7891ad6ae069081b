//! The panel's sign-in and its sessions: who a session belongs to, and its idle timeout (`admin.idle_minutes`).
//!
//! The last use is exact within this process and stored at most once a minute. After a restart, or with several servers on
//! one database, a session may therefore end up to a minute early, but never late.

use std::collections::HashMap;

use app::request_context::{RequestContext, WithCookies};
use app::services::SignInService;
use async_trait::async_trait;
use domain::account::{AccountState, Session, SessionKind};
use domain::audit::Action;
use domain::id::SessionId;
use domain::secret::{Secret, Token, TokenHash};
use parking_lot::Mutex;
use protocol::people::{SignInStep, SignedIn};
use protocol::{Problem, ServiceError};
use web::CookieKind;

use super::sign_in::CHALLENGE_SECONDS;
use super::{NewSession, Origin, People};

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
        let challenge = self.check_password(email, password, &panel(context)).await?;
        let cookie = CookieKind::Challenge.set(challenge.expose(), CHALLENGE_SECONDS, context.secure);
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
        let session = NewSession::Panel { token: token.hash() };
        self.check_code(challenge, code, &panel(context), seconds, session).await?;
        let cookies = vec![
            CookieKind::Session.set(token.expose(), seconds, context.secure),
            CookieKind::Challenge.remove(context.secure),
        ];
        Ok(WithCookies { value: SignInStep::Done, cookies })
    }

    #[tracing::instrument(skip_all, level = "debug", name = "sign_in.sign_out")]
    async fn sign_out(&self, context: &RequestContext) -> Result<WithCookies<()>, ServiceError> {
        if let Some(cookie) = &context.session {
            let now = self.env.now();
            let mut tx = self.env.store.begin().await?;
            if let Some(session) = tx.sessions().find_panel(&TokenHash::of(cookie.expose()), now).await? {
                tx.sessions().end(&session.id, now).await?;
                tx.audit_log()
                    .append(now, &session.account_id, Action::SessionEnded, &session.id, "signed out")
                    .await?;
            }
            tx.commit().await?;
        }
        Ok(WithCookies { value: (), cookies: vec![CookieKind::Session.remove(context.secure)] })
    }
}

impl People {
    /// The session of a cookie. A user's request counts as a use of the session, polling does not.
    pub async fn panel_session(
        &self,
        token: &TokenHash,
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
        let SessionKind::Panel { last_used_at } = session.kind else { return Ok(PanelSession::Invalid) };
        if !self.last_uses.record(&session, last_used_at, now, idle, activity) {
            return Ok(PanelSession::IdleExpired { minutes });
        }
        if activity == Activity::User && now - last_used_at >= STORE_INTERVAL {
            let mut tx = self.env.store.begin().await?;
            tx.sessions().touch(&session.id, now, now - STORE_INTERVAL).await?;
            tx.commit().await?;
            self.last_uses.forget_before(now - idle);
        }
        Ok(PanelSession::Active(SignedIn {
            account_id: account.id,
            email: account.email.into_string(),
            role: account.role,
        }))
    }
}

fn panel(context: &RequestContext) -> Origin {
    Origin { address: context.address, machine: None }
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
