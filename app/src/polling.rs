//! Polling while the page is visible.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;

/// The path prefix of server functions that an open page of the panel calls by itself. Such a call does not count as
/// activity of the session: nobody needs to be there.
pub const POLLING_PREFIX: &str = "/app/watch/";

/// Runs `request` after `first` milliseconds, and again after the milliseconds that it returns; `None` stops. While the
/// tab is hidden nothing runs; what was due meanwhile runs as soon as it is visible again. Stops with the component that
/// calls it. Does nothing on the server.
pub fn poll<F>(first: u64, request: impl Fn() -> F + 'static)
where
    F: Future<Output = Option<u64>> + 'static,
{
    let poll = Poll { timer: StoredValue::new(None), overdue: StoredValue::new(false) };
    let request = Rc::new(request);
    Effect::new(move |_| {
        let on_show = Rc::clone(&request);
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            if !hidden() && poll.overdue.try_get_value() == Some(true) {
                poll.run(Rc::clone(&on_show));
            }
        });
        on_cleanup(move || listener.remove());
        poll.schedule(first, Rc::clone(&request));
    });
    on_cleanup(move || {
        if let Some(timer) = poll.timer.try_get_value().flatten() {
            timer.clear();
        }
    });
}

#[derive(Clone, Copy)]
struct Poll {
    timer: StoredValue<Option<TimeoutHandle>>,
    /// A run was due while the tab was hidden.
    overdue: StoredValue<bool>,
}

impl Poll {
    fn schedule<F>(self, milliseconds: u64, request: Rc<impl Fn() -> F + 'static>)
    where
        F: Future<Output = Option<u64>> + 'static,
    {
        let due = move || {
            if hidden() {
                self.overdue.try_set_value(true);
            } else {
                self.run(Rc::clone(&request));
            }
        };
        // Fails only where there is no window.
        let timer = set_timeout_with_handle(due, Duration::from_millis(milliseconds)).ok();
        self.timer.try_set_value(timer);
    }

    fn run<F>(self, request: Rc<impl Fn() -> F + 'static>)
    where
        F: Future<Output = Option<u64>> + 'static,
    {
        self.overdue.try_set_value(false);
        leptos::task::spawn_local(async move {
            let next = request().await;
            let still_mounted = self.timer.try_get_value().is_some();
            if let (Some(milliseconds), true) = (next, still_mounted) {
                self.schedule(milliseconds, request);
            }
        });
    }
}

fn hidden() -> bool {
    #[cfg(feature = "hydrate")]
    let hidden = document().hidden();
    #[cfg(not(feature = "hydrate"))]
    let hidden = true;
    hidden
}
