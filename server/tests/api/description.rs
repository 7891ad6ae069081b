//! `/api/openapi.json` is complete and correct. `Exchange::send` also validates every response in all tests against it.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use protocol::access::{EmailAddress, Message, RequestReceipt};
use protocol::analysis::{AnalysisDocument, MAX_CONTEXT_CHARS};
use protocol::native::{AccessToken, Challenge, Login, SecondFactor};
use protocol::people::NewPassword;
use protocol::review::Decide;
use serde_json::{Value, json};

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{Description, Exchange, Machine, PASSWORD, Reply, TestServer, code_at, token_in};

on_both!(
    each_operation_is_fully_described,
    every_operation_conforms_to_its_description,
    exactly_the_routes_are_described,
    limits_match_the_code,
    the_document_is_cached_and_revalidated,
    violations_of_the_description_are_detected,
    errors_are_described,
);

async fn the_document_is_cached_and_revalidated(server: TestServer) {
    let get = || server.get("/api/openapi.json");
    let first = get().send().await;
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.headers["cache-control"], "public, max-age=0, must-revalidate");
    let etag = first.headers["etag"].to_str().unwrap();
    let again = get().header("if-none-match", etag).send().await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(get().header("if-none-match", "\"another\"").send().await.status, 200);
    for other in [get().send().await, server.restarted_with(&[]).await.get("/api/openapi.json").send().await]
    {
        assert_eq!((&other.body, &other.headers["etag"]), (&first.body, &first.headers["etag"]));
    }
    let moved = server.restarted_with(&[("AIWE_MACHINES_URL", "https://m.example.org")]).await;
    assert_ne!(moved.get("/api/openapi.json").send().await.headers["etag"], etag);

    let document: Value = first.json();
    let servers: Vec<_> = document["servers"].as_array().unwrap().iter().map(|s| &s["url"]).collect();
    assert_eq!(servers, ["https://localhost:8443", "http://localhost:8080"]);
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["description"].as_str().unwrap().contains("server functions under `/app/`"));
}

async fn exactly_the_routes_are_described(server: TestServer) {
    let described = Description::of(&server).await;
    let all: BTreeSet<_> =
        described.operations().map(|o| (o.path.to_owned(), o.method.to_string())).collect();
    let paths: BTreeSet<_> = all.iter().map(|(path, _)| path.clone()).collect();
    let mut routed = BTreeSet::new();
    for path in &paths {
        let concrete = path.replace("{token}", "x").replace("{id}", "x");
        let reply = server.exchange(Method::OPTIONS, &concrete).send().await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = reply.headers["allow"].to_str().unwrap().split(',').map(str::trim);
        let operations = allowed.filter(|method| *method != "HEAD");
        routed.extend(operations.map(|method| (path.clone(), method.to_owned())));
    }
    assert_eq!(routed, all);

    // The table in the documentation lists the same operations.
    let table = include_str!("../../../docs/api.md");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.split_once(' '));
    let rows = rows.map(|(method, path)| (path.split('?').next().unwrap().to_owned(), method.to_owned()));
    assert_eq!(rows.collect::<BTreeSet<_>>(), all);
}

async fn each_operation_is_fully_described(server: TestServer) {
    let described = Description::of(&server).await;
    let mut ids = BTreeSet::new();
    let tags: Vec<_> = described.document["tags"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    for operation in described.operations() {
        let (id, it) = (operation.id().to_owned(), operation.described);
        assert!(ids.insert(id.clone()), "{id} occurs twice");
        let summary = it["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty() && !summary.contains(['\n', '`']), "{id}: {summary:?}");
        assert!(it["tags"].as_array().is_some_and(|t| t.len() == 1 && tags.contains(&&t[0])), "{id}");
        let parameters = it["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let in_path: Vec<_> = parameters.iter().filter(|p| p["in"] == "path").map(|p| &p["name"]).collect();
        let named: Vec<_> =
            operation.path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(in_path, named, "{id}");
        assert!(parameters.iter().all(|p| p["description"].is_string()), "{id}");
        let schemes: BTreeSet<_> = it["security"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|alternative| alternative.as_object().unwrap().keys().cloned())
            .collect();
        assert_eq!(operation.path.starts_with("/native/"), schemes.contains("clientCertificate"), "{id}");
        assert_eq!(operation.path.starts_with("/admin/"), schemes.contains("panelSession"), "{id}");
        let known = &described.document["components"]["securitySchemes"];
        assert!(schemes.iter().all(|scheme| known[scheme].is_object()), "{id}: {schemes:?}");

        let responses = it["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|s| s.starts_with('2') || s == "303") && responses.contains_key("500"),
            "{id}"
        );
        for (status, response) in responses {
            let place = format!("{id} {status}");
            assert!(response["description"].as_str().is_some_and(|d| !d.is_empty()), "{place}");
            let busy = matches!(status.as_str(), "429" | "503");
            assert_eq!(response["headers"]["Retry-After"].is_object(), busy, "{place}");
            if status.starts_with(['4', '5']) {
                let content = &response["content"]["application/problem+json"];
                assert!(content["schema"].is_object(), "{place}");
                for (name, example) in content["examples"].as_object().into_iter().flatten() {
                    let fault = described.schema_fault(&place, &content["schema"], &example["value"]);
                    assert_eq!(fault, None, "{place}: the example {name}");
                    assert_eq!(example["value"]["status"].to_string(), *status, "{place}");
                }
            }
        }
    }
    let rows = "/components/schemas/Page_AccessRequestRow/properties/rows/items/$ref";
    assert_eq!(described.document.pointer(rows).unwrap(), "#/components/schemas/AccessRequestRow");
    let mut references = Vec::new();
    collect_references(&described.document, &mut references);
    for reference in references {
        assert!(described.document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect_references<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, references)),
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| collect_references(field, references));
        }
        _ => {}
    }
}

/// The limits in the description are literals, since attributes accept no constants.
async fn limits_match_the_code(server: TestServer) {
    let document = &Description::of(&server).await.document;
    let field = |schema: &str, field: &str, limit: &str| {
        let value = &document["components"]["schemas"][schema]["properties"][field][limit];
        let value = value.as_u64().unwrap_or_else(|| panic!("{schema}.{field} has no {limit}"));
        usize::try_from(value).unwrap()
    };
    assert_eq!(field("RequestAccess", "email", "maxLength"), EmailAddress::MAX_LENGTH);
    assert_eq!(field("RequestAccess", "message", "maxLength"), Message::MAX_CHARS);
    assert_eq!(field("Reject", "reason", "maxLength"), Message::MAX_CHARS);
    assert_eq!(field("Decide", "reason", "maxLength"), Message::MAX_CHARS);
    assert_eq!(field("Decide", "ids", "maxItems"), Decide::MAX);
    assert_eq!(field("RedeemPackage", "password", "minLength"), NewPassword::MIN_CHARS);
    assert_eq!(field("RedeemPackage", "password", "maxLength"), NewPassword::MAX_CHARS);
    assert_eq!(field("Question", "context", "maxLength"), MAX_CONTEXT_CHARS);
    let longest = field("RequestAccess", "device_name", "maxLength");
    let device = |chars: usize| "x".repeat(chars).parse::<protocol::access::DeviceName>();
    assert!(device(longest).is_ok() && device(longest + 1).is_err());
    // 16 KiB, as the introduction says.
    for (bytes, status) in [(16 * 1024, 400), (16 * 1024 + 1, 413)] {
        let spaces = vec![b' '; bytes];
        let reply = server.post("/public/request-access").raw("application/json", spaces).send().await;
        assert_eq!(reply.problem().status, status, "{bytes}");
    }
}

/// Records which operations were called.
struct Coverage {
    description: &'static Description,
    answered: BTreeSet<String>,
}

impl Coverage {
    /// Sends a request; the response must have this status.
    async fn send(&mut self, exchange: Exchange<'_>, status: u16) -> Reply {
        let (method, path) = exchange.address();
        let reply = exchange.send().await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}: {}", reply.text());
        let operation = self.description.operation(&method, &path).expect("an operation");
        self.answered.insert(operation.id().to_owned());
        reply
    }
}

/// From the request for access to deleting an analysis: each operation at least once, successfully.
async fn every_operation_conforms_to_its_description(server: TestServer) {
    let server = server.restarted_with(&[("AIWE_SCREENSHOTS__KEEP", "true")]).await;
    let description = Description::of(&server).await;
    let mut coverage = Coverage { description, answered: BTreeSet::new() };
    for path in ["/api/openapi.json", "/healthz", "/readyz", "/ca.pem", "/crl.der"] {
        coverage.send(server.get(path), 200).await;
    }
    let authority =
        server.state.env.store.read().await.unwrap().authorities().list().await.unwrap().remove(0).id;
    coverage.send(server.get(&format!("/crl/{authority}")), 200).await;

    let admin = server.administrator().await;
    let mut links = Vec::new();
    for email in ["anna@example.org", "ben@example.org", "carl@example.org", "emil@example.org"] {
        let body =
            json!({ "email": email, "platform": "macos", "device_name": "Laptop", "message": "Hello" });
        let reply = coverage.send(server.post("/public/request-access").json(&body), 202).await;
        let browser = reply.cookie("aiwe_asked").unwrap();
        let receipt: RequestReceipt = reply.json();
        let status = receipt.status_url.strip_prefix("http://localhost:8080").unwrap().to_owned();
        coverage.send(server.get(&status).cookie("aiwe_asked", &browser), 200).await;
        server.clock.advance(600);
        coverage.send(server.post(&format!("{status}/remind")), 200).await;
        let list = server.get("/admin/api/access-requests?state=pending&page=0");
        coverage.send(list.cookie("aiwe_session", &admin.session), 200).await;
        let id = server.pending_request(&admin, email).await;
        let decide = |verb: &str| {
            let path = format!("/admin/api/access-requests/{id}/{verb}");
            server.post(&path).cookie("aiwe_session", &admin.session)
        };
        if email.starts_with("emil") {
            let both = json!({ "verdict": "reject", "ids": [id, "unknown"], "reason": "Not now" });
            let path = "/admin/api/access-requests/decide";
            coverage.send(server.post(path).cookie("aiwe_session", &admin.session).json(&both), 200).await;
        } else if email.starts_with("carl") {
            coverage.send(decide("reject").json(&json!({ "reason": "Not now" })), 200).await;
            coverage.send(server.get(&status), 200).await;
        } else {
            coverage.send(decide("approve"), 200).await;
            let path = format!("/admin/api/access-requests/{id}");
            coverage.send(server.get(&path).cookie("aiwe_session", &admin.session), 200).await;
            let mail = server.mail_to(email, "/public/download-certs/").await;
            let token = token_in(&mail.text, "/public/download-certs/");
            links.push((format!("/public/download-certs/{token}"), receipt.match_code, browser));
        }
    }

    let (link, code, browser) = &links[0];
    coverage.send(server.get(link).header("accept", "application/json"), 200).await;
    coverage.send(server.get(&format!("{link}/setup")).cookie("aiwe_asked", browser), 303).await;
    let package = json!({ "platform": "macos", "password": PASSWORD, "match_code": code });
    coverage.send(server.post(link).json(&package), 200).await;
    let new_link = server.post(&format!("{link}/new-link"));
    coverage.send(new_link.json(&json!({ "match_code": code })), 202).await;
    let id = server.pending_request(&admin, "anna@example.org").await;
    let decline = server.post(&format!("/admin/api/access-requests/{id}/decline-link"));
    let decline = decline.cookie("aiwe_session", &admin.session);
    coverage.send(decline.json(&json!({ "reason": "Use the first." })), 200).await;
    let send = server.post(&format!("/admin/api/access-requests/{id}/link"));
    let send = send.cookie("aiwe_session", &admin.session);
    coverage.send(send.json(&json!({ "sent": 1 })), 200).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let (link, code, _) = &links[1];
    let body = json!({ "csr": csr, "match_code": code });
    coverage.send(server.post(&format!("{link}/csr")).json(&body), 200).await;

    let machine = server.machine(&admin, "dora@example.org").await;
    let login = Login { username: machine.email.clone(), password: PASSWORD.into() };
    let reply = coverage.send(server.post("/native/login").certificate(&machine.der).json(&login), 200).await;
    let challenge = reply.json::<Challenge>().challenge;
    let factor = SecondFactor { challenge, code: code_at(&machine.totp, server.state.env.now()).into() };
    let verify = server.post("/native/verify-2fa").certificate(&machine.der).json(&factor);
    let token = coverage.send(verify, 200).await.json::<AccessToken>().access_token;
    let native = |method: Method, path: &str| {
        server.exchange(method, path).certificate(&machine.der).bearer(token.expose())
    };
    coverage.send(native(Method::GET, "/native/session"), 200).await;
    coverage.send(native(Method::GET, "/native/modes"), 200).await;
    let policy = coverage.send(native(Method::GET, "/native/policy"), 200).await;
    let etag = policy.headers["etag"].to_str().unwrap();
    coverage.send(native(Method::GET, "/native/policy").header("if-none-match", etag), 304).await;
    let signed_in = SignedInMachine { server: &server, machine: &machine, token: token.expose() };
    analyse(&mut coverage, &signed_in).await;
    converse(&mut coverage, &signed_in).await;
    coverage.send(native(Method::POST, "/native/logout"), 204).await;

    server.clock.advance(61 * 24 * 3600);
    let token = server.token(&machine).await;
    let renew = server.post("/native/renew").certificate(&machine.der).bearer(&token);
    coverage.send(renew.json(&json!({ "csr": csr })), 200).await;

    let all: BTreeSet<_> = description.operations().map(|o| o.id().to_owned()).collect();
    assert_eq!(coverage.answered, all);
}

struct SignedInMachine<'s> {
    server: &'s TestServer,
    machine: &'s Machine,
    token: &'s str,
}

impl<'s> SignedInMachine<'s> {
    fn exchange(&self, method: Method, path: &str) -> Exchange<'s> {
        self.server.exchange(method, path).certificate(&self.machine.der).bearer(self.token)
    }
}

/// What one can do with an analysis. The last one stays.
async fn analyse(coverage: &mut Coverage, machine: &SignedInMachine<'_>) {
    let (server, native) = (machine.server, |method, path: &str| machine.exchange(method, path));
    let image = blank_png(320, 200);
    let parts = [("image", Some("a.png"), image.as_slice()), ("context", None, b"What is this?".as_slice())];
    let reply = coverage.send(native(Method::POST, "/native/analyze").multipart(&parts), 200).await;
    let id = reply.json::<AnalysisDocument>().done.analysis_id;
    let stream = native(Method::POST, "/native/analyze").header("accept", "text/event-stream");
    let reply = coverage.send(stream.multipart(&parts), 200).await;
    assert!(reply.text().contains("event: done"), "{}", reply.text());
    server.state.analyses.finish().await;
    coverage.send(native(Method::GET, "/native/analyses?search=this&page=0"), 200).await;
    coverage.send(native(Method::GET, &format!("/native/analyses/{id}")), 200).await;
    coverage.send(native(Method::GET, &format!("/native/analyses/{id}/image")), 200).await;
    coverage.send(native(Method::GET, &format!("/native/analyses/{id}/events")), 200).await;
    coverage.send(native(Method::POST, &format!("/native/analyses/{id}/cancel")), 204).await;
    // That a question is answered is tested beside the runs.
    let given = json!({ "question": "0.0.0", "answer": "yes" });
    let answer = native(Method::POST, &format!("/native/analyses/{id}/answers")).json(&given);
    coverage.send(answer, 404).await;
    propose_an_edit(server, &id).await;
    let report = json!({"edits": ["1"], "program": "Editor", "outcome": {"result": "declined"}});
    let report = native(Method::POST, &format!("/native/analyses/{id}/edits/outcome")).json(&report);
    coverage.send(report, 204).await;
    coverage.send(native(Method::DELETE, &format!("/native/analyses/{id}")), 204).await;
}

/// What one can do with the conversation of the analysis that is there.
async fn converse(coverage: &mut Coverage, machine: &SignedInMachine<'_>) {
    let native = |method, path: &str| machine.exchange(method, path);
    let list = coverage.send(native(Method::GET, "/native/conversations?search=this&page=0"), 200).await;
    let conversation = list.json::<Value>()[0]["id"].as_str().unwrap().to_owned();
    let conversation = format!("/native/conversations/{conversation}");
    coverage.send(native(Method::GET, &conversation), 200).await;
    let rename = native(Method::PATCH, &conversation).json(&json!({ "title": "Another title" }));
    coverage.send(rename, 204).await;
    for format in ["markdown", "json"] {
        coverage.send(native(Method::GET, &format!("{conversation}/export?format={format}")), 200).await;
    }
    coverage.send(native(Method::DELETE, &conversation), 204).await;
}

/// Common errors, each with its documented type; `send` validates it.
async fn errors_are_described(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let post = |path: &str| server.post(path).certificate(&machine.der);
    let login = json!({ "username": "anna@example.org", "password": "wrong password" });
    for (exchange, status, kind) in [
        (server.post("/native/login").json(&login), 403, "client-certificate:missing"),
        (post("/native/login"), 415, "unsupported-media-type"),
        (post("/native/login").raw("application/json", "{"), 400, "malformed"),
        (post("/native/login").json(&json!({ "username": "anna" })), 422, "invalid-input"),
        (post("/native/login").json(&json!({ "username": 1, "password": "x" })), 422, "invalid-input"),
        (post("/native/login").raw("application/json", vec![b' '; 300_000]), 413, "too-large"),
        (post("/native/login").json(&login), 401, "wrong-credentials"),
        (
            post("/native/verify-2fa").json(&json!({ "challenge": "x", "code": "1" })),
            401,
            "challenge-expired",
        ),
        (post("/native/logout"), 401, "sign-in-required"),
        (post("/native/logout").header("sec-fetch-site", "cross-site"), 403, "cross-site"),
        (server.get("/admin/api/access-requests"), 401, "sign-in-required"),
        (server.get("/public/request-status/nothing"), 404, "not-found"),
        (server.get("/public/download-certs/nothing").header("accept", "application/json"), 404, "not-found"),
        (server.get("/public/download-certs/nothing/setup"), 404, "not-found"),
    ] {
        let (method, path) = exchange.address();
        let problem = exchange.send().await.problem();
        assert!(problem.status == status && problem.is(kind), "{method} {path}: {problem:?}");
    }
    let navigation = server.get("/native/modes").header("sec-fetch-mode", "navigate").send().await;
    assert_eq!(navigation.status, StatusCode::SEE_OTHER);

    let strict = server.restarted_with(&[("AIWE_LIMITS__SIGN_IN_PER_MINUTE", "1")]).await;
    let attempt = || strict.post("/native/login").certificate(&machine.der).json(&login);
    attempt().send().await;
    assert_eq!(attempt().send().await.problem().status, 429);
    let full = server.restarted_with(&[("AIWE_ACCESS__MAX_PENDING", "1")]).await;
    let ask = || full.post("/public/request-access").json(&json!({ "email": "ben@example.org" }));
    assert_eq!(ask().send().await.status, 202);
    assert_eq!(ask().send().await.problem().status, 503);

    server.state.env.store.close().await;
    assert_eq!(server.get("/healthz").send().await.status, 200);
    let reply = server.get("/readyz").send().await;
    assert_eq!(
        (reply.problem().status, reply.json::<Value>()["components"]["database"].as_str()),
        (503, Some("failed"))
    );
    assert_eq!(server.get("/public/request-status/nothing").send().await.problem().status, 500);
}

/// Tests the validation itself: each kind of violation is detected.
async fn violations_of_the_description_are_detected(server: TestServer) {
    let description = Description::of(&server).await;
    let operation = description.operation(&Method::GET, "/healthz").unwrap();
    let good = || Reply {
        status: StatusCode::OK,
        headers: [(http::header::CONTENT_TYPE, "application/json".parse().unwrap())].into_iter().collect(),
        body: br#"{"status":"ok"}"#.to_vec(),
    };
    let fault = |change: fn(&mut Reply)| {
        let mut reply = good();
        change(&mut reply);
        description.fault(&operation, &reply)
    };
    assert_eq!(fault(|_| ()), None);
    let violations: [fn(&mut Reply); 5] = [
        |reply| reply.status = StatusCode::ACCEPTED,
        |reply| reply.body = br#"{"status":"good"}"#.to_vec(),
        |reply| reply.body = br"{}".to_vec(),
        |reply| reply.body = br#"{"status":"ok","more":1}"#.to_vec(),
        |reply| _ = reply.headers.insert("content-type", "text/plain".parse().unwrap()),
    ];
    for violation in violations {
        assert!(fault(violation).is_some());
    }
    let login = description.operation(&Method::POST, "/native/login").unwrap();
    let problem = json!({ "type": "urn:aiwe:problem:surprise", "title": "Surprise", "status": 401 });
    let mut unknown = Reply { status: StatusCode::UNAUTHORIZED, body: problem.to_string().into(), ..good() };
    unknown.headers.insert("content-type", "application/problem+json".parse().unwrap());
    assert!(description.fault(&login, &unknown).is_some_and(|fault| fault.contains("surprise")));
    let mut hurried = Reply { status: StatusCode::TOO_MANY_REQUESTS, ..unknown };
    hurried.body = serde_json::to_vec(&protocol::Problem::too_many_requests(3)).unwrap();
    assert!(description.fault(&login, &hurried).is_some_and(|fault| fault.contains("Retry-After")));
    hurried.headers.insert("retry-after", "3".parse().unwrap());
    assert_eq!(description.fault(&login, &hurried), None);
}

/// As if a model had proposed it.
async fn propose_an_edit(server: &TestServer, analysis: &str) {
    let edit = domain::edit::TextEdit {
        id: "1".into(),
        original: "teh".into(),
        replacement: "the".into(),
        rationale: String::new(),
        outcome: None,
    };
    let mut tx = server.state.env.store.begin().await.unwrap();
    tx.analyses().set_edits(&analysis.parse().unwrap(), &[edit]).await.unwrap();
    tx.commit().await.unwrap();
}
