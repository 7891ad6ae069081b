//! Conversations: questions that follow one another, and what their person does with them.

use std::sync::Arc;

use ::analysis::provider::{AnswerPiece, Completion, PromptRequest, Provider, ProviderConfig, ProviderError};
use async_trait::async_trait;
use http::Method;
use parking_lot::Mutex;
use protocol::analysis::{AnalysisDocument, NoticeCode};
use serde_json::{Value, json};
use server::analysis::Analyses;
use server::workflow::Workflows;
use store::Tx;
use tokio::sync::mpsc;
use web::InMemoryRateLimiter;

use crate::analysis::{blank_png, signed_in};
use crate::on_both;
use crate::support::{Exchange, Machine, TestServer};

on_both!(
    a_further_question_gets_the_earlier_turns,
    a_conversation_that_is_too_long_is_shortened_and_says_so,
    a_conversation_is_listed_searched_renamed_exported_and_deleted,
    nobody_elses_conversation_is_read_continued_or_changed,
    analyses_of_an_earlier_version_become_conversations,
    a_conversation_has_a_bound_and_ends_with_its_last_question,
    the_requests_of_a_person_are_limited,
);

/// A model server's client that records what it is asked.
#[derive(Debug)]
struct Recorder {
    config: ProviderConfig,
    asked: Arc<Mutex<Vec<PromptRequest>>>,
    answer: String,
}

#[async_trait]
impl Provider for Recorder {
    fn config(&self) -> &ProviderConfig {
        &self.config
    }

    async fn answer(
        &self,
        request: PromptRequest,
        pieces: mpsc::Sender<AnswerPiece>,
    ) -> Result<Completion, ProviderError> {
        self.asked.lock().push(request);
        pieces.send(AnswerPiece::Reasoning("a secret thought".to_owned())).await.unwrap();
        pieces.send(AnswerPiece::Text(self.answer.clone())).await.unwrap();
        Ok(Completion::default())
    }
}

/// The server with a model that says this.
fn with_model(mut server: TestServer, answer: &str) -> (TestServer, Arc<Mutex<Vec<PromptRequest>>>) {
    let config = json!({
        "name": "double", "kind": "openai", "base_url": "http://localhost:1", "model": "tiny", "vision": true,
        "context_tokens": 4_096, "max_tokens": 512,
    });
    let (config, asked) = (serde_json::from_value(config).unwrap(), Arc::default());
    let provider = Recorder { config, asked: Arc::clone(&asked), answer: answer.to_owned() };
    let limits = Arc::new(InMemoryRateLimiter::new(server.state.env.clock.clone(), 100));
    let (env, modes) = (server.state.env.clone(), server.state.modes.clone());
    let workflows = Workflows::new(server.state.env.clone());
    server.state.analyses =
        Analyses::with_providers(env, modes, workflows, limits, vec![Arc::new(provider)]).unwrap();
    server.router = server::routes::router(&server.state);
    (server, asked)
}

/// A signed-in person at a machine.
struct Anna<'a> {
    server: &'a TestServer,
    machine: Machine,
    token: String,
}

impl Anna<'_> {
    fn request(&self, method: Method, path: &str) -> Exchange<'_> {
        self.server.exchange(method, path).certificate(&self.machine.der).bearer(&self.token)
    }

    fn question(&self, text: &str, conversation: &str, image: Option<&[u8]>) -> Exchange<'_> {
        let mut parts = vec![("context", None, text.as_bytes())];
        if !conversation.is_empty() {
            parts.push(("conversation", None, conversation.as_bytes()));
        }
        parts.extend(image.map(|image| ("image", Some("a.png"), image)));
        self.request(Method::POST, "/native/analyze").multipart(&parts)
    }

    /// Asks about a picture, and waits for the record.
    async fn ask(&self, text: &str, conversation: &str) -> AnalysisDocument {
        let image = blank_png(64, 64);
        let reply = self.question(text, conversation, Some(&image)).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let document: AnalysisDocument = reply.json();
        self.recorded(&document.done.analysis_id).await;
        // Instants are whole seconds.
        self.server.clock.advance(1);
        document
    }

    async fn recorded(&self, id: &str) {
        let path = format!("/native/analyses/{id}");
        while self.request(Method::GET, &path).send().await.json::<Value>()["state"] == "running" {
            tokio::task::yield_now().await;
        }
    }

    async fn list(&self, search: &str) -> Vec<Value> {
        let search: String = url::form_urlencoded::byte_serialize(search.as_bytes()).collect();
        let path = format!("/native/conversations?search={search}");
        self.request(Method::GET, &path).send().await.json()
    }
}

async fn a_further_question_gets_the_earlier_turns(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let (server, asked) = with_model(server, "An **answer**.");
    let anna = Anna { server: &server, machine, token };
    let first = anna.ask("What is this?", "").await;
    let conversation = first.done.conversation.clone();
    assert!(!conversation.is_empty());
    let second = anna.ask("And why?", &conversation).await;
    assert_eq!(second.done.conversation, conversation);
    assert_eq!(second.notices, []);

    // A further question may come without the picture.
    let reply = anna.question("Thank you?", &conversation, None).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = std::mem::take(&mut *asked.lock());
    assert_eq!(asked[0].turns, []);
    assert!(!asked[0].system.contains("Earlier questions"), "{}", asked[0].system);
    let turns: Vec<_> = asked[1].turns.iter().map(|t| (t.question.as_str(), t.answer.as_str())).collect();
    assert_eq!(turns, [("What is this?", "An **answer**.")], "without the reasoning");
    assert!(asked[1].picture.is_some() && asked[1].user.contains("And why?"));
    assert!(asked[1].system.contains("never an instruction"));
    assert_eq!((asked[2].turns.len(), asked[2].picture.is_some()), (2, false));
    assert!(asked[2].system.contains("without the screen"), "{}", asked[2].system);

    let problem = anna.question("And this?", "", None).send().await.problem();
    assert!(problem.status == 422 && problem.error_of("image").is_some(), "{problem}");
    // The built-in reader has nothing to read then.
    let reader = anna.server.restarted_with(&[]).await;
    let anna = Anna { server: &reader, machine: anna.machine, token: anna.token };
    let problem = anna.question("And this?", &conversation, None).send().await.problem();
    assert!(problem.error_of("image").is_some_and(|message| message.contains("Add it again")), "{problem}");
}

async fn a_conversation_that_is_too_long_is_shortened_and_says_so(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let (server, asked) = with_model(server, &"word ".repeat(450));
    let anna = Anna { server: &server, machine, token };
    let conversation = anna.ask("question 0", "").await.done.conversation;
    let mut told = Vec::new();
    for n in 1..5 {
        let document = anna.ask(&format!("question {n}"), &conversation).await;
        let codes: Vec<_> = document.notices.iter().map(|notice| notice.code).collect();
        told.push(codes.contains(&NoticeCode::ConversationShortened));
    }
    assert_eq!(told, [false, true, true, true]);
    let asked = asked.lock();
    let last = &asked[4];
    assert_eq!(last.turns.iter().map(|t| t.question.as_str()).collect::<Vec<_>>(), ["question 3"]);
    assert!(last.user.contains("question 4"));
}

async fn a_conversation_is_listed_searched_renamed_exported_and_deleted(server: TestServer) {
    let server = server.restarted_with(&[("AIWE_SCREENSHOTS__KEEP", "true")]).await;
    let (machine, token) = signed_in(&server).await;
    let (server, _) = with_model(server, "Ein Ärger mit **Größe**");
    let anna = Anna { server: &server, machine, token };
    let long = format!("\nWas ist {}?\nUnd noch etwas", "ß".repeat(100));
    let first = anna.ask(&long, "").await.done.conversation;
    let second = anna.ask("Ganz anders", "").await.done.conversation;
    anna.ask("Weiter", &first).await;

    let list = anna.list("").await;
    let shown: Vec<_> = list.iter().map(|c| (c["id"].as_str().unwrap(), c["questions"].as_u64())).collect();
    assert_eq!(shown, [(first.as_str(), Some(2)), (second.as_str(), Some(1))], "the newest question first");
    let title = list[0]["title"].as_str().unwrap();
    assert!(
        title.starts_with("Was ist ßß") && title.ends_with('…') && title.chars().count() == 80,
        "{title}"
    );
    let count = async |search: &str| anna.list(search).await.len();
    for (search, found) in [("GROSSE", 2), ("arger", 2), ("ganz ANDERS", 1), ("weiter", 1), ("100%", 0)] {
        assert_eq!(count(search).await, found, "{search}");
    }

    let path = format!("/native/conversations/{first}");
    let rename = |title: &str| anna.request(Method::PATCH, &path).json(&json!({ "title": title })).send();
    assert_eq!(rename(" Öffentlich ").await.status, 204);
    for wrong in ["", "two\nlines", &"x".repeat(81)] {
        let problem = rename(wrong).await.problem();
        assert!(problem.status == 422 && problem.error_of("title").is_some(), "{wrong:?} {problem}");
    }
    assert_eq!((count("offentlich").await, count("was ist ßß").await), (1, 1));
    let whole: Value = anna.request(Method::GET, &path).send().await.json();
    let questions: Vec<_> = whole["analyses"].as_array().unwrap().iter().map(|a| &a["context"]).collect();
    assert_eq!(
        (whole["title"].as_str(), questions),
        (Some("Öffentlich"), vec![&json!(long), &json!("Weiter")])
    );

    let export = |format: &str| anna.request(Method::GET, &format!("{path}/export?format={format}")).send();
    let file = export("markdown").await;
    assert_eq!(file.headers["content-type"], "text/markdown; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().ends_with(".md\""));
    assert!(
        file.text().starts_with("# Öffentlich\n") && file.text().contains("> Weiter\n"),
        "{}",
        file.text()
    );
    assert_eq!(export("json").await.json::<Value>(), whole);
    assert_eq!(export("pdf").await.problem().status, 422);

    let delete = || anna.request(Method::DELETE, &path).send();
    assert_eq!((delete().await.status.as_u16(), delete().await.status.as_u16()), (204, 404));
    assert_eq!(anna.request(Method::GET, &path).send().await.problem().status, 404);
    assert_eq!(count("").await, 1);
    for table in ["analysis", "analysis_step", "kept_picture"] {
        let column = if table == "analysis" { "id" } else { "analysis_id" };
        let sql = format!(
            "SELECT COUNT(*) FROM {table} WHERE {column} NOT IN
             (SELECT id FROM analysis WHERE conversation_id = '{second}')"
        );
        assert_eq!(number(&server, &sql).await, 0, "{table}");
    }
    assert_eq!(number(&server, "SELECT COUNT(*) FROM kept_picture").await, 1);
    let logged = format!(
        "SELECT COUNT(*) FROM audit_entry WHERE action = 'conversation.deleted' AND subject = '{first}'"
    );
    assert_eq!(number(&server, &logged).await, 1);
}

async fn number(server: &TestServer, sql: &str) -> i64 {
    let mut tx = server.state.env.store.begin().await.unwrap();
    match &mut tx {
        Tx::Sqlite(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap(),
    }
}

async fn run(server: &TestServer, sql: &str) {
    let mut tx = server.state.env.store.begin().await.unwrap();
    match &mut tx {
        Tx::Sqlite(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
}

async fn nobody_elses_conversation_is_read_continued_or_changed(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let other = server.machine(&admin, "ben@example.org").await;
    let other_token = server.token(&other).await;
    let (server, asked) = with_model(server, "An answer");
    let anna = Anna { server: &server, machine, token };
    let ben = Anna { server: &server, machine: other, token: other_token };
    let conversation = anna.ask("Anna's question", "").await.done.conversation;

    let image = blank_png(64, 64);
    let mut answers = Vec::new();
    for id in [conversation.as_str(), "0199-none", "not an id!"] {
        let problem = ben.question("And?", id, Some(&image)).send().await.problem();
        assert!(problem.status == 422 && problem.error_of("conversation").is_some(), "{problem}");
        answers.push(serde_json::to_string(&problem).unwrap());
        // Refused before the picture is looked at.
        let problem = ben.question("And?", id, Some(b"no picture")).send().await.problem();
        assert!(problem.error_of("conversation").is_some(), "{problem}");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "nobody learns which exist: {answers:?}");
    assert_eq!(asked.lock().len(), 1);

    let path = format!("/native/conversations/{conversation}");
    assert_eq!(ben.list("").await.len(), 0);
    let export = format!("{path}/export");
    for exchange in [
        ben.request(Method::GET, &path),
        ben.request(Method::GET, &export),
        ben.request(Method::PATCH, &path).json(&json!({ "title": "Mine" })),
        ben.request(Method::DELETE, &path),
    ] {
        assert_eq!(exchange.send().await.problem().status, 404);
    }
    let bare = |method: Method| server.exchange(method, &path).certificate(&anna.machine.der);
    assert_eq!(bare(Method::GET).send().await.problem().status, 401);
    assert_eq!(bare(Method::DELETE).send().await.problem().status, 401);
    assert_eq!(anna.list("").await[0]["title"], "Anna's question");
}

async fn analyses_of_an_earlier_version_become_conversations(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let anna = Anna { server: &server, machine, token };
    let id = anna.ask("\nAn old question\nwith two lines", "").await.done.analysis_id;
    run(&server, "UPDATE analysis SET conversation_id = NULL").await;
    run(&server, "DELETE FROM conversation").await;
    assert_eq!(anna.list("").await.len(), 0);
    let shown: Value = anna.request(Method::GET, &format!("/native/analyses/{id}")).send().await.json();
    assert_eq!(shown["conversation"], Value::Null);

    // An old data folder: as the server starts. And twice, as two servers do.
    let server = server.restarted_with(&[]).await;
    for result in futures::future::join_all((0..3).map(|_| server.state.env.store.fill_conversations())).await
    {
        result.unwrap();
    }
    let anna = Anna { server: &server, machine: anna.machine, token: anna.token };
    let list = anna.list("old QUESTION").await;
    assert_eq!((list.len(), &list[0]["title"], &list[0]["id"]), (1, &json!("An old question"), &json!(id)));
    let second = anna.ask("A new one", &id).await;
    assert_eq!((second.done.conversation, anna.list("").await[0]["questions"].as_u64()), (id, Some(2)));
}

async fn a_conversation_has_a_bound_and_ends_with_its_last_question(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let anna = Anna { server: &server, machine, token };
    let first = anna.ask("one", "").await.done;
    let columns =
        "account_id, certificate_id, mode_id, context, answer, state, provider, model, prompt_tokens,
        completion_tokens, image_sha256, image_width, image_height, image_bytes, started_at, ms, search_text,
        conversation_id";
    let copies = domain::conversation::MAX_QUESTIONS - 1;
    let sql = format!(
        "WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < {copies})
         INSERT INTO analysis (id, {columns}) SELECT 'copy-' || n, {columns} FROM analysis, copy"
    );
    run(&server, &sql).await;
    let image = blank_png(64, 64);
    let problem = anna.question("too many", &first.conversation, Some(&image)).send().await.problem();
    let message = problem.error_of("conversation").unwrap();
    assert!(message.contains("100 questions"), "{message}");

    run(&server, "DELETE FROM analysis WHERE id LIKE 'copy-%'").await;
    assert_eq!(anna.list("").await.len(), 1);
    let path = format!("/native/analyses/{}", first.analysis_id);
    assert_eq!(anna.request(Method::DELETE, &path).send().await.status, 204);
    assert_eq!(anna.list("").await.len(), 0, "nothing is left of it");
}

async fn the_requests_of_a_person_are_limited(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let anna = Anna { server: &server, machine, token };
    for _ in 0..120 {
        assert_eq!(anna.request(Method::GET, "/native/conversations").send().await.status, 200);
    }
    let problem = anna.request(Method::GET, "/native/conversations").send().await.problem();
    assert!(problem.status == 429 && problem.retry_after.is_some(), "{problem}");
}
