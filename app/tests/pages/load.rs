//! Pages rendered in parallel: each is complete, none hangs, nothing panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::fixture::{Who, open};

const PAGES: &[(Who, &str)] = &[
    (Who::Nobody, "/"),
    (Who::Nobody, "/request-access"),
    (Who::Nobody, "/public/request-status/pending"),
    (Who::Nobody, "/public/download-certs/ready"),
    (Who::Nobody, "/setup/x"),
    (Who::Nobody, "/login"),
    (Who::Nobody, "/certificate-test"),
    (Who::Nobody, "/sidebar"),
    (Who::Administrator, "/admin"),
    (Who::Administrator, "/admin/requests"),
    (Who::Administrator, "/admin/requests/1"),
    (Who::Administrator, "/admin/certificates"),
    (Who::User, "/account"),
    (Who::Administrator, "/admin/people"),
    (Who::Administrator, "/admin/people/new"),
    (Who::Administrator, "/admin/people/2"),
    (Who::Administrator, "/admin/modes"),
    (Who::Administrator, "/admin/modes/general"),
    (Who::Administrator, "/admin/outbox"),
];
/// Of each page, in parallel; `AIWE_SOAK=1` makes all of them.
fn repetitions() -> usize {
    if std::env::var_os("AIWE_SOAK").is_some() { 2_000 } else { 300 }
}
/// Far more than all of them need on a busy machine.
const RENDER_TIMEOUT: Duration = Duration::from_mins(2);

static PANICS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn pages_are_rendered_in_parallel() {
    // Leptos renders parts of a page in separate tasks, whose panics would go unnoticed.
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        default_hook(panic);
    }));
    for &(who, path) in PAGES {
        let mut renderings = tokio::task::JoinSet::new();
        for _ in 0..repetitions() {
            renderings.spawn(async move {
                let answered = tokio::time::timeout(RENDER_TIMEOUT, open(who, path, "")).await;
                let answered = answered.unwrap_or_else(|_| panic!("{path} hangs"));
                assert_eq!(answered.status, 200, "{path}");
                assert!(answered.body.contains("</html>"), "{path} is cut off");
            });
        }
        renderings.join_all().await;
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked around {path}");
    }
}
