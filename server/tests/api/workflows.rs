//! Workflows: made in the panel, and answering in a mode.

use http::StatusCode;
use protocol::Problem;
use protocol::analysis::AnalysisDocument;
use protocol::mode::Mode;
use protocol::workflow::{Drawing, TriedWorkflow, WorkflowEditor, WorkflowFault, WorkflowRow};
use serde_json::{Value, json};

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{AdminSession, Reply, TestServer};

on_both!(
    a_workflow_is_saved_in_versions_and_an_old_one_comes_back,
    what_is_wrong_is_named_and_nothing_is_saved,
    a_stale_save_and_a_second_name_are_rejected,
    a_mode_answers_by_its_workflow,
    a_workflow_in_use_is_not_deleted,
    only_administrators_make_workflows,
    a_draft_is_tried_and_nothing_of_it_is_stored,
    each_fault_names_its_node_and_field,
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

async fn save(server: &TestServer, admin: &AdminSession, id: &str, version: i64, document: &Value) -> Reply {
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
async fn use_in_a_mode(server: &TestServer, admin: &AdminSession, workflow: &str) -> Reply {
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
    assert!(details.len() > 1 && details.iter().all(|detail| *detail == "Draft"), "{details:?}");
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
