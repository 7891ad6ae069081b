//! Instants, and whether scripts are running.

use leptos::prelude::*;

use crate::instant;

/// An instant as a `<time>` element: in UTC, until scripts show it in the visitor's time zone. The title says UTC.
#[component]
pub fn Time(
    /// Seconds since the Unix epoch.
    at: i64,
    #[prop(optional)] date_only: bool,
    /// In a list: how long ago, for a week.
    #[prop(optional)]
    relative: bool,
) -> impl IntoView {
    let utc = instant::readable(at);
    let local = RwSignal::new(None::<String>);
    #[cfg(feature = "hydrate")]
    if !date_only {
        let clock = clock::current();
        Effect::new(move |_| {
            let now = clock.get();
            let ago = relative.then(|| instant::relative(at, now)).flatten();
            local.set(Some(ago.unwrap_or_else(|| clock::local(at, now))));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = relative;
    let text = if date_only { instant::date(at) } else { utc.clone() };
    view! {
        <time datetime=instant::machine_readable(at) title=utc class="whitespace-nowrap">
            {move || local.get().unwrap_or_else(|| text.clone())}
        </time>
    }
}

/// Becomes true once the page's scripts run. What needs scripts appears only then, so there are no dead buttons.
pub fn scripts_run() -> ReadSignal<bool> {
    let (run, set_run) = signal(false);
    Effect::new(move |_| set_run.set(true));
    run
}

/// The visitor's time in seconds since the Unix epoch; `None` on the server.
pub fn visitor_now() -> Option<i64> {
    #[cfg(feature = "hydrate")]
    let now = Some(clock::now());
    #[cfg(not(feature = "hydrate"))]
    let now = None;
    now
}

/// The visitor's clock and time zone.
#[cfg(feature = "hydrate")]
mod clock {
    use std::time::Duration;

    use leptos::prelude::*;

    use crate::instant;

    /// How often what is shown as so long ago is looked at again.
    const TICK: Duration = Duration::from_secs(20);

    thread_local! {
        static CURRENT: ArcRwSignal<i64> = {
            let current = ArcRwSignal::new(now());
            let ticking = current.clone();
            // Fails only where there is no window.
            let _ = set_interval_with_handle(move || ticking.set(now()), TICK);
            current
        };
    }

    /// The time, of which what shows it is told every now and then.
    pub fn current() -> ArcRwSignal<i64> {
        CURRENT.with(Clone::clone)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of the pages where the visitor's clock is read"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
    pub fn now() -> i64 {
        (js_sys::Date::now() / 1000.0) as i64
    }

    /// In the visitor's time zone: the same instant, written as if it were UTC.
    pub fn local(at: i64, now: i64) -> String {
        let zoned = |at: i64| {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
            let date = js_sys::Date::new(&((at * 1000) as f64).into());
            #[expect(clippy::cast_possible_truncation, reason = "time zones differ by less than a day")]
            let minutes_behind = date.get_timezone_offset() as i64;
            at - minutes_behind * 60
        };
        instant::day_and_time(zoned(at), zoned(now))
    }
}
