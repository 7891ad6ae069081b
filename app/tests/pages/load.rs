//! Pages rendered side by side: each comes whole, and none waits for ever.

use std::time::Duration;

use super::house::{Who, open};

const PAGES: &[(Who, &str)] = &[
    (Who::Nobody, "/"),
    (Who::Nobody, "/request-access"),
    (Who::Nobody, "/public/request-status/pending"),
    (Who::Nobody, "/public/download-certs/ready"),
    (Who::Nobody, "/setup/x"),
    (Who::Nobody, "/login"),
    (Who::Nobody, "/certificate-test"),
    (Who::Administrator, "/admin"),
    (Who::Administrator, "/admin/requests/1"),
    (Who::Administrator, "/admin/certificates"),
    (Who::Administrator, "/admin/modes/general"),
    (Who::Administrator, "/admin/outbox"),
];
const ROUNDS: usize = 50;
/// Far more than a rendering takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn pages_are_rendered_in_parallel() {
    let mut renderings = tokio::task::JoinSet::new();
    for round in 0..ROUNDS {
        for (who, path) in PAGES {
            renderings.spawn(async move {
                let answered = tokio::time::timeout(PATIENCE, open(*who, path, "")).await;
                let answered = answered.unwrap_or_else(|_| panic!("{path} hangs in round {round}"));
                assert_eq!(answered.status, 200, "{path}");
                assert!(answered.body.contains("</html>"), "{path} is cut off");
            });
        }
    }
    renderings.join_all().await;
}
