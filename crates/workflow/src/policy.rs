//! How a node is run: retries, time limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::FailureCause;

type RetryIf<E> = Arc<dyn Fn(&FailureCause<E>) -> bool + Send + Sync>;

/// How often a node that failed is tried again, and after which pauses.
///
/// The defaults are LangGraph's: 3 attempts, 0.5 s before the second, twice as long before each further one, at most
/// 128 s, each pause up to half of it longer by chance.
pub struct RetryPolicy<E> {
    /// The first one included.
    pub attempts: u32,
    pub initial_pause: Duration,
    pub factor: f64,
    pub maximum_pause: Duration,
    pub jitter: bool,
    retry_if: Option<RetryIf<E>>,
}

impl<E> Default for RetryPolicy<E> {
    fn default() -> Self {
        Self {
            attempts: 3,
            initial_pause: Duration::from_millis(500),
            factor: 2.0,
            maximum_pause: Duration::from_secs(128),
            jitter: true,
            retry_if: None,
        }
    }
}

impl<E> Clone for RetryPolicy<E> {
    fn clone(&self) -> Self {
        Self { retry_if: self.retry_if.clone(), ..*self }
    }
}

impl<E> fmt::Debug for RetryPolicy<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("attempts", &self.attempts)
            .field("initial_pause", &self.initial_pause)
            .finish_non_exhaustive()
    }
}

impl<E> RetryPolicy<E> {
    pub fn with_attempts(attempts: u32) -> Self {
        Self { attempts, ..Self::default() }
    }

    /// Only failures that meet the condition are tried again.
    #[must_use]
    pub fn only_if(self, condition: impl Fn(&FailureCause<E>) -> bool + Send + Sync + 'static) -> Self {
        Self { retry_if: Some(Arc::new(condition)), ..self }
    }

    /// Whether a failure of this attempt (from 1) is followed by another one. What the engine itself ends a node with
    /// (limits, interrupts, a closed sink, checkpoints) is never tried again.
    pub(crate) fn allows(&self, attempt: u32, cause: &FailureCause<E>) -> bool {
        let failed = matches!(
            cause,
            FailureCause::Idle(_)
                | FailureCause::Node(_)
                | FailureCause::Panicked(_)
                | FailureCause::TimedOut(_)
        );
        failed && attempt < self.attempts && self.retry_if.as_ref().is_none_or(|condition| condition(cause))
    }

    /// The pause after this attempt (from 1). `random` is in [0, 1).
    pub fn pause(&self, attempt: u32, random: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let pause = self.initial_pause.as_secs_f64() * self.factor.powi(exponent);
        let pause = pause.min(self.maximum_pause.as_secs_f64());
        let jitter = if self.jitter { 1.0 + random / 2.0 } else { 1.0 };
        Duration::try_from_secs_f64(pause * jitter).unwrap_or(self.maximum_pause)
    }
}

/// How a node is run. What is `None` is taken from the graph's defaults.
#[derive(Debug)]
pub struct NodePolicy<E> {
    pub retry: Option<RetryPolicy<E>>,
    /// For one attempt.
    pub timeout: Option<Duration>,
    /// For how long one attempt may give no sign of life.
    pub idle_timeout: Option<Duration>,
}

impl<E> Default for NodePolicy<E> {
    fn default() -> Self {
        Self { retry: None, timeout: None, idle_timeout: None }
    }
}

impl<E> Clone for NodePolicy<E> {
    fn clone(&self) -> Self {
        Self { retry: self.retry.clone(), ..*self }
    }
}

impl<E> NodePolicy<E> {
    #[must_use]
    pub fn retry(self, retry: RetryPolicy<E>) -> Self {
        Self { retry: Some(retry), ..self }
    }

    #[must_use]
    pub fn timeout(self, limit: Duration) -> Self {
        Self { timeout: Some(limit), ..self }
    }

    #[must_use]
    pub fn idle_timeout(self, limit: Duration) -> Self {
        Self { idle_timeout: Some(limit), ..self }
    }

    pub(crate) fn or(self, defaults: &Self) -> Self {
        Self {
            retry: self.retry.or_else(|| defaults.retry.clone()),
            timeout: self.timeout.or(defaults.timeout),
            idle_timeout: self.idle_timeout.or(defaults.idle_timeout),
        }
    }
}
