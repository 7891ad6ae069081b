//! Work that takes much of the processor or of the memory: off the async threads, a limited number at once, and bounded in
//! how many wait for a permit and for how long.

use std::sync::Arc;
use std::time::Duration;

use protocol::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use crate::documented_errors::DocumentedErrors;

/// How many may wait for each piece of work that runs; the next gets 503.
const WAITING_EACH: usize = 16;
/// Nobody waits longer: whoever asked is about to give up, and others would only queue up behind them.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Seconds.
const RETRY_AFTER: u64 = 2;

/// Hands out permits, a limited number at once.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit {
    /// What runs and what waits.
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// The detail of the 503 for whoever does not get a permit.
    busy: &'static str,
}

/// The right to one piece of work. Released when that has ended, or when this is dropped.
#[derive(Debug)]
pub struct Permit {
    _queued: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

/// Why a piece of work was not done.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    #[error("no permit was free in time")]
    Busy(Problem),
    #[error("the work was cut off")]
    Join(#[from] JoinError),
}

impl From<Problem> for LimitError {
    fn from(problem: Problem) -> Self {
        Self::Busy(problem)
    }
}

impl ConcurrencyLimit {
    pub fn new(at_once: usize, busy: &'static str) -> Self {
        let at_once = at_once.max(1);
        Self {
            queue: Arc::new(Semaphore::new(at_once * (1 + WAITING_EACH))),
            running: Arc::new(Semaphore::new(at_once)),
            busy,
        }
    }

    /// Waits for a permit. 503 when too many wait already, or when it takes too long.
    pub async fn acquire(&self) -> Result<Permit, Problem> {
        let busy = || Problem::unavailable(self.busy, RETRY_AFTER);
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let running = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.running).acquire_owned()).await;
        let running = running.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok(Permit { _queued: queued, _running: running })
    }

    /// Runs a piece of work once there is a permit.
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
    /// Runs a piece of work on a blocking thread. The permit moves there: a request that is dropped must not release it
    /// while its work still runs.
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

    /// Work that says when it has begun and goes on until it is told to end.
    fn endless() -> (impl FnOnce() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (begun, has_begun) = mpsc::channel();
        let (end, may_end) = mpsc::channel();
        let work = move || {
            begun.send(()).unwrap();
            may_end.recv().ok();
        };
        (work, has_begun, end)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_run_at_once_than_there_are_permits() {
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
    async fn a_permit_outlives_a_caller_who_went_away() {
        let limit = ConcurrencyLimit::new(1, "busy");
        let (work, has_begun, end) = endless();
        let mut gone = Box::pin(limit.run(work));
        assert!(futures::poll!(&mut gone).is_pending());
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        drop(gone);
        assert_eq!(limit.running.available_permits(), 0);
        drop(end);
        assert_eq!(limit.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_too_long_or_behind_too_many_ends_with_503() {
        let limit = ConcurrencyLimit::new(1, "Many at the moment.");
        let held = limit.acquire().await.unwrap();
        let began = tokio::time::Instant::now();
        let problem = refused(limit.run(|| ()).await);
        assert_eq!((problem.status, problem.retry_after), (503, Some(RETRY_AFTER)));
        assert_eq!((problem.detail.as_str(), began.elapsed()), ("Many at the moment.", ACQUIRE_TIMEOUT));

        let mut waiting: Vec<_> = (0..WAITING_EACH).map(|_| Box::pin(limit.acquire())).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        let began = tokio::time::Instant::now();
        assert_eq!(refused(limit.run(|| ()).await).status, 503);
        assert_eq!(began.elapsed(), Duration::ZERO, "whoever finds the queue full does not wait");
        drop(held);
        for one in waiting {
            // Each releases its permit to the next.
            one.await.unwrap();
        }
    }
}
