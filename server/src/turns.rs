//! Work that takes much of the processor or of the memory: off the async threads, so many pieces at once, and bounded
//! in how many wait for their turn and for how long.

use std::sync::Arc;
use std::time::Duration;

use protocol::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::{Failure, Refusal};
use crate::http::refusals::Refuses;

/// How many may wait for each piece of work that runs; the next is told to come back.
const WAITING_EACH: usize = 16;
/// Nobody waits longer: whoever asked is about to give up, and others would only queue up behind them.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds.
const RETRY_AFTER: u64 = 2;

/// Hands out turns, so many at once.
#[derive(Debug, Clone)]
pub struct Turns {
    /// What runs and what waits.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// What is told to whoever does not get a turn.
    busy: &'static str,
}

/// The right to one piece of work. Given back when that has ended, or with this.
#[derive(Debug)]
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl Turns {
    pub fn new(at_once: usize, busy: &'static str) -> Self {
        let at_once = at_once.max(1);
        Self {
            places: Arc::new(Semaphore::new(at_once * (1 + WAITING_EACH))),
            running: Arc::new(Semaphore::new(at_once)),
            busy,
        }
    }

    /// Waits for a turn. 503 when too many wait already, or when it takes too long.
    pub async fn take(&self) -> Result<Turn, Problem> {
        let busy = || Problem::unavailable(self.busy, RETRY_AFTER);
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let running = tokio::time::timeout(PATIENCE, Arc::clone(&self.running).acquire_owned()).await;
        let running = running.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok(Turn { _place: place, _running: running })
    }

    /// Does a piece of work when its turn has come.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        Ok(self.take().await?.run(work).await?)
    }
}

impl Refuses for Turns {
    fn problems() -> Vec<Problem> {
        vec![Problem::unavailable("Many ask for this at the moment.", RETRY_AFTER)]
    }
}

impl Turn {
    /// Does a piece of work on a blocking thread. The turn moves there: a request that is dropped must not free it while
    /// its work still runs.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let task = tokio::task::spawn_blocking(move || {
            let _turn = self;
            work()
        });
        Ok(task.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Problem {
        match result {
            Err(Refusal::Problem(problem)) => problem,
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
    async fn no_more_run_at_once_than_there_are_turns() {
        let turns = Turns::new(2, "busy");
        let (first, first_began, end_first) = endless();
        let (second, second_began, end_second) = endless();
        let (third, third_began, end_third) = endless();
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            let turns = turns.clone();
            tokio::spawn(async move { turns.run(work).await.unwrap() })
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
    async fn a_turn_outlives_a_caller_who_went_away() {
        let turns = Turns::new(1, "busy");
        let (work, has_begun, end) = endless();
        let mut gone = Box::pin(turns.run(work));
        assert!(futures::poll!(&mut gone).is_pending());
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        drop(gone);
        assert_eq!(turns.running.available_permits(), 0);
        drop(end);
        assert_eq!(turns.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_behind_too_many_is_told_when_to_come_back() {
        let turns = Turns::new(1, "Many at the moment.");
        let held = turns.take().await.unwrap();
        let began = tokio::time::Instant::now();
        let problem = refused(turns.run(|| ()).await);
        assert_eq!((problem.status, problem.retry_after), (503, Some(RETRY_AFTER)));
        assert_eq!((problem.detail.as_str(), began.elapsed()), ("Many at the moment.", PATIENCE));

        let mut waiting: Vec<_> = (0..WAITING_EACH).map(|_| Box::pin(turns.take())).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        let began = tokio::time::Instant::now();
        assert_eq!(refused(turns.run(|| ()).await).status, 503);
        assert_eq!(began.elapsed(), Duration::ZERO, "whoever finds the queue full does not wait");
        drop(held);
        for one in waiting {
            // Each gives its turn on to the next.
            one.await.unwrap();
        }
    }
}
