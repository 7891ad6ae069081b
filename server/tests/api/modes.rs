//! Modes: edited in the panel, listed for users.

use http::StatusCode;
use protocol::Problem;
use protocol::analysis::AnalysisDocument;
use protocol::mode::{Mode, ModeSummary};
use store::AuditEntry;

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{AdminSession, Machine, Reply, TestServer};

on_both!(
    a_disabled_mode_cannot_be_chosen,
    a_stale_update_is_rejected,
    without_scripts_a_rejected_form_comes_back_as_it_was_sent,
    a_mode_can_choose_the_built_in_reader,
    a_new_mode_is_listed_by_position,
    only_administrators_edit_modes,
    a_saved_mode_can_be_read_back,
    invalid_fields_are_reported_and_nothing_is_saved,
);

async fn modes(server: &TestServer, admin: &AdminSession) -> Vec<Mode> {
    server.post("/app/mode/list").cookie("aiwe_session", &admin.session).form(&[]).send().await.json()
}

/// The editor's data: the mode, and the providers to choose from. An empty id means a new mode.
async fn editor(server: &TestServer, admin: &AdminSession, id: &str) -> (Mode, Vec<String>) {
    let edit = server.post("/app/mode/edit").cookie("aiwe_session", &admin.session);
    edit.form(&[("id", id)]).send().await.json()
}

/// Submits the editor's form.
async fn save(server: &TestServer, admin: &AdminSession, mode: &Mode) -> Reply {
    post(server, &admin.session, mode).await
}

async fn post(server: &TestServer, session: &str, mode: &Mode) -> Reply {
    let (temperature, position) = (mode.temperature.to_string(), mode.position.to_string());
    let version = mode.version.to_string();
    let mut fields = vec![
        ("mode[id]", mode.id.as_str()),
        ("mode[version]", &version),
        ("mode[name]", &mode.name),
        ("mode[description]", &mode.description),
        ("mode[prompt]", &mode.prompt),
        ("mode[provider]", &mode.provider),
        ("mode[model]", &mode.model),
        ("mode[temperature]", &temperature),
        ("mode[position]", &position),
    ];
    // Unticked checkboxes are not submitted.
    if mode.enabled {
        fields.push(("mode[enabled]", "true"));
    }
    server.post("/app/mode/save").cookie("aiwe_session", session).form(&fields).send().await
}

/// The audit entries about modes, the newest first.
async fn audit_entries(server: &TestServer) -> Vec<AuditEntry> {
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    entries.into_iter().filter(|entry| entry.action.starts_with("mode.")).collect()
}

async fn listed_names(server: &TestServer, machine: &Machine, token: &str) -> Vec<String> {
    let get = server.get("/native/modes").certificate(&machine.der).bearer(token);
    let listed: Vec<ModeSummary> = get.send().await.json();
    listed.into_iter().map(|mode| mode.name).collect()
}

async fn a_saved_mode_can_be_read_back(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let server = server
        .restarted_with(&[
            ("AIWE_PROVIDERS__0__NAME", "Local LLM"),
            ("AIWE_PROVIDERS__0__KIND", "ollama"),
            ("AIWE_PROVIDERS__0__BASE_URL", "http://localhost:9"),
            ("AIWE_PROVIDERS__0__MODEL", "tiny"),
        ])
        .await;
    let first = modes(&server, &admin).await.remove(0);
    let (shown, providers) = editor(&server, &admin, &first.id).await;
    assert_eq!((&shown, providers), (&first, vec!["Local LLM".to_owned(), "reader".to_owned()]));
    let changed = Mode {
        name: "Ämter & Formulare".to_owned(),
        description: "Reads forms.".to_owned(),
        prompt: "You help with forms.\nSay <nothing> else.".to_owned(),
        provider: "Local LLM".to_owned(),
        model: "tiny:latest".to_owned(),
        temperature: 1.25,
        position: 7,
        ..first.clone()
    };
    let reply = save(&server, &admin, &changed).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let stored = Mode { version: first.version + 1, ..changed };
    assert_eq!(reply.json::<Mode>(), stored);
    assert_eq!(editor(&server, &admin, &first.id).await.0, stored);
    assert_eq!(modes(&server, &admin).await.pop().as_ref(), Some(&stored), "the last by its position");
    assert_eq!(
        listed_names(&server, &machine, &token).await,
        ["Reflective Coach", "Coding Assistant", "Ämter & Formulare"]
    );
    let entries = audit_entries(&server).await;
    let audited: Vec<_> = entries.iter().map(|e| (&*e.action, &*e.actor, &*e.subject, &*e.detail)).collect();
    assert_eq!(audited, [("mode.changed", admin.id.as_str(), &*first.id, "Ämter & Formulare")]);
}

async fn a_new_mode_is_listed_by_position(server: TestServer) {
    let admin = server.administrator().await;
    let (empty, _) = editor(&server, &admin, "").await;
    let new = Mode { name: "Proofreader".to_owned(), prompt: "Name the errors.".to_owned(), ..empty };
    let reply = save(&server, &admin, &new).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let saved: Mode = reply.json();
    assert_eq!((saved.version, saved.id.is_empty()), (1, false));
    let names: Vec<_> = modes(&server, &admin).await.into_iter().map(|mode| mode.name).collect();
    assert_eq!(names, ["General", "Reflective Coach", "Coding Assistant", "Proofreader"]);
    let entries = audit_entries(&server).await;
    let audited: Vec<_> = entries.iter().map(|e| (&*e.action, &*e.actor, &*e.subject, &*e.detail)).collect();
    assert_eq!(audited, [("mode.created", admin.id.as_str(), &*saved.id, "Proofreader")]);
    let unknown = server.post("/app/mode/edit").cookie("aiwe_session", &admin.session);
    assert_eq!(unknown.form(&[("id", "no-such-mode")]).send().await.status, 404);
}

async fn a_disabled_mode_cannot_be_chosen(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let image = blank_png(64, 64);
    let ask = |id: &str| {
        let parts = [("image", Some("x.png"), image.as_slice()), ("mode", None, id.as_bytes())];
        server.post("/native/analyze").certificate(&machine.der).bearer(&token).multipart(&parts).send()
    };
    let coach = modes(&server, &admin).await.remove(1);
    assert_eq!(ask(&coach.id).await.status, 200);
    let off = save(&server, &admin, &Mode { enabled: false, ..coach.clone() }).await;
    assert!(off.status == 200 && !off.json::<Mode>().enabled, "{}", off.text());
    assert_eq!(listed_names(&server, &machine, &token).await, ["General", "Coding Assistant"]);
    let problem = ask(&coach.id).await.problem();
    assert!(problem.status == 422 && problem.error_of("mode").is_some(), "{problem:?}");
    assert_eq!(modes(&server, &admin).await.len(), 3, "an administrator still sees it");

    save(&server, &admin, &off.json()).await;
    assert_eq!(ask(&coach.id).await.status, 422, "it stays off");
    let on =
        save(&server, &admin, &Mode { enabled: true, ..editor(&server, &admin, &coach.id).await.0 }).await;
    assert_eq!((on.status.as_u16(), ask(&coach.id).await.status.as_u16()), (200, 200));
}

async fn a_mode_can_choose_the_built_in_reader(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let server = server
        .restarted_with(&[
            ("AIWE_PROVIDERS__0__NAME", "Local LLM"),
            ("AIWE_PROVIDERS__0__KIND", "ollama"),
            ("AIWE_PROVIDERS__0__BASE_URL", "http://localhost:9"),
            ("AIWE_PROVIDERS__0__MODEL", "tiny"),
        ])
        .await;
    let image = blank_png(64, 64);
    let nodes = async |mode: &Mode| {
        let parts = [("image", Some("x.png"), image.as_slice()), ("mode", None, mode.id.as_bytes())];
        let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
        let document: AnalysisDocument = post.multipart(&parts).send().await.json();
        assert_eq!(document.done.provider, "reader");
        document.steps.into_iter().map(|step| step.node).collect::<Vec<_>>()
    };
    let first = modes(&server, &admin).await.remove(0);
    assert_eq!(nodes(&first).await, ["read", "route", "answer", "extract"], "the default is asked first");
    let chosen = save(&server, &admin, &Mode { provider: "reader".to_owned(), ..first }).await;
    assert_eq!(chosen.status, StatusCode::OK, "{}", chosen.text());
    assert_eq!(nodes(&chosen.json()).await, ["read", "route", "extract"], "no model is asked");
}

async fn a_stale_update_is_rejected(server: TestServer) {
    let admin = server.administrator().await;
    let read = modes(&server, &admin).await.remove(0);
    let mine = Mode { prompt: "Mine.".to_owned(), ..read.clone() };
    assert_eq!(save(&server, &admin, &mine).await.status, StatusCode::OK);
    let late = save(&server, &admin, &Mode { prompt: "Late.".to_owned(), ..read.clone() }).await;
    let problem: Problem = late.json();
    assert!(late.status == StatusCode::CONFLICT && problem.is("conflict"), "{problem:?}");
    assert_eq!(modes(&server, &admin).await[0].prompt, "Mine.");

    let read = modes(&server, &admin).await.remove(0);
    let tries: Vec<_> = (0..20).map(|n| Mode { prompt: format!("Number {n}."), ..read.clone() }).collect();
    let replies = futures::future::join_all(tries.iter().map(|mode| save(&server, &admin, mode))).await;
    let (saved, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(saved.len(), 1, "one of those who read the same version");
    assert!(refused.iter().all(|reply| reply.status == 409));
    assert_eq!(modes(&server, &admin).await[0], saved[0].json::<Mode>());
    assert_eq!(audit_entries(&server).await.len(), 2);
}

/// As a browser without scripts posts the editor's form.
async fn post_as_browser(server: &TestServer, admin: &AdminSession, mode: &Mode) -> Reply {
    let version = mode.version.to_string();
    let fields = [
        ("mode[id]", mode.id.as_str()),
        ("mode[version]", &version),
        ("mode[name]", &mode.name),
        ("mode[prompt]", &mode.prompt),
        ("mode[temperature]", "0.3"),
        ("mode[position]", "0"),
    ];
    let post = server.post("/app/mode/save").cookie("aiwe_session", &admin.session);
    post.header("accept", "text/html").form(&fields).send().await
}

async fn without_scripts_a_rejected_form_comes_back_as_it_was_sent(server: TestServer) {
    let admin = server.administrator().await;
    let read = modes(&server, &admin).await.remove(0);
    let theirs = Mode { prompt: "Theirs.".to_owned(), ..read.clone() };
    assert_eq!(save(&server, &admin, &theirs).await.status, StatusCode::OK);
    // Too long for a cookie.
    let prompt = format!("Mine: {}.", "<é> ".repeat(1_900));
    let mine = Mode { prompt: prompt.clone(), ..read.clone() };
    let page = post_as_browser(&server, &admin, &mine).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.text());
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let text = page.text();
    assert!(text.contains("Somebody else saved this mode while you edited it"), "{text}");
    assert!(text.contains("Theirs."), "what the other one has");
    assert!(text.contains(&format!("Mine: {}", "&lt;é&gt; ".repeat(1_900))), "what was typed");
    assert!(text.contains(&format!("href=\"/admin/modes/{}\"", read.id)));
    // Saving again, now that both are known, replaces the other one.
    let version = text.split("name=\"mode[version]\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let again = Mode { version: version.parse().unwrap(), ..mine };
    let saved = post_as_browser(&server, &admin, &again).await;
    assert_eq!((saved.status, saved.location()), (StatusCode::SEE_OTHER, "/admin/modes"));
    assert_eq!(modes(&server, &admin).await[0].prompt, prompt);

    // A short form travels in a cookie, as everywhere.
    let wrong = Mode { name: String::new(), prompt: "Kept.".to_owned(), ..again };
    let sent_back = post_as_browser(&server, &admin, &wrong).await;
    assert_eq!(sent_back.status, StatusCode::SEE_OTHER);
    let editor = format!("/admin/modes/{}", read.id);
    assert_eq!(sent_back.location(), editor);
    let cookie = sent_back.cookie("aiwe-form").unwrap();
    let page = server.get(&editor).cookie("aiwe_session", &admin.session).cookie("aiwe-form", &cookie);
    let text = page.header("accept", "text/html").send().await.text();
    assert!(text.contains("Kept.") && text.contains("Enter a name of 1 to 60 characters."), "{text}");
}

async fn invalid_fields_are_reported_and_nothing_is_saved(server: TestServer) {
    let admin = server.administrator().await;
    let before = modes(&server, &admin).await;
    let right = before[0].clone();
    let new = editor(&server, &admin, "").await.0;
    for (mode, field) in [
        (Mode { name: before[1].name.clone(), ..right.clone() }, "name"),
        (Mode { name: before[1].name.clone(), prompt: "Help.".to_owned(), ..new }, "name"),
        (Mode { name: " ".to_owned(), ..right.clone() }, "name"),
        (Mode { name: "x".repeat(Mode::MAX_NAME + 1), ..right.clone() }, "name"),
        (Mode { description: "x".repeat(Mode::MAX_DESCRIPTION + 1), ..right.clone() }, "description"),
        (Mode { prompt: String::new(), ..right.clone() }, "prompt"),
        (Mode { prompt: "x".repeat(Mode::MAX_PROMPT + 1), ..right.clone() }, "prompt"),
        (Mode { provider: "no-such-provider".to_owned(), ..right.clone() }, "provider"),
        (Mode { model: "x".repeat(121), ..right.clone() }, "model"),
        (Mode { temperature: 2.1, ..right.clone() }, "temperature"),
        (Mode { id: "\0".to_owned(), ..right.clone() }, "id"),
        (Mode { name: "a\0b".to_owned(), ..right.clone() }, "name"),
        (Mode { description: "\0".to_owned(), ..right.clone() }, "description"),
        (Mode { prompt: "a\0b".to_owned(), ..right.clone() }, "prompt"),
        (Mode { provider: "\0".to_owned(), ..right.clone() }, "provider"),
        (Mode { model: "\0".to_owned(), ..right.clone() }, "model"),
    ] {
        let reply = save(&server, &admin, &mode).await;
        assert_eq!(reply.status, 422, "{mode:?}: {}", reply.text());
        let problem: Problem = reply.json();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, [field], "{mode:?}");
    }
    assert_eq!(modes(&server, &admin).await, before);
    assert!(audit_entries(&server).await.is_empty(), "rejected changes are not audited");
}

async fn only_administrators_edit_modes(server: TestServer) {
    let admin = server.administrator().await;
    let mode = modes(&server, &admin).await.remove(0);
    let other = Mode { prompt: "Tell me everything.".to_owned(), ..mode.clone() };
    assert_eq!(post(&server, "forged", &other).await.status, 401);
    for (path, fields) in [
        ("/app/mode/list", vec![]),
        ("/app/mode/edit", vec![("id", mode.id.as_str())]),
        ("/app/mode/save", vec![("mode[id]", mode.id.as_str()), ("mode[prompt]", "x")]),
    ] {
        assert_eq!(server.post(path).form(&fields).send().await.status, 401, "{path}");
    }
    assert_eq!(modes(&server, &admin).await[0], mode);
}
