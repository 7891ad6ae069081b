//! Who waits for an answer, and what is told meanwhile.

use http::StatusCode;
use protocol::analysis::AnalysisEvent;

use crate::analysis::{Model, blank_png, events, newest};
use crate::on_both;
use crate::support::{Machine, Reply, TestServer};

on_both!(who_waits_knows_the_place_and_ambient_questions_give_way);

async fn ask(server: &TestServer, machine: &Machine, token: &str, capture: &str) -> Reply {
    let image = blank_png(64, 64);
    let parts = [("image", Some("x.png"), image.as_slice()), ("capture", None, capture.as_bytes())];
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(token);
    post.header("accept", "text/event-stream").multipart(&parts).send().await
}

/// Until the question of this machine is recorded.
async fn recorded(server: &TestServer, machine: &Machine) {
    while newest(server, machine).await.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

async fn who_waits_knows_the_place_and_ambient_questions_give_way(server: TestServer) {
    let (admin, model) = (server.administrator().await, Model::start().await);
    let (anna, ben) =
        (server.machine(&admin, "anna@example.org").await, server.machine(&admin, "ben@example.org").await);
    let (annas, bens) = (server.token(&anna).await, server.token(&ben).await);
    let one_at_a_time = [&model.settings()[..], &[("AIWE_LIMITS__ANALYSES", "1")]].concat();
    let server = server.restarted_with(&one_at_a_time).await;

    let asked = r#"{"trigger":"asked"}"#;
    let running = async {
        let first = ask(&server, &anna, &annas, asked);
        let second = async {
            recorded(&server, &anna).await;
            ask(&server, &ben, &bens, asked).await
        };
        let ambient = async {
            recorded(&server, &ben).await;
            let refused = ask(&server, &anna, &annas, r#"{"trigger":"ambient"}"#).await;
            model.may_end.notify_one();
            refused
        };
        tokio::join!(first, second, ambient)
    };
    // The second one's model.
    let (first, second, ambient) = tokio::join!(running, async {
        recorded(&server, &ben).await;
        while newest(&server, &anna).await.is_some_and(|record| record.ms.is_none()) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        model.may_end.notify_one();
    })
    .0;
    let problem = ambient.problem();
    assert_eq!((ambient.status, problem.status), (StatusCode::SERVICE_UNAVAILABLE, 503));
    let not_before: u64 = ambient.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(not_before >= 1 && problem.retry_after == Some(not_before));

    let places = |reply: &Reply| {
        let events = events(&reply.text());
        assert!(matches!(events.last(), Some(AnalysisEvent::Done(_))), "{events:?}");
        let queued = events.iter().filter_map(|event| match event {
            AnalysisEvent::Queued(queued) => Some((queued.place, queued.expected_seconds >= 1)),
            _ => None,
        });
        queued.collect::<Vec<_>>()
    };
    assert_eq!((places(&first), places(&second)), (vec![], vec![(1, true)]));
    server.state.analyses.finish().await;
    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(tx.analyses().count_since(0).await.unwrap(), 2, "nothing is stored of what was refused");
}
