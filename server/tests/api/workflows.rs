//! Workflows: made in the panel, and answering in a mode.

use app::request_context::RequestContext;
use app::services::SignInService;
use http::StatusCode;
use protocol::Problem;
use protocol::analysis::AnalysisDocument;
use protocol::mode::Mode;
use protocol::workflow::{Drawing, TriedWorkflow, WorkflowEditor, WorkflowFault, WorkflowRow};
use serde_json::{Value, json};

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{AdminSession, PASSWORD, Reply, TestServer, code_at, context, cookie};

on_both!(
    a_workflow_is_saved_in_versions_and_an_old_one_comes_back,
    what_is_wrong_is_named_and_nothing_is_saved,
    a_stale_save_and_a_second_name_are_rejected,
    a_mode_answers_by_its_workflow,
    a_workflow_in_use_is_not_deleted,
    only_administrators_make_workflows,
    a_draft_is_tried_and_nothing_of_it_is_stored,
    each_fault_names_its_node_and_field,
    a_trial_has_the_limits_of_analyses,
    only_administrators_of_this_site_try_drafts,
    a_trial_runs_in_the_chosen_mode_and_answers_its_questions,
    names_that_hide_something_are_refused,
    workflows_stand_in_each_other_by_version,
    requests_go_to_allowed_hosts_alone,
);

fn document(name: &str, text: &str) -> Value {
    json!({
        "name": name,
        "version": 1,
        "channels": { "question": "last", "answer": "last" },
        "nodes": [
            { "id": "say", "type": "transform", "config": { "template": format!("{text}: {{{{question}}}}"), "channel": "answer" } },
        ],
        "edges": [{ "from": "say", "to": ["__end__"] }],
    })
}

pub async fn save(
    server: &TestServer,
    admin: &AdminSession,
    id: &str,
    version: i64,
    document: &Value,
) -> Reply {
    let (version, document) = (version.to_string(), document.to_string());
    let fields = [("workflow[id]", id), ("workflow[version]", &version), ("workflow[document]", &document)];
    server.post("/app/workflow/save").cookie("aiwe_session", &admin.session).form(&fields).send().await
}

async fn list(server: &TestServer, admin: &AdminSession) -> Vec<WorkflowRow> {
    server.post("/app/workflow/list").cookie("aiwe_session", &admin.session).form(&[]).send().await.json()
}

async fn edit(server: &TestServer, admin: &AdminSession, fields: &[(&str, &str)]) -> WorkflowEditor {
    server.post("/app/workflow/edit").cookie("aiwe_session", &admin.session).form(fields).send().await.json()
}

/// The mode that is the first in the list, saved with this workflow.
pub async fn use_in_a_mode(server: &TestServer, admin: &AdminSession, workflow: &str) -> Reply {
    let modes: Vec<Mode> =
        server.post("/app/mode/list").cookie("aiwe_session", &admin.session).form(&[]).send().await.json();
    let mode = &modes[0];
    let (temperature, position, version) =
        (mode.temperature.to_string(), mode.position.to_string(), mode.version.to_string());
    let fields = [
        ("mode[id]", mode.id.as_str()),
        ("mode[version]", &version),
        ("mode[name]", &mode.name),
        ("mode[prompt]", &mode.prompt),
        ("mode[temperature]", &temperature),
        ("mode[position]", &position),
        ("mode[workflow]", workflow),
        ("mode[enabled]", "true"),
    ];
    server.post("/app/mode/save").cookie("aiwe_session", &admin.session).form(&fields).send().await
}

async fn a_workflow_is_saved_in_versions_and_an_old_one_comes_back(server: TestServer) {
    let admin = server.administrator().await;
    let new = edit(&server, &admin, &[("id", "")]).await;
    assert!(new.drawing.nodes.len() > 2 && !new.node_types.is_empty(), "the example and what it can use");

    let id: String = save(&server, &admin, "", 0, &document("Echo", "one")).await.json();
    assert_eq!(save(&server, &admin, &id, 1, &document("Echo", "two")).await.status, StatusCode::OK);
    let row = &list(&server, &admin).await[0];
    assert_eq!((row.name.as_str(), row.version, row.nodes, row.modes), ("Echo", 2, 1, 0));

    let newest = edit(&server, &admin, &[("id", &id)]).await;
    assert!(newest.draft.document.contains("two: "));
    assert_eq!(newest.versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
    let first = edit(&server, &admin, &[("id", &id), ("version", "1")]).await;
    assert!(first.draft.document.contains("one: "));
    assert_eq!(first.draft.version, 2, "saved on top of the newest");
    let back: Value = serde_json::from_str(&first.draft.document).unwrap();
    assert_eq!(save(&server, &admin, &id, first.draft.version, &back).await.status, StatusCode::OK);
    let newest = edit(&server, &admin, &[("id", &id)]).await;
    assert!(newest.draft.version == 3 && newest.draft.document.contains("one: "));

    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let saved: Vec<_> = entries.iter().filter(|e| e.action == "workflow.saved").map(|e| &*e.detail).collect();
    assert_eq!(saved, ["Echo, version 3", "Echo, version 2", "Echo, version 1"]);
}

async fn what_is_wrong_is_named_and_nothing_is_saved(server: TestServer) {
    let admin = server.administrator().await;
    let mut wrong = document("Echo", "x");
    wrong["nodes"][0]["config"]["channel"] = json!("answr");
    wrong["edges"][0]["to"] = json!(["nowhere"]);
    for (what, expected) in [
        (wrong.to_string(), "node say: config.channel: answr is no channel"),
        (wrong.to_string(), "node say: edges[0].to: nowhere is no node"),
        ("{".to_owned(), "This is no workflow: line 1"),
        ("x".repeat(70_000), "Use at most 64 kB."),
        (document("", "x").to_string(), "name: a name of 1 to 64 characters"),
    ] {
        let check = server.post("/app/workflow/check").cookie("aiwe_session", &admin.session);
        let problem = check.form(&[("document", &what)]).send().await.json::<Problem>();
        let error = problem.error_of("document").unwrap_or_default();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(save(&server, &admin, "", 0, &wrong).await.json::<Problem>().status, 422);
    assert!(list(&server, &admin).await.is_empty());
    let check = server.post("/app/workflow/check").cookie("aiwe_session", &admin.session);
    let drawing: Drawing = check.form(&[("document", &document("A", "x").to_string())]).send().await.json();
    assert_eq!((drawing.nodes.len(), drawing.rows), (2, 2), "the step and the end");
}

async fn a_stale_save_and_a_second_name_are_rejected(server: TestServer) {
    let admin = server.administrator().await;
    let id: String = save(&server, &admin, "", 0, &document("Echo", "one")).await.json();
    save(&server, &admin, &id, 1, &document("Echo", "two")).await;
    assert_eq!(save(&server, &admin, &id, 1, &document("Echo", "three")).await.json::<Problem>().status, 409);
    let twin = save(&server, &admin, "", 0, &document("Echo", "x")).await.json::<Problem>();
    assert_eq!(twin.error_of("document"), Some("name: another workflow has this name"));
    let race = document("Echo", "race");
    let replies = futures::future::join_all((0..10).map(|_| save(&server, &admin, &id, 2, &race))).await;
    let saved = replies.iter().filter(|reply| reply.status == StatusCode::OK).count();
    assert_eq!(saved, 1, "of ten saves of one version");
}

async fn a_mode_answers_by_its_workflow(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let id: String = save(&server, &admin, "", 0, &document("Echo", "You asked")).await.json();
    assert_eq!(use_in_a_mode(&server, &admin, &id).await.status, StatusCode::OK);
    let unknown = use_in_a_mode(&server, &admin, "elsewhere").await.json::<Problem>();
    assert!(unknown.error_of("workflow").is_some(), "{unknown}");

    let image = blank_png(64, 64);
    let parts =
        [("image", Some("x.png"), image.as_slice()), ("context", None, b"{{answer}} why?".as_slice())];
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let answered: AnalysisDocument = post.multipart(&parts).send().await.json();
    assert_eq!(answered.answer, "You asked: {{answer}} why?", "what is typed is no template");
    assert_eq!(answered.steps.iter().map(|step| step.node.as_str()).collect::<Vec<_>>(), ["say"]);

    // A new version counts from the next question on.
    save(&server, &admin, &id, 1, &document("Echo", "Again")).await;
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let answered: AnalysisDocument = post.multipart(&parts).send().await.json();
    assert!(answered.answer.starts_with("Again: "));
}

async fn a_workflow_in_use_is_not_deleted(server: TestServer) {
    let admin = server.administrator().await;
    let id: String = save(&server, &admin, "", 0, &document("Echo", "x")).await.json();
    use_in_a_mode(&server, &admin, &id).await;
    let delete = async || {
        let post = server.post("/app/workflow/delete").cookie("aiwe_session", &admin.session);
        post.form(&[("id", &id)]).send().await
    };
    assert_eq!(delete().await.json::<Problem>().status, 409);
    use_in_a_mode(&server, &admin, "").await;
    assert_eq!(delete().await.status, StatusCode::OK);
    assert!(list(&server, &admin).await.is_empty());
    assert_eq!(delete().await.json::<Problem>().status, 404);
}

async fn only_administrators_make_workflows(server: TestServer) {
    let admin = server.administrator().await;
    let document = document("Echo", "x").to_string();
    for session in ["", "forged"] {
        for (path, fields) in [
            ("/app/workflow/list", vec![]),
            ("/app/workflow/edit", vec![("id", "")]),
            ("/app/workflow/check", vec![("document", document.as_str())]),
            ("/app/workflow/save", vec![("workflow[document]", document.as_str())]),
            ("/app/workflow/delete", vec![("id", "x")]),
        ] {
            let reply = server.post(path).cookie("aiwe_session", session).form(&fields).send().await;
            assert_eq!(reply.json::<Problem>().status, 401, "{path}");
        }
    }
    assert!(list(&server, &admin).await.is_empty());
}

async fn try_draft(
    server: &TestServer,
    session: &str,
    document: &str,
    image: Option<&[u8]>,
    question: &str,
) -> Reply {
    let mut parts = vec![
        ("document", None, document.as_bytes()),
        ("context", None, question.as_bytes()),
        ("id", None, &[]),
    ];
    parts.extend(image.map(|image| ("image", Some("x.png"), image)));
    server.post("/app/workflow/try").cookie("aiwe_session", session).multipart(&parts).send().await
}

async fn a_draft_is_tried_and_nothing_of_it_is_stored(server: TestServer) {
    let admin = server.administrator().await;
    let image = blank_png(64, 64);
    let draft = document("Draft", "You asked").to_string();
    let tried: TriedWorkflow = try_draft(&server, &admin.session, &draft, Some(&image), "why?").await.json();
    assert_eq!((tried.answer.as_str(), tried.problem), ("You asked: why?", None));
    assert_eq!(tried.steps.iter().map(|step| step.node.as_str()).collect::<Vec<_>>(), ["say"]);
    assert!(list(&server, &admin).await.is_empty(), "it was not saved");

    let wrong = draft.replace("__end__", "nowhere");
    let long = "x".repeat(4_001);
    for (what, image, question, field) in [
        (wrong.as_str(), Some(image.as_slice()), "", "document"),
        (&draft, None, "", "image"),
        (&draft, Some(image.as_slice()), long.as_str(), "context"),
    ] {
        let problem: Problem = try_draft(&server, &admin.session, what, image, question).await.json();
        assert!(problem.status == 422 && problem.error_of(field).is_some(), "{field}: {problem:?}");
    }
    for bad in [b"no picture".as_slice(), &[]] {
        let problem: Problem = try_draft(&server, &admin.session, &draft, Some(bad), "").await.json();
        assert!((400..500).contains(&problem.status), "{problem:?}");
    }
    for session in ["", "forged"] {
        let reply = try_draft(&server, session, &draft, Some(&image), "").await;
        assert_eq!(reply.json::<Problem>().status, 401);
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let tried = entries.iter().filter(|entry| entry.action == "workflow.tried");
    let details: Vec<_> = tried.map(|entry| &*entry.detail).collect();
    assert_eq!(details, ["Draft"], "what is refused is not run, and leaves no entry");
}

async fn each_fault_names_its_node_and_field(server: TestServer) {
    let admin = server.administrator().await;
    let mut wrong = document("Echo", "x");
    wrong["nodes"][0]["config"]["channel"] = json!("answr");
    wrong["edges"][0]["to"] = json!(["nowhere"]);
    let check = server.post("/app/workflow/check").cookie("aiwe_session", &admin.session);
    let problem: Problem = check.form(&[("document", &wrong.to_string())]).send().await.json();
    let faults = WorkflowFault::all_of(&problem);
    let places: Vec<_> = faults.iter().map(|fault| (fault.node.as_deref(), fault.field.as_str())).collect();
    assert_eq!(places, [(Some("say"), "config.channel"), (Some("say"), "edges[0].to")]);
    assert_eq!(faults[0].message, "answr is no channel");
    assert_eq!((faults[0].edge(), faults[1].edge()), (None, Some(0)));
}

async fn a_trial_has_the_limits_of_analyses(server: TestServer) {
    let admin = server.administrator().await;
    let limits = [("AIWE_LIMITS__ANALYSES_PER_MINUTE", "2"), ("AIWE_LIMITS__UPLOAD_MEGABYTES", "1")];
    let server = server.restarted_with(&limits).await;
    let draft = document("Draft", "You asked").to_string();
    let large = vec![0; 3_000_000];
    let refused: Problem = try_draft(&server, &admin.session, &draft, Some(&large), "").await.json();
    assert!((400..500).contains(&refused.status), "too large: {refused:?}");
    let image = blank_png(64, 64);
    let tried: TriedWorkflow = try_draft(&server, &admin.session, &draft, Some(&image), "a").await.json();
    assert_eq!(tried.answer, "You asked: a");
    let reply = try_draft(&server, &admin.session, &draft, Some(&image), "a").await;
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(reply.json::<Problem>().status, 429);
}

async fn only_administrators_of_this_site_try_drafts(server: TestServer) {
    let admin = server.administrator().await;
    let anna = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&anna).await;
    let first = server.state.people.sign_in(&context(), &anna.email, PASSWORD).await.unwrap();
    let challenge = cookie(&first.cookies, "aiwe_challenge");
    let waiting = RequestContext { challenge: Some(challenge.into()), ..context() };
    let code = code_at(&anna.totp, server.state.env.now());
    let done = server.state.people.second_factor(&waiting, &code).await.unwrap();
    let user = cookie(&done.cookies, "aiwe_session");
    let image = blank_png(64, 64);
    let draft = document("Draft", "x").to_string();
    let parts = [("document", None, draft.as_bytes()), ("image", Some("x.png"), image.as_slice())];
    let post = || server.post("/app/workflow/try").multipart(&parts);
    let from_elsewhere = post()
        .header("origin", "https://evil.example")
        .header("cookie", &format!("aiwe_session={}", admin.session));
    for (caller, exchange, status) in [
        ("a user", post().cookie("aiwe_session", &user), 403),
        ("a person on a machine", post().certificate(&anna.der).bearer(&token), 401),
        ("another site", from_elsewhere, 403),
    ] {
        assert_eq!(exchange.send().await.status, status, "{caller}");
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert!(entries.iter().all(|entry| entry.action != "workflow.tried"));
}

async fn a_trial_runs_in_the_chosen_mode_and_answers_its_questions(server: TestServer) {
    let admin = server.administrator().await;
    let image = blank_png(64, 64);
    let mut draft = document("Draft", "You chose {{choice}}");
    draft["channels"]["choice"] = json!("last");
    let ask = json!({ "id": "ask", "type": "ask_person", "config": {
        "question": "Which?", "choices": ["left", "right"], "channel": "choice" } });
    draft["nodes"].as_array_mut().unwrap().insert(0, ask);
    draft["edges"].as_array_mut().unwrap().push(json!({ "from": "ask", "to": ["say"] }));
    let draft = draft.to_string();
    let run = async |mode: &str, answers: &str| {
        let parts = [
            ("document", None, draft.as_bytes()),
            ("image", Some("x.png"), image.as_slice()),
            ("mode", None, mode.as_bytes()),
            ("answers", None, answers.as_bytes()),
        ];
        server.post("/app/workflow/try").cookie("aiwe_session", &admin.session).multipart(&parts).send().await
    };
    let tried: TriedWorkflow = run("", "").await.json();
    assert_eq!((tried.questions.len(), tried.answer.as_str(), tried.problem), (1, "", None));
    assert_eq!(tried.questions[0].choices, ["left", "right"]);
    let answers = json!([{ "question": tried.questions[0].id, "answer": "left" }]).to_string();
    let modes: Vec<Mode> =
        server.post("/app/mode/list").cookie("aiwe_session", &admin.session).form(&[]).send().await.json();
    let tried: TriedWorkflow = run(&modes[1].id, &answers).await.json();
    assert!(tried.answer.starts_with("You chose left") && tried.questions.is_empty(), "{tried:?}");
    let problem: Problem = run("unknown", "").await.json();
    assert!(problem.status == 422 && problem.error_of("mode").is_some(), "{problem:?}");
    let problem: Problem = run("", "{").await.json();
    assert!(problem.status == 422 && problem.error_of("answers").is_some(), "{problem:?}");
}

async fn names_that_hide_something_are_refused(server: TestServer) {
    let admin = server.administrator().await;
    for name in ["pay\u{200B}roll", "\u{202E}gnp", "a\u{2066}b"] {
        let problem: Problem = save(&server, &admin, "", 0, &document(name, "x")).await.json();
        let error = problem.error_of("document").unwrap_or_default();
        assert!(problem.status == 422 && error.contains("without invisible characters"), "{name:?}: {error}");
    }
    assert!(list(&server, &admin).await.is_empty());
}

/// Asks another workflow.
fn asking_another(id: &str, version: i64) -> Value {
    json!({
        "name": "Outer",
        "version": 1,
        "channels": { "question": "last", "answer": "last" },
        "nodes": [{ "id": "inner", "type": "workflow", "config": {
            "workflow": id, "version": version, "question": "{{question}}!", "channel": "answer" } }],
        "edges": [{ "from": "inner", "to": ["__end__"] }],
    })
}

async fn workflows_stand_in_each_other_by_version(server: TestServer) {
    let admin = server.administrator().await;
    let inner: String = save(&server, &admin, "", 0, &document("Inner", "one")).await.json();
    let unknown: Problem = save(&server, &admin, "", 0, &asking_another(&inner, 2)).await.json();
    let error = unknown.error_of("document").unwrap_or_default();
    assert!(error.contains("node inner: config.version"), "{error}");
    let outer: String = save(&server, &admin, "", 0, &asking_another(&inner, 1)).await.json();
    // A later version changes nothing for who names the first one; and there is no circle, since a version cannot name a
    // later one.
    let mut next = asking_another(&outer, 1);
    next["name"] = json!("Inner");
    assert_eq!(save(&server, &admin, &inner, 1, &next).await.status, StatusCode::OK);
    let image = blank_png(64, 64);
    let draft = asking_another(&inner, 2).to_string();
    let tried: TriedWorkflow = try_draft(&server, &admin.session, &draft, Some(&image), "why").await.json();
    assert_eq!((tried.answer.as_str(), tried.problem), ("one: why!!!", None), "through both");
    assert!(tried.steps.iter().any(|step| step.node == "inner/inner/inner/say"), "{:?}", tried.steps);
    let delete = server.post("/app/workflow/delete").cookie("aiwe_session", &admin.session);
    assert_eq!(delete.form(&[("id", &inner)]).send().await.json::<Problem>().status, 409);
}

async fn requests_go_to_allowed_hosts_alone(server: TestServer) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let large = "x".repeat(300_000);
    let routes = axum::Router::new()
        .route("/fine", axum::routing::post(|body: String| async move { format!("got {body}") }))
        .route("/large", axum::routing::post(move || async move { large }))
        .route(
            "/away",
            axum::routing::post(|| async { axum::response::Redirect::temporary("http://169.254.169.254/") }),
        );
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let admin = server.administrator().await;
    let server = server.restarted_with(&[("AIWE_WORKFLOWS__HTTP_HOSTS", &host)]).await;
    let image = blank_png(64, 64);
    let run = async |url: &str| -> TriedWorkflow {
        let draft = json!({
            "name": "Requests",
            "version": 1,
            "channels": { "question": "last", "answer": "last" },
            "nodes": [{ "id": "send", "type": "http_request", "config": {
                "method": "POST", "url": url, "body": "{{question}}", "channel": "answer" } }],
            "edges": [{ "from": "send", "to": ["__end__"] }],
        });
        try_draft(&server, &admin.session, &draft.to_string(), Some(&image), "why").await.json()
    };
    let fine = run(&format!("http://{host}/fine")).await;
    assert_eq!((fine.answer.as_str(), fine.problem), ("got why", None));
    for (url, words) in [
        (format!("http://{host}/large"), "larger than 256 kB"),
        (format!("http://{host}/away"), "status 307"),
        (format!("http://{host}/missing"), "status 404"),
        ("http://169.254.169.254/".to_owned(), "not among the allowed hosts"),
        ("http://127.0.0.1:1/".to_owned(), "not among the allowed hosts"),
    ] {
        let problem = run(&url).await.problem.unwrap();
        assert!(problem.status == 502 && problem.to_string().contains(words), "{url}: {problem}");
    }
}
