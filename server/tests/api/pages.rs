//! The pages as the server renders them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::request_context::RequestContext;
use app::services::ModeService;
use http::Method;
use protocol::access::Platform;

use crate::on_both;
use crate::support::{AdminSession, PASSWORD, Reply, TestServer, context, repetitions};

on_both!(
    forms_work_without_scripts,
    other_sites_cannot_act,
    pages_are_rendered_with_safe_headers,
    server_functions_redirect_nowhere_else,
    server_functions_say_when_to_try_again,
);

async fn pages_are_rendered_with_safe_headers(server: TestServer) {
    let page = server.get("/request-access?reason=expired").header("accept", "text/html").send().await;
    assert_eq!(page.status, 200);
    let (text, csp) = (page.text(), page.headers["content-security-policy"].to_str().unwrap().to_owned());
    assert!(text.contains("has expired") && text.contains("<form"), "{text}");
    let (_, nonce) = csp.split_once("'nonce-").expect("a nonce");
    let nonce = nonce.split('\'').next().unwrap();
    assert!(nonce.len() >= 16 && text.contains(nonce), "{csp}");
    assert!(csp.contains("frame-ancestors 'none'") && csp.contains("'strict-dynamic'"));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(!page.headers.contains_key("strict-transport-security"), "never for localhost");

    let reply = server.get("/admin").header("accept", "text/html").send().await;
    assert!(
        reply.status.is_redirection() && reply.location().starts_with("/login"),
        "{} {}",
        reply.status,
        reply.location()
    );
    let admin = server.administrator().await;
    for path in [
        "/admin",
        "/admin/requests",
        "/admin/certificates",
        "/admin/people",
        "/admin/people/new",
        "/admin/modes",
        "/admin/outbox",
    ] {
        let reply = server
            .get(path)
            .header("accept", "text/html")
            .cookie("aiwe_session", &admin.session)
            .send()
            .await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.text().contains("<h1"), "{path}");
    }
    assert_eq!(server.get("/no/such/page").header("accept", "text/html").send().await.status, 404);
}

async fn server_functions_redirect_nowhere_else(server: TestServer) {
    let admin = server.administrator().await;
    let post = |referer: &str| {
        let post = server.post("/app/mode/list").header("accept", "text/html").header("referer", referer);
        post.header("origin", "http://localhost:8080").form(&[])
    };
    let nobody = post("https://evil.example/x").send().await;
    assert_eq!(nobody.status, 401);
    assert!(!nobody.headers.contains_key("location"), "{:?}", nobody.headers);
    for (referer, path) in [
        ("https://evil.example/x?y=1", "/x?y=1"),
        ("https://evil.example//x", "/"),
        ("http://localhost:8080/admin/modes", "/admin/modes"),
        ("nonsense", "/"),
    ] {
        let reply = post(referer).header("cookie", &format!("aiwe_session={}", admin.session)).send().await;
        assert!(reply.status.is_redirection(), "{}", reply.status);
        // Leptos adds an empty query.
        assert_eq!(reply.location().trim_end_matches('?'), path, "{referer}");
    }
}

async fn server_functions_say_when_to_try_again(server: TestServer) {
    let server = server.restarted_with(&[("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "1")]).await;
    let fields = [("email", "anna@example.org"), ("password", "wrong password here")];
    let post = || server.post("/app/people/sign-in").form(&fields).send();
    post().await;
    let reply = post().await;
    assert_eq!(reply.status, 429);
    let seconds = reply.headers.get("retry-after").expect("Retry-After").to_str().unwrap();
    assert!((1..=60).contains(&seconds.parse().unwrap()), "{seconds}");
}

async fn forms_work_without_scripts(server: TestServer) {
    let page = server.get("/request-access").header("accept", "text/html").send().await.text();
    let action = attribute_after(&page, "<form", "action=\"");
    let post = |email: &str| {
        server
            .post(&action)
            .header("accept", "text/html")
            .header("referer", "http://localhost:8080/request-access")
            .header("origin", "http://localhost:8080")
            .form(&[("email", email), ("platform", "linux"), ("device_name", "Old laptop"), ("message", "")])
    };
    let reply: Reply = post("anna@example.org").send().await;
    assert!(reply.status == 303 || reply.status == 302, "{} {}", reply.status, reply.text());
    assert!(reply.location().contains("/public/request-status/"), "{}", reply.location());
    assert!(reply.cookie("aiwe_asked").is_some());
    let wrong = post("not an address").send().await;
    assert!(wrong.status == 303 || wrong.status == 302, "{}", wrong.status);
    let back = wrong.location().strip_prefix("http://localhost:8080").unwrap_or(wrong.location()).to_owned();
    let mut again = server.get(&back).header("accept", "text/html");
    if let Some(cookie) = wrong.headers.get("set-cookie").and_then(|c| c.to_str().ok()) {
        again = again.header("cookie", cookie.split(';').next().unwrap());
    }
    let page = again.send().await.text();
    assert!(page.contains("Enter an e-mail address"), "the error is on the page");
    assert!(page.contains("not an address") && page.contains("Old laptop"), "what was typed is not lost");
}

async fn other_sites_cannot_act(server: TestServer) {
    let admin = server.administrator().await;
    server.ask("anna@example.org").await;
    let id = server.pending_request(&admin, "anna@example.org").await;
    let path = format!("/admin/api/access-requests/{id}/approve");
    let session = format!("aiwe_session={}", admin.session);
    let foreign: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[],
    ];
    for headers in foreign {
        let mut exchange = server.exchange(Method::POST, &path).header("cookie", &session);
        for (name, value) in headers {
            exchange = exchange.header(name, value);
        }
        let reply = exchange.send().await;
        assert_eq!(reply.status, 403, "{headers:?}");
    }
    let own = server
        .exchange(Method::POST, &path)
        .header("cookie", &session)
        .header("origin", "http://localhost:8080");
    assert_eq!(own.send().await.status, 200);
}

/// Pages under load, with a quarter of the requests cancelled midway: no panic, no wrong status.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_pages_at_once() {
    // Leptos renders parts of a page in separate tasks, whose panics would go unnoticed.
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    /// With hundreds, the last in the queue time out waiting for a database connection on a busy host: 500.
    const MAX_CONCURRENT: usize = 64;
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        default_hook(panic);
    }));
    let server = TestServer::sqlite().await;
    let admin = server.administrator().await;
    for (path, caller) in every_page(&server, &admin).await {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..repetitions(2_000, 120) {
            if tasks.len() == MAX_CONCURRENT {
                tasks.join_next().await.unwrap().unwrap();
            }
            let (server, path, caller) = (server.clone(), path.clone(), caller.clone());
            tasks.spawn(async move {
                let mut request = server.get(&path).header("accept", "text/html");
                match &caller {
                    Caller::Anybody => {}
                    Caller::Browser { cookie, value } => request = request.cookie(cookie, value),
                    Caller::Machine { certificate } => request = request.certificate(certificate),
                }
                if n % 4 == 3 {
                    // A cancelled request.
                    let wait = std::time::Duration::from_micros(n as u64 * 37 % 4_000);
                    let _ = tokio::time::timeout(wait, request.send()).await;
                } else {
                    let reply = request.send().await;
                    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked around {path}");
    }
}

/// First visitors, visitors whose form was rejected, and administrators at the same time: nobody gets what is another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_shows_what_is_anothers() {
    const SYSTEMS: [(&str, &str); 3] =
        [("Windows NT 10.0", "windows"), ("X11; Linux x86_64", "linux"), ("Macintosh; Intel", "macos")];
    let server = TestServer::sqlite().await;
    let admin = server.administrator().await;
    let form = server.get("/request-access").header("accept", "text/html").send().await.text();
    let action = attribute_after(&form, "<form", "action=\"");
    let mut visitors = tokio::task::JoinSet::new();
    for n in 0..repetitions(10_000, 2_500) {
        let (server, action, session) = (server.clone(), action.clone(), admin.session.clone());
        if visitors.len() == 32 {
            nonces_are_new(visitors.join_next().await.unwrap().unwrap());
        }
        let (agent, platform) = SYSTEMS[n % 3];
        visitors.spawn(async move {
            let open =
                |path: &str| server.get(path).header("accept", "text/html").header("user-agent", agent);
            let path = ["/request-access", "/", "/login", "/certificate-test"][n / 3 % 4];
            let page = match n % 20 {
                7 => {
                    let typed = format!("typed by {n}");
                    let rejected = server
                        .post(&action)
                        .header("accept", "text/html")
                        .header("referer", "http://localhost:8080/request-access")
                        .header("origin", "http://localhost:8080")
                        .form(&[
                            ("email", "none"),
                            ("platform", platform),
                            ("device_name", &typed),
                            ("message", ""),
                        ])
                        .send()
                        .await;
                    let cookie = rejected.headers["set-cookie"].to_str().unwrap();
                    let page = open("/request-access").header("cookie", cookie.split(';').next().unwrap());
                    let page = page.send().await;
                    assert!(page.text().contains(&typed), "what was typed is not lost");
                    page
                }
                13 => {
                    let page = open("/account").cookie("aiwe_session", &session).send().await;
                    assert!(page.text().contains("admin@example.org"), "{}", page.text());
                    page
                }
                _ => {
                    let page = open(path).send().await;
                    let text = page.text();
                    assert!(!text.contains("typed by") && !text.contains("admin@example.org"), "{text}");
                    if path == "/request-access" {
                        let chosen = attribute_after(&text, "checked", "value=\"");
                        let before = text.split_once("checked").unwrap().0.rsplit_once("value=\"").unwrap().1;
                        assert!(before.starts_with(platform) || chosen == platform, "{before} {chosen}");
                    }
                    page
                }
            };
            assert_eq!(page.status, 200, "{path}");
            page
        });
    }
    while let Some(page) = visitors.join_next().await {
        nonces_are_new(page.unwrap());
    }
}

/// A page has one nonce, that of its header, which no page before had.
fn nonces_are_new(page: Reply) {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let csp = page.headers["content-security-policy"].to_str().unwrap();
    let nonce = csp.split_once("'nonce-").expect("a nonce").1.split('\'').next().unwrap().to_owned();
    let text = page.text();
    let mut used = text.split("nonce=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).peekable();
    assert!(used.peek().is_some() && used.all(|of_tag| of_tag == nonce), "{csp} {text}");
    assert!(SEEN.lock().unwrap().insert(nonce), "a nonce came twice");
}

/// Who opens a page.
#[derive(Clone)]
enum Caller {
    Anybody,
    Browser { cookie: &'static str, value: String },
    Machine { certificate: Vec<u8> },
}

/// Every route of the pages, with data to show.
async fn every_page(server: &TestServer, admin: &AdminSession) -> Vec<(String, Caller)> {
    let (receipt, _) = server.ask("anna@example.org").await;
    let status = receipt.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned();
    let request = server.pending_request(admin, "anna@example.org").await;
    let (download, _, requesting_browser) = server.approved(admin, "ben@example.org").await;
    let (redeemed, _, browser) = server.approved(admin, "cleo@example.org").await;
    let (access, same_browser) =
        (&server.state.access, RequestContext { requester: Some(browser.into()), ..context() });
    let password = PASSWORD.parse().unwrap();
    access.redeem_package(&same_browser, &redeemed, Platform::Linux, password, None).await.unwrap();
    let setup = access.setup_path(&same_browser, &redeemed).await.unwrap();
    let certificate = server.machine(admin, "dora@example.org").await.der;
    let mode = server.state.modes.list(&admin.proof()).await.unwrap().remove(0).id;

    let signed_in = Caller::Browser { cookie: "aiwe_session", value: admin.session.clone() };
    let requesting_browser = Caller::Browser { cookie: "aiwe_asked", value: requesting_browser };
    // Opened without a session, since signed-in users are redirected from the start page and the sign-in.
    let mut pages = vec![
        ("/".to_owned(), Caller::Anybody),
        ("/login".to_owned(), Caller::Anybody),
        (setup, Caller::Anybody),
        (format!("/public/download-certs/{download}"), requesting_browser),
        ("/sidebar".to_owned(), Caller::Machine { certificate }),
    ];
    let by_administrator = [
        "/request-access",
        &status,
        "/certificate-test",
        "/admin",
        "/admin/requests",
        &format!("/admin/requests/{request}"),
        "/account",
        "/admin/certificates",
        "/admin/people",
        "/admin/people/new",
        &format!("/admin/people/{}", admin.id),
        "/admin/modes",
        &format!("/admin/modes/{mode}"),
        "/admin/modes/new",
        "/admin/outbox",
    ];
    pages.extend(by_administrator.map(|path| (path.to_owned(), signed_in.clone())));
    pages
}

fn attribute_after(page: &str, tag: &str, attribute: &str) -> String {
    let (_, rest) = page.split_once(tag).expect("the tag");
    let (_, rest) = rest.split_once(attribute).expect("the attribute");
    rest.split('"').next().unwrap().to_owned()
}
