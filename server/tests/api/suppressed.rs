//! Suppressed requests, of addresses with too many pending ones: to the requester they look like any other.

use app::services::ReviewService;
use http::StatusCode;
use protocol::access::{AccessRequestFilter, RequestState, RequestStatus};
use serde_json::json;
use store::Tx;

use crate::on_both;
use crate::support::{PASSWORD, TestServer};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const EMAIL: &str = "anna@example.org";

on_both!(
    a_suppressed_request_looks_like_any_other,
    administrators_find_its_code,
    administrators_do_not_see_it,
    one_of_many_parallel_reminders_counts,
    expired_rows_are_cleaned_up,
);

/// Sends four requests of one address; returns each status page's path and its browser's cookie. The last one exceeds the
/// limit.
async fn ask_four_times(server: &TestServer) -> Vec<(String, String)> {
    let mut asked = Vec::new();
    for _ in 0..4 {
        let (answer, browser) = server.ask(EMAIL).await;
        asked.push((answer.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned(), browser));
    }
    asked
}

async fn count(server: &TestServer, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    match &mut server.state.env.store.read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_scalar(&sql).fetch_one(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(&sql).fetch_one(&mut **tx).await.unwrap(),
    }
}

/// The status, with the match code reduced to its length, since codes differ.
async fn seen(server: &TestServer, page: &str, browser: Option<&str>) -> (RequestStatus, Option<usize>) {
    let look = server.get(page);
    let look = match browser {
        Some(browser) => look.cookie("aiwe_asked", browser),
        None => look,
    };
    let mut status: RequestStatus = look.send().await.json();
    let code = status.match_code.take();
    (status, code.map(|code| code.len()))
}

async fn a_suppressed_request_looks_like_any_other(server: TestServer) {
    server.administrator().await;
    let asked = ask_four_times(&server).await;
    let ((stored, stored_cookie), (suppressed, suppressed_cookie)) = (&asked[2], &asked[3]);
    let alike = async |expected: RequestState| {
        for (stored_cookie, suppressed_cookie) in [
            (None, None),
            (Some(stored_cookie.as_str()), Some(suppressed_cookie.as_str())),
            (Some("another"), Some("another")),
        ] {
            let (one, other) = (
                seen(&server, stored, stored_cookie).await,
                seen(&server, suppressed, suppressed_cookie).await,
            );
            assert_eq!(one, other);
            assert_eq!(one.0.state, expected);
            // Another browser sees the code of neither.
            assert_eq!(one.1.is_some(), stored_cookie.is_some_and(|browser| browser != "another"));
        }
    };
    let remind = async |page: &str| {
        let reply = server.post(&format!("{page}/remind")).send().await;
        let text = reply.text();
        (reply.status, serde_json::from_str::<serde_json::Value>(&text).unwrap())
    };

    alike(RequestState::Pending).await;
    assert_eq!(remind(stored).await, remind(suppressed).await, "too early");
    server.clock.advance(10 * MINUTE);
    alike(RequestState::Pending).await;
    let (one, other) = (remind(stored).await, remind(suppressed).await);
    assert_eq!(one, other);
    assert_eq!(one.0, StatusCode::OK);
    assert_eq!(remind(stored).await, remind(suppressed).await, "too early again");
    alike(RequestState::Pending).await;
    for _ in 0..2 {
        server.clock.advance(DAY);
        assert_eq!(remind(stored).await, remind(suppressed).await);
    }
    assert_eq!(remind(suppressed).await.0, StatusCode::CONFLICT, "three in all");
    alike(RequestState::Pending).await;
    server.clock.advance(2 * DAY);
    server.state.access.send_due_notices().await.unwrap();
    alike(RequestState::Expired).await;
    assert_eq!(remind(stored).await, remind(suppressed).await);
    // The HTML page too.
    let page = async |path: &str| {
        let reply = server.get(path).header("accept", "text/html").header("sec-fetch-mode", "navigate");
        let reply = reply.send().await;
        (reply.status, reply.text().len())
    };
    assert_eq!(page(stored).await, page(suppressed).await);
}

async fn administrators_do_not_see_it(server: TestServer) {
    let admin = server.administrator().await;
    let asked = ask_four_times(&server).await;
    server.clock.advance(10 * MINUTE);
    server.state.access.send_due_notices().await.unwrap();
    server.state.outbox.drain().await.unwrap();
    let before = server.mails.sent().len();
    let (suppressed, _) = &asked[3];
    assert_eq!(server.post(&format!("{suppressed}/remind")).send().await.status, StatusCode::OK);
    server.clock.advance(DAY);
    server.state.access.send_due_notices().await.unwrap();
    server.state.outbox.drain().await.unwrap();
    assert_eq!(server.mails.sent().len(), before);
    let to_anna = server.mails.sent().into_iter().filter(|mail| mail.to.as_str() == EMAIL);
    assert_eq!(to_anna.count(), 3, "suppressed requests are not acknowledged by mail");

    let list = server.state.access.list(&admin.proof(), AccessRequestFilter::default()).await.unwrap();
    assert_eq!(list.total, 3);
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action.starts_with("access-request.")).count(), 3);
}

/// Somebody who reads the code out is not told that nobody knows it. Strangers learn nothing: only the search of the panel
/// knows the code.
async fn administrators_find_its_code(server: TestServer) {
    let admin = server.administrator().await;
    let mut asked = Vec::new();
    for _ in 0..4 {
        asked.push(server.ask(EMAIL).await.0);
    }
    let found = async |code: &str| server.state.access.unlisted(&admin.proof(), code).await.unwrap();
    let now = server.state.env.now();
    let unlisted = found(&asked[3].match_code).await.expect("the fourth");
    assert_eq!((unlisted.requested_at, unlisted.allowed), (now, 3));
    let typed = asked[3].match_code.replace('-', " ").to_lowercase();
    assert!(found(&typed).await.is_some(), "as people type it");
    assert_eq!(found(&asked[0].match_code).await, None, "a listed one is in the list");
    assert_eq!(found("no code").await, None);
    let page = server.get(&format!("/admin/requests?search={}", asked[3].match_code));
    let page = page.header("accept", "text/html").cookie("aiwe_session", &admin.session).send().await.text();
    assert!(
        page.contains("This code is genuine") && page.contains("when 3 requests from the same address"),
        "{page}"
    );
    let stranger = server.post("/app/access/unlisted").form(&[("code", &*asked[3].match_code)]).send().await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    server.clock.advance(30 * DAY);
    assert_eq!(found(&asked[3].match_code).await, None, "until it expires");
}

async fn one_of_many_parallel_reminders_counts(server: TestServer) {
    let asked = ask_four_times(&server).await;
    server.clock.advance(10 * MINUTE);
    let (suppressed, _) = &asked[3];
    let remind = (0..50).map(|_| server.post(&format!("{suppressed}/remind")).send());
    let replies = futures::future::join_all(remind).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
    assert!(replies.iter().all(|reply| [200, 409, 429].contains(&reply.status.as_u16())));
}

async fn expired_rows_are_cleaned_up(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "ben@example.org").await;
    let asked = ask_four_times(&server).await;
    let (suppressed, _) = &asked[3];
    let login = json!({ "username": &machine.email, "password": PASSWORD });
    let begun = server.post("/native/login").certificate(&machine.der).json(&login).send().await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.text());
    let clean_up = async || server::cleanup::clean_up(&server.state.env).await.unwrap();
    let count = async |table: &str| count(&server, table).await;

    clean_up().await;
    assert!(count("session").await > 0 && count("challenge").await > 0);
    assert_eq!(count("unheard_request").await, 1, "{suppressed}");
    server.clock.advance(40 * DAY);
    clean_up().await;
    assert_eq!((count("session").await, count("challenge").await), (0, 0));
    assert_eq!(count("unheard_request").await, 1);
    assert_eq!(seen(&server, suppressed, None).await.0.state, RequestState::Expired);
    server.clock.advance(30 * DAY);
    clean_up().await;
    assert_eq!(count("unheard_request").await, 0);
}

#[tokio::test]
async fn new_suppressed_requests_evict_the_oldest() {
    let server = TestServer::sqlite_with(&[
        ("AIWE_ACCESS__MAX_PENDING", "2"),
        ("AIWE_ACCESS__MAX_PENDING_PER_ADDRESS", "1"),
        ("AIWE_LIMITS__ACCESS_REQUESTS_PER_HOUR", "100"),
    ])
    .await;
    let mut pages = Vec::new();
    // One stored request, then three suppressed ones, of which two are kept: a refusal would reveal that the address has many.
    for _ in 0..4 {
        let (asked, _) = server.ask(EMAIL).await;
        pages.push(asked.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned());
        server.clock.advance(1);
    }
    let mut states = Vec::new();
    for page in &pages {
        states.push(server.get(page).send().await.status.as_u16());
    }
    assert_eq!(states, [200, 404, 200, 200]);
}
