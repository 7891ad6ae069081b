//! Model servers that administrators enter in the panel.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use protocol::analysis::AnalysisDocument;
use protocol::mode::Mode;
use protocol::people::Role;
use protocol::provider::{KeyChange, ModelState, ProviderDraft, ProviderEditor, ProviderRow, ProviderTest};
use protocol::{Problem, ServiceError};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::analysis::blank_png;
use crate::on_both;
use crate::support::{AdminSession, Reply, TestServer};

on_both!(
    a_provider_is_entered_tested_and_answers_without_a_restart,
    a_key_is_stored_encrypted_and_never_shown_again,
    other_servers_on_the_database_take_changes_over,
    wrong_fields_conflicts_and_names_are_told,
    a_provider_in_use_is_not_deleted_or_renamed,
    a_servers_test_is_limited,
    only_administrators_touch_providers,
    another_server_answers_when_one_fails,
    one_whose_key_does_not_open_is_shown_and_can_be_mended,
);

/// An Ollama server with one model: what it was sent, and what it answers.
#[derive(Clone, Default)]
struct Ollama {
    url: String,
    /// Paths with their `authorization`.
    asked: Arc<Mutex<Vec<(String, String)>>>,
    /// Answers chats with this status.
    fails: Option<u16>,
}

impl Ollama {
    async fn start(fails: Option<u16>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let double = Self { url, asked: Arc::default(), fails };
        let router = Router::new().fallback(reply).with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        double
    }

    fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(at, _)| at == path).map(|(_, key)| key.clone()).collect()
    }
}

async fn reply(State(double): State<Ollama>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let key = request.headers().get("authorization").map(|key| key.to_str().unwrap().to_owned());
    double.asked.lock().unwrap().push((path.clone(), key.unwrap_or_default()));
    let body = match path.as_str() {
        "/api/tags" => json!({"models": [{"name": "tiny:latest", "size": 98_000_000}]}),
        "/api/ps" => json!({"models": [{"name": "tiny:latest"}]}),
        "/api/show" => {
            json!({"capabilities": ["completion", "vision"], "model_info": {"x.context_length": 8_192}})
        }
        "/api/chat" => {
            if let Some(status) = double.fails {
                return (StatusCode::from_u16(status).unwrap(), "{\"error\":\"out of memory\"}")
                    .into_response();
            }
            let word = json!({"message": {"content": "Blue."}, "done": false});
            let end = json!({"message": {"content": ""}, "done": true, "done_reason": "stop",
                "prompt_eval_count": 9, "eval_count": 2});
            return format!("{word}\n{end}\n").into_response();
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    body.to_string().into_response()
}

fn fields<'a>(name: &'a str, url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("provider[name]", name),
        ("provider[kind]", "ollama"),
        ("provider[base_url]", url),
        ("provider[model]", "tiny"),
        ("provider[vision]", "true"),
        ("provider[version]", "0"),
    ]
}

async fn call(server: &TestServer, admin: &AdminSession, function: &str, fields: &[(&str, &str)]) -> Reply {
    let post = server.post(&format!("/app/provider/{function}"));
    post.cookie("aiwe_session", &admin.session).form(fields).send().await
}

async fn list(server: &TestServer, admin: &AdminSession) -> Vec<ProviderRow> {
    call(server, admin, "list", &[]).await.json()
}

async fn ask(server: &TestServer, admin: &AdminSession) -> AnalysisDocument {
    let machine = server.machine(admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let image = blank_png(64, 64);
    let parts = [("image", Some("x.png"), image.as_slice()), ("context", None, b"why?".as_slice())];
    let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
    post.multipart(&parts).send().await.json()
}

async fn a_provider_is_entered_tested_and_answers_without_a_restart(server: TestServer) {
    let (admin, model) = (server.administrator().await, Ollama::start(None).await);
    assert!(list(&server, &admin).await.is_empty());
    let id: String = call(&server, &admin, "save", &fields("Local", &model.url)).await.json();

    let row = &list(&server, &admin).await[0];
    assert_eq!(
        (row.id.as_str(), row.name.as_str(), row.configured, row.is_default),
        (&*id, "Local", false, true)
    );
    let health = row.servers[0].health.as_ref().unwrap();
    assert_eq!((health.problem.as_deref(), health.since), (None, server.state.env.now()));
    let found = &row.models[0];
    assert_eq!((found.name.as_str(), found.vision, found.tools), ("tiny:latest", Some(true), Some(false)));
    assert_eq!((found.context_tokens, found.state), (Some(8_192), ModelState::Loaded));
    assert_eq!(row.models.len(), 1, "“tiny” is what the server calls “tiny:latest”");

    let tested: ProviderTest = call(&server, &admin, "test", &[("id", &id)]).await.json();
    assert_eq!((tested.answered, tested.words.as_str()), (true, "Blue."));
    let answered = ask(&server, &admin).await;
    assert_eq!((answered.answer.as_str(), answered.done.provider.as_str()), ("Blue.", "Local"));

    assert_eq!(call(&server, &admin, "delete", &[("id", &id)]).await.status, StatusCode::OK);
    assert!(list(&server, &admin).await.is_empty());
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    let mut actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    actions.retain(|action| action.starts_with("provider."));
    assert_eq!(actions, ["provider.deleted", "provider.tested", "provider.created"]);
}

async fn a_key_is_stored_encrypted_and_never_shown_again(server: TestServer) {
    let (admin, model) = (server.administrator().await, Ollama::start(None).await);
    let other = Ollama::start(None).await;
    let mut form = fields("Local", &model.url);
    form.push(("provider[api_key]", "sk-very-secret-0815"));
    let id: String = call(&server, &admin, "save", &form).await.json();
    let editor = call(&server, &admin, "edit", &[("id", &id)]).await;
    assert!(!editor.text().contains("0815"), "write-only");
    assert!(editor.json::<ProviderEditor>().draft.has_key);
    assert!(!call(&server, &admin, "list", &[]).await.text().contains("0815"));
    let stored = server.state.env.store.read().await.unwrap().providers().find(&id).await.unwrap().unwrap();
    let sealed = stored.api_key_sealed.unwrap();
    assert!(!sealed.windows(4).any(|part| part == b"0815"));
    assert!(model.asked("/api/tags").iter().all(|key| key == "Bearer sk-very-secret-0815"));

    // Kept when nothing is entered, but not for another address.
    let at = |name: &'static str, url: &'static str, version: &'static str| {
        let mut form: Vec<(&str, &str)> = fields(name, url);
        form.retain(|(field, _)| *field != "provider[version]");
        form.extend([("provider[id]", ""), ("provider[version]", version)]);
        form
    };
    let (here, there): (&'static str, &'static str) =
        (Box::leak(model.url.clone().into_boxed_str()), Box::leak(other.url.clone().into_boxed_str()));
    let with_id = |mut form: Vec<(&'static str, &'static str)>, id: &'static str| {
        form.retain(|(field, _)| *field != "provider[id]");
        form.push(("provider[id]", id));
        form
    };
    let id: &'static str = Box::leak(id.into_boxed_str());
    let moved = call(&server, &admin, "save", &with_id(at("Local", there, "1"), id)).await;
    assert!(moved.json::<Problem>().error_of("api_key").is_some());
    assert!(other.asked("/api/tags").is_empty() && other.asked("/api/chat").is_empty());
    assert_eq!(
        call(&server, &admin, "save", &with_id(at("Renamed", here, "1"), id)).await.status,
        StatusCode::OK
    );
    call(&server, &admin, "test", &[("id", id)]).await;
    assert_eq!(model.asked("/api/chat").last().unwrap(), "Bearer sk-very-secret-0815");
    let mut form = with_id(at("Renamed", there, "2"), id);
    form.push(("provider[remove_key]", "true"));
    assert_eq!(call(&server, &admin, "save", &form).await.status, StatusCode::OK);
    call(&server, &admin, "test", &[("id", id)]).await;
    assert_eq!(other.asked("/api/chat"), [""]);
}

async fn other_servers_on_the_database_take_changes_over(server: TestServer) {
    let (admin, model) = (server.administrator().await, Ollama::start(None).await);
    let second = server.restarted_with(&[]).await;
    let shutdown = CancellationToken::new();
    let watch = tokio::spawn(second.state.providers.clone().watch(shutdown.clone()));
    let in_force = |names: &[&str]| second.state.providers.set().names() == [names, &["reader"]].concat();
    let becomes = async |names: &[&str]| {
        for _ in 0..600 {
            if in_force(names) {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        false
    };
    let id: String = call(&server, &admin, "save", &fields("Local", &model.url)).await.json();
    assert!(becomes(&["Local"]).await, "within a bounded time");
    assert_eq!(ask(&second, &admin).await.done.provider, "Local");
    call(&server, &admin, "delete", &[("id", &id)]).await;
    assert!(becomes(&[]).await);
    shutdown.cancel();
    watch.await.unwrap();
}

async fn wrong_fields_conflicts_and_names_are_told(server: TestServer) {
    let admin = server.administrator().await;
    let local = "http://127.0.0.1:9";
    for (field, value) in [
        ("name", ""),
        ("name", "Reader"),
        ("kind", "other"),
        ("base_url", "ftp://host"),
        ("base_url", "http://user:pw@host"),
        ("base_url", "http://169.254.169.254/latest"),
        ("base_url", "http://[::ffff:a9fe:a9fe]"),
        ("base_url", "http://0xa9fea9fe:80"),
        ("more_urls", "http://fine\nhttp://[fe80::1]:11434"),
        ("model", ""),
        ("context_tokens", "5"),
        ("api_key", "two words"),
    ] {
        let name = format!("provider[{field}]");
        let mut form = fields("Local", local);
        form.retain(|(given, _)| *given != name);
        form.push((&name, value));
        let problem = call(&server, &admin, "save", &form).await.json::<Problem>();
        assert!(problem.error_of(field).is_some(), "{field} = {value}: {problem}");
    }
    assert!(list(&server, &admin).await.is_empty());

    let id: String = call(&server, &admin, "save", &fields("Local", local)).await.json();
    let twin = call(&server, &admin, "save", &fields("LOCAL", local)).await.json::<Problem>();
    assert_eq!(twin.error_of("name"), Some("Another provider has this name."));
    let mut stale = fields("Local", local);
    stale.push(("provider[id]", &id));
    assert_eq!(call(&server, &admin, "save", &stale).await.json::<Problem>().status, 409);
    let row = &list(&server, &admin).await[0];
    let health = row.servers[0].health.as_ref().unwrap();
    assert_eq!(health.problem.as_deref(), Some("no model server listens at its address"));

    // One that was allowed by the configuration, later than the other: ids are ordered by time.
    server.clock.advance(1);
    let allowing = server.restarted_with(&[("AIWE_MODELS__LINK_LOCAL_ADDRESSES", "true")]).await;
    let saved = call(&allowing, &admin, "save", &fields("Link", "http://[fe80::1]:9")).await;
    assert_eq!(saved.status, StatusCode::OK);
    // Those of the configuration are shown, and are not changed here.
    let configured = server
        .restarted_with(&[
            ("AIWE_PROVIDERS__0__NAME", "File"),
            ("AIWE_PROVIDERS__0__KIND", "ollama"),
            ("AIWE_PROVIDERS__0__BASE_URL", local),
            ("AIWE_PROVIDERS__0__MODEL", "tiny"),
        ])
        .await;
    let rows = list(&configured, &admin).await;
    let shown: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.configured, row.is_default)).collect();
    assert_eq!(shown, [("File", true, true), ("Local", false, false), ("Link", false, false)]);
    let taken = call(&configured, &admin, "save", &fields("file", local)).await.json::<Problem>();
    assert!(taken.error_of("name").is_some());
    let mut change = fields("File 2", local);
    change.push(("provider[id]", "configured-0"));
    assert_eq!(call(&configured, &admin, "save", &change).await.json::<Problem>().status, 404);
    assert_eq!(
        call(&configured, &admin, "delete", &[("id", "configured-0")]).await.json::<Problem>().status,
        404
    );
}

async fn a_provider_in_use_is_not_deleted_or_renamed(server: TestServer) {
    let admin = server.administrator().await;
    let id: String = call(&server, &admin, "save", &fields("Local", "http://127.0.0.1:9")).await.json();
    let post = |path: &str| server.post(path).cookie("aiwe_session", &admin.session);
    let mode = post("/app/mode/list").form(&[]).send().await.json::<Vec<Mode>>().remove(0);
    let (temperature, position) = (mode.temperature.to_string(), mode.position.to_string());
    let saved = post("/app/mode/save")
        .form(&[
            ("mode[id]", &mode.id),
            ("mode[version]", &mode.version.to_string()),
            ("mode[name]", &mode.name),
            ("mode[prompt]", &mode.prompt),
            ("mode[temperature]", &temperature),
            ("mode[position]", &position),
            ("mode[provider]", "Local"),
            ("mode[enabled]", "true"),
        ])
        .send()
        .await;
    assert_eq!(saved.status, StatusCode::OK);
    let refused = call(&server, &admin, "delete", &[("id", &id)]).await.json::<Problem>();
    assert_eq!((refused.status, refused.detail.contains("General")), (409, true), "{refused}");
    let mut renamed = fields("Other", "http://127.0.0.1:9");
    renamed.retain(|(field, _)| *field != "provider[version]");
    renamed.extend([("provider[id]", id.as_str()), ("provider[version]", "1")]);
    let refused = call(&server, &admin, "save", &renamed).await.json::<Problem>();
    assert!(refused.error_of("name").unwrap().contains("General"));
    assert_eq!(list(&server, &admin).await[0].modes, ["General"]);

    // A workflow names it too.
    let second: String = call(&server, &admin, "save", &fields("Second", "http://127.0.0.1:9")).await.json();
    let document: Value = json!({"name": "Asks", "version": 1,
        "channels": {"question": "last", "answer": "last"},
        "nodes": [{"id": "ask", "type": "ask_model",
            "config": {"prompt": "{{question}}", "channel": "answer", "provider": "Second"}}],
        "edges": [{"from": "ask", "to": ["__end__"]}]});
    let saved =
        post("/app/workflow/save").form(&[("workflow[document]", &document.to_string())]).send().await;
    assert_eq!(saved.status, StatusCode::OK);
    let refused = call(&server, &admin, "delete", &[("id", &second)]).await.json::<Problem>();
    assert!(refused.detail.contains("The workflow “Asks”"), "{refused}");
}

async fn only_administrators_touch_providers(server: TestServer) {
    let admin = server.administrator().await;
    let form = [fields("Local", "http://127.0.0.1:9"), vec![("id", "")]].concat();
    for function in ["list", "check", "models", "edit", "save", "delete", "test"] {
        let reply = server.post(&format!("/app/provider/{function}")).form(&form).send().await;
        assert_eq!(reply.json::<Problem>().status, 401, "{function}");
    }
    assert!(list(&server, &admin).await.is_empty());
    // Whoever has lost the role changes nothing, also with a proof from before.
    let mut tx = server.state.env.store.begin().await.unwrap();
    tx.accounts().set_role(&admin.id, Role::User).await.unwrap();
    tx.commit().await.unwrap();
    let service = &server.state.services.providers;
    let draft = ProviderDraft {
        name: "Mine".into(),
        base_url: "http://127.0.0.1:9".into(),
        model: "m".into(),
        ..ProviderDraft::default()
    };
    let refused = [
        service.save(&admin.proof(), draft, KeyChange::Keep).await.err(),
        service.delete(&admin.proof(), "configured-0").await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(ServiceError::Problem(problem)) if problem.status == 403));
    }
}

async fn a_servers_test_is_limited(server: TestServer) {
    let (admin, model) = (server.administrator().await, Ollama::start(None).await);
    let id: String = call(&server, &admin, "save", &fields("Local", &model.url)).await.json();
    let mut tried = 0;
    while call(&server, &admin, "test", &[("id", &id)]).await.status == StatusCode::OK {
        tried += 1;
        assert!(tried <= 20, "a question costs the model server's time");
    }
    assert_eq!(tried, 20);
}

async fn another_server_answers_when_one_fails(server: TestServer) {
    let admin = server.administrator().await;
    let (broken, well) = (Ollama::start(Some(500)).await, Ollama::start(None).await);
    let mut form = fields("Farm", &broken.url);
    form.push(("provider[more_urls]", &well.url));
    call(&server, &admin, "save", &form).await;
    let answered = ask(&server, &admin).await;
    assert_eq!((answered.answer.as_str(), answered.done.provider.as_str()), ("Blue.", "Farm"));
    let step = answered.steps.iter().find(|step| step.node == "answer").unwrap();
    assert_eq!(step.note.as_deref(), Some("Answered by server 2 of 2."));
    assert_eq!((broken.asked("/api/chat").len(), well.asked("/api/chat").len()), (1, 1));
}

async fn one_whose_key_does_not_open_is_shown_and_can_be_mended(server: TestServer) {
    let (admin, model) = (server.administrator().await, Ollama::start(None).await);
    let mut form = fields("Local", &model.url);
    form.push(("provider[api_key]", "sk-1"));
    let id: String = call(&server, &admin, "save", &form).await.json();
    let providers = &server.state.providers;
    let mut tx = server.state.env.store.begin().await.unwrap();
    let mut stored = tx.providers().find(&id).await.unwrap().unwrap();
    (stored.api_key_sealed, stored.version) = (Some(vec![7; 60]), 2);
    assert!(tx.providers().update(&stored).await.unwrap());
    tx.commit().await.unwrap();
    providers.refresh().await.unwrap();
    assert_eq!(providers.set().names(), ["reader"], "the server goes on without it");
    let row = &list(&server, &admin).await[0];
    assert!(row.failure.as_ref().unwrap().contains("key cannot be read") && !row.is_default);

    form.retain(|(field, _)| *field != "provider[version]");
    form.extend([("provider[id]", id.as_str()), ("provider[version]", "2")]);
    assert_eq!(call(&server, &admin, "save", &form).await.status, StatusCode::OK);
    assert_eq!(providers.set().names(), ["Local", "reader"]);
    assert_eq!(list(&server, &admin).await[0].failure, None);
}
