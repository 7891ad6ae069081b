//! Limits how much CPU- or memory-intensive work runs concurrently. It runs on blocking threads. The number of those that
//! wait for a permit is bounded, and so is how long they wait.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Problem, ServiceError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use crate::documented_errors::DocumentedErrors;

/// How many may wait per running piece of work. Further ones get 503.
const MAX_WAITING_PER_PERMIT: usize = 16;
/// The longest wait for a permit. After that the client is about to give up, and others would only queue up behind it.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// In seconds.
const RETRY_AFTER: u64 = 2;

/// Hands out a limited number of permits.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit {
    /// One permit for each piece of work that runs or waits.
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// The detail of the 503.
    busy: &'static str,
}

/// The permission to run one piece of work. Released when the work has ended, or when this is dropped.
#[derive(Debug)]
pub struct Permit {
    _queued: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

/// Why a piece of work did not complete.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    #[error("no permit was free in time")]
    Busy(Problem),
    #[error("the work panicked or was cancelled")]
    Join(#[from] JoinError),
}

impl From<LimitError> for ServiceError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Busy(problem) => Self::Problem(problem),
            error @ LimitError::Join(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<Problem> for LimitError {
    fn from(problem: Problem) -> Self {
        Self::Busy(problem)
    }
}

impl ConcurrencyLimit {
    /// `permits`: how many run concurrently, at least 1. `busy`: the detail of the 503.
    pub fn new(permits: usize, busy: &'static str) -> Self {
        let permits = permits.max(1);
        Self {
            queue: Arc::new(Semaphore::new(permits * (1 + MAX_WAITING_PER_PERMIT))),
            running: Arc::new(Semaphore::new(permits)),
            busy,
        }
    }

    /// Waits for a permit. 503 if too many are waiting already, or after 10 seconds.
    pub async fn acquire(&self) -> Result<Permit, Problem> {
        let busy = || Problem::unavailable(self.busy, RETRY_AFTER);
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let running = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.running).acquire_owned()).await;
        let running = running.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok(Permit { _queued: queued, _running: running })
    }

    /// Acquires a permit and runs a piece of work on a blocking thread.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LimitError> {
        Ok(self.acquire().await?.run(work).await?)
    }
}

impl DocumentedErrors for ConcurrencyLimit {
    fn problems() -> Vec<Problem> {
        vec![Problem::unavailable("Many ask for this at the moment.", RETRY_AFTER)]
    }
}

impl Permit {
    /// Runs a piece of work on a blocking thread. The permit moves there, so that dropping the request does not release it
    /// while the work still runs.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let task = tokio::task::spawn_blocking(move || {
            let _permit = self;
            work()
        });
        task.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn refused<T: std::fmt::Debug>(result: Result<T, LimitError>) -> Problem {
        match result {
            Err(LimitError::Busy(problem)) => problem,
            other => panic!("expected a problem, got {other:?}"),
        }
    }

    /// Work that reports when it has started and runs until it gets the signal to end.
    fn endless() -> (impl FnOnce() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (start, started) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let work = move || {
            start.send(()).unwrap();
            ended.recv().ok();
        };
        (work, started, end)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_run_permits_than_there_are_permits() {
        let limit = ConcurrencyLimit::new(2, "busy");
        let (first, first_began, end_first) = endless();
        let (second, second_began, end_second) = endless();
        let (third, third_began, end_third) = endless();
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            let limit = limit.clone();
            tokio::spawn(async move { limit.run(work).await.unwrap() })
        };
        let running = [spawn(Box::new(first)), spawn(Box::new(second))];
        first_began.recv().unwrap();
        second_began.recv().unwrap();
        let waiting = spawn(Box::new(third));
        assert!(third_began.recv_timeout(Duration::from_millis(200)).is_err(), "it must wait");
        end_first.send(()).unwrap();
        third_began.recv().unwrap();
        drop((end_second, end_third));
        for task in running.into_iter().chain([waiting]) {
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_permit_outlives_a_dropped_request() {
        let limit = ConcurrencyLimit::new(1, "busy");
        let (work, started, end) = endless();
        let mut request = Box::pin(limit.run(work));
        assert!(futures::poll!(&mut request).is_pending());
        tokio::task::spawn_blocking(move || started.recv().unwrap()).await.unwrap();
        drop(request);
        assert_eq!(limit.running.available_permits(), 0);
        drop(end);
        assert_eq!(limit.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_and_a_timeout_are_503() {
        let limit = ConcurrencyLimit::new(1, "Many at the moment.");
        let held = limit.acquire().await.unwrap();
        let start = tokio::time::Instant::now();
        let problem = refused(limit.run(|| ()).await);
        assert_eq!((problem.status, problem.retry_after), (503, Some(RETRY_AFTER)));
        assert_eq!((problem.detail.as_str(), start.elapsed()), ("Many at the moment.", ACQUIRE_TIMEOUT));

        let mut waiting: Vec<_> = (0..MAX_WAITING_PER_PERMIT).map(|_| Box::pin(limit.acquire())).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        let start = tokio::time::Instant::now();
        assert_eq!(refused(limit.run(|| ()).await).status, 503);
        assert_eq!(start.elapsed(), Duration::ZERO, "a full queue refuses at once");
        drop(held);
        for one in waiting {
            // Each releases its permit to the next.
            one.await.unwrap();
        }
    }
}
