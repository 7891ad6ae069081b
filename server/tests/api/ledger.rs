//! The ledger of what left each machine, and one's own machines and sessions.

use protocol::ledger::{OwnDevices, Trigger, UseRow};
use serde_json::{Value, json};
use server::cleanup::clean_up;

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{Machine, Reply, TestServer};

on_both!(
    a_ledger_is_its_persons_alone,
    erasing_leaves_counts_and_an_audit_entry,
    a_policy_limits_how_long_things_are_kept,
    sessions_are_listed_and_ended,
);

async fn ask(server: &TestServer, machine: &Machine, token: &str, capture: &Value) -> Reply {
    let (image, capture) = (blank_png(64, 48), capture.to_string());
    let parts = [("image", Some("x.png"), image.as_slice()), ("capture", None, capture.as_bytes())];
    let reply =
        server.post("/native/analyze").certificate(&machine.der).bearer(token).multipart(&parts).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

async fn own(server: &TestServer, session: &str) -> Vec<Value> {
    let post = server.post("/app/ledger/own").cookie("aiwe_session", session).form(&[("page", "0")]);
    let shown: Value = post.send().await.json();
    shown["page"]["rows"].as_array().unwrap().clone()
}

async fn devices(server: &TestServer, session: &str) -> OwnDevices {
    let post = server.post("/app/people/own-devices").cookie("aiwe_session", session).form(&[]);
    let shown: Value = post.send().await.json();
    serde_json::from_value(shown["devices"].clone()).unwrap()
}

async fn a_ledger_is_its_persons_alone(server: TestServer) {
    let admin = server.administrator().await;
    let (anna, ben) =
        (server.machine(&admin, "anna@example.org").await, server.machine(&admin, "ben@example.org").await);
    let token = server.token(&anna).await;
    let text = json!({ "text": "Total: 4", "program": "calc", "title": "Sheet" }).to_string();
    let image = blank_png(64, 48);
    let body = format!(
        "--line\r\ncontent-disposition: form-data; name=\"text\"\r\ncontent-type: application/json\r\n\r\n{text}\r\n"
    );
    let mut body = body.into_bytes();
    body.extend(b"--line\r\ncontent-disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n");
    body.extend(&image);
    body.extend(b"\r\n--line--\r\n");
    let post = server.post("/native/analyze").certificate(&anna.der).bearer(&token);
    assert_eq!(post.raw("multipart/form-data; boundary=line", body).send().await.status, 200);
    server.state.analyses.finish().await;

    let (anna_session, ben_session) = (server.session_of(&anna).await, server.session_of(&ben).await);
    let rows = own(&server, &anna_session).await;
    let row = &rows[0];
    assert_eq!(
        (&row["program"], &row["title"], &row["with_text"]),
        (&json!("calc"), &json!("Sheet"), &json!(true))
    );
    assert_eq!(
        (&row["decision"], &row["provider"], &row["mode"]),
        (&json!("answered"), &json!("reader"), &json!("General"))
    );
    assert_eq!((&row["image_width"], &row["device"]), (&json!(64), &json!("Test machine")));
    assert_eq!(row["trigger"], json!(Trigger::Asked));

    assert!(own(&server, &ben_session).await.is_empty());
    let id = row["id"].as_str().unwrap();
    for session in [&ben_session, &admin.session] {
        let erase = server.post("/app/ledger/erase").cookie("aiwe_session", session).form(&[("id", id)]);
        assert_eq!(erase.send().await.status, 404, "not even an administrator's");
    }
    // No id is not everything.
    let nothing = server.post("/app/ledger/erase").cookie("aiwe_session", &anna_session).form(&[("id", "")]);
    assert_eq!(nothing.send().await.status, 404);
    let export =
        |session: &str| server.post("/app/ledger/export").cookie("aiwe_session", session).form(&[]).send();
    let exported = export(&anna_session).await;
    assert_eq!(exported.headers["content-disposition"], "attachment; filename=\"ledger.json\"");
    let exported: Value = exported.json();
    assert_eq!((&exported["email"], &exported["total"]), (&json!(anna.email), &json!(1)));
    assert_eq!(exported["entries"][0], *row);
    assert_eq!(export(&ben_session).await.json::<Value>()["entries"], json!([]));
    for path in ["/app/ledger/own", "/app/ledger/erase", "/app/ledger/export", "/app/people/own-devices"] {
        let reply = server.post(path).form(&[("page", "0"), ("id", id), ("all", "true")]).send().await;
        assert_eq!(reply.status, 401, "{path}");
    }
    assert_eq!(own(&server, &anna_session).await.len(), 1);
    let cookie = format!("aiwe_session={anna_session}");
    let crossed = server.post("/app/ledger/export").header("cookie", &cookie);
    let crossed = crossed.header("origin", "https://evil.example").header("sec-fetch-site", "cross-site");
    assert_eq!(crossed.form(&[]).send().await.status, 403);
}

async fn erasing_leaves_counts_and_an_audit_entry(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&anna).await;
    for program in ["firefox", "firefox", "calc"] {
        let capture = json!({ "program": program, "title": "Secret plan", "trigger": "ambient" });
        ask(&server, &anna, &token, &capture).await;
    }
    server.state.analyses.finish().await;
    let session = server.session_of(&anna).await;
    let usage = async || {
        let rows: Vec<UseRow> = server.state.services.ledger.usage(&admin.proof(), 7).await.unwrap();
        rows.into_iter().map(|row| (row.program, row.pictures)).collect::<Vec<_>>()
    };
    let pair = |program: &str, pictures| (program.to_owned(), pictures);
    assert_eq!(usage().await, [pair("firefox", 2), pair("calc", 1)]);
    let history = async || {
        let get = server.get("/native/analyses").certificate(&anna.der).bearer(&token);
        get.send().await.json::<Vec<Value>>().len()
    };
    assert_eq!(history().await, 3);
    let calc = own(&server, &session).await.into_iter().find(|row| row["program"] == "calc").unwrap();
    let one = [("id", calc["id"].as_str().unwrap())];
    let erase = |fields: &[(&str, &str)]| {
        server.post("/app/ledger/erase").cookie("aiwe_session", &session).form(fields).send()
    };
    assert_eq!(erase(&one).await.json::<u64>(), 1);
    assert_eq!(erase(&one).await.status, 404);
    assert_eq!((history().await, own(&server, &session).await.len()), (2, 2));
    assert_eq!(usage().await, [pair("firefox", 2), pair("", 1)]);
    assert_eq!(erase(&[("all", "true")]).await.json::<u64>(), 2);
    assert_eq!((history().await, own(&server, &session).await.len()), (0, 0));
    assert_eq!(usage().await, [pair("", 3)], "that three were sent stays, and not of what");
    let conversations = server.get("/native/conversations").certificate(&anna.der).bearer(&token);
    assert_eq!(conversations.send().await.json::<Value>(), json!([]));

    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let erased: Vec<_> = entries.iter().filter(|entry| entry.action == "ledger.erased").collect();
    let details: Vec<_> = erased.iter().rev().map(|entry| entry.detail.as_str()).collect();
    assert_eq!(details, ["1 entry", "everything, 2 entries"]);
    let mut all = entries.iter().map(|entry| format!("{} {}", entry.subject, entry.detail));
    assert!(all.all(|words| !words.contains("Secret") && !words.contains("firefox")));
}

async fn a_policy_limits_how_long_things_are_kept(server: TestServer) {
    let admin = server.administrator().await;
    let (anna, ben) =
        (server.machine(&admin, "anna@example.org").await, server.machine(&admin, "ben@example.org").await);
    let create = server.post("/app/group/create").cookie("aiwe_session", &admin.session);
    assert_eq!(create.form(&[("name", "Finance")]).send().await.status, 200);
    let groups = server.post("/app/group/list").cookie("aiwe_session", &admin.session).form(&[]);
    let group = groups.send().await.json::<Value>()[0]["id"].as_str().unwrap().to_owned();
    let add = server.post("/app/group/add-members").cookie("aiwe_session", &admin.session);
    let add = add.form(&[("id", &group), ("emails", "anna@example.org")]);
    assert_eq!(add.send().await.status, 200);
    let save = server.post("/app/policy/save").cookie("aiwe_session", &admin.session);
    let fields = [
        ("policy[group]", group.as_str()),
        ("policy[version]", "0"),
        ("policy[cooldown_seconds]", "0"),
        ("policy[retention_days]", "2"),
    ];
    assert_eq!(save.form(&fields).send().await.status, 200);
    for machine in [&anna, &ben] {
        let token = server.token(machine).await;
        ask(&server, machine, &token, &json!({ "program": "calc" })).await;
    }
    server.state.analyses.finish().await;
    let kept = async |machine: &Machine| own(&server, &server.session_of(machine).await).await.len();
    server.clock.advance(2 * 86_400 - 600);
    clean_up(&server.state.env).await.unwrap();
    assert_eq!((kept(&anna).await, kept(&ben).await), (1, 1));
    server.clock.advance(1_200);
    clean_up(&server.state.env).await.unwrap();
    assert_eq!((kept(&anna).await, kept(&ben).await), (0, 1), "only of the group's members");
}

async fn sessions_are_listed_and_ended(server: TestServer) {
    let admin = server.administrator().await;
    let (anna, ben) =
        (server.machine(&admin, "anna@example.org").await, server.machine(&admin, "ben@example.org").await);
    let (token, ben_token) = (server.token(&anna).await, server.token(&ben).await);
    let (session, ben_session) = (server.session_of(&anna).await, server.session_of(&ben).await);
    let shown = devices(&server, &session).await;
    assert_eq!(shown.machines.len(), 1);
    assert!(shown.machines[0].device_name == "Test machine" && !shown.machines[0].revoked);
    let kinds: Vec<_> = shown.sessions.iter().map(|s| (s.device_name.as_deref(), s.is_current)).collect();
    assert_eq!(kinds, [(None, true), (Some("Test machine"), false)]);

    let end = |by: &str, id: &str| {
        server.post("/app/people/end-session").cookie("aiwe_session", by).form(&[("id", id)]).send()
    };
    let native = shown.sessions[1].id.clone();
    for other in [&ben_session, &admin.session] {
        assert_eq!(end(other, &native).await.status, 409, "another person's looks like none");
    }
    let alive = |machine: &Machine, token: &str| {
        server.get("/native/session").certificate(&machine.der).bearer(token).send()
    };
    assert_eq!(alive(&anna, &token).await.status, 200);
    assert_eq!(end(&session, &native).await.status, 200);
    assert_eq!(alive(&anna, &token).await.status, 401, "at once");
    assert_eq!(end(&session, &native).await.status, 409);
    assert_eq!(end(&session, "../x").await.status, 404);
    assert_eq!(alive(&ben, &ben_token).await.status, 200);
    assert_eq!(end(&session, &shown.sessions[0].id).await.status, 200);
    let own = server.post("/app/people/own").cookie("aiwe_session", &session).form(&[]);
    assert_eq!(own.send().await.status, 401, "one's own too");
}
