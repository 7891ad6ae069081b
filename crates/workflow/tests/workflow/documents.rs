//! Workflows as documents.

use serde_json::{Value, json};
use workflow::document::{
    Condition, DocumentState, DocumentUpdate, NodeRegistry, Question, Template, TemplateError,
    WorkflowDocument, compile,
};
use workflow::{
    Durability, LimitExceeded, Limits, MemoryCheckpoints, Run, RunError, Status, ThreadId, WorkflowState,
    answer,
};

use crate::fixture::Failure;

fn document(value: Value) -> WorkflowDocument {
    serde_json::from_value(value).unwrap()
}

/// Summarises each file, asks a person, and goes one of two ways.
fn reviewing() -> WorkflowDocument {
    document(json!({
        "name": "reviewing",
        "version": 3,
        "channels": { "files": "last", "notes": "append", "answer": "last", "result": "last" },
        "nodes": [
            { "id": "start", "type": "branch" },
            { "id": "note", "type": "transform", "config": { "template": "read {{item}}", "channel": "notes" } },
            { "id": "ask", "type": "ask_person", "config": { "question": "Keep {{notes}}?", "channel": "answer" } },
            { "id": "keep", "type": "transform", "config": { "template": "kept", "channel": "result" } },
            { "id": "drop", "type": "transform", "config": { "template": "dropped", "channel": "result" } },
        ],
        "edges": [
            { "from": "start", "to": ["note"], "each": "files" },
            { "from": "note", "to": ["ask"] },
            { "from": "ask", "to": ["keep"], "when": { "equals": { "channel": "answer", "value": "yes" } } },
            { "from": "ask", "to": ["drop"] },
            { "from": "keep", "to": ["__end__"] },
            { "from": "drop", "to": ["__end__"] },
        ],
    }))
}

#[tokio::test]
async fn a_document_runs_as_a_graph() {
    let document = reviewing();
    let graph = compile::<(), Failure>(&document, &NodeRegistry::default()).unwrap();
    for (words, result) in [("yes", "kept"), ("no", "dropped")] {
        let (store, thread) = (MemoryCheckpoints::default(), ThreadId::new("1"));
        let run = Run::new(&graph, &()).checkpoints(&store, Durability::Always);
        let mut state = DocumentState::new(document.channels.clone());
        state.apply(DocumentUpdate::of("files", json!(["a", "b"])));
        let report = run.start(&thread, state).await.unwrap();
        let Status::Interrupted(questions) = report.status else { panic!("{:?}", report.status) };
        assert_eq!(questions[0].question["text"], json!("Keep [\"read a\",\"read b\"]?"));
        answer(&store, &thread, &questions[0].id, words.into()).await.unwrap();
        let report = run.resume(&thread).await.unwrap();
        assert_eq!(report.state.get("result"), &json!(result));
    }
}

#[test]
fn a_document_survives_being_stored() {
    let stored = serde_json::to_string(&reviewing()).unwrap();
    assert_eq!(serde_json::from_str::<WorkflowDocument>(&stored).unwrap(), reviewing());
    let graph = compile::<(), Failure>(&reviewing(), &NodeRegistry::default()).unwrap();
    assert_eq!(graph.id(), "reviewing@3");
    assert_eq!(graph.describe().edges[2].when.as_deref(), Some("answer is \"yes\""));
}

fn errors(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut value = serde_json::to_value(reviewing()).unwrap();
    change(&mut value);
    let errors = compile::<(), Failure>(&document(value), &NodeRegistry::default()).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn errors_name_node_and_field() {
    assert_eq!(
        errors(|value| value["nodes"][1]["config"] = json!({ "channel": "notes" })),
        ["node note: config.template: expected a text that is not empty"]
    );
    assert_eq!(
        errors(|value| value["nodes"][1]["config"]["template"] = json!("{{itme}}")),
        ["node note: config.template: itme is no channel"]
    );
    assert_eq!(
        errors(|value| value["nodes"][1]["config"]["template"] = json!("ä {{item")),
        ["node note: config.template: expected a template, but `{{` at character 2 has no `}}`"]
    );
    assert_eq!(
        errors(|value| value["nodes"][1]["config"]["channel"] = json!("nots")),
        ["node note: config.channel: nots is no channel"]
    );
    assert_eq!(
        errors(|value| value["nodes"][1]["type"] = json!("magic")),
        ["node note: type: one of ask_person, branch, transform"]
    );
    assert_eq!(
        errors(|value| value["edges"][1]["to"] = json!(["aks"])),
        ["node note: edges[1].to: aks is no node"]
    );
    assert_eq!(
        errors(|value| value["edges"][2]["when"] = json!({ "filled": { "channel": "anwser" } })),
        ["node ask: edges[2].when: anwser is no channel"]
    );
    assert_eq!(
        errors(|value| value["nodes"][2]["id"] = json!("note")).first().unwrap(),
        "node note: id: another node has this id"
    );
    assert_eq!(
        errors(|value| {
            value["edges"].as_array_mut().unwrap().remove(5);
        }),
        ["node drop: edges: drop has no edge that is taken whenever no other fits"]
    );
    assert_eq!(
        errors(|value| {
            value["nodes"][0]["attempts"] = json!(0);
            value["name"] = json!("");
        }),
        ["name: a name of 1 to 64 characters", "node start: attempts: 1 to 10"],
        "all of them at once"
    );
}

#[tokio::test]
async fn branches_of_a_document_run_in_parallel_and_join() {
    let note =
        |id: &str| json!({ "id": id, "type": "transform", "config": { "template": id, "channel": "notes" } });
    let document = document(json!({
        "name": "fan-out",
        "version": 1,
        "channels": { "notes": "append" },
        "nodes": [note("start"), note("left"), note("right"), note("end")],
        "edges": [
            { "from": "start", "to": ["left", "right"] },
            { "from": "left", "to": ["end"], "join": true },
            { "from": "right", "to": ["end"], "join": true },
            { "from": "end", "to": ["__end__"] },
        ],
    }));
    let graph = compile::<(), Failure>(&document, &NodeRegistry::default()).unwrap();
    let mut state = DocumentState::new(document.channels.clone());
    let steps = graph.run(&mut state, &(), &()).await.unwrap();
    assert_eq!((state.get("notes"), steps.len()), (&json!(["start", "left", "right", "end"]), 4));
}

#[test]
fn channels_take_new_values_by_their_kind() {
    let channels = json!({ "a": "add", "b": "append", "c": "last", "d": "maximum", "e": "merge" });
    let mut state = DocumentState::new(serde_json::from_value(channels).unwrap());
    for update in [
        json!({ "a": 1, "b": [1], "c": 1, "d": 2, "e": { "x": 1 } }),
        json!({ "a": 2.5, "b": 2, "c": 2, "d": 1, "e": { "y": 2 } }),
    ] {
        state.apply(serde_json::from_value(update).unwrap());
    }
    let expected = json!({ "a": 3.5, "b": [1, 2], "c": 2, "d": 2, "e": { "x": 1, "y": 2 } });
    assert_eq!(serde_json::to_value(state.values()).unwrap(), expected);
    assert_eq!(state.exclusive_writes(&DocumentUpdate::of("c", 1)), ["c"]);
    assert!(state.exclusive_writes(&DocumentUpdate::of("b", 1)).is_empty());
}

#[test]
fn conditions_test_the_state() {
    let mut state = DocumentState::default();
    let values = json!({ "text": "Error 42", "list": [1], "empty": "  ", "number": 3 });
    state.apply(serde_json::from_value(values).unwrap());
    for (condition, expected) in [
        (json!({ "contains": { "channel": "text", "value": "ERROR" } }), true),
        (json!({ "contains": { "channel": "list", "value": 1 } }), true),
        (json!({ "contains": { "channel": "number", "value": 3 } }), false),
        (json!({ "filled": { "channel": "empty" } }), false),
        (json!({ "filled": { "channel": "absent" } }), false),
        (json!({ "greater": { "channel": "number", "value": 2.5 } }), true),
        (json!({ "less": { "channel": "text", "value": 9 } }), false),
        (json!({ "not": { "filled": { "channel": "list" } } }), false),
        (
            json!({ "all": [{ "filled": { "channel": "list" } }, { "equals": { "channel": "number", "value": 3 } }] }),
            true,
        ),
        (json!({ "any": [] }), false),
    ] {
        let parsed: Condition = serde_json::from_value(condition.clone()).unwrap();
        assert_eq!(parsed.holds(&state), expected, "{condition}");
    }
    serde_json::from_value::<Condition>(json!({ "equals": { "chanel": "a", "value": 1 } })).unwrap_err();
}

#[test]
fn templates_put_values_in() {
    let mut state = DocumentState::default();
    state.apply(serde_json::from_value(json!({ "a": "x{{b}}", "b": [1] })).unwrap());
    let render = |text: &str| Template::parse(text).map(|template| template.render(&state, None).unwrap());
    assert_eq!(render("{{ a }}-{{b}}-{{none}}"), Ok("x{{b}}-[1]-".into()), "a value is never a template");
    assert_eq!(render("{{{{a}}"), Ok("{{a}}".into()));
    assert_eq!(render("}} { }"), Ok("}} { }".into()));
    assert_eq!(render("{{}}"), Err(TemplateError::Unnamed(0)));
}

/// A start, and a step that comes back to it forty times.
fn growing(channels: Value, step: Value, edge: Value) -> WorkflowDocument {
    document(json!({
        "name": "growing",
        "version": 1,
        "channels": channels,
        "nodes": [{ "id": "start", "type": "branch" }, step],
        "edges": [
            edge,
            { "from": "grow", "to": ["start"], "at_most": 40 },
            { "from": "grow", "to": ["__end__"] },
        ],
    }))
}

async fn exceeded(document: &WorkflowDocument, limits: Limits, first: DocumentUpdate) -> LimitExceeded {
    let graph = compile::<(), Failure>(document, &NodeRegistry::default()).unwrap();
    let mut state = DocumentState::new(document.channels.clone());
    state.apply(first);
    let run = Run::new(&graph, &()).limits(limits);
    match run.start(&ThreadId::new("1"), state).await {
        Err(RunError::Limit { exceeded, node }) => {
            assert!(["grow", "start"].contains(&node.as_str()));
            exceeded
        }
        other => panic!("not stopped by a limit: {other:?}"),
    }
}

#[tokio::test]
async fn a_text_that_doubles_in_a_loop_is_stopped() {
    let document = growing(
        json!({ "text": "last" }),
        json!({ "id": "grow", "type": "transform", "config": { "template": "{{text}}{{text}}", "channel": "text" } }),
        json!({ "from": "start", "to": ["grow"] }),
    );
    let first = DocumentUpdate::of("text", "x");
    assert_eq!(exceeded(&document, Limits::default(), first.clone()).await, LimitExceeded::Text(1 << 20));
    let limits = Limits { bytes: 1_000, ..Limits::default() };
    assert_eq!(exceeded(&document, limits, first).await, LimitExceeded::Bytes(1_000));
}

#[tokio::test]
async fn a_list_that_doubles_in_a_loop_is_stopped() {
    let document = growing(
        json!({ "list": "append" }),
        json!({ "id": "grow", "type": "transform", "config": { "template": "x", "channel": "list" } }),
        json!({ "from": "start", "to": ["grow"], "each": "list" }),
    );
    let limits = Limits { tasks: 1_000, ..Limits::default() };
    let found = exceeded(&document, limits, DocumentUpdate::of("list", json!(["x"]))).await;
    assert_eq!(found, LimitExceeded::Tasks(1_000));
}

#[test]
fn a_documents_limits_lower_those_of_whoever_runs_it() {
    let mut text = json!({ "name": "a", "version": 1, "nodes": [], "edges": [] });
    let without: WorkflowDocument = serde_json::from_value(text.clone()).unwrap();
    let most = Limits { calls: 5, tokens: 100, ..Limits::default() };
    assert_eq!(without.limits.within(most), most);
    assert!(serde_json::to_value(&without).unwrap().get("limits").is_none());
    text["limits"] = json!({ "model_calls": 9, "tokens": 7 });
    let with: WorkflowDocument = serde_json::from_value(text).unwrap();
    assert_eq!(with.limits.within(most), Limits { tokens: 7, ..most }, "never raised");
}

#[test]
fn a_question_with_choices_takes_one_of_them() {
    let mut document = reviewing();
    let ask = document.nodes.iter_mut().find(|node| node.kind == "ask_person").unwrap();
    ask.config["choices"] = json!(["again", "keep"]);
    ask.config["minutes"] = json!(5);
    compile::<(), std::io::Error>(&document, &NodeRegistry::default()).unwrap();
    let ask = document.nodes.iter_mut().find(|node| node.kind == "ask_person").unwrap();
    for (field, wrong) in [
        ("choices", json!(["a", "a"])),
        ("choices", json!([""])),
        ("choices", json!("a")),
        ("choices", json!((0..11).map(|number| number.to_string()).collect::<Vec<_>>())),
        ("minutes", json!(0)),
        ("minutes", json!(1_441)),
    ] {
        let mut ask = ask.clone();
        ask.config[field] = wrong.clone();
        let mut document = reviewing();
        *document.nodes.iter_mut().find(|node| node.kind == "ask_person").unwrap() = ask;
        let errors = compile::<(), std::io::Error>(&document, &NodeRegistry::default()).unwrap_err();
        assert_eq!(errors[0].field, format!("config.{field}"), "{wrong}");
    }
    let question = |choices: &[&str], free_text| Question {
        text: String::new(),
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
        free_text,
        minutes: 1,
    };
    assert!(question(&[], false).takes("x") && question(&["a"], true).takes("x"));
    assert!(question(&["a"], false).takes("a") && !question(&["a"], false).takes("x"));
}
