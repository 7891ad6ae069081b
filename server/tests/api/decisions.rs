//! One verdict on several requests.

use http::{Method, StatusCode};
use protocol::access::{AccessRequestRow, Page, RequestState};
use protocol::review::{Decided, Verdict};
use serde_json::json;

use crate::on_both;
use crate::support::{AdminSession, TestServer};

const DECIDE: &str = "/admin/api/access-requests/decide";

on_both!(
    each_request_is_decided_independently,
    every_request_is_decided_once_by_two_administrators,
    an_invalid_verdict_decides_nothing,
    one_reason_goes_to_everybody,
    only_administrators_decide,
    the_form_works_without_scripts,
);

/// Sends the requests of `count` people; returns their ids.
async fn pending(server: &TestServer, admin: &AdminSession, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let email = format!("person-{n:02}@example.org");
        server.ask(&email).await;
        ids.push(server.pending_request(admin, &email).await);
    }
    ids
}

async fn state_of(server: &TestServer, admin: &AdminSession, id: &str) -> RequestState {
    app::services::ReviewService::find(&server.state.access, &admin.proof(), id).await.unwrap().request.state
}

async fn each_request_is_decided_independently(server: TestServer) {
    let admin = server.administrator().await;
    let ids = pending(&server, &admin, 4).await;
    app::services::ReviewService::reject(&server.state.access, &admin.proof(), &ids[1], "").await.unwrap();
    let asked = [&ids[0], &ids[1], "no-such-request", &ids[2], &ids[0]];
    let reply = server
        .post(DECIDE)
        .cookie("aiwe_session", &admin.session)
        .json(&json!({ "verdict": "approve", "ids": asked }))
        .send()
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let answer: Decided = reply.json();
    assert_eq!((answer.verdict, answer.decided), (Verdict::Approve, 2), "duplicates count once");
    let left: Vec<_> = answer.undecided.iter().map(|u| (u.id.as_str(), u.email.as_deref())).collect();
    assert_eq!(left, [(ids[1].as_str(), Some("person-01@example.org")), ("no-such-request", None)]);
    assert!(answer.undecided[0].why.contains("rejected"), "{answer:?}");
    assert!(answer.undecided.iter().all(|u| !u.why.is_empty()));

    for (id, state) in [(0, "Approved"), (1, "Rejected"), (2, "Approved"), (3, "Pending")] {
        assert_eq!(format!("{:?}", state_of(&server, &admin, &ids[id]).await), state);
    }
    for n in [0, 2] {
        server.mail_to(&format!("person-{n:02}@example.org"), "/public/download-certs/").await;
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let approved =
        entries.iter().filter(|e| e.action == "access-request.approved" && e.actor == admin.id.as_str());
    assert_eq!(approved.count(), 2, "each decision is in the log");
}

async fn every_request_is_decided_once_by_two_administrators(server: TestServer) {
    let admin = server.administrator().await;
    let ids = pending(&server, &admin, 20).await;
    let decide = |verdict: &'static str| {
        server
            .post(DECIDE)
            .cookie("aiwe_session", &admin.session)
            .json(&json!({ "verdict": verdict, "ids": ids }))
            .send()
    };
    let (approving, rejecting) = futures::future::join(decide("approve"), decide("reject")).await;
    let (approved, rejected): (Decided, Decided) = (approving.json(), rejecting.json());
    assert_eq!(approved.decided + rejected.decided, 20, "each is decided once");
    assert_eq!(approved.undecided.len() + rejected.undecided.len(), 20, "each lost race is reported");
    for lost in approved.undecided.iter().chain(&rejected.undecided) {
        assert!(lost.email.is_some() && !lost.why.is_empty(), "{lost:?}");
    }
    let list: Page<AccessRequestRow> = server
        .get("/admin/api/access-requests?state=approved")
        .cookie("aiwe_session", &admin.session)
        .send()
        .await
        .json();
    assert_eq!(list.total, u64::from(approved.decided));
}

async fn an_invalid_verdict_decides_nothing(server: TestServer) {
    let admin = server.administrator().await;
    let ids = pending(&server, &admin, 2).await;
    let post =
        |body: serde_json::Value| server.post(DECIDE).cookie("aiwe_session", &admin.session).json(&body);
    let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    for (body, field) in [
        (json!({ "verdict": "reject", "ids": ids, "reason": "x".repeat(501) }), "reason"),
        (json!({ "verdict": "reject", "ids": ids, "reason": "\u{202E}" }), "reason"),
        (json!({ "verdict": "approve", "ids": [] }), "ids"),
        (json!({ "verdict": "approve", "ids": many }), "ids"),
        (json!({ "verdict": "expired", "ids": ids }), "verdict"),
        (json!({ "verdict": "approve" }), "ids"),
    ] {
        let problem = post(body.clone()).send().await.problem();
        assert_eq!(problem.status, 422, "{body}");
        assert!(problem.error_of(field).is_some(), "{body}: {problem:?}");
    }
    for id in &ids {
        assert_eq!(state_of(&server, &admin, id).await, RequestState::Pending);
    }
}

async fn one_reason_goes_to_everybody(server: TestServer) {
    let admin = server.administrator().await;
    let ids = pending(&server, &admin, 3).await;
    let body = json!({ "verdict": "reject", "ids": ids, "reason": "The course has ended." });
    let answer: Decided =
        server.post(DECIDE).cookie("aiwe_session", &admin.session).json(&body).send().await.json();
    assert_eq!((answer.decided, answer.undecided.len()), (3, 0));
    for n in 0..3 {
        server.mail_to(&format!("person-{n:02}@example.org"), "> The course has ended.").await;
    }
}

async fn only_administrators_decide(server: TestServer) {
    let admin = server.administrator().await;
    let ids = pending(&server, &admin, 1).await;
    let body = json!({ "verdict": "approve", "ids": ids });
    assert_eq!(server.post(DECIDE).json(&body).send().await.problem().status, 401);
    let forged = server.post(DECIDE).cookie("aiwe_session", &"A".repeat(43)).json(&body).send().await;
    assert_eq!(forged.problem().status, 401);
    let session = format!("aiwe_session={}", admin.session);
    let from_elsewhere = server
        .exchange(Method::POST, DECIDE)
        .header("cookie", &session)
        .header("sec-fetch-site", "cross-site")
        .json(&body);
    assert_eq!(from_elsewhere.send().await.problem().status, 403);
    assert_eq!(state_of(&server, &admin, &ids[0]).await, RequestState::Pending);
}

async fn the_form_works_without_scripts(server: TestServer) {
    let admin = server.administrator().await;
    let ids = pending(&server, &admin, 2).await;
    let list = server
        .get("/admin/requests?state=pending")
        .header("accept", "text/html")
        .cookie("aiwe_session", &admin.session)
        .send()
        .await
        .text();
    assert!(ids.iter().all(|id| list.contains(&format!("value=\"{id}\""))), "each has its checkbox");
    let fields = [
        ("verdict", "approve"),
        ("ids[]", &ids[0]),
        ("ids[]", &ids[1]),
        ("back", "/admin/requests?state=approved"),
    ];
    let posted = server
        .post("/app/access/decide")
        .header("accept", "text/html")
        .header("origin", "http://localhost:8080")
        .header("cookie", &format!("aiwe_session={}", admin.session))
        .form(&fields)
        .send()
        .await;
    assert_eq!((posted.status.as_u16(), posted.location()), (303, "/admin/requests?state=approved"));
    let outcome = posted.cookie("aiwe-told").expect("what became of it");
    let cookies = format!("aiwe_session={}; aiwe-told={outcome}", admin.session);
    let page =
        server.get(posted.location()).header("accept", "text/html").header("cookie", &cookies).send().await;
    assert!(page.text().contains("2 requests approved"), "{}", page.text());
}
