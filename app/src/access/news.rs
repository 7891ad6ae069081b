//! New requests appear while the page is open, and are announced to screen readers (`polite`).

use leptos::prelude::*;
use leptos_router::components::A;

use super::api;
use crate::navigation::login_path;
use crate::polling::poll;

/// Milliseconds until the next poll, and after one that failed.
const POLL_INTERVAL_MS: u64 = 10_000;
const RETRY_INTERVAL_MS: u64 = 5_000;

/// What has changed since the page was opened.
#[derive(Debug, Clone, Copy)]
pub struct NewsWatch {
    /// Counts changes of requests.
    changes: RwSignal<u32>,
    arrived: RwSignal<u64>,
    signed_out: RwSignal<bool>,
    /// The last poll did not reach the server.
    unreachable: RwSignal<bool>,
}

impl NewsWatch {
    /// Starts polling. The first poll counts as a change: something may have happened since the page was rendered.
    pub fn start() -> Self {
        let this = Self {
            changes: RwSignal::new(0),
            arrived: RwSignal::new(0),
            signed_out: RwSignal::new(false),
            unreachable: RwSignal::new(false),
        };
        let last = StoredValue::new(None::<protocol::review::News>);
        poll(0, move || async move {
            let since = last.try_get_value()?.map(|news| news.newest);
            match api::news(since).await {
                Ok(news) => {
                    this.unreachable.try_set(false);
                    let changed = last.try_get_value()?.is_none_or(|last| last.mark != news.mark);
                    if news.arrived > 0 {
                        this.arrived.try_update(|arrived| *arrived += news.arrived);
                    }
                    if changed {
                        this.changes.try_update(|changes| *changes += 1);
                    }
                    last.try_set_value(Some(news));
                    Some(POLL_INTERVAL_MS)
                }
                Err(error) if error.problem().status == 401 => {
                    this.signed_out.try_set(true);
                    None
                }
                Err(_) => {
                    this.unreachable.try_set(true);
                    Some(RETRY_INTERVAL_MS)
                }
            }
        });
        this
    }

    /// The number of changes so far. Reactive.
    pub fn changes(self) -> u32 {
        self.changes.get()
    }

    /// Runs `act` after every change.
    pub fn on_change(self, act: impl Fn() + 'static) {
        Effect::new(move |before: Option<u32>| {
            let now = self.changes();
            if before.is_some_and(|before| before != now) {
                act();
            }
            now
        });
    }
}

/// Says how many requests have arrived, without moving the focus (`role="status"`).
#[component]
pub fn NewsLine(watch: NewsWatch) -> impl IntoView {
    view! {
        <p role="status" class="text-muted">
            {move || match watch.arrived.get() {
                0 => String::new(),
                1 => "1 new request since you opened this page".to_owned(),
                n => format!("{n} new requests since you opened this page"),
            }}
        </p>
        {move || {
            watch
                .unreachable
                .get()
                .then(|| {
                    view! {
                        <p role="status" class="text-bad">
                            "Can’t reach the server, so new requests don’t appear. Retrying…"
                        </p>
                    }
                })
        }}
        {move || {
            watch
                .signed_out
                .get()
                .then(|| {
                    view! {
                        <p role="status" class="text-bad">
                            "You’re signed out, so new requests don’t appear. "
                            <A href=login_path("/admin/requests") attr:class="link">
                                "Sign in again"
                            </A>
                        </p>
                    }
                })
        }}
    }
}
