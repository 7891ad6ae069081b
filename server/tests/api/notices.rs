//! Mails to requesters and administrators about pending requests, and reminders.

use app::services::{LinkService, ReviewService};
use http::StatusCode;
use protocol::access::RequestStatus;
use server::mail::Mail;

use crate::on_both;
use crate::support::{AdminSession, TestServer};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

on_both!(
    a_decided_request_is_not_announced,
    a_reminder_needs_the_status_page_and_a_pending_request,
    an_expired_request_is_notified_once,
    an_expired_unused_link_is_notified_once,
    many_requests_at_once_are_one_notice,
    notices_are_batched,
    one_of_many_parallel_reminders_counts,
    reminders_are_batched_too,
    reminders_are_limited,
);

/// The mails to an address so far, but for the one about its account.
async fn mails_to(server: &TestServer, address: &str) -> Vec<Mail> {
    server.state.outbox.drain().await.unwrap();
    let of_account = |mail: &Mail| mail.subject.as_str().starts_with("Your sign-in is set up");
    let sent = server.mails.sent().into_iter();
    sent.filter(|mail| mail.to.as_str() == address && !of_account(mail)).collect()
}

async fn send_due_notices(server: &TestServer) {
    server.state.access.send_due_notices().await.unwrap();
}

/// Asks for access; returns the path of the status page.
async fn ask(server: &TestServer, email: &str) -> String {
    let (receipt, _) = server.ask(email).await;
    receipt.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned()
}

async fn decide(server: &TestServer, admin: &AdminSession, email: &str) {
    let id = server.pending_request(admin, email).await;
    ReviewService::reject(&server.state.access, &admin.proof(), &id, "").await.unwrap();
}

async fn notices_are_batched(server: TestServer) {
    let admin = server.administrator().await;
    ask(&server, "anna@example.org").await;
    let first = mails_to(&server, &admin.email).await;
    assert_eq!(first.len(), 1, "the first is mailed at once");
    assert!(first[0].subject.as_str().starts_with("New access request"), "{:?}", first[0].subject);

    server.clock.advance(MINUTE);
    ask(&server, "ben@example.org").await;
    ask(&server, "cleo@example.org").await;
    send_due_notices(&server).await;
    assert_eq!(mails_to(&server, &admin.email).await.len(), 1, "the next ones wait");

    server.clock.advance(9 * MINUTE);
    send_due_notices(&server).await;
    send_due_notices(&server).await;
    let all = mails_to(&server, &admin.email).await;
    assert_eq!(all.len(), 2, "they are mailed together, once");
    for email in ["ben@example.org", "cleo@example.org"] {
        assert!(all[1].text.contains(&format!("{email} requested access")), "{}", all[1].text);
    }
    assert!(!all[1].text.contains("anna@example.org"), "nobody is announced twice");
}

async fn many_requests_at_once_are_one_notice(server: TestServer) {
    let admin = server.administrator().await;
    let emails: Vec<_> = (0..20).map(|n| format!("p{n:02}@example.org")).collect();
    futures::future::join_all(emails.iter().map(|email| ask(&server, email))).await;
    assert_eq!(mails_to(&server, &admin.email).await.len(), 1);
    server.clock.advance(10 * MINUTE);
    futures::future::join_all((0..5).map(|_| send_due_notices(&server))).await;
    let all = mails_to(&server, &admin.email).await;
    assert_eq!(all.len(), 2);
    for email in &emails {
        let named = all.iter().filter(|mail| mail.text.contains(email.as_str())).count();
        assert_eq!(named, 1, "{email}");
    }
}

async fn a_decided_request_is_not_announced(server: TestServer) {
    let admin = server.administrator().await;
    ask(&server, "anna@example.org").await;
    ask(&server, "ben@example.org").await;
    decide(&server, &admin, "ben@example.org").await;
    server.clock.advance(10 * MINUTE);
    send_due_notices(&server).await;
    assert_eq!(mails_to(&server, &admin.email).await.len(), 1);
}

async fn an_expired_request_is_notified_once(server: TestServer) {
    let admin = server.administrator().await;
    ask(&server, "anna@example.org").await;
    server.approved(&admin, "ben@example.org").await;
    server.clock.advance(72 * HOUR - MINUTE);
    send_due_notices(&server).await;
    let of_requests = |m: &&Mail| m.subject.as_str().starts_with("Your access request has expired");
    let ended = |mails: &[Mail]| mails.iter().filter(of_requests).count();
    assert_eq!(ended(&mails_to(&server, "anna@example.org").await), 0);

    server.clock.advance(MINUTE);
    futures::future::join_all((0..10).map(|_| send_due_notices(&server))).await;
    let mails = mails_to(&server, "anna@example.org").await;
    assert_eq!(ended(&mails), 1);
    assert!(mails.last().unwrap().text.contains("http://localhost:8080/request-access"));
    assert_eq!(ended(&mails_to(&server, "ben@example.org").await), 0, "it was decided");
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "access-request.expired").count(), 1);
}

async fn an_expired_unused_link_is_notified_once(server: TestServer) {
    let admin = server.administrator().await;
    server.machine(&admin, "ben@example.org").await;
    server.approved(&admin, "anna@example.org").await;
    let ended = async |address: &str| {
        let mails = mails_to(&server, address).await;
        mails
            .iter()
            .filter(|m| m.subject.as_str().starts_with("The link to your certificate has expired"))
            .count()
    };
    server.clock.advance(24 * HOUR - MINUTE);
    send_due_notices(&server).await;
    assert_eq!(ended("anna@example.org").await, 0);
    server.clock.advance(MINUTE);
    futures::future::join_all((0..10).map(|_| send_due_notices(&server))).await;
    assert_eq!((ended("anna@example.org").await, ended("ben@example.org").await), (1, 0));

    // The expiry of a new link is notified again.
    let id = server.pending_request(&admin, "anna@example.org").await;
    server.state.access.send_link(&admin.proof(), &id, None).await.unwrap();
    send_due_notices(&server).await;
    assert_eq!(ended("anna@example.org").await, 1);
    server.clock.advance(24 * HOUR);
    send_due_notices(&server).await;
    assert_eq!(ended("anna@example.org").await, 2);

    // The link in an expiry reminder is not notified: nobody requested it.
    server.clock.advance(61 * 24 * HOUR);
    server.state.access.send_due_reminders().await.unwrap();
    server.clock.advance(60 * 24 * HOUR);
    send_due_notices(&server).await;
    assert_eq!(ended("ben@example.org").await, 0);
}

async fn reminders_are_limited(server: TestServer) {
    let admin = server.administrator().await;
    let page = ask(&server, "anna@example.org").await;
    let remind = || server.post(&format!("{page}/remind")).send();
    let status = async || -> RequestStatus { server.get(&page).send().await.json() };

    let early = remind().await.problem();
    assert_eq!((early.status, early.retry_after), (429, Some(600)), "the notice itself is on its way");
    assert_eq!(status().await.reminder.unwrap().at, Some(server.state.env.now() + 10 * MINUTE));

    for sent in 1..=3 {
        server.clock.advance(if sent == 1 { 10 * MINUTE } else { 24 * HOUR - 1 });
        if sent > 1 {
            assert_eq!(remind().await.problem().status, 429, "before a day has passed");
            server.clock.advance(1);
        }
        let reminder = status().await.reminder.unwrap();
        assert_eq!((reminder.at, reminder.left), (None, 4 - sent));
        let reply = remind().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(reply.json::<RequestStatus>().reminded_at, Some(server.state.env.now()));
        let mails = mails_to(&server, &admin.email).await;
        assert_eq!(mails.len(), 1 + sent as usize);
        assert!(mails.last().unwrap().text.contains("anna@example.org sent a reminder"));
    }
    assert_eq!(status().await.reminder, None);
    server.clock.advance(20 * HOUR);
    assert_eq!(remind().await.problem().status, 409, "three in all");
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "access-request.reminded").count(), 3);
}

async fn one_of_many_parallel_reminders_counts(server: TestServer) {
    let admin = server.administrator().await;
    let page = ask(&server, "anna@example.org").await;
    server.clock.advance(10 * MINUTE);
    let replies =
        futures::future::join_all((0..50).map(|_| server.post(&format!("{page}/remind")).send())).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
    assert!(replies.iter().all(|reply| [200, 409, 429].contains(&reply.status.as_u16())));
    assert_eq!(mails_to(&server, &admin.email).await.len(), 2);
}

async fn reminders_are_batched_too(server: TestServer) {
    let admin = server.administrator().await;
    let mut pages = Vec::new();
    for n in 0..10 {
        pages.push(ask(&server, &format!("p{n}@example.org")).await);
    }
    server.clock.advance(10 * MINUTE);
    send_due_notices(&server).await;
    assert_eq!(mails_to(&server, &admin.email).await.len(), 2);
    for page in &pages {
        assert_eq!(server.post(&format!("{page}/remind")).send().await.status, StatusCode::OK);
    }
    assert_eq!(mails_to(&server, &admin.email).await.len(), 2, "no flood of mails");
    server.clock.advance(10 * MINUTE);
    send_due_notices(&server).await;
    let all = mails_to(&server, &admin.email).await;
    assert_eq!((all.len(), all[2].text.matches("sent a reminder").count()), (3, 10));
}

async fn a_reminder_needs_the_status_page_and_a_pending_request(server: TestServer) {
    let admin = server.administrator().await;
    let page = ask(&server, "anna@example.org").await;
    server.clock.advance(10 * MINUTE);
    for token in ["nonsense", "", "%2e%2e"] {
        let reply = server.post(&format!("/public/request-status/{token}/remind")).send().await;
        assert_eq!(reply.problem().status, 404, "{token:?}");
    }
    // Another site's page cannot submit it on a visitor's behalf.
    let foreign = server.post(&format!("{page}/remind")).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(foreign.problem().status, 403);
    let reminded: RequestStatus = server.post(&format!("{page}/remind")).send().await.json();
    assert_eq!(reminded.match_code, None, "the address of the page alone never shows the code");
    decide(&server, &admin, "anna@example.org").await;
    server.clock.advance(25 * HOUR);
    assert_eq!(server.post(&format!("{page}/remind")).send().await.problem().status, 409);
}

#[tokio::test]
async fn notices_can_be_switched_off() {
    let server = TestServer::sqlite_with(&[("AIWE_ACCESS__NOTICES", "false")]).await;
    let admin = server.administrator().await;
    let page = ask(&server, "anna@example.org").await;
    server.clock.advance(HOUR);
    send_due_notices(&server).await;
    assert_eq!(mails_to(&server, &admin.email).await.len(), 0);
    assert_eq!(server.post(&format!("{page}/remind")).send().await.status, StatusCode::OK);
    send_due_notices(&server).await;
    assert_eq!(mails_to(&server, &admin.email).await.len(), 1, "a reminder is mailed in any case");
}

#[tokio::test]
async fn reminders_can_be_switched_off() {
    let server = TestServer::sqlite_with(&[("AIWE_ACCESS__MAX_REMINDERS", "0")]).await;
    server.administrator().await;
    let page = ask(&server, "anna@example.org").await;
    server.clock.advance(HOUR);
    assert_eq!(server.get(&page).send().await.json::<RequestStatus>().reminder, None);
    assert_eq!(server.post(&format!("{page}/remind")).send().await.problem().status, 409);
}

#[tokio::test]
async fn reminders_count_against_the_link_limit() {
    let server = TestServer::sqlite_with(&[("AIWE_LIMITS__LINKS_PER_MINUTE", "5")]).await;
    for _ in 0..5 {
        assert_eq!(server.post("/public/request-status/guess/remind").send().await.problem().status, 404);
    }
    assert_eq!(server.post("/public/request-status/guess/remind").send().await.problem().status, 429);
}
