//! Background jobs that run again and again until the shutdown.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use protocol::ServiceError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Runs `work` now and then `interval` after each run, until `shutdown`. Each run has a span `job` with its `name`, and its
/// failure, also a panic, is logged under it; the next run tries again. A run that has begun is finished.
pub async fn every<F: Future<Output = Result<(), ServiceError>>>(
    interval: Duration,
    shutdown: &CancellationToken,
    name: &'static str,
    work: impl FnMut() -> F,
) {
    every_or_notified(interval, &Notify::new(), shutdown, name, work).await;
}

/// Like [`every`], and also runs when `notify` says so. A notification during a run leads to another one.
pub async fn every_or_notified<F: Future<Output = Result<(), ServiceError>>>(
    interval: Duration,
    notify: &Notify,
    shutdown: &CancellationToken,
    name: &'static str,
    mut work: impl FnMut() -> F,
) {
    while !shutdown.is_cancelled() {
        let run = async {
            if let Err(error) = work().await {
                error.log(name);
            }
        };
        let span = tracing::info_span!("job", job = name);
        // The next run uses nothing that this one may leave half done, except the database, which rolls back.
        if AssertUnwindSafe(run.instrument(span.clone())).catch_unwind().await.is_err() {
            tracing::error!(parent: &span, action = name, "an action panicked");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = notify.notified() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use protocol::Problem;
    use tokio::time::Instant;

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn runs_at_once_and_goes_on_after_a_failure_until_the_shutdown() {
        let (shutdown, begun, mut runs) = (CancellationToken::new(), Instant::now(), Vec::new());
        every(INTERVAL, &shutdown, "a test", || {
            runs.push(begun.elapsed().as_secs());
            if runs.len() == 3 {
                shutdown.cancel();
            }
            ready(Err(Problem::internal().into()))
        })
        .await;
        assert_eq!(runs, [0, 60, 120]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_a_run_and_not_the_job() {
        let (shutdown, mut runs) = (CancellationToken::new(), 0);
        every(INTERVAL, &shutdown, "a test", || {
            runs += 1;
            match runs {
                1 => std::panic::resume_unwind(Box::new("a fault")),
                _ => shutdown.cancel(),
            }
            ready(Ok(()))
        })
        .await;
        assert_eq!(runs, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_notification_during_a_run_is_not_lost() {
        let (shutdown, notify, begun, mut runs) =
            (CancellationToken::new(), Notify::new(), Instant::now(), Vec::new());
        every_or_notified(INTERVAL, &notify, &shutdown, "a test", || {
            runs.push(begun.elapsed().as_secs());
            match runs.len() {
                1 => notify.notify_one(),
                2 => {}
                _ => shutdown.cancel(),
            }
            ready(Ok(()))
        })
        .await;
        assert_eq!(runs, [0, 0, 60]);
    }
}
