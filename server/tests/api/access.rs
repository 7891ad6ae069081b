//! Requesting access, deciding, redeeming.

use std::collections::HashMap;

use app::services::ReviewService;
use http::StatusCode;
use protocol::access::{
    AccessRequestFilter, AccessRequestRow, DownloadOffer, DownloadState, Page, RequestReceipt, RequestState,
    RequestStatus,
};
use serde_json::json;

use crate::on_both;
use crate::support::{PASSWORD, TestServer, repetitions, token_in};

on_both!(
    a_browser_keeps_its_cookie,
    a_request_becomes_a_package_once,
    a_stolen_link_is_useless,
    an_unknown_and_a_known_address_get_the_same_answer,
    decisions_are_made_once,
    every_invalid_field_is_reported,
    one_of_many_parallel_redemptions_succeeds,
    the_status_is_available_as_json_and_as_a_page,
    showing_an_offer_does_not_use_the_link_up,
    requests_and_links_expire,
    the_same_certificate_request_gets_the_same_certificate,
    the_form_is_only_on_the_pages_host,
);

async fn a_request_becomes_a_package_once(server: TestServer) {
    let admin = server.administrator().await;
    let request =
        json!({ "email": "Anna@Example.org", "platform": "windows", "device_name": "Anna’s laptop" });
    let reply = server.post("/public/request-access").json(&request).send().await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let receipt: RequestReceipt = reply.json();
    let browser = reply.cookie("aiwe_asked").unwrap();

    let received = server.mail_to("anna@example.org", "We received your request").await;
    assert!(!received.text.contains(&receipt.match_code) && !received.html.contains(&receipt.match_code));
    assert!(received.text.contains(&receipt.status_url));
    server.mail_to("admin@example.org", "anna@example.org").await;

    let list: Page<AccessRequestRow> =
        server.get("/admin/api/access-requests").cookie("aiwe_session", &admin.session).send().await.json();
    assert_eq!((list.total, list.rows[0].match_code.as_str()), (1, receipt.match_code.as_str()));
    let path = format!("/admin/api/access-requests/{}/approve", list.rows[0].id);
    let reply = server.post(&path).cookie("aiwe_session", &admin.session).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());

    let mail = server.mail_to("anna@example.org", "/public/download-certs/").await;
    let link = format!("/public/download-certs/{}", token_in(&mail.text, "/public/download-certs/"));
    assert!(!mail.text.contains(&receipt.match_code) && !mail.html.contains(&receipt.match_code));
    for _ in 0..3 {
        // Mail scanners may open it any number of times.
        let page = server.get(&link).header("accept", "text/html").send().await;
        assert_eq!(page.status, StatusCode::OK);
    }
    for (platform, kind) in [("windows", "application/x-pkcs12"), ("linux", "")] {
        let body = json!({ "platform": platform, "password": PASSWORD });
        let reply = server.post(&link).cookie("aiwe_asked", &browser).json(&body).send().await;
        if kind.is_empty() {
            assert_eq!(reply.problem().status, 410);
        } else {
            assert_eq!(
                (reply.status, reply.headers["content-type"].to_str().unwrap()),
                (StatusCode::OK, kind)
            );
            assert!(reply.body.len() > 1_000);
        }
    }
}

async fn showing_an_offer_does_not_use_the_link_up(server: TestServer) {
    let admin = server.administrator().await;
    let (token, _, browser) = server.approved(&admin, "anna@example.org").await;
    let link = format!("/public/download-certs/{token}");
    let look = || server.get(&link).header("accept", "application/json");
    let offer: DownloadOffer = look().send().await.json();
    assert!(offer.state == DownloadState::Ready && offer.needs_match_code, "{offer:?}");
    assert_eq!(
        (offer.machines_url.as_str(), offer.pages_url.as_str()),
        ("https://localhost:8443", "http://localhost:8080")
    );
    let ca = server.state.certificates.root_fingerprint_hex().unwrap();
    assert_eq!(
        offer.desktop_link.clone().unwrap(),
        format!("aiwe://enrol?server=https://localhost:8443&ca={ca}&token={token}")
    );
    let offer: DownloadOffer = look().cookie("aiwe_asked", &browser).send().await.json();
    assert!(offer.state == DownloadState::Ready && !offer.needs_match_code, "{offer:?}");
    // All other clients get the page, which has the same link.
    let link_in_page = offer.desktop_link.unwrap().replace('&', "&amp;");
    for accept in ["text/html,application/xhtml+xml", "*/*"] {
        let page = server.get(&link).header("accept", accept).send().await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert!(page.text().contains(&link_in_page), "{}", page.text());
    }
}

/// Behind a proxy, clients see the proxy's certificate, of any CA.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_the_desktop_link_says_to_use_the_systems_authorities() {
    let secret = "a proxy's secret of 32 characters or more";
    let server =
        TestServer::sqlite_with(&[("AIWE_MACHINES__PLAIN", "true"), ("AIWE_PROXY__SECRET", secret)]).await;
    let admin = server.administrator().await;
    let (token, _, _) = server.approved(&admin, "anna@example.org").await;
    let link = format!("/public/download-certs/{token}");
    let offer: DownloadOffer = server.get(&link).header("accept", "application/json").send().await.json();
    assert!(offer.desktop_link.unwrap().ends_with(&format!("&token={token}&tls=system")));
    let page = server.get(&link).header("accept", "text/html").send().await.text();
    assert!(page.contains("&amp;tls=system\""), "{page}");
}

async fn a_stolen_link_is_useless(server: TestServer) {
    let admin = server.administrator().await;
    let (token, code, browser) = server.approved(&admin, "anna@example.org").await;
    let link = format!("/public/download-certs/{token}");
    let body = |code: Option<&str>| json!({ "platform": "linux", "password": PASSWORD, "match_code": code });

    let reply = server.post(&link).json(&body(None)).send().await;
    assert_eq!(reply.problem().status, 403);
    let csr = json!({ "csr": "x" });
    assert_eq!(server.post(&format!("{link}/csr")).json(&csr).send().await.problem().status, 403);
    assert_eq!(server.get(&format!("{link}/setup")).send().await.problem().status, 403);
    // A browser with another request is not the requesting browser.
    let (_, other) = server.ask("mallory@example.org").await;
    let reply = server.post(&link).cookie("aiwe_asked", &other).json(&body(None)).send().await;
    assert_eq!(reply.problem().status, 403);

    // Input that cannot be a code is not counted as a guess.
    for word in ["test", "1234", "anna@example.org", " ", "2222-222"].repeat(3) {
        assert_eq!(server.post(&link).json(&body(Some(word))).send().await.problem().status, 403);
    }
    for _ in 0..10 {
        assert_eq!(server.post(&link).json(&body(Some("2222-2222"))).send().await.problem().status, 403);
    }
    // The administrators are notified twice, not ten times.
    server.state.outbox.drain().await.unwrap();
    let of_codes = |mail: &server::mail::Mail| mail.subject.as_str().contains("rong match codes");
    let mut notices: Vec<_> = server.mails.sent().into_iter().filter(of_codes).collect();
    // Both are due in the same second, so either may be sent first.
    notices.sort_by_key(|mail| mail.subject.as_str().starts_with("A link was locked"));
    assert!(notices.iter().all(|mail| mail.to.as_str() == admin.email), "{notices:?}");
    assert_eq!(notices.len(), 2);
    let words = notices[0].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("3 wrong match codes were entered for the link sent to anna@example.org"),
        "{words}"
    );
    assert!(notices[1].subject.as_str().starts_with("A link was locked"), "{:?}", notices[1].subject);
    let filter = AccessRequestFilter { search: "anna".to_owned(), ..AccessRequestFilter::default() };
    let rows = server.state.access.list(&admin.proof(), filter).await.unwrap().rows;
    assert_eq!(rows[0].links.unwrap().wrong_codes, 10);
    // After that not even the right code is accepted, but the requesting browser is not locked out.
    let reply = server.post(&link).json(&body(Some(&code))).send().await;
    assert_eq!(reply.problem().status, 429);
    let reply = server.post(&link).cookie("aiwe_asked", &browser).json(&body(None)).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
}

async fn an_unknown_and_a_known_address_get_the_same_answer(server: TestServer) {
    let admin = server.administrator().await;
    let ask = |email: &str| server.post("/public/request-access").json(&json!({ "email": email }));
    let (known, unknown) = (ask(&admin.email).send().await, ask("new@example.org").send().await);
    let shape = |reply: &crate::support::Reply| {
        let asked: HashMap<String, String> = reply.json();
        (reply.status, asked.into_iter().map(|(k, v)| (k, v.len())).collect::<HashMap<_, _>>())
    };
    assert_eq!(shape(&known), shape(&unknown));
    // Excess requests get the same answer and are suppressed.
    for _ in 0..5 {
        assert_eq!(shape(&ask("new@example.org").send().await), shape(&unknown));
    }
    let list: Page<AccessRequestRow> = server
        .get("/admin/api/access-requests?search=new%40example")
        .cookie("aiwe_session", &admin.session)
        .send()
        .await
        .json();
    assert_eq!(list.total, 3);
}

async fn decisions_are_made_once(server: TestServer) {
    let admin = server.administrator().await;
    server.ask("anna@example.org").await;
    let id = server.pending_request(&admin, "anna@example.org").await;
    let act = |verb: &str| {
        server.post(&format!("/admin/api/access-requests/{id}/{verb}")).cookie("aiwe_session", &admin.session)
    };
    assert_eq!(
        server.post(&format!("/admin/api/access-requests/{id}/approve")).send().await.problem().status,
        401
    );
    let reply = act("reject").json(&json!({ "reason": "Not one of us" })).send().await;
    assert_eq!(reply.json::<AccessRequestRow>().state, RequestState::Rejected);
    server.mail_to("anna@example.org", "Not one of us").await;
    assert_eq!(act("approve").send().await.problem().status, 409);
    assert_eq!(act("reject").send().await.problem().status, 409);

    server.ask("ben@example.org").await;
    let id = server.pending_request(&admin, "ben@example.org").await;
    let access = &server.state.access;
    let proof = admin.proof();
    let decisions = (0..200).map(|_| ReviewService::approve(access, &proof, &id));
    let decided = futures::future::join_all(decisions).await;
    assert_eq!(decided.iter().filter(|d| d.is_ok()).count(), 1);
    assert!(decided.into_iter().filter_map(Result::err).all(|error| error.into_problem().status == 409));
    server.state.outbox.drain().await.unwrap();
    let approvals = server.mails.sent().into_iter().filter(|m| m.subject.as_str().contains("was approved"));
    assert_eq!(approvals.count(), 1);
}

async fn every_invalid_field_is_reported(server: TestServer) {
    let post = |body: serde_json::Value| server.post("/public/request-access").json(&body);
    let problem = post(json!({ "email": "a\r\nBcc: b@c.d", "platform": "amiga" })).send().await.problem();
    assert_eq!((problem.status, problem.errors.len()), (422, 2));
    assert!(problem.error_of("email").is_some() && problem.error_of("platform").is_some());
    let problem = post(json!({ "email": 7 })).send().await.problem();
    assert!(problem.status == 422 && problem.error_of("email").is_some(), "{problem:?}");
    let reply = server.post("/public/request-access").raw("application/json", "{\"email\":").send().await;
    assert_eq!(reply.problem().status, 400);
    let reply = server.post("/public/request-access").raw("text/plain", "email=a@b.c").send().await;
    assert_eq!(reply.problem().status, 415);
    let reply =
        server.post("/public/request-access").raw("application/json", vec![b' '; 1 << 20]).send().await;
    assert_eq!(reply.problem().status, 413);
    assert_eq!(server.get("/public/request-status/nonsense").send().await.problem().status, 404);
    assert_eq!(
        server
            .post("/public/download-certs/nonsense")
            .json(&json!({ "platform": "linux", "password": PASSWORD }))
            .send()
            .await
            .problem()
            .status,
        404
    );
    assert_eq!(server.get("/nowhere").send().await.problem().status, 404);
    assert_eq!(server.post("/healthz").send().await.problem().status, 405);
}

async fn one_of_many_parallel_redemptions_succeeds(server: TestServer) {
    let admin = server.administrator().await;
    let (token, _, browser) = server.approved(&admin, "anna@example.org").await;
    let link = format!("/public/download-certs/{token}");
    let body = json!({ "platform": "windows", "password": PASSWORD });
    // Each builds its package before it learns whether it was the first.
    let count = repetitions(200, 50);
    let posts = (0..count).map(|_| server.post(&link).cookie("aiwe_asked", &browser).json(&body).send());
    let replies = futures::future::join_all(posts).await;
    let mut counts = HashMap::new();
    for reply in &replies {
        *counts.entry(reply.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(counts, HashMap::from([(200, 1), (410, count - 1)]));
    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(tx.certificates().list("anna", 0, 10).await.unwrap().total, 1);
}

async fn the_status_is_available_as_json_and_as_a_page(server: TestServer) {
    let admin = server.administrator().await;
    let (receipt, browser) = server.ask("anna@example.org").await;
    let path = receipt.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned();
    let status: RequestStatus = server.get(&path).cookie("aiwe_asked", &browser).send().await.json();
    assert_eq!((status.state, status.match_code), (RequestState::Pending, Some(receipt.match_code.clone())));
    // The address of the page alone does not show the code.
    let status: RequestStatus = server.get(&path).send().await.json();
    assert_eq!(status.match_code, None);
    let page = server.get(&path).header("accept", "text/html").cookie("aiwe_asked", &browser).send().await;
    assert!(page.status.is_success() && page.text().contains(&receipt.match_code[..4]));
    let id = server.pending_request(&admin, "anna@example.org").await;
    ReviewService::approve(&server.state.access, &admin.proof(), &id).await.unwrap();
    let status: RequestStatus = server.get(&path).send().await.json();
    assert_eq!(status.state, RequestState::Approved);
}

async fn requests_and_links_expire(server: TestServer) {
    let admin = server.administrator().await;
    let (token, _, browser) = server.approved(&admin, "anna@example.org").await;
    server.ask("ben@example.org").await;
    let id = server.pending_request(&admin, "ben@example.org").await;
    server.clock.advance(73 * 3600);
    let error = ReviewService::approve(&server.state.access, &admin.proof(), &id).await.unwrap_err();
    let problem = error.into_problem();
    assert!(problem.status == 409 && problem.detail.contains("expired"), "{problem}");
    let body = json!({ "platform": "linux", "password": PASSWORD });
    let reply = server
        .post(&format!("/public/download-certs/{token}"))
        .cookie("aiwe_asked", &browser)
        .json(&body)
        .send()
        .await;
    assert_eq!(reply.problem().status, 410);
}

async fn the_same_certificate_request_gets_the_same_certificate(server: TestServer) {
    let admin = server.administrator().await;
    let (token, code, browser) = server.approved(&admin, "anna@example.org").await;
    let link = format!("/public/download-certs/{token}/csr");
    let csr = || {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap()
    };
    let (mine, another) = (csr(), csr());
    let post = |csr: &str| server.post(&link).json(&json!({ "csr": csr, "match_code": code.to_lowercase() }));
    assert_eq!(post("nonsense").send().await.problem().status, 422);
    // Also when it is sent many times concurrently.
    let many = futures::future::join_all((0..50).map(|_| post(&mine).send())).await;
    let first = &many[0];
    for reply in &many {
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, first.text()));
    }
    assert_eq!(first.text().matches("BEGIN CERTIFICATE").count(), 2);
    let again = post(&mine).send().await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, first.text()));
    assert_eq!(post(&another).send().await.problem().status, 410);
    // The set-up is open to the client that knew the code, even if its first answer was lost, and to the requesting browser,
    // and to nobody else.
    let setup = format!("/public/download-certs/{token}/setup");
    let proven = again.cookie("aiwe_asked").unwrap();
    for cookie in [&browser, &proven] {
        let reply = server.get(&setup).cookie("aiwe_asked", cookie).send().await;
        assert!(
            reply.status == StatusCode::SEE_OTHER && reply.location().starts_with("/setup/"),
            "{}",
            reply.text()
        );
    }
    let stranger = server.get(&setup).header("accept", "text/html").send().await;
    assert_eq!(stranger.location(), format!("/public/download-certs/{token}?problem=elsewhere"));
    assert!(
        server
            .get(stranger.location())
            .send()
            .await
            .text()
            .contains("Use the browser you requested access with")
    );
}

/// Cookies are not shared between the hosts, and the mail's link goes to the pages' host, so the form is only there.
async fn the_form_is_only_on_the_pages_host(server: TestServer) {
    let page = |reason: &str| server.get(&format!("/request-access{reason}")).header("accept", "text/html");
    let form = "action=\"/app/access/submit";
    assert!(page("").send().await.text().contains(form));
    let sent = page("?reason=expired").machines().send().await.text();
    assert!(sent.contains("has expired") && !sent.contains(form), "{sent}");
    assert!(sent.contains("href=\"http://localhost:8080/request-access?reason=expired\""), "{sent}");
}

/// After entering another request's match code, a browser can still use its own link.
async fn a_browser_keeps_its_cookie(server: TestServer) {
    let admin = server.administrator().await;
    let (own, _, browser) = server.approved(&admin, "anna@example.org").await;
    let (other, code, _) = server.approved(&admin, "ben@example.org").await;
    let link = |token: &str| format!("/public/download-certs/{token}");
    let body = json!({ "platform": "linux", "password": PASSWORD, "match_code": code });
    let reply = server.post(&link(&other)).cookie("aiwe_asked", &browser).json(&body).send().await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.cookie("aiwe_asked").as_ref(), Some(&browser));
    let body = json!({ "platform": "linux", "password": PASSWORD });
    let reply = server.post(&link(&own)).cookie("aiwe_asked", &browser).json(&body).send().await;
    assert_eq!(reply.status, StatusCode::OK);
}
