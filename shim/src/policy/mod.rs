//! The fleet policy of this machine's person: fetched over the signed-in connection, kept on disk with its end, and asked before
//! anything leaves.

mod file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use desktop::policy::{InForce, LocalTime, Moment, ReceivedPolicy, Refusal, Sent, day_of};
use parking_lot::Mutex;
use protocol::Problem;
use protocol::desktop::PolicyNotice;
use protocol::policy::PolicyRules;

use crate::assistance::Permissions;
use crate::clock::Now;
use crate::connection::{Connection, ConnectionState};
use crate::native_api::NativeApiClient;
use file::PolicyFile;

/// How often it is fetched anew. An administrator's change takes that long at most.
const REFRESH_SECONDS: i64 = 300;
/// How often it is looked whether that is due, or somebody has signed in.
const TICK: Duration = Duration::from_secs(5);

/// Keeps the policy.
#[derive(Debug)]
pub struct PolicyKeeper {
    folder: Option<PathBuf>,
    now: Now,
    /// Of local time from UTC at a moment, in seconds.
    offset: fn(i64) -> Option<i32>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// Whose policy it is, as in the `Origin` header.
    server: Option<String>,
    file: Option<PolicyFile>,
    received: Option<ReceivedPolicy>,
    /// The user's own rules, which only tighten.
    own: Result<PolicyRules, Refusal>,
    /// The day that was counted last.
    day: i64,
    sent: Sent,
}

impl PolicyKeeper {
    /// `folder`: where the policy is kept; `None`: it is fetched after each start.
    pub fn new(folder: Option<PathBuf>, now: Now, offset: fn(i64) -> Option<i32>) -> Self {
        let own = folder.as_deref().map_or(Ok(PolicyRules::unrestricted()), file::own_rules);
        let kept =
            Kept { server: None, file: None, received: None, own, day: i64::MIN, sent: Sent::default() };
        Self { folder, now, offset, kept: Mutex::new(kept) }
    }

    /// Begins with the policy of this server that an earlier run has kept, unless that has been done.
    pub fn load(&self, server: &str) {
        let mut kept = self.kept.lock();
        if kept.server.as_deref() == Some(server) {
            return;
        }
        kept.server = Some(server.to_owned());
        kept.file = self.folder.as_ref().map(|folder| PolicyFile::new(folder, server.to_owned()));
        kept.received = kept.file.as_ref().and_then(PolicyFile::read);
    }

    /// Fetches it for as long as the program runs, while somebody is signed in.
    pub async fn keep_fresh(self: Arc<Self>, connection: Arc<Connection>) {
        loop {
            if let ConnectionState::Connected(connected) = connection.state() {
                self.load(&connected.transport.server().origin());
                if connected.native_api.token().is_some()
                    && self.is_due()
                    && let Err(problem) = self.refresh(&connected.native_api).await
                {
                    tracing::warn!(%problem, "the policy could not be fetched");
                }
            }
            tokio::time::sleep(TICK).await;
        }
    }

    fn is_due(&self) -> bool {
        let kept = self.kept.lock();
        kept.received
            .as_ref()
            .is_none_or(|received| ((self.now)() - received.received_at).abs() >= REFRESH_SECONDS)
    }

    /// What is in force now; why nothing may leave, otherwise. Ask for each decision anew.
    pub fn in_force(&self) -> Result<InForce, Refusal> {
        let now = self.moment();
        let kept = self.kept.lock();
        InForce::at(kept.received.as_ref(), kept.own.as_ref().map_err(|refusal| *refusal)?, now)
    }

    /// What was sent today.
    pub fn sent(&self) -> Sent {
        let day = day_of((self.now)());
        let mut kept = self.kept.lock();
        if kept.day != day {
            kept.day = day;
            kept.sent.today = 0;
        }
        kept.sent
    }

    /// What may be seen and typed now.
    pub fn permissions(&self) -> Result<Permissions, Problem> {
        let in_force = self.in_force().map_err(refused)?;
        Ok(Permissions { exclusions: in_force.exclusions(), may_type: in_force.may_type().is_ok() })
    }

    /// Counts a picture that its user sends now, if it may be sent.
    pub fn send(&self) -> Result<(), Problem> {
        let sent = self.sent();
        self.in_force().and_then(|in_force| in_force.may_send(sent)).map_err(refused)?;
        self.count(false);
        Ok(())
    }

    /// Fetches the policy at once, so that whoever has signed in need not wait for it.
    pub async fn after_sign_in(&self, native_api: &NativeApiClient) {
        if let Err(problem) = self.refresh(native_api).await {
            tracing::warn!(%problem, "the policy could not be fetched");
        }
    }

    /// Counts a picture that goes out now.
    fn count(&self, ambient: bool) {
        self.sent();
        let now = (self.now)();
        let mut kept = self.kept.lock();
        kept.sent.today = kept.sent.today.saturating_add(1);
        if ambient {
            kept.sent.last_ambient_at = Some(now);
        }
    }

    /// Fetches the policy. What was known before stays until its end when that fails.
    pub async fn refresh(&self, native_api: &NativeApiClient) -> Result<(), Problem> {
        let policy = native_api.policy().await?;
        self.load(&native_api.transport().server().origin());
        let received = ReceivedPolicy { policy, received_at: (self.now)() };
        let mut kept = self.kept.lock();
        if let Some(file) = &kept.file
            && let Err(error) = file.write(&received)
        {
            // It is fetched again after the next start.
            tracing::warn!(%error, "the policy could not be kept on disk");
        }
        kept.received = Some(received);
        Ok(())
    }

    /// What the page says of it.
    pub fn notice(&self) -> PolicyNotice {
        let refusal = self.in_force().err().map(|refusal| refusal.to_string());
        let kept = self.kept.lock();
        let policy = kept.received.as_ref().map(|received| &received.policy);
        PolicyNotice {
            managed_by: policy.map(|policy| policy.managed_by.clone()).unwrap_or_default(),
            refusal,
            rules: policy.zip(kept.own.as_ref().ok()).map(|(policy, own)| policy.rules.strictest(own)),
        }
    }

    fn moment(&self) -> Moment {
        let unix = (self.now)();
        Moment { unix, local: (self.offset)(unix).map(|offset| LocalTime::of(unix, offset)) }
    }
}

/// Of local time from UTC at a moment, in seconds, if the system says.
pub fn system_offset(unix: i64) -> Option<i32> {
    let moment = time::OffsetDateTime::from_unix_timestamp(unix).ok()?;
    time::UtcOffset::local_offset_at(moment).ok().map(time::UtcOffset::whole_seconds)
}

/// A refusal for the page.
pub fn refused(refusal: Refusal) -> Problem {
    Problem::new("refused-by-policy", 403, "The policy does not allow this").detail(refusal.to_string())
}

#[cfg(test)]
mod tests;
