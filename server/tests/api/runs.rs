//! Runs of workflows: stored, joined again, asking their person, going on after a restart.

use std::sync::Arc;

use domain::analysis::AnalysisState;
use domain::run::{RunLease, RunRecord, RunState};
use http::StatusCode;
use protocol::analysis::{AnalysisEvent, PersonAnswer, PersonQuestion};
use protocol::workflow::{RunDetail, RunRow};
use serde_json::{Value, json};
use store::Tx;

use crate::analysis::{Model, blank_png, newest, signed_in};
use crate::on_both;
use crate::support::{AdminSession, EventReader, Machine, TestServer};
use crate::workflows::{save, use_in_a_mode};

on_both!(
    a_version_is_compiled_once,
    a_run_is_stored_encrypted_and_goes_with_its_analysis,
    old_runs_are_deleted_with_their_checkpoints,
    a_question_is_answered_once,
    a_question_expires,
    an_answer_must_fit_and_be_ones_own,
    a_lost_connection_is_joined_again_from_any_machine,
    an_attached_run_ends_with_its_connection,
    a_run_is_cancelled,
    a_waiting_run_goes_on_after_a_restart,
    a_run_in_the_middle_goes_on_after_a_restart,
    a_run_that_cannot_go_on_ends_with_a_clear_record,
    one_of_many_servers_takes_a_run_over,
    sealed_checkpoints_conform,
    a_run_is_shown_replayed_and_forked_by_administrators,
);

/// Asks whether to go on, and says what was answered.
fn asking() -> Value {
    json!({
        "name": "Asking",
        "version": 1,
        "channels": { "question": "last", "answer": "last", "choice": "last" },
        "nodes": [
            { "id": "ask", "type": "ask_person", "config": {
                "question": "Which one of {{question}}?", "choices": ["left", "right"], "channel": "choice" } },
            { "id": "say", "type": "transform", "config": { "template": "Take {{choice}}.", "channel": "answer" } },
        ],
        "edges": [{ "from": "ask", "to": ["say"] }, { "from": "say", "to": ["__end__"] }],
    })
}

/// Asks a model twice. Only what the second one says is the answer.
fn thinking() -> Value {
    let ask = |id: &str, channel: &str| json!({ "id": id, "type": "ask_model", "config": { "prompt": "{{question}}", "channel": channel } });
    json!({
        "name": "Thinking",
        "version": 1,
        "channels": { "question": "last", "answer": "last", "notes": "last" },
        "nodes": [ask("think", "notes"), ask("say", "answer")],
        "edges": [{ "from": "think", "to": ["say"] }, { "from": "say", "to": ["__end__"] }],
    })
}

struct Anna {
    admin: AdminSession,
    machine: Machine,
    token: String,
}

/// A person on a server whose first mode answers by this workflow.
async fn anna(server: &TestServer, document: &Value) -> Anna {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let id: String = save(server, &admin, "", 0, document).await.json();
    assert_eq!(use_in_a_mode(server, &admin, &id).await.status, StatusCode::OK);
    Anna { admin, machine, token }
}

impl Anna {
    async fn ask(&self, server: &TestServer, on_disconnect: &str) -> EventReader {
        let image = blank_png(64, 64);
        let parts =
            [("image", Some("x.png"), image.as_slice()), ("context", None, b"the two doors".as_slice())];
        let post = server.post("/native/analyze").certificate(&self.machine.der).bearer(&self.token);
        let post = post.header("on-disconnect", on_disconnect);
        let reader = post.multipart(&parts).stream().await;
        assert_eq!(reader.status, StatusCode::OK);
        reader
    }

    async fn join(&self, server: &TestServer, id: &str, last: &str) -> EventReader {
        let get = server.get(&format!("/native/analyses/{id}/events"));
        let get = get.certificate(&self.machine.der).bearer(&self.token);
        let get = if last.is_empty() { get } else { get.header("last-event-id", last) };
        get.stream().await
    }

    async fn answer(&self, server: &TestServer, question: &PersonQuestion, answer: &str) -> StatusCode {
        let given = PersonAnswer { question: question.id.clone(), answer: answer.to_owned() };
        let post = server.post(&format!("/native/analyses/{}/answers", question.analysis_id));
        post.certificate(&self.machine.der).bearer(&self.token).json(&given).send().await.status
    }

    async fn cancel(&self, server: &TestServer, id: &str) -> StatusCode {
        let post = server.post(&format!("/native/analyses/{id}/cancel"));
        post.certificate(&self.machine.der).bearer(&self.token).send().await.status
    }
}

fn is_question(event: &AnalysisEvent) -> bool {
    matches!(event, AnalysisEvent::Question(_))
}

fn is_last(event: &AnalysisEvent) -> bool {
    matches!(event, AnalysisEvent::Done(_) | AnalysisEvent::Error(_))
}

fn question_in(events: &[AnalysisEvent]) -> PersonQuestion {
    let found = events.iter().find_map(|event| match event {
        AnalysisEvent::Question(question) => Some(question.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no question: {events:?}"))
}

/// What a client shows after these events.
fn shown(events: &[AnalysisEvent]) -> String {
    events.iter().fold(String::new(), |mut shown, event| {
        match event {
            AnalysisEvent::Delta(delta) => shown.push_str(&delta.text),
            AnalysisEvent::Started(_) => shown.clear(),
            _ => {}
        }
        shown
    })
}

fn problem_in(events: &[AnalysisEvent]) -> u16 {
    match events.last() {
        Some(AnalysisEvent::Error(problem)) => problem.status,
        other => panic!("no error: {other:?}"),
    }
}

async fn run_of(server: &TestServer, id: &str) -> Option<RunRecord> {
    server.state.env.store.read().await.unwrap().runs().find(&id.parse().unwrap()).await.unwrap()
}

/// Everything that is stored of the checkpoints of a run, as bytes.
async fn stored_bytes(server: &TestServer) -> Vec<Vec<u8>> {
    let mut tx = server.state.env.store.read().await.unwrap();
    let mut all = Vec::new();
    for sql in [
        "SELECT body FROM workflow_checkpoint",
        "SELECT position FROM workflow_checkpoint",
        "SELECT value FROM workflow_write",
        "SELECT input_sealed FROM analysis_run WHERE input_sealed IS NOT NULL",
        "SELECT questions_sealed FROM analysis_run WHERE questions_sealed IS NOT NULL",
    ] {
        let rows: Vec<Vec<u8>> = match &mut tx {
            Tx::Sqlite(tx) => sqlx::query_scalar(sql).fetch_all(&mut **tx).await.unwrap(),
            Tx::Postgres(tx) => sqlx::query_scalar(sql).fetch_all(&mut **tx).await.unwrap(),
        };
        all.extend(rows);
    }
    all
}

async fn a_version_is_compiled_once(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let workflows = &server.state.workflows;
    let modes = server.state.env.store.read().await.unwrap().modes().list().await.unwrap();
    let mode = modes.into_iter().find(|mode| !mode.workflow.is_empty()).unwrap();
    let first = workflows.of_mode(&mode).await.unwrap().unwrap();
    let again = workflows.of_mode(&mode).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first.graph, &again.graph), "the same version");
    save(&server, &anna.admin, &first.id, 1, &asking()).await;
    let next = workflows.of_mode(&mode).await.unwrap().unwrap();
    assert_eq!((first.version, next.version), (1, 2));
    assert!(!Arc::ptr_eq(&first.graph, &next.graph), "another version");
    let old = workflows.version(&first.id, 1).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first.graph, &old.graph));
}

async fn a_run_is_stored_encrypted_and_goes_with_its_analysis(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    assert_eq!(question.text, "Which one of the two doors?");
    let stored = stored_bytes(&server).await;
    assert!(stored.len() >= 5, "checkpoints, the question and the input");
    for word in ["doors", "left", "ask", "choice"] {
        let holds = |bytes: &Vec<u8>| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!stored.iter().any(holds), "{word} is stored in plain text");
    }
    let image = blank_png(64, 64);
    assert!(stored.iter().all(|bytes| bytes.len() < image.len() + 1_500), "no picture is in a checkpoint");
    anna.answer(&server, &question, "left").await;
    events.until(is_last).await;
    let run = run_of(&server, &question.analysis_id).await.unwrap();
    assert_eq!((run.state, run.questions, run.waits_until), (RunState::Finished, None, None));
    assert_eq!(run.steps.iter().map(|step| step.node.as_str()).collect::<Vec<_>>(), ["ask", "say"]);

    let path = format!("/native/analyses/{}", question.analysis_id);
    let delete = server.exchange(http::Method::DELETE, &path);
    let delete = delete.certificate(&anna.machine.der).bearer(&anna.token);
    assert_eq!(delete.send().await.status, StatusCode::NO_CONTENT);
    assert_eq!((run_of(&server, &question.analysis_id).await, stored_bytes(&server).await.len()), (None, 0));
}

async fn old_runs_are_deleted_with_their_checkpoints(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    anna.answer(&server, &question, "left").await;
    events.until(is_last).await;
    server.clock.advance(29 * 24 * 3_600);
    server::cleanup::clean_up(&server.state.env).await.unwrap();
    assert!(run_of(&server, &question.analysis_id).await.is_some());
    server.clock.advance(2 * 24 * 3_600);
    server::cleanup::clean_up(&server.state.env).await.unwrap();
    assert_eq!((run_of(&server, &question.analysis_id).await, stored_bytes(&server).await.len()), (None, 0));
    assert_eq!(newest(&server, &anna.machine).await.unwrap().answer, "Take left.", "the history stays");
}

async fn a_question_is_answered_once(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    assert_eq!(question.choices, ["left", "right"]);
    assert_eq!(question.expires_at, server.state.env.now() + 15 * 60);
    let answers = ["left", "right", "left", "right"].map(|answer| anna.answer(&server, &question, answer));
    let statuses = futures::future::join_all(answers).await;
    let taken = statuses.iter().filter(|status| **status == StatusCode::NO_CONTENT).count();
    assert_eq!(taken, 1, "of answers at the same time: {statuses:?}");
    assert!(statuses.iter().all(|status| [204, 409].contains(&status.as_u16())), "{statuses:?}");
    let rest = events.until(is_last).await;
    assert!(!rest.iter().any(is_question), "never asked twice: {rest:?}");
    let answer = shown(&rest);
    assert!(["Take left.", "Take right."].contains(&answer.as_str()), "{answer}");
    assert_eq!(anna.answer(&server, &question, "left").await, StatusCode::CONFLICT, "it has ended");
    let record = newest(&server, &anna.machine).await.unwrap();
    assert_eq!((record.state, record.answer), (AnalysisState::Finished, answer));
}

async fn a_question_expires(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    server.clock.advance(15 * 60);
    assert_eq!(anna.answer(&server, &question, "left").await, StatusCode::CONFLICT);
    assert_eq!(problem_in(&events.until(is_last).await), 410);
    assert_eq!(newest(&server, &anna.machine).await.unwrap().state, AnalysisState::Failed);
}

async fn an_answer_must_fit_and_be_ones_own(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let ben = server.machine(&anna.admin, "ben@example.org").await;
    let token = server.token(&ben).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    for wrong in ["up", "", "  ", &"x".repeat(4_001)] {
        assert_eq!(
            anna.answer(&server, &question, wrong).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong:?}"
        );
    }
    for id in ["9.9.9", "x", "", "0.0.0:0.0.0", "1/2:0.0.0"] {
        let unknown = PersonQuestion { id: id.to_owned(), ..question.clone() };
        assert_eq!(anna.answer(&server, &unknown, "left").await, StatusCode::NOT_FOUND, "{id}");
    }
    let path = format!("/native/analyses/{}", question.analysis_id);
    let given = PersonAnswer { question: question.id.clone(), answer: "left".to_owned() };
    let post = server.post(&format!("{path}/answers")).certificate(&ben.der).bearer(&token);
    assert_eq!(post.json(&given).send().await.problem().status, 404, "another person's");
    let get = server.get(&format!("{path}/events")).certificate(&ben.der).bearer(&token);
    assert_eq!(get.send().await.problem().status, 404);
    let post = server.post(&format!("{path}/cancel")).certificate(&ben.der).bearer(&token);
    assert_eq!(post.send().await.problem().status, 404);
    assert_eq!(anna.answer(&server, &question, "left").await, StatusCode::NO_CONTENT, "it is still open");
    assert_eq!(shown(&events.until(is_last).await), "Take left.");
}

async fn a_lost_connection_is_joined_again_from_any_machine(server: TestServer) {
    let model = Model::start().await;
    let (machine, token) = signed_in(&server).await;
    let server = server.restarted_with(&model.settings()).await;
    let ask = async || {
        let image = blank_png(64, 64);
        let parts = [("image", Some("x.png"), image.as_slice())];
        let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
        post.header("on-disconnect", "continue").multipart(&parts).stream().await
    };
    let join = async |id: &str, last: &str| {
        let get = server.get(&format!("/native/analyses/{id}/events"));
        get.certificate(&machine.der).bearer(&token).header("last-event-id", last).stream().await
    };
    let mut events = ask().await;
    let first = events.until(|event| matches!(event, AnalysisEvent::Delta(_))).await;
    let AnalysisEvent::Started(started) = &first[0] else { panic!("{first:?}") };
    let (id, last) = (started.analysis_id.clone(), events.last_event_id().to_owned());
    drop(events);
    // Two at once, of which one has nothing yet.
    let (mut second, mut third) = (join(&id, &last).await, join(&id, "").await);
    model.may_end.notify_one();
    let (second, third) = (second.rest().await, third.rest().await);
    assert_eq!(shown(&first) + &shown(&second), "one two", "nothing is lost, and nothing comes twice");
    assert_eq!(shown(&third), "one two");
    for events in [&second, &third] {
        assert!(events.iter().filter(|event| is_last(event)).count() == 1, "{events:?}");
    }
    server.state.analyses.finish().await;
    let late = join(&id, &last).await.rest().await;
    assert_eq!(shown(&late), "one two");
    assert!(matches!(late.last(), Some(AnalysisEvent::Done(done)) if done.analysis_id == id), "{late:?}");
    assert!(late.iter().any(|event| matches!(event, AnalysisEvent::Step(step) if step.node == "answer")));
}

async fn an_attached_run_ends_with_its_connection(server: TestServer) {
    let model = Model::start().await;
    let (machine, token) = signed_in(&server).await;
    let server = server.restarted_with(&model.settings()).await;
    let image = blank_png(64, 64);
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let mut events = post.multipart(&[("image", Some("x.png"), image.as_slice())]).stream().await;
    let first = events.until(|event| matches!(event, AnalysisEvent::Delta(_))).await;
    assert!(!first.iter().any(|event| matches!(event, AnalysisEvent::Started(_))), "as before: {first:?}");
    drop(events);
    server.state.analyses.finish().await;
    let record = newest(&server, &machine).await.unwrap();
    assert_eq!(record.state, AnalysisState::Cancelled);
    assert_eq!(run_of(&server, record.id.as_str()).await.unwrap().state, RunState::Cancelled);
}

async fn a_run_is_cancelled(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    drop(events);
    let mut events = anna.join(&server, &question.analysis_id, "").await;
    assert_eq!(question_in(&events.until(is_question).await), question, "asked again of who joins");
    assert_eq!(anna.cancel(&server, &question.analysis_id).await, StatusCode::NO_CONTENT);
    assert_eq!(problem_in(&events.until(is_last).await), 499);
    assert_eq!(anna.cancel(&server, &question.analysis_id).await, StatusCode::NO_CONTENT, "twice is once");
    assert_eq!(anna.answer(&server, &question, "left").await, StatusCode::CONFLICT);
    assert_eq!(newest(&server, &anna.machine).await.unwrap().state, AnalysisState::Cancelled);
}

/// Another server on the database, and the time at which the first one counts as gone.
async fn after_a_kill(server: &TestServer, settings: &[(&str, &str)]) -> TestServer {
    let next = server.restarted_with(settings).await;
    server.clock.advance(31);
    next
}

async fn a_waiting_run_goes_on_after_a_restart(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "cancel").await;
    let question = question_in(&events.until(is_question).await);
    let next = after_a_kill(&server, &[]).await;
    next.state.analyses.take_over().await.unwrap();
    let run = run_of(&next, &question.analysis_id).await.unwrap();
    assert_eq!((run.attempt, run.detached), (2, true), "a question outlives its connection");

    let mut events = anna.join(&next, &question.analysis_id, "1.3").await;
    let asked = question_in(&events.until(is_question).await);
    assert_eq!(asked, question, "the same question, until the same time");
    assert_eq!(anna.answer(&next, &question, "right").await, StatusCode::NO_CONTENT);
    assert_eq!(shown(&events.until(is_last).await), "Take right.");
    let record = newest(&next, &anna.machine).await.unwrap();
    assert_eq!((record.state, record.answer.as_str()), (AnalysisState::Finished, "Take right."));
}

async fn a_run_in_the_middle_goes_on_after_a_restart(server: TestServer) {
    let model = Model::start().await;
    let anna = anna(&server, &thinking()).await;
    let server = server.restarted_with(&model.settings()).await;
    let mut events = anna.ask(&server, "continue").await;
    model.may_end.notify_one();
    // The first node has ended, the second one has said a word.
    let first = events.until(|event| matches!(event, AnalysisEvent::Delta(_))).await;
    let AnalysisEvent::Started(started) = &first[0] else { panic!("{first:?}") };
    let (id, last) = (started.analysis_id.clone(), events.last_event_id().to_owned());
    let next = after_a_kill(&server, &model.settings()).await;
    next.state.analyses.take_over().await.unwrap();
    let mut events = anna.join(&next, &id, &last).await;
    let again = events.until(|event| matches!(event, AnalysisEvent::Delta(_))).await;
    assert!(matches!(again[0], AnalysisEvent::Started(_)), "it begins anew: {again:?}");
    let nodes = |events: &[AnalysisEvent]| {
        events.iter().any(|event| matches!(event, AnalysisEvent::Step(step) if step.node == "think"))
    };
    assert!(nodes(&again), "what was done before is told: {again:?}");
    // The server that seemed gone was only slow: both answers are there, and one counts.
    model.may_end.notify_waiters();
    model.may_end.notify_one();
    let rest = events.until(is_last).await;
    assert_eq!(shown(&again) + &shown(&rest), "one two");
    let record = newest(&next, &anna.machine).await.unwrap();
    assert_eq!((record.state, record.answer.as_str()), (AnalysisState::Finished, "one two"));
    let run = run_of(&next, &id).await.unwrap();
    assert_eq!((run.state, run.attempt), (RunState::Finished, 2));
}

async fn a_run_that_cannot_go_on_ends_with_a_clear_record(server: TestServer) {
    let model = Model::start().await;
    let (machine, token) = signed_in(&server).await;
    let server = server.restarted_with(&model.settings()).await;
    let image = blank_png(64, 64);
    let parts = [("image", Some("x.png"), image.as_slice())];
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    let mut events = post.header("on-disconnect", "continue").multipart(&parts).stream().await;
    events.until(|event| matches!(event, AnalysisEvent::Delta(_))).await;
    let id = newest(&server, &machine).await.unwrap().id;
    let next = after_a_kill(&server, &[]).await;
    next.state.analyses.take_over().await.unwrap();
    assert_eq!(newest(&next, &machine).await.unwrap().state, AnalysisState::Failed);
    assert_eq!(run_of(&next, id.as_str()).await.unwrap().state, RunState::Failed);
    let get = next.get(&format!("/native/analyses/{id}/events")).certificate(&machine.der).bearer(&token);
    assert_eq!(problem_in(&get.stream().await.rest().await), 503);
}

async fn one_of_many_servers_takes_a_run_over(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    let mut servers = Vec::new();
    for _ in 0..5 {
        servers.push(server.restarted_with(&[]).await);
    }
    server.clock.advance(31);
    let mut tx = server.state.env.store.read().await.unwrap();
    let abandoned = tx.runs().abandoned(server.state.env.now(), None, 10).await.unwrap();
    drop(tx);
    assert_eq!(abandoned.len(), 1);
    let claims = servers.iter().enumerate().map(|(number, server)| {
        let (run, until) = (abandoned[0].clone(), server.state.env.now() + 30);
        async move {
            let mut tx = server.state.env.store.begin().await.unwrap();
            let lease = RunLease { server_id: number.to_string(), until };
            let taken = tx.runs().take_over(&run, &lease).await.unwrap();
            tx.commit().await.unwrap();
            taken
        }
    });
    let taken = futures::future::join_all(claims).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert_eq!(run_of(&server, &question.analysis_id).await.unwrap().attempt, 2);
}

async fn sealed_checkpoints_conform(server: TestServer) {
    workflow::check_conformance(&server.state.analyses.checkpoints()).await.unwrap();
}

async fn a_run_is_shown_replayed_and_forked_by_administrators(server: TestServer) {
    let anna = anna(&server, &asking()).await;
    let mut events = anna.ask(&server, "continue").await;
    let question = question_in(&events.until(is_question).await);
    anna.answer(&server, &question, "left").await;
    events.until(is_last).await;
    let call = async |function: &str, fields: &[(&str, &str)]| {
        let post = server.post(&format!("/app/workflow/{function}"));
        post.cookie("aiwe_session", &anna.admin.session).form(fields).send().await
    };
    let workflow = run_of(&server, &question.analysis_id).await.unwrap().workflow_id;
    let rows: Vec<RunRow> = call("runs", &[("workflow_id", &workflow)]).await.json();
    assert_eq!(
        (rows.len(), rows[0].state.as_str(), rows[0].email.as_str()),
        (1, "finished", "anna@example.org")
    );
    let id = rows[0].id.as_str();
    let shown: RunDetail = call("run", &[("id", id)]).await.json();
    let sequences: Vec<_> = shown.checkpoints.iter().map(|checkpoint| checkpoint.sequence).collect();
    assert_eq!((sequences.as_slice(), shown.steps.len()), ([0, 1, 2].as_slice(), 2));
    assert_eq!(shown.checkpoints[1].next, ["say"]);
    assert_eq!(shown.checkpoints[1].changes, [("choice".to_owned(), "left".to_owned())]);
    let image = blank_png(64, 64);
    assert!(!serde_json::to_string(&shown).unwrap().contains(&hex::encode(&image[..16])), "no picture");

    let ended = async |id: &str| loop {
        let shown: RunDetail = call("run", &[("id", id)]).await.json();
        if shown.row.state == "finished" {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    for (changes, answer) in [("", "Take left."), (r#"{"choice": "the other"}"#, "Take the other.")] {
        let fields =
            [("workflow_id", workflow.as_str()), ("id", id), ("sequence", "1"), ("changes", changes)];
        let new: String = call("replay", &fields).await.json();
        let replay = ended(&new).await;
        assert_eq!(replay.origin, Some((id.to_owned(), 1)));
        let last = replay.checkpoints.last().unwrap();
        assert_eq!(last.changes, [("answer".to_owned(), answer.to_owned())]);
    }
    assert_eq!(
        newest(&server, &anna.machine).await.unwrap().answer,
        "Take left.",
        "the analysis stays as it was"
    );
    for (fields, status) in [
        ([("workflow_id", workflow.as_str()), ("id", id), ("sequence", "9"), ("changes", "")], 404),
        ([("workflow_id", workflow.as_str()), ("id", id), ("sequence", "1"), ("changes", "{")], 422),
        (
            [("workflow_id", workflow.as_str()), ("id", id), ("sequence", "1"), ("changes", r#"{"x": 1}"#)],
            422,
        ),
        ([("workflow_id", workflow.as_str()), ("id", "nobody"), ("sequence", "1"), ("changes", "")], 404),
    ] {
        assert_eq!(call("replay", &fields).await.status, status, "{fields:?}");
    }
    let stranger = server.post("/app/workflow/run").form(&[("id", id)]).send().await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let replayed = entries.iter().filter(|entry| entry.action == "workflow.run-replayed");
    let details: Vec<_> = replayed.map(|entry| entry.detail.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(details, ["forked", "replayed"], "the newest first");
    assert!(entries.iter().any(|entry| entry.action == "workflow.run-viewed"));
}
