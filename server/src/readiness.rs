//! Whether the server can store what it is asked to, and the job that watches over the storage.

use std::sync::Arc;
use std::time::Duration;

use domain::error::{ClassifiedError, ErrorClass, causes};
use store::StoreError;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;
use crate::job;

/// For this long an answer is given again, in seconds: whoever asks more often causes no more writing.
const ANSWER_LIFETIME: i64 = 5;
/// How long the database may take to write a row.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Why the server is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReadyReason {
    Full,
    Lost,
    Unwritable,
}

impl NotReadyReason {
    /// For the operator, without details that strangers must not see.
    pub fn text(self) -> &'static str {
        match self {
            Self::Full => "The database cannot be written to: the disk is full.",
            Self::Lost => "The database file was removed or replaced while the server runs.",
            Self::Unwritable => "The database does not answer, or accepts no changes.",
        }
    }

    fn of(error: &StoreError) -> Self {
        match error.class() {
            ErrorClass::StorageFull => Self::Full,
            ErrorClass::StorageLost => Self::Lost,
            ErrorClass::Internal | ErrorClass::InvalidText | ErrorClass::Overload => Self::Unwritable,
        }
    }
}

/// Checks by writing a row, at most once in five seconds.
#[derive(Debug, Clone)]
pub struct ReadinessProbe {
    env: Arc<Environment>,
    last: Arc<Mutex<Option<Answer>>>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    at: i64,
    result: Result<(), NotReadyReason>,
}

impl ReadinessProbe {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env, last: Arc::default() }
    }

    /// Whoever asks during a check waits for its answer.
    pub async fn check(&self) -> Result<(), NotReadyReason> {
        let mut last = self.last.lock().await;
        let now = self.env.now();
        if let Some(answer) = *last
            && (0..ANSWER_LIFETIME).contains(&(now - answer.at))
        {
            return answer.result;
        }
        let result = match tokio::time::timeout(WRITE_TIMEOUT, self.env.store.check_writable()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(causes = causes(&error), "the server is not ready");
                Err(NotReadyReason::of(&error))
            }
            Err(_) => {
                tracing::error!("the server is not ready: the database took too long to write a row");
                Err(NotReadyReason::Unwritable)
            }
        };
        *last = Some(Answer { at: now, result });
        result
    }
}

/// Keeps the reserve, and reports a database file that is gone, until `shutdown`.
pub async fn watch_storage(env: Arc<Environment>, shutdown: CancellationToken) {
    job::every(WATCH_INTERVAL, &shutdown, "watching the storage", || async {
        env.store.check_file()?;
        env.store.keep_reserve().await?;
        Ok(())
    })
    .await;
}
