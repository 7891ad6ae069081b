//! The panel's sessions: whose one is, and when it ends because nobody uses it (`admin.idle_minutes`).
//!
//! When a session was used last is exact in this process and stored once a minute at most. After a restart, or where
//! several servers share the database, a session may therefore end up to a minute early, and never late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use protocol::Problem;
use protocol::people::SignedIn;

use super::People;
use crate::failure::Refusal;
use crate::secret::TokenHash;
use crate::store::{AccountState, SessionRecord};

/// Seconds from one stored use of a session to the next.
const STORED_EVERY: i64 = 60;

/// What a session's cookie is worth.
#[derive(Debug, Clone)]
pub enum PanelSession {
    /// Nothing: it names no session, or one that has ended.
    Nobodys,
    Of(SignedIn),
    /// Nothing any more: the session was not used for so many minutes.
    Unused {
        minutes: u32,
    },
}

/// Who asks with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A page that stays open, by itself: nobody need be there.
    Page,
    Person,
}

/// When the sessions were last used, by their ids, in seconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct LastUses(Mutex<HashMap<String, i64>>);

impl People {
    /// Whose session a cookie names. When a person asks, that is a use of the session.
    pub async fn panel_session(&self, token: &TokenHash, asker: Asker) -> Result<PanelSession, Refusal> {
        let (now, minutes) = (self.env.now(), self.env.config.admin.idle_minutes);
        let idle = i64::from(minutes) * 60;
        let mut tx = self.env.store.read().await?;
        let Some(session) = tx.panel_session(token, now).await? else { return Ok(PanelSession::Nobodys) };
        let account = tx.account(&session.account_id).await?.ok_or_else(Problem::internal)?;
        // Before another one is asked for: enough requests that hold one each would wait for each other.
        drop(tx);
        if !matches!(account.state, AccountState::Active { .. }) {
            return Ok(PanelSession::Nobodys);
        }
        if !self.last_uses.note(&session, now, idle, asker) {
            return Ok(PanelSession::Unused { minutes });
        }
        if asker == Asker::Person && now - session.last_used_at >= STORED_EVERY {
            let mut tx = self.env.store.begin().await?;
            tx.session_used(&session.id, now, now - STORED_EVERY).await?;
            tx.commit().await?;
            self.last_uses.forget_before(now - idle);
        }
        Ok(PanelSession::Of(SignedIn {
            account_id: account.id,
            email: account.email.into_string(),
            role: account.role,
        }))
    }
}

impl LastUses {
    /// Notes a person's use, unless it comes `idle` seconds after the last one or later.
    fn note(&self, session: &SessionRecord, now: i64, idle: i64, asker: Asker) -> bool {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = uses.get(&session.id).copied().unwrap_or(i64::MIN);
        let in_time = now - here.max(session.last_used_at) < idle;
        if in_time && asker == Asker::Person {
            uses.insert(session.id.clone(), now);
        }
        in_time
    }

    /// Whoever comes back after that is too late by what is stored, too.
    fn forget_before(&self, instant: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, used_at| *used_at > instant);
    }
}
