//! New links for lost packages: sent by an administrator, requested by the holder, useless to a thief.

use app::services::{DownloadService, ReviewService};
use http::StatusCode;
use protocol::access::{AccessRequestRow, DownloadOffer, DownloadState};
use protocol::review::{RequestDetail, RequestEvent};
use serde_json::json;

use crate::on_both;
use crate::support::{AdminSession, PASSWORD, Reply, TestServer, token_in};

const HOUR: i64 = 3600;

on_both!(
    a_new_link_invalidates_the_former_one,
    a_new_link_needs_an_approved_request,
    a_thief_of_an_expired_link_gets_nothing,
    a_request_for_a_new_link_is_declined,
    link_requests_are_limited,
    one_of_many_parallel_new_links_is_sent,
    the_history_lists_who_did_what_and_when,
    the_holder_of_an_expired_link_requests_a_new_one,
    the_lost_certificate_is_revoked_with_the_new_one,
    a_new_link_gets_a_new_setup_link,
);

struct Approved {
    id: String,
    link: String,
    code: String,
    browser: String,
}

async fn approved(server: &TestServer, admin: &AdminSession, email: &str) -> Approved {
    let (token, code, browser) = server.approved(admin, email).await;
    let id = server.pending_request(admin, email).await;
    Approved { id, link: format!("/public/download-certs/{token}"), code, browser }
}

async fn send_link(server: &TestServer, admin: &AdminSession, id: &str, sent: u32) -> Reply {
    let path = format!("/admin/api/access-requests/{id}/link");
    server.post(&path).cookie("aiwe_session", &admin.session).json(&json!({ "sent": sent })).send().await
}

/// The newest link that was mailed to an address.
async fn newest_link(server: &TestServer, email: &str) -> String {
    server.state.outbox.drain().await.unwrap();
    let mut mails = server.mails.sent().into_iter().filter(|mail| mail.to.as_str() == email);
    let newest = mails.rfind(|mail| mail.text.contains("/public/download-certs/")).expect("a link");
    format!("/public/download-certs/{}", token_in(&newest.text, "/public/download-certs/"))
}

async fn redeem(server: &TestServer, link: &str, browser: &str) -> Reply {
    let body = json!({ "platform": "linux", "password": PASSWORD });
    server.post(link).cookie("aiwe_asked", browser).json(&body).send().await
}

async fn offer(server: &TestServer, link: &str, browser: Option<&str>) -> DownloadOffer {
    let token = link.rsplit('/').next().unwrap();
    let asked = browser.map(protocol::Secret::from);
    let context = app::request_context::RequestContext { requester: asked, ..crate::support::context() };
    server.state.access.offer(&context, token).await.unwrap()
}

async fn a_new_link_invalidates_the_former_one(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    let reply = send_link(&server, &admin, &anna.id, 1).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let links = reply.json::<AccessRequestRow>().links.unwrap();
    assert_eq!((links.sent, links.left), (2, 3));
    let newer = newest_link(&server, "anna@example.org").await;
    assert_ne!(newer, anna.link);

    // The former link is invalid for everybody, and the answers say why.
    let body = json!({ "platform": "linux", "password": PASSWORD, "match_code": anna.code });
    for reply in [
        redeem(&server, &anna.link, &anna.browser).await,
        server.post(&anna.link).json(&body).send().await,
        server
            .post(&format!("{}/csr", anna.link))
            .json(&json!({ "csr": "x", "match_code": anna.code }))
            .send()
            .await,
        server.get(&format!("{}/setup", anna.link)).cookie("aiwe_asked", &anna.browser).send().await,
        server.post(&format!("{}/new-link", anna.link)).cookie("aiwe_asked", &anna.browser).send().await,
    ] {
        let problem = reply.problem();
        assert!(problem.status == 410 && problem.detail.contains("newer link"), "{problem:?}");
    }
    let page = server.get(&anna.link).header("accept", "text/html").send().await;
    assert!(page.status == 410 && page.text().contains("There is a newer link"), "{}", page.status);
    assert_eq!(redeem(&server, &newer, &anna.browser).await.status, StatusCode::OK);
    let again = server.post(&newer).json(&body).send().await;
    assert_eq!(again.problem().status, 410, "it works once, like the first");
}

async fn a_new_link_needs_an_approved_request(server: TestServer) {
    let admin = server.administrator().await;
    server.ask("anna@example.org").await;
    let pending = server.pending_request(&admin, "anna@example.org").await;
    assert_eq!(send_link(&server, &admin, &pending, 0).await.problem().status, 409);
    server.state.access.reject(&admin.proof(), &pending, "").await.unwrap();
    assert_eq!(send_link(&server, &admin, &pending, 0).await.problem().status, 409);
    assert_eq!(send_link(&server, &admin, "no-such-request", 0).await.problem().status, 404);

    let ben = approved(&server, &admin, "ben@example.org").await;
    let path = format!("/admin/api/access-requests/{}/link", ben.id);
    assert_eq!(server.post(&path).send().await.problem().status, 401);
    // The holder's own browser is not an administrator.
    assert_eq!(server.post(&path).cookie("aiwe_asked", &ben.browser).send().await.problem().status, 401);
    for sent in 1..5 {
        assert_eq!(send_link(&server, &admin, &ben.id, sent).await.status, StatusCode::OK);
    }
    let refused = send_link(&server, &admin, &ben.id, 5).await.problem();
    assert!(refused.status == 409 && refused.kind.ends_with("no-more-links"), "{refused:?}");
}

async fn one_of_many_parallel_new_links_is_sent(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    let replies = futures::future::join_all((0..50).map(|_| send_link(&server, &admin, &anna.id, 1))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
    assert!(replies.iter().all(|reply| [200, 409].contains(&reply.status.as_u16())));
    server.state.outbox.drain().await.unwrap();
    let mails = server.mails.sent().into_iter().filter(|mail| mail.text.contains("/public/download-certs/"));
    assert_eq!(mails.count(), 2, "the first link and one more");
}

async fn the_lost_certificate_is_revoked_with_the_new_one(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    assert_eq!(redeem(&server, &anna.link, &anna.browser).await.status, StatusCode::OK);
    let revoked = async || {
        let mut tx = server.state.env.store.read().await.unwrap();
        let rows = tx.certificates().list("anna", 0, 10).await.unwrap().rows;
        let mut revoked: Vec<_> = rows.iter().map(|row| row.revoked_at.is_some()).collect();
        revoked.sort_unstable();
        revoked
    };
    send_link(&server, &admin, &anna.id, 1).await;
    assert_eq!(revoked().await, [false], "sending a link revokes nothing");
    let newer = newest_link(&server, "anna@example.org").await;
    // A thief of the new link does not revoke anything either.
    let stolen = server.post(&newer).json(&json!({ "platform": "linux", "password": PASSWORD })).send().await;
    assert_eq!(stolen.problem().status, 403);
    assert_eq!(revoked().await, [false]);
    server.clock.advance(1);
    assert_eq!(redeem(&server, &newer, &anna.browser).await.status, StatusCode::OK);
    assert_eq!(revoked().await, [false, true], "one machine, one certificate");
    // The owner is notified, since it may have been somebody else.
    server.mail_to("anna@example.org", "tell your administrator right away").await;
}

async fn a_new_link_gets_a_new_setup_link(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    let setup = async |link: &str| {
        let reply = server.get(&format!("{link}/setup")).cookie("aiwe_asked", &anna.browser).send().await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        reply.location().trim_start_matches("/setup/").to_owned()
    };
    let first = setup(&anna.link).await;
    assert_eq!(setup(&anna.link).await, first, "every time it is opened");
    server.clock.advance(73 * HOUR);
    let admin = server.signed_in_again(admin).await;
    send_link(&server, &admin, &anna.id, 1).await;
    let newer = newest_link(&server, "anna@example.org").await;
    let second = setup(&newer).await;
    assert_ne!(second, first);
    server.set_up(&second, "").await;
}

async fn the_holder_of_an_expired_link_requests_a_new_one(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    let ask = |body: serde_json::Value| server.post(&format!("{}/new-link", anna.link)).json(&body);
    let early = ask(json!({})).cookie("aiwe_asked", &anna.browser).send().await.problem();
    assert!(early.status == 409 && early.detail.contains("still works"), "{early:?}");
    assert_eq!(offer(&server, &anna.link, Some(&anna.browser)).await.new_link, None);

    server.clock.advance(25 * HOUR);
    let admin = server.signed_in_again(admin).await;
    assert_eq!(offer(&server, &anna.link, None).await.state, DownloadState::Expired);
    // In another browser, the match code is the proof, and that browser gets the cookie.
    let reply = ask(json!({ "match_code": anna.code })).send().await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text());
    let other = reply.cookie("aiwe_asked").expect("the cookie");
    let asked_at = reply.json::<DownloadOffer>().new_link.unwrap().asked_at;
    assert_eq!(asked_at, Some(server.state.env.now()));
    server.mail_to(&admin.email, "anna@example.org can no longer use the link").await;

    let list = "/admin/api/access-requests?waiting=true";
    let waiting: protocol::access::Page<AccessRequestRow> =
        server.get(list).cookie("aiwe_session", &admin.session).send().await.json();
    assert_eq!((waiting.total, waiting.rows[0].links.unwrap().asked_at), (1, asked_at));

    send_link(&server, &admin, &anna.id, 1).await;
    let newer = newest_link(&server, "anna@example.org").await;
    let waiting: protocol::access::Page<AccessRequestRow> =
        server.get(list).cookie("aiwe_session", &admin.session).send().await.json();
    assert_eq!(waiting.total, 0, "the request is settled");
    assert_eq!(redeem(&server, &newer, &other).await.status, StatusCode::OK);
    // A used link is treated like an expired one.
    let lost = server.post(&format!("{newer}/new-link")).cookie("aiwe_asked", &other).send().await;
    assert_eq!(lost.status, StatusCode::ACCEPTED, "{}", lost.text());
}

async fn a_request_for_a_new_link_is_declined(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    let path = format!("/admin/api/access-requests/{}/decline-link", anna.id);
    let decline = |session: &str| {
        let reason = json!({ "reason": "You have <b>left</b>." });
        server.post(&path).cookie("aiwe_session", session).json(&reason).send()
    };
    assert_eq!(decline(&admin.session).await.problem().status, 409, "there is no request");
    assert_eq!(decline("another").await.problem().status, 401);

    server.clock.advance(25 * HOUR);
    let admin = server.signed_in_again(admin).await;
    let ask = || server.post(&format!("{}/new-link", anna.link)).cookie("aiwe_asked", &anna.browser).send();
    assert_eq!(ask().await.status, StatusCode::ACCEPTED);
    let replies = futures::future::join_all((0..20).map(|_| decline(&admin.session))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
    assert!(replies.iter().all(|reply| [200, 409].contains(&reply.status.as_u16())));
    let mail = server.mail_to("anna@example.org", "decided not to send one").await;
    assert!(mail.text.contains("> You have <b>left</b>.") && !mail.html.contains("<b>"), "{mail:?}");
    server.state.outbox.drain().await.unwrap();
    let mails = server.mails.sent().into_iter().filter(|mail| mail.text.contains("decided not to send one"));
    assert_eq!(mails.count(), 1);

    // It is no longer waiting, and its holder cannot request another.
    let list = "/admin/api/access-requests?waiting=true";
    let waiting: protocol::access::Page<AccessRequestRow> =
        server.get(list).cookie("aiwe_session", &admin.session).send().await.json();
    assert_eq!(waiting.total, 0);
    assert_eq!(offer(&server, &anna.link, Some(&anna.browser)).await.new_link, None);
    assert_eq!(ask().await.problem().status, 409);
    let page = server.get(&anna.link).cookie("aiwe_asked", &anna.browser).header("accept", "text/html");
    let page = page.send().await.text();
    assert!(page.contains("/request-access") && !page.contains("Ask for a new link"), "{page}");
    let open = server.get(&format!("/admin/api/access-requests/{}", anna.id));
    let detail: RequestDetail = open.cookie("aiwe_session", &admin.session).send().await.json();
    let last = detail.history.last().unwrap();
    assert_eq!((last.what, last.by.as_deref()), (RequestEvent::LinkDeclined, Some(admin.email.as_str())));

    // An administrator can still send one.
    assert_eq!(send_link(&server, &admin, &anna.id, 1).await.status, StatusCode::OK);
    let newer = newest_link(&server, "anna@example.org").await;
    assert_eq!(redeem(&server, &newer, &anna.browser).await.status, StatusCode::OK);
}

async fn a_thief_of_an_expired_link_gets_nothing(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    server.clock.advance(25 * HOUR);
    let page = format!("{}/new-link", anna.link);
    let (_, other) = server.ask("mallory@example.org").await;
    let before = server.state.outbox.drain().await.map(|_| server.mails.sent().len()).unwrap();
    for exchange in [
        server.post(&page),
        server.post(&page).json(&json!({})),
        server.post(&page).json(&json!({ "match_code": "" })),
        server.post(&page).cookie("aiwe_asked", &other),
        server.post(&page).cookie("aiwe_asked", &other).json(&json!({ "match_code": "2222-2222" })),
    ] {
        let problem = exchange.send().await.problem();
        assert!(problem.status == 403 && problem.error_of("match_code").is_some(), "{problem:?}");
    }
    for _ in 0..9 {
        let wrong = server.post(&page).json(&json!({ "match_code": "2222-2222" })).send().await;
        assert_eq!(wrong.problem().status, 403);
    }
    let right = server.post(&page).json(&json!({ "match_code": anna.code })).send().await;
    assert_eq!(right.problem().status, 429, "after too many wrong codes none is accepted");
    server.state.outbox.drain().await.unwrap();
    let written: Vec<_> = server.mails.sent().split_off(before);
    let to_admin = |mail: &server::mail::Mail| {
        mail.to.as_str() == admin.email && mail.subject.as_str().contains("rong match codes")
    };
    assert!(written.len() == 2 && written.iter().all(to_admin), "only notices of wrong codes: {written:?}");

    // The page shows a thief neither the owner nor whether a new link was requested.
    let own = server.post(&page).cookie("aiwe_asked", &anna.browser).send().await;
    assert_eq!(own.status, StatusCode::ACCEPTED, "the asking browser is not locked out: {}", own.text());
    let shown = server.get(&anna.link).header("accept", "text/html").send().await.text();
    assert!(!shown.contains("anna@example.org") && !shown.contains("You asked for a new link"));
    assert!(offer(&server, &anna.link, None).await.new_link.unwrap().asked_at.is_none());
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "download-link.wrong-code").count(), 10);
    assert_eq!(entries.iter().filter(|e| e.action == "download-link.asked").count(), 1);
}

async fn link_requests_are_limited(server: TestServer) {
    let admin = server.administrator().await;
    let anna = approved(&server, &admin, "anna@example.org").await;
    server.clock.advance(25 * HOUR);
    let ask = || server.post(&format!("{}/new-link", anna.link)).cookie("aiwe_asked", &anna.browser).send();
    let many = futures::future::join_all((0..20).map(|_| ask())).await;
    assert_eq!(many.iter().filter(|reply| reply.status == StatusCode::ACCEPTED).count(), 1);
    assert!(many.iter().all(|reply| [202, 409, 429].contains(&reply.status.as_u16())));
    for _ in 0..2 {
        assert_eq!(ask().await.problem().status, 429);
        server.clock.advance(24 * HOUR);
        assert_eq!(ask().await.status, StatusCode::ACCEPTED);
    }
    server.clock.advance(24 * HOUR);
    assert_eq!(ask().await.problem().status, 409, "three in all");
    let link = offer(&server, &anna.link, Some(&anna.browser)).await.new_link.unwrap();
    assert!(!link.open && link.asked_at.is_some());
}

async fn the_history_lists_who_did_what_and_when(server: TestServer) {
    let admin = server.administrator().await;
    let start = server.state.env.now();
    let (receipt, browser) = server.ask("anna@example.org").await;
    let id = server.pending_request(&admin, "anna@example.org").await;
    server.clock.advance(HOUR);
    let page = receipt.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned();
    server.post(&format!("{page}/remind")).send().await;
    server.clock.advance(HOUR);
    server.state.access.approve(&admin.proof(), &id).await.unwrap();
    let link = newest_link(&server, "anna@example.org").await;
    server.clock.advance(25 * HOUR - 30);
    let admin = server.signed_in_again(admin).await;
    server.post(&format!("{link}/new-link")).cookie("aiwe_asked", &browser).send().await;
    send_link(&server, &admin, &id, 1).await;
    let newer = newest_link(&server, "anna@example.org").await;
    server
        .post(&newer)
        .json(&json!({ "platform": "linux", "password": PASSWORD, "match_code": "2222-2222" }))
        .send()
        .await;
    redeem(&server, &newer, &browser).await;

    let path = format!("/admin/api/access-requests/{id}");
    assert_eq!(server.get(&path).send().await.problem().status, 401);
    let detail: RequestDetail = server.get(&path).cookie("aiwe_session", &admin.session).send().await.json();
    let history: Vec<_> = detail.history.iter().map(|e| (e.at - start, e.what, e.by.as_deref())).collect();
    let by = Some(admin.email.as_str());
    assert_eq!(
        history,
        [
            (0, RequestEvent::Asked, None),
            (HOUR, RequestEvent::Reminded, None),
            (2 * HOUR, RequestEvent::Approved, by),
            (27 * HOUR, RequestEvent::LinkAsked, None),
            (27 * HOUR, RequestEvent::LinkSent, by),
            (27 * HOUR, RequestEvent::WrongCode, None),
            (27 * HOUR, RequestEvent::Fetched, None),
        ]
    );
    assert!(detail.history[6].detail.starts_with("serial "));
    let unknown = server.get("/admin/api/access-requests/none").cookie("aiwe_session", &admin.session);
    assert_eq!(unknown.send().await.problem().status, 404);
}
