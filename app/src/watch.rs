//! Asking the server again while somebody looks at the page.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;

/// Where the server functions stand that a page of the panel calls by itself while it is open. Such a call is no use of the
/// session: nobody need be there.
pub const WATCHING: &str = "/app/watch/";

/// Runs `look` after `first` milliseconds, and again as long as it says when: it gives the milliseconds to the next
/// look, or `None` for the last. While the tab is hidden nothing is asked; what has become due meanwhile is asked
/// as soon as it is shown. Ends with the component that calls it. On the server nothing runs.
pub fn keep_looking<F>(first: u64, look: impl Fn() -> F + 'static)
where
    F: Future<Output = Option<u64>> + 'static,
{
    let watch = Watch { timer: StoredValue::new(None), overdue: StoredValue::new(false) };
    let look = Rc::new(look);
    Effect::new(move |_| {
        let shown = Rc::clone(&look);
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            if !hidden() && watch.overdue.try_get_value() == Some(true) {
                watch.look(Rc::clone(&shown));
            }
        });
        on_cleanup(move || listener.remove());
        watch.wait(first, Rc::clone(&look));
    });
    on_cleanup(move || {
        if let Some(timer) = watch.timer.try_get_value().flatten() {
            timer.clear();
        }
    });
}

#[derive(Clone, Copy)]
struct Watch {
    timer: StoredValue<Option<TimeoutHandle>>,
    /// A look has become due while the tab was hidden.
    overdue: StoredValue<bool>,
}

impl Watch {
    fn wait<F>(self, milliseconds: u64, look: Rc<impl Fn() -> F + 'static>)
    where
        F: Future<Output = Option<u64>> + 'static,
    {
        let due = move || {
            if hidden() {
                self.overdue.try_set_value(true);
            } else {
                self.look(Rc::clone(&look));
            }
        };
        // Fails only where there is no window, and then nobody looks.
        let timer = set_timeout_with_handle(due, Duration::from_millis(milliseconds)).ok();
        self.timer.try_set_value(timer);
    }

    fn look<F>(self, look: Rc<impl Fn() -> F + 'static>)
    where
        F: Future<Output = Option<u64>> + 'static,
    {
        self.overdue.try_set_value(false);
        leptos::task::spawn_local(async move {
            let next = look().await;
            let still_here = self.timer.try_get_value().is_some();
            if let (Some(milliseconds), true) = (next, still_here) {
                self.wait(milliseconds, look);
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
