//! Invalid input: reported by field, and without side effects.

use app::services::ReviewService;
use http::{Method, StatusCode};
use protocol::access::{AccessRequestFilter, DownloadOffer, DownloadState, RequestState};
use protocol::review::RequestDetail;
use serde_json::json;

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{PASSWORD, TestServer};

on_both!(
    nul_characters_are_refused_everywhere,
    invalid_input_is_reported_and_has_no_effect,
    a_nul_character_that_no_check_saw_is_invalid_input
);

async fn invalid_input_is_reported_and_has_no_effect(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "ben@example.org").await;
    let bearer = server.token(&machine).await;
    let (token, _, browser) = server.approved(&admin, "anna@example.org").await;
    let approved = server.pending_request(&admin, "anna@example.org").await;
    server.ask("cleo@example.org").await;
    let pending = server.pending_request(&admin, "cleo@example.org").await;
    let link = format!("/public/download-certs/{token}");
    let (csr, new_link) = (format!("{link}/csr"), format!("{link}/new-link"));
    let request = |id: &str, verb: &str| format!("/admin/api/access-requests/{id}/{verb}");
    let (reject, send_link) = (request(&pending, "reject"), request(&approved, "link"));
    let decline = request(&approved, "decline-link");
    let asked = ("aiwe_asked", browser.as_str());
    let session = ("aiwe_session", admin.session.as_str());

    for (path, (cookie, value), body, fields) in [
        (&link, asked, json!({}), &["platform", "password"] as &[_]),
        (&link, asked, json!({ "platform": "linux" }), &["password"]),
        (&link, asked, json!({ "platform": "linux", "password": "short" }), &["password"]),
        (&link, asked, json!({ "platform": "linux", "password": "x".repeat(257) }), &["password"]),
        (&link, asked, json!({ "platform": "linux", "password": 7 }), &["password"]),
        (&link, asked, json!({ "password": PASSWORD }), &["platform"]),
        (&link, asked, json!({ "platform": "beos", "password": PASSWORD }), &["platform"]),
        (&link, asked, json!({ "platform": ["linux"], "password": PASSWORD }), &["platform"]),
        (&csr, asked, json!({}), &["csr"]),
        (&csr, asked, json!({ "csr": 7 }), &["csr"]),
        (&csr, asked, json!({ "csr": null }), &["csr"]),
        (&new_link, asked, json!({ "match_code": 7 }), &["match_code"]),
        (&new_link, asked, json!("ABCD-2345"), &["body"]),
        (&reject, session, json!({ "reason": 7 }), &["reason"]),
        (&reject, session, json!({ "reason": null }), &["reason"]),
        (&decline, session, json!({ "reason": "x".repeat(2_001) }), &["reason"]),
        (&send_link, session, json!({ "sent": "x" }), &["sent"]),
        (&send_link, session, json!({ "sent": -1 }), &["sent"]),
        (&send_link, session, json!({ "sent": 1.5 }), &["sent"]),
    ] {
        let problem = server.post(path).cookie(cookie, value).json(&body).send().await.problem();
        assert!(problem.status == 422 && problem.is("invalid-input"), "{path} {body}: {problem:?}");
        for field in fields {
            assert!(problem.error_of(field).is_some(), "{path} {body}: {problem:?}");
        }
    }
    for (path, (cookie, value)) in [
        (&link, asked),
        (&csr, asked),
        (&new_link, asked),
        (&reject, session),
        (&decline, session),
        (&send_link, session),
    ] {
        let post = || server.post(path).cookie(cookie, value);
        assert_eq!(post().raw("text/plain", "x").send().await.problem().status, 415, "{path}");
        assert_eq!(post().raw("application/json", "{").send().await.problem().status, 400, "{path}");
    }
    // A browser is redirected to the page, which shows the error.
    for (fields, wrong) in [
        (vec![("platform", "linux")], "password"),
        (vec![("platform", "linux"), ("password", "short")], "password"),
        (vec![("platform", "beos"), ("password", PASSWORD)], "platform"),
        (vec![], "platform"),
    ] {
        let reply = server.post(&link).cookie("aiwe_asked", &browser).form(&fields).send().await;
        assert_eq!((reply.status.as_u16(), reply.location()), (303, &*format!("{link}?problem={wrong}")));
        let page = server.get(reply.location()).header("accept", "text/html");
        assert_eq!(page.cookie("aiwe_asked", &browser).send().await.status, 200, "{fields:?}");
    }
    // The redirect preserves any path.
    let odd = "/public/download-certs/a%C3%A5%0D%0Ab%2F%22";
    let pressed = server.post(odd).form(&[]).send().await;
    assert_eq!((pressed.status.as_u16(), pressed.location()), (303, &*format!("{odd}?problem=platform")));
    let followed = server.get(&format!("{odd}/setup")).header("accept", "text/html").send().await;
    assert_eq!(followed.status, 303, "{}", followed.text());
    assert!(followed.location().starts_with(odd), "{}", followed.location());
    for page in ["x", "-1", "1.5", "4294967296", ""] {
        let requests = server.get(&format!("/admin/api/access-requests?page={page}"));
        let analyses = server.get(&format!("/native/analyses?page={page}"));
        for list in [
            requests.cookie("aiwe_session", &admin.session),
            analyses.certificate(&machine.der).bearer(&bearer),
        ] {
            let problem = list.send().await.problem();
            assert!(problem.status == 422 && problem.error_of("page").is_some(), "{page:?}: {problem:?}");
        }
    }

    let open = server.get(&format!("/admin/api/access-requests/{pending}"));
    let detail: RequestDetail = open.cookie("aiwe_session", &admin.session).send().await.json();
    assert_eq!(detail.request.state, RequestState::Pending);
    let look = server.get(&link).header("accept", "application/json");
    assert_eq!(look.send().await.json::<DownloadOffer>().state, DownloadState::Ready);
    let body = json!({ "platform": "linux", "password": PASSWORD });
    let package = server.post(&link).cookie("aiwe_asked", &browser).json(&body).send().await;
    assert_eq!(package.status, StatusCode::OK, "the link is still good: {}", package.text());
}

async fn nul_characters_are_refused_everywhere(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let native =
        |method: Method, path: &str| server.exchange(method, path).certificate(&machine.der).bearer(&token);
    let panel =
        |method: Method, path: &str| server.exchange(method, path).cookie("aiwe_session", &admin.session);

    for (exchange, field) in [
        (native(Method::GET, "/native/analyses?search=%00"), "search"),
        (native(Method::GET, "/native/analyses?page=0&search=a%00b"), "search"),
        (panel(Method::GET, "/admin/api/access-requests?search=%00"), "search"),
        (
            panel(Method::POST, "/admin/api/access-requests/decide")
                .json(&json!({ "verdict": "approve", "ids": ["1", "\0"] })),
            "ids[1]",
        ),
        (
            panel(Method::POST, "/admin/api/access-requests/decide")
                .json(&json!({ "verdict": "approve", "ids": ["\0"] })),
            "ids[0]",
        ),
        (
            server.post("/public/download-certs/x/csr").json(&json!({ "csr": "", "match_code": "\0" })),
            "match_code",
        ),
        (
            server
                .post("/public/request-access")
                .json(&json!({ "email": "a@example.org", "other": { "field": "\0" } })),
            "other.field",
        ),
        (panel(Method::POST, "/app/certificate/list").form(&[("search", "\0"), ("page", "0")]), "search"),
        (panel(Method::POST, "/app/mode/save").form(&[("mode[prompt]", "a\0b")]), "prompt"),
        (server.post("/app/people/sign-in").form(&[("email", "\0"), ("password", "x")]), "email"),
    ] {
        let (method, path) = exchange.address();
        let problem = exchange.send().await.problem();
        assert!(problem.status == 422 && problem.error_of(field).is_some(), "{method} {path}: {problem:?}");
    }
    let image = blank_png(64, 64);
    for field in ["context", "mode"] {
        let parts = [("image", Some("x.png"), image.as_slice()), (field, None, b"a\0b".as_slice())];
        let problem = native(Method::POST, "/native/analyze").multipart(&parts).send().await.problem();
        assert!(problem.status == 422 && problem.error_of(field).is_some(), "{problem:?}");
    }
    for exchange in [
        native(Method::GET, "/native/analyses/%00"),
        native(Method::GET, "/native/analyses/a%00b/image"),
        native(Method::DELETE, "/native/analyses/%00"),
        panel(Method::GET, "/admin/api/access-requests/%00"),
        panel(Method::POST, "/admin/api/access-requests/%00/approve"),
        panel(Method::POST, "/admin/api/access-requests/%00/reject"),
        panel(Method::POST, "/admin/api/access-requests/%00/link"),
        server.get("/public/request-status/%00"),
        server.get("/public/download-certs/%00"),
    ] {
        let (method, path) = exchange.address();
        assert_eq!(exchange.send().await.problem().status, 404, "{method} {path}");
    }
    // An escaped NUL in the text itself is allowed.
    let found = native(Method::GET, "/native/analyses?search=%2500").send().await;
    assert_eq!(found.json::<Vec<serde_json::Value>>().len(), 0);
    let decide = panel(Method::POST, "/admin/api/access-requests/decide");
    let decided = decide.json(&json!({ "verdict": "approve", "ids": ["\\u0000"] })).send().await;
    assert_eq!(decided.status, 200, "{}", decided.text());
    // Navigations get a page.
    for (path, status) in [("/admin/requests?search=%00", 422), ("/admin/requests/%00", 404)] {
        let page = panel(Method::GET, path).header("accept", "text/html").send().await;
        let kind = page.headers["content-type"].to_str().unwrap();
        assert!(page.status == status && kind.starts_with("text/html"), "{path}: {} {kind}", page.status);
    }
}

/// The database is the last to notice it: SQLite takes it, PostgreSQL does not.
async fn a_nul_character_that_no_check_saw_is_invalid_input(server: TestServer) {
    let admin = server.administrator().await;
    let filter = AccessRequestFilter { search: "\0".to_owned(), ..AccessRequestFilter::default() };
    let listed = server.state.access.list(&admin.proof(), filter).await;
    match server.state.env.store.kind() {
        "postgres" => {
            let problem = listed.unwrap_err().into_problem();
            assert!(problem.status == 422 && problem.detail.contains("NUL"), "{problem:?}");
        }
        _ => assert_eq!(listed.unwrap().total, 0),
    }
}
