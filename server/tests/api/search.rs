//! Searching in lists: the same on both databases, whatever the case and the accents.

use app::services::{CertificateService, ReviewService};
use protocol::access::{AccessRequestFilter, RequestAccess};
use store::Tx;

use crate::on_both;
use crate::support::TestServer;

on_both!(
    the_history_is_searched_in_every_script,
    certificates_and_requests_are_searched_in_every_script,
    a_search_that_is_too_long_is_refused_by_name,
);

async fn run(server: &TestServer, sql: &str) {
    let mut tx = server.state.env.store.begin().await.unwrap();
    match &mut tx {
        Tx::Sqlite(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
}

/// `text` as a part of an address.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn the_history_is_searched_in_every_script(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let image = crate::analysis::blank_png(64, 64);
    let parts = [("image", Some("x.png"), image.as_slice()), ("context", None, "Ärger mit Größe".as_bytes())];
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    assert_eq!(post.multipart(&parts).send().await.status, 200);
    server.state.analyses.finish().await;
    let mut tx = server.state.env.store.begin().await.unwrap();
    let owner = tx.certificates().find(&machine.certificate_id).await.unwrap().unwrap().account_id;
    let mut record = tx.analyses().list(&owner, "", 1, 0).await.unwrap().remove(0);
    "Der Ordner heißt ФАЙЛ, 100%_fertig".clone_into(&mut record.answer);
    assert!(tx.analyses().finish(&record, &[]).await.unwrap());
    tx.commit().await.unwrap();

    let count = async |search: &str| {
        let path = format!("/native/analyses?search={}", encoded(search));
        let reply = server.get(&path).certificate(&machine.der).bearer(&token).send().await;
        reply.json::<Vec<serde_json::Value>>().len()
    };
    let all = async || {
        for search in [
            "Ärger",
            "ärger",
            "ÄRGER",
            "arger",
            "Gro\u{308}ße",
            "GRÖSSE",
            "größe",
            "файл",
            "Файл",
            "100%_F",
            "",
        ] {
            assert_eq!(count(search).await, 1, "{search}");
        }
        for search in ["Ärgernis", "%g", "100%%", "größe der"] {
            assert_eq!(count(search).await, 0, "{search}");
        }
    };
    all().await;
    // As an earlier version has stored it.
    run(&server, "UPDATE analysis SET search_text = ''").await;
    server.state.env.store.fill_search_texts().await.unwrap();
    all().await;
}

async fn certificates_and_requests_are_searched_in_every_script(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    run(&server, "UPDATE machine_certificate SET device_name = 'Büro ÄÖÜ', search_text = ''").await;
    let restarted = server.restarted_with(&[]).await;
    let certificates = &restarted.state.certificates;
    let proof = admin.proof();
    for (search, found) in
        [("büro äöü", 1), ("BÜRO", 1), ("buro", 1), ("anna@", 1), ("ANNA@", 1), ("Büro x", 0)]
    {
        let page = CertificateService::list(certificates, &proof, search, 0).await.unwrap();
        assert_eq!(page.total, found, "{search}");
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    let serial = tx.certificates().find(&machine.certificate_id).await.unwrap().unwrap().serial;
    drop(tx);
    let page = CertificateService::list(certificates, &proof, &serial.to_uppercase(), 0).await.unwrap();
    assert_eq!(page.total, 1);

    let request: RequestAccess = serde_json::from_value(
        serde_json::json!({ "email": "ben@Müller.example", "device_name": "Ölpumpe ΟΔΥΣΣΕΥΣ" }),
    )
    .unwrap();
    assert_eq!(server.post("/public/request-access").json(&request).send().await.status, 202);
    for (search, found) in [
        ("ÖLPUMPE", 1),
        ("olpumpe", 1),
        ("οδυσσεύς", 1),
        ("ben@müller", 1),
        ("xn--mller-kva", 1),
        ("ölpumpen", 0),
    ] {
        let filter = AccessRequestFilter { search: search.to_owned(), ..Default::default() };
        let page = server.state.access.list(&proof, filter).await.unwrap();
        assert_eq!(page.total, found, "{search}");
    }
}

async fn a_search_that_is_too_long_is_refused_by_name(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let long = "a".repeat(60_000);
    let path = format!("/native/analyses?search={long}");
    let problem = server.get(&path).certificate(&machine.der).bearer(&token).send().await.problem();
    assert!(problem.status == 422 && problem.error_of("search").is_some(), "{problem:?}");

    let proof = admin.proof();
    let filter = AccessRequestFilter { search: long.clone(), ..Default::default() };
    let services = &server.state.services;
    for error in [
        server.state.access.list(&proof, filter).await.unwrap_err(),
        services.certificates.list(&proof, &long, 0).await.unwrap_err(),
        services.accounts.list(&proof, &long, 0).await.unwrap_err(),
    ] {
        let problem = error.into_problem();
        assert!(problem.status == 422 && problem.error_of("search").is_some(), "{problem:?}");
    }
    // The longest one is answered, on both databases.
    let longest = "ä".repeat(domain::search::MAX_SEARCH_CHARS);
    assert_eq!(services.certificates.list(&proof, &longest, 0).await.unwrap().total, 0);
}
