//! Reminders that a certificate expires, and their link to the next one.

use app::request_context::RequestContext;
use app::services::{CertificateService, DownloadService, LinkService, ReviewService};
use domain::clock::Clock;
use protocol::access::{AccessRequestFilter, AccessRequestRow, RequestState};
use protocol::native::Renewed;
use serde_json::json;

use crate::on_both;
use crate::support::{AdminSession, Exchange, Machine, PASSWORD, TestServer, context, token_in};

on_both!(
    a_renewal_by_the_machine_invalidates_the_link,
    each_reminder_is_mailed_once,
    renewed_and_revoked_machines_get_no_reminder,
    one_of_many_parallel_redemptions_succeeds,
    the_link_works_only_on_its_machine,
    no_new_link_can_be_sent,
);

const DAY: i64 = 24 * 3600;
const PATH: &str = "/public/download-certs/";

/// The expiry reminders to an address so far.
async fn reminders(server: &TestServer, address: &str) -> Vec<server::mail::Mail> {
    server.state.outbox.drain().await.unwrap();
    let sent = server.mails.sent().into_iter();
    sent.filter(|m| m.to.as_str() == address && m.subject.as_str().contains("expires soon")).collect()
}

async fn remind(server: &TestServer) -> usize {
    server.state.access.send_due_reminders().await.unwrap()
}

/// A machine whose owner has got a reminder, and the link's path.
async fn reminded(server: &TestServer, admin: &AdminSession, email: &str) -> (Machine, String) {
    let machine = server.machine(admin, email).await;
    server.clock.advance(62 * DAY);
    assert!(remind(server).await >= 1);
    let mail = reminders(server, email).await.remove(0);
    (machine, format!("{PATH}{}", token_in(&mail.text, PATH)))
}

fn redeem<'a>(server: &'a TestServer, link: &str) -> Exchange<'a> {
    server.post(link).json(&json!({ "platform": "linux", "password": PASSWORD }))
}

async fn each_reminder_is_mailed_once(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let ends_at = server.clock.unix() + 90 * DAY;
    server.clock.advance(60 * DAY);
    assert_eq!(remind(&server).await, 0, "the desktop program has a day's head start");
    server.clock.advance(DAY);
    // Also when several servers run the job concurrently.
    let both = tokio::join!(remind(&server), remind(&server), remind(&server));
    assert_eq!(both.0 + both.1 + both.2, 1);
    let mails = reminders(&server, &machine.email).await;
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert!(mail.text.contains("“Test machine”") && mail.subject.as_str().contains("Test machine"));
    assert!(mail.text.contains(&app::instant::date(ends_at)[..8]), "{}", mail.text);
    assert!(mail.text.contains(&format!("https://localhost:8443{PATH}")), "{}", mail.text);

    server.clock.advance(20 * DAY);
    assert_eq!(remind(&server).await, 0);
    server.clock.advance(3 * DAY);
    assert_eq!(remind(&server).await, 1);
    assert_eq!(remind(&server).await, 0);
    let mails = reminders(&server, &machine.email).await;
    assert_eq!(mails.len(), 2);
    assert_eq!(token_in(&mails[0].text, PATH), token_in(&mails[1].text, PATH), "one link");

    // After a long downtime, the owner is reminded once.
    server.machine(&admin, "ben@example.org").await;
    server.clock.advance(88 * DAY);
    assert_eq!(remind(&server).await, 1);
    assert_eq!(remind(&server).await, 0);
    assert_eq!(reminders(&server, "ben@example.org").await.len(), 1);
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "certificate.end-announced").count(), 3);
}

async fn renewed_and_revoked_machines_get_no_reminder(server: TestServer) {
    let admin = server.administrator().await;
    let renewed = server.machine(&admin, "renewed@example.org").await;
    let revoked = server.machine(&admin, "revoked@example.org").await;
    server.clock.advance(61 * DAY);
    server
        .state
        .certificates
        .revoke(&admin.proof(), revoked.certificate_id.as_str(), "", "lost")
        .await
        .unwrap();
    let token = server.token(&renewed).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let post = server.post("/native/renew").certificate(&renewed.der).bearer(&token);
    assert_eq!(post.json(&json!({ "csr": csr })).send().await.status, 200);
    server.clock.advance(5 * DAY);
    assert_eq!(remind(&server).await, 0);
    server.clock.advance(30 * DAY);
    assert_eq!(remind(&server).await, 0, "an expired certificate needs no reminder");
}

async fn the_link_works_only_on_its_machine(server: TestServer) {
    let admin = server.administrator().await;
    let other = server.machine(&admin, "ben@example.org").await;
    server.clock.advance(3 * DAY);
    let (machine, link) = reminded(&server, &admin, "anna@example.org").await;

    // Holders of only the link: a stranger, another machine, a browser with another request.
    let (_, browser) = server.ask("mallory@example.org").await;
    let foreign = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.der().to_vec();
    for exchange in [
        redeem(&server, &link),
        redeem(&server, &link).machines(),
        redeem(&server, &link).certificate(&other.der),
        redeem(&server, &link).certificate(&foreign),
        redeem(&server, &link).cookie("aiwe_asked", &browser),
    ] {
        assert_eq!(exchange.send().await.problem().status, 403);
    }
    let page = server.get(&link).certificate(&machine.der).header("accept", "text/html").send().await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("name=\"match_code\""), "the machine need not know a code");
    // This link has no match code, so the page does not ask for one.
    for page in [server.get(&link), server.get(&link).certificate(&other.der)] {
        let page = page.header("accept", "text/html").send().await.text();
        assert!(
            page.contains("Open this link on the machine itself") && !page.contains("name=\"match_code\"")
        );
        assert!(!page.contains("aiwe://"), "the desktop program renews by itself");
    }
    let by_code = json!({ "platform": "linux", "password": PASSWORD, "match_code": "2345-6789" });
    for _ in 0..12 {
        let refused = server.post(&link).json(&by_code).send().await.problem();
        assert!(
            refused.is("machine-certificate"),
            "codes are not accepted here, so none is counted: {refused:?}"
        );
    }

    let before =
        server.state.env.store.read().await.unwrap().certificates().count_machines(server.clock.unix()).await;
    let reply = redeem(&server, &link).certificate(&machine.der).send().await;
    assert_eq!(
        (reply.status.as_u16(), reply.headers["content-type"].to_str().unwrap()),
        (200, "application/zip")
    );
    assert_eq!(redeem(&server, &link).certificate(&machine.der).send().await.problem().status, 410);
    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(
        tx.certificates().count_machines(server.clock.unix()).await.unwrap(),
        before.unwrap(),
        "no new machine"
    );
    let next = tx.certificates().successor_of(&machine.certificate_id).await.unwrap().unwrap();
    let former = tx.certificates().find(&machine.certificate_id).await.unwrap().unwrap();
    assert_eq!(
        (next.machine_id, next.account_id, next.device_name),
        (former.machine_id, former.account_id, former.device_name)
    );
    drop(tx);
    let successor = Machine { der: next.certificate, ..machine };
    server.token(&successor).await;
    assert_eq!(remind(&server).await, 0, "a renewed certificate needs no reminder");

    // Administrators see that the server made the request.
    let filter = AccessRequestFilter { search: "anna".to_owned(), ..AccessRequestFilter::default() };
    let rows = server.state.access.list(&admin.proof(), filter).await.unwrap().rows;
    let by_server = |row: &&AccessRequestRow| row.decided_by.as_deref() == Some("server");
    let row = rows.iter().find(by_server).unwrap();
    assert_eq!(row.state, RequestState::Redeemed);
}

async fn a_renewal_by_the_machine_invalidates_the_link(server: TestServer) {
    let admin = server.administrator().await;
    let (machine, link) = reminded(&server, &admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let post = server.post("/native/renew").certificate(&machine.der).bearer(&token);
    let renewed: Renewed = post.json(&json!({ "csr": csr })).send().await.json();
    assert!(!renewed.certificate.is_empty());
    assert_eq!(redeem(&server, &link).certificate(&machine.der).send().await.problem().status, 410);

    // A revoked machine and one with an expired certificate get nothing, either.
    let (revoked, link) = reminded(&server, &admin, "ben@example.org").await;
    server
        .state
        .certificates
        .revoke(&admin.proof(), revoked.certificate_id.as_str(), "", "lost")
        .await
        .unwrap();
    assert_eq!(redeem(&server, &link).certificate(&revoked.der).send().await.problem().status, 403);
    let (ended, link) = reminded(&server, &admin, "carl@example.org").await;
    server.clock.advance(29 * DAY);
    assert_eq!(redeem(&server, &link).certificate(&ended.der).send().await.problem().status, 403);
    let same_browser = RequestContext { requester: Some("x".repeat(43).into()), ..context() };
    let token = link.strip_prefix(PATH).unwrap();
    let offer = server.state.access.offer(&same_browser, token).await.unwrap();
    assert_eq!(offer.state, protocol::access::DownloadState::Expired);
}

async fn one_of_many_parallel_redemptions_succeeds(server: TestServer) {
    let admin = server.administrator().await;
    let (machine, link) = reminded(&server, &admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let by_csr = json!({ "csr": csr });
    // The desktop program renews while somebody clicks the link repeatedly.
    let links = (0..20).map(|_| redeem(&server, &link).certificate(&machine.der).send());
    let renewals = (0..20)
        .map(|_| server.post("/native/renew").certificate(&machine.der).bearer(&token).json(&by_csr).send());
    let (links, renewals) =
        tokio::join!(futures::future::join_all(links), futures::future::join_all(renewals));
    let succeeded = |replies: &[crate::support::Reply]| replies.iter().filter(|r| r.status == 200).count();
    assert!(links.iter().all(|r| matches!(r.status.as_u16(), 200 | 410)));
    assert!(renewals.iter().all(|r| matches!(r.status.as_u16(), 200 | 409)));
    match succeeded(&links) {
        0 => assert_eq!(succeeded(&renewals), 20, "the same request gets the same certificate"),
        1 => assert_eq!(succeeded(&renewals), 0),
        more => panic!("{more} packages"),
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    assert_eq!(tx.certificates().list("anna", 0, 10).await.unwrap().total, 2);
}

/// A new link would be useless: a certificate is renewed only once.
async fn no_new_link_can_be_sent(server: TestServer) {
    let admin = server.administrator().await;
    let (machine, link) = reminded(&server, &admin, "anna@example.org").await;
    for redeemed in [false, true] {
        if redeemed {
            assert_eq!(redeem(&server, &link).certificate(&machine.der).send().await.status, 200);
        }
        let filter = AccessRequestFilter { search: "anna".to_owned(), ..AccessRequestFilter::default() };
        let rows = server.state.access.list(&admin.proof(), filter).await.unwrap().rows;
        let row = rows.iter().find(|row| row.decided_by.as_deref() == Some("server")).unwrap();
        assert!(row.links.is_none(), "administrators are not offered to send one");
        let sent = server.state.access.send_link(&admin.proof(), &row.id, Some(1)).await;
        assert!(sent.unwrap_err().into_problem().is("no-other-link"));
        let request = server.post(&format!("{link}/new-link")).certificate(&machine.der).json(&json!({}));
        assert!(request.send().await.problem().is("no-new-link"));
        let page = server.get(&link).certificate(&machine.der).header("accept", "text/html").send().await;
        assert!(!page.text().contains("new-link"), "nor to the machine");
    }
}
