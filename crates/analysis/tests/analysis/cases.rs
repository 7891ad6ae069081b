//! What model servers really send, by the numbers of the cases: other projects' issues, one test for each.

use std::time::{Duration, Instant};

use analysis::provider::{self, Completion, ProviderConfig, ProviderError, ProviderKind};
use protocol::analysis::{AnalysisEvent, CutReason, NoticeCode, StepState, Usage};
use serde_json::{Value, json};

use crate::engine::{engine, job, run, steps, text};
use crate::mock_server::{
    Asked, Behaviour, End, MockServer, ask_for_all, client, config, picture, prompt, stream,
};

use ProviderKind::{Ollama, OpenAi};

type Answered = (Asked, Result<Completion, ProviderError>);

fn word(text: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {"content": text}}]})
}

fn ended(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn sse(chunks: &[Value]) -> Vec<String> {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn part(content: &str) -> Value {
    json!({"message": {"role": "assistant", "content": content}, "done": false})
}

fn done(reason: &str) -> Value {
    json!({"message": {"content": ""}, "done": true, "done_reason": reason, "prompt_eval_count": 9, "eval_count": 2})
}

fn lines(parts: &[Value]) -> Vec<String> {
    parts.iter().map(|part| format!("{part}\n")).collect()
}

fn sent(pieces: Vec<String>, end: End) -> Behaviour {
    Behaviour::Stream { pieces, pause: Duration::ZERO, end }
}

async fn answer_of(kind: ProviderKind, behaviour: Behaviour) -> Answered {
    let server = MockServer::start(behaviour).await;
    ask_for_all(provider::connect(config(kind, &server.url), client()).unwrap().as_ref(), prompt()).await
}

async fn of_chunks(chunks: &[Value]) -> Answered {
    answer_of(OpenAi, sent(sse(chunks), End::Clean)).await
}

async fn of_lines(parts: &[Value]) -> Answered {
    answer_of(Ollama, sent(lines(parts), End::Clean)).await
}

#[track_caller]
fn assert_answer(answered: &Answered, text: &str, reasoning: &str) {
    assert_eq!((answered.0.text.as_str(), answered.0.reasoning.as_str()), (text, reasoning));
    assert!(answered.1.is_ok(), "{:?}", answered.1);
}

#[tokio::test]
async fn a21_reasoning_is_no_part_of_the_answer() {
    let stop = ended("stop");
    let think =
        [word("<think>The user wants"), word(" the total.</think>\n\n"), word("It is 12."), stop.clone()];
    assert_answer(&of_chunks(&think).await, "It is 12.", "The user wants the total.");
    let tail = [word("The user wants the total."), word("\n</think>\n\nIt is 12."), stop.clone()];
    assert_answer(&of_chunks(&tail).await, "It is 12.", "The user wants the total.\n");
    for field in ["reasoning_content", "reasoning", "thinking"] {
        let step = json!({"choices": [{"index": 0, "delta": {"content": null, field: "hm "}}]});
        let chunks = [step.clone(), step, word("It is 12."), stop.clone()];
        assert_answer(&of_chunks(&chunks).await, "It is 12.", "hm hm ");
    }
    let thinking = json!({"message": {"content": "", "thinking": "hm "}, "done": false});
    let parts = [thinking.clone(), part("It is 12."), done("stop")];
    assert_answer(&of_lines(&parts).await, "It is 12.", "hm ");

    let only = [json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}), ended("length")];
    for (asked, result) in
        [of_chunks(&only).await, of_lines(&[thinking, done("length")]).await, of_chunks(&think[..1]).await]
    {
        let error = result.unwrap_err();
        assert!(asked.text.is_empty() && matches!(error, ProviderError::OnlyReasoning), "{error:?}");
        assert_eq!(error.note(), "the model used up its room for thinking");
    }
}

#[tokio::test]
async fn a22_null_is_absent_and_parts_are_joined() {
    let stop = ended("stop");
    let usage = |usage: Value| json!({"choices": [], "usage": usage});
    let null_choices =
        json!({"choices": null, "usage": {"prompt_tokens": 3, "completion_tokens": 1}, "error": null});
    let answered = of_chunks(&[json!({"choices": null}), word("Hello"), null_choices, stop.clone()]).await;
    assert_answer(&answered, "Hello", "");
    assert_eq!(answered.1.unwrap().usage, Usage { prompt_tokens: 3, completion_tokens: 1 });
    let null_delta = json!({"choices": [{"index": 0, "delta": null, "finish_reason": "stop"}]});
    assert_answer(&of_chunks(&[word("Hello"), null_delta]).await, "Hello", "");
    let parts = json!([
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "image"},
        {"type": "text", "text": "It is "}, {"type": "text", "text": "12."},
    ]);
    let parts = json!({"choices": [{"delta": {"content": parts}}]});
    assert_answer(&of_chunks(&[parts, stop.clone()]).await, "It is 12.", "hm");
    let null_usage = usage(json!({"prompt_tokens": null, "completion_tokens": null}));
    let half_usage = usage(json!({"prompt_tokens": 4}));
    for (tokens, expected) in [(null_usage, 0), (half_usage, 4)] {
        let answered = of_chunks(&[word("Hello"), stop.clone(), tokens]).await;
        assert_answer(&answered, "Hello", "");
        assert_eq!(answered.1.unwrap().usage, Usage { prompt_tokens: expected, completion_tokens: 0 });
    }
    let null_text = json!({"message": {"content": null, "thinking": "hm"}, "done": false});
    let null_message = json!({"message": null, "done": true, "prompt_eval_count": null, "eval_count": null});
    assert_answer(&of_lines(&[null_text, part("Hello"), null_message]).await, "Hello", "hm");
}

#[tokio::test]
async fn a23_a_finished_answer_needs_no_end_and_comments_are_a_sign_of_life() {
    let mut pieces = sse(&[word("It is 12."), ended("stop")]);
    pieces.pop();
    let begun = Instant::now();
    assert_answer(&answer_of(OpenAi, sent(pieces.clone(), End::Silent)).await, "It is 12.", "");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_answer(&answer_of(OpenAi, sent(pieces, End::Cut)).await, "It is 12.", "");

    // Longer than the timeouts of a second, all together: first, and in the middle.
    let comments = || (0..3).map(|_| ": keep-alive\n\n".to_owned());
    let rest = sse(&[word(" two."), ended("stop")]);
    for first in [
        comments().chain(sse(&[word("One")])).collect::<Vec<_>>(),
        [sse(&[word("One")]), comments().collect()].concat(),
    ] {
        let pieces: Vec<String> =
            first.into_iter().filter(|piece| !piece.contains("DONE")).chain(rest.clone()).collect();
        let slow = Behaviour::Stream { pieces, pause: Duration::from_millis(400), end: End::Clean };
        assert_answer(&answer_of(OpenAi, slow).await, "One two.", "");
    }
    // Ollama's stream has its end in the last line.
    let (asked, result) = of_lines(&[part("It is 12.")]).await;
    assert!(asked.text == "It is 12." && matches!(result, Err(ProviderError::Broken(_))), "{result:?}");
}

#[tokio::test]
async fn a24_an_error_inside_a_200_is_told_in_the_servers_words() {
    let half = word("The first half");
    let object =
        json!({"object": "error", "message": "max tokens reached", "type": "BadRequestError", "code": 400});
    let choice = json!({"choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "max tokens reached"}}]});
    let event = "event: error\ndata: {\"message\":\"max tokens reached\"}\n\n".to_owned();
    let field = "error: {\"code\":500,\"message\":\"max tokens reached\"}\n\n".to_owned();
    let begun = format!("data: {half}\n\n");
    let line = json!({"error": "max tokens reached"});
    for (kind, pieces, text) in [
        (OpenAi, sse(&[half.clone(), object.clone()]), "The first half"),
        (OpenAi, sse(&[half.clone(), choice]), "The first half"),
        (OpenAi, vec![begun.clone(), event], "The first half"),
        (OpenAi, vec![begun, field], "The first half"),
        (OpenAi, vec![object.to_string()], ""),
        (OpenAi, vec![json!({"error": {"message": "max tokens reached"}}).to_string()], ""),
        (Ollama, lines(&[part("The first half"), line]), "The first half"),
    ] {
        let (asked, result) = answer_of(kind, sent(pieces, End::Clean)).await;
        let error = result.unwrap_err();
        assert_eq!(asked.text, text);
        assert!(matches!(error, ProviderError::Reported(_)), "{error:?}");
        assert_eq!(error.explanation(), "the model server reported an error (“max tokens reached”)");
    }
    let page = "<html><title>Sign in</title><p>Please sign in</html>".to_owned();
    for kind in [OpenAi, Ollama] {
        let error = answer_of(kind, sent(vec![page.clone()], End::Clean)).await.1.unwrap_err();
        assert!(matches!(error, ProviderError::NotAnAnswer(_)), "{error:?}");
        assert!(error.explanation().contains("Sign in Please sign in"), "{}", error.explanation());
    }
    let tool =
        json!({"choices": [{"delta": {"content": null, "tool_calls": [{"function": {"name": "look"}}]}}]});
    let (_, result) = of_chunks(&[tool, ended("tool_calls")]).await;
    assert!(matches!(result, Err(ProviderError::ToolRequested)), "{result:?}");
    // A whole completion although a stream was asked for is the answer, cut or not.
    let whole = json!({"object": "chat.completion", "choices": [
        {"message": {"role": "assistant", "content": "It is 12."}, "finish_reason": "length"},
    ]});
    let answered = answer_of(OpenAi, sent(vec![whole.to_string()], End::Clean)).await;
    assert_answer(&answered, "It is 12.", "");
    assert_eq!(answered.1.unwrap().cut, Some(CutReason::Length));
}

#[tokio::test]
async fn a25_an_answer_that_was_cut_says_so() {
    let half = "The second line is wrong because";
    for (answered, cut, code) in [
        (of_chunks(&[word(half), ended("length")]).await, CutReason::Length, NoticeCode::CutOff),
        (
            of_chunks(&[word(half), ended("content_filter")]).await,
            CutReason::ContentFilter,
            NoticeCode::ContentFilter,
        ),
        (of_lines(&[part(half), done("length")]).await, CutReason::Length, NoticeCode::CutOff),
    ] {
        assert_answer(&answered, half, "");
        assert_eq!((answered.1.unwrap().cut, answered.0.notices), (Some(cut), vec![code]));
    }
    assert_eq!(of_chunks(&[word(half), ended("stop")]).await.1.unwrap().cut, None);

    let server = MockServer::start(sent(lines(&[part(half), done("length")]), End::Clean)).await;
    let engine = engine_with(config(Ollama, &server.url));
    let (result, events) = run(&engine, job("").await).await;
    let completed = result.unwrap();
    assert_eq!((completed.answer.as_str(), completed.done.cut), (half, Some(CutReason::Length)));
    assert!(completed.steps[2].note.as_ref().unwrap().contains("limit"), "{:?}", completed.steps);
    assert_eq!(notices(&events), [NoticeCode::CutOff]);
}

#[tokio::test]
async fn a26_ollama_gets_the_context_that_the_prompt_needs() {
    let limit = json!({"message": {"content": "The end."}, "done": true, "prompt_eval_count": 4_096, "eval_count": 5});
    let server = MockServer::start(sent(lines(&[limit]), End::Clean)).await;
    let provider = provider::connect(config(Ollama, &server.url), client()).unwrap();
    let mut request = prompt();
    let (asked, result) = ask_for_all(provider.as_ref(), request.clone()).await;
    assert!(result.is_ok() && asked.notices == [NoticeCode::ContextFull], "{:?}", asked.notices);
    request.user = "line of text\n".repeat(2_000);
    ask_for_all(provider.as_ref(), request.clone()).await.1.unwrap();
    ask_for_all(provider.as_ref(), prompt()).await.1.unwrap();
    request.user = request.user.repeat(10);
    ask_for_all(provider.as_ref(), request).await.1.unwrap();
    let contexts: Vec<_> =
        server.requests().iter().map(|r| r.body["options"]["num_ctx"].as_u64().unwrap()).collect();
    // It never shrinks, since each change loads the model anew, and stays within the limit.
    assert_eq!(contexts, [4_096, 16_384, 16_384, 16_384]);

    // A prompt longer than the limit is shortened before it is sent, and that is told.
    let mut small = config(Ollama, &server.url);
    small.context_tokens = Some(1_024);
    small.max_tokens = Some(850);
    let mut wordy = job("What does it say?").await;
    wordy.mode.prompt = "Be kind. ".repeat(115);
    let (result, events) = run(&engine_with(small), wordy).await;
    assert!(notices(&events).contains(&NoticeCode::PromptShortened), "{events:?}");
    assert!(result.unwrap().steps[2].note.as_ref().unwrap().contains("left out"));
    let body = &server.requests()[4].body;
    assert_eq!(body["options"]["num_ctx"], 1_024);
    assert!(body["messages"][1]["content"].as_str().unwrap().ends_with("What does it say?"));
}

#[tokio::test]
async fn a27_what_a_server_refuses_is_left_out_and_remembered() {
    let ok = || Box::new(sent(sse(&[word("Hello"), ended("stop")]), End::Clean));
    let temperature = r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model.","param":"temperature"}}"#;
    let options = r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#;
    let strict = Behaviour::Refuse { part: "stream_options", status: 422, body: options, then: ok() };
    let server = MockServer::start(Behaviour::Refuse {
        part: "temperature",
        status: 400,
        body: temperature,
        then: Box::new(strict),
    })
    .await;
    let provider = provider::connect(config(OpenAi, &server.url), client()).unwrap();
    for _ in 0..2 {
        assert_answer(&ask_for_all(provider.as_ref(), prompt()).await, "Hello", "");
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "three tries once, and one from then on");
    assert!(
        requests[3].body.get("temperature").is_none() && requests[3].body.get("stream_options").is_none()
    );

    // What nothing names is not tried again.
    let server = MockServer::start(Behaviour::Reply(400, "{\"error\":\"no\"}")).await;
    let provider = provider::connect(config(OpenAi, &server.url), client()).unwrap();
    assert!(matches!(ask_for_all(provider.as_ref(), prompt()).await.1, Err(ProviderError::Refused { .. })));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a27_a_model_without_pictures_is_asked_with_the_readers_text() {
    let body = r#"{"error":{"code":500,"message":"image input is not supported - hint: you may need to provide the mmproj"}}"#;
    let ok = Box::new(sent(sse(&[word("Hello"), ended("stop")]), End::Clean));
    let server =
        MockServer::start(Behaviour::Refuse { part: "image_url", status: 500, body, then: ok }).await;
    let mut with_vision = config(OpenAi, &server.url);
    with_vision.vision = true;
    let engine = engine_with(with_vision);
    let (result, events) = run(&engine, job("Why?").await).await;
    let completed = result.unwrap();
    assert_eq!((completed.answer.as_str(), completed.route()), ("Hello", vec!["read", "route", "answer"]));
    assert_eq!((notices(&events), completed.failure), (vec![NoticeCode::PicturesRefused], None));
    let second = server.requests()[1].body["messages"][1]["content"].as_str().unwrap().to_owned();
    assert!(second.contains("mismatched types"), "{second}");
    // From then on the screen is read at once.
    assert_eq!(run(&engine, job("Why?").await).await.0.unwrap().answer, "Hello");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a27_a_prompt_that_is_too_long_is_shortened_to_the_named_context() {
    let body = r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"the request exceeds the available context size","n_ctx":512}}"#;
    let ok = Box::new(sent(sse(&[word("Hello"), ended("stop")]), End::Clean));
    let server =
        MockServer::start(Behaviour::First { times: 1, status: 400, body, retry_after: None, then: ok })
            .await;
    let engine = engine_with(config(OpenAi, &server.url));
    let (result, events) = run(&engine, job("Why?").await).await;
    assert_eq!(result.unwrap().answer, "Hello");
    assert_eq!(notices(&events), [NoticeCode::PromptShortened]);
    let length = |at: usize| server.requests()[at].body["messages"][1]["content"].as_str().unwrap().len();
    assert!(length(1) < length(0));
}

#[tokio::test]
async fn a28_a_server_that_loads_is_waited_for() {
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    for (kind, pieces) in
        [(OpenAi, sse(&[word("Hello"), ended("stop")])), (Ollama, lines(&[part("Hello"), done("stop")]))]
    {
        for (retry_after, body, code) in
            [(Some("0"), loading, NoticeCode::ModelLoading), (None, "", NoticeCode::ServerBusy)]
        {
            let then = Box::new(sent(pieces.clone(), End::Clean));
            let behaviour = Behaviour::First { times: 1, status: 503, body, retry_after, then };
            let answered = answer_of(kind, behaviour).await;
            assert_answer(&answered, "Hello", "");
            assert_eq!(answered.0.notices, [code]);
        }
    }
    let error = answer_of(OpenAi, Behaviour::Reply(503, loading)).await.1.unwrap_err();
    assert!(matches!(error, ProviderError::StillLoading(_)), "{error:?}");
    // A load is no answer.
    let load = json!({"message": {"content": ""}, "done": true, "done_reason": "load"});
    let (asked, result) = of_lines(&[load]).await;
    assert!(matches!(result, Err(ProviderError::StillLoading(_))), "{result:?}");
    assert_eq!(asked.notices, [NoticeCode::ModelLoading]);
}

#[tokio::test]
async fn a28_a_model_that_does_not_begin_is_told() {
    let slow = Behaviour::Stream {
        pieces: lines(&[part("Loaded at last."), done("stop")]),
        pause: Duration::from_millis(300),
        end: End::Clean,
    };
    let answered = answer_of(Ollama, slow).await;
    assert_answer(&answered, "Loaded at last.", "");
    assert_eq!(answered.0.notices, [NoticeCode::Waiting]);
}

#[tokio::test]
async fn every_failure_has_words_of_its_own_and_they_are_true() {
    for (status, note) in [
        (401, "the model server did not accept the key"),
        (402, "the model server's account has no credit left"),
        (403, "the model server does not allow this with this key"),
        (404, "the model server does not know this model, or its address is configured wrongly"),
        (429, "the model server's limit of requests is reached"),
        (500, "the model server had an error of its own"),
    ] {
        let error = answer_of(OpenAi, Behaviour::Reply(status, "")).await.1.unwrap_err();
        assert_eq!(error.note(), note, "{status}");
    }
    let no_tls = MockServer::start(stream(&[], End::Clean)).await;
    for (url, note) in [
        (crate::mock_server::unused_url(), "no model server listens at its address"),
        ("http://does-not-exist.invalid".to_owned(), "the model server's name cannot be resolved"),
        (
            no_tls.url.replace("http:", "https:"),
            "no secure connection to the model server: its certificate is not trusted, or it speaks no TLS",
        ),
    ] {
        let provider = provider::connect(config(OpenAi, &url), client()).unwrap();
        let error = ask_for_all(provider.as_ref(), prompt()).await.1.unwrap_err();
        assert_eq!(error.note(), note, "{error:?}");
    }
    // A server that quotes the key does not have it passed on.
    let server =
        MockServer::start(Behaviour::Reply(401, r#"{"error":"bad key sk-topsecret-1 at 10.0.0.1:80"}"#))
            .await;
    let mut keyed = config(OpenAi, &server.url);
    keyed.api_key = Some("sk-topsecret-1".into());
    let provider = provider::connect(keyed, client()).unwrap();
    let error = ask_for_all(provider.as_ref(), prompt()).await.1.unwrap_err();
    assert_eq!(error.explanation(), "the model server did not accept the key (“bad key [key] at [address]”)");
    assert!(!format!("{error:?} {error}").contains("topsecret"));
}

#[tokio::test]
async fn every_run_ends_with_one_done_or_error_whatever_the_server_sends() {
    let half = || format!("data: {}\n\n", word("Half"));
    for (pieces, end) in [
        (sse(&[word("<think>a")]), End::Clean),
        (sse(&[word("a</think>")]), End::Clean),
        (vec![half()], End::Clean),
        (vec![half()], End::Cut),
        (vec![half(), "data: {\"object\":\"error\"}\n\n".into()], End::Clean),
        (vec![half(), "error: x\n".into()], End::Silent),
        (vec!["<html>".into()], End::Clean),
        (vec!["[1]".into()], End::Clean),
        (vec!["\u{FEFF}".into()], End::Clean),
        (vec![], End::Clean),
        (sse(&[json!(1), json!([]), json!({"choices": {"a": 1}})]), End::Clean),
    ] {
        let server = MockServer::start(sent(pieces.clone(), end)).await;
        let (result, events) = run(&engine_with(config(OpenAi, &server.url)), job("").await).await;
        let last = |e: &&AnalysisEvent| matches!(e, AnalysisEvent::Done(_) | AnalysisEvent::Error(_));
        assert_eq!(events.iter().filter(last).count(), 1, "{pieces:?}");
        assert!(events.last().is_some_and(|event| last(&event)), "{pieces:?}");
        let failed = steps(&events).contains(&("answer", StepState::Failed));
        assert!(failed, "{pieces:?}: {events:?}");
        match result {
            // Nothing was answered, and the reader took over.
            Ok(completed) => assert!(completed.failure.is_some() && completed.done.provider == "reader"),
            Err(error) => assert!(text(&events) == "Half", "{error:?}"),
        }
    }
}

#[tokio::test]
async fn reasoning_without_a_beginning_is_taken_out_of_the_answer() {
    let chunks = sse(&[word("The total.\n"), word("</think>\n"), word("It is 12."), ended("stop")]);
    let server = MockServer::start(sent(chunks, End::Clean)).await;
    let (result, events) = run(&engine_with(config(OpenAi, &server.url)), job("").await).await;
    assert_eq!(result.unwrap().answer, "It is 12.");
    let retracted = events.iter().find_map(|event| match event {
        AnalysisEvent::Reasoning(reasoning) => Some((reasoning.text.as_str(), reasoning.retracts)),
        _ => None,
    });
    assert_eq!(retracted, Some(("The total.\n", true)));
}

#[tokio::test]
async fn a_picture_counts_in_the_context() {
    let server = MockServer::start(sent(lines(&[part("Hello"), done("stop")]), End::Clean)).await;
    let mut with_vision = config(Ollama, &server.url);
    with_vision.vision = true;
    let mut request = prompt();
    request.picture = Some(picture());
    request.picture.as_mut().unwrap().pixels = 2_000_000;
    let provider = provider::connect(with_vision, client()).unwrap();
    ask_for_all(provider.as_ref(), request).await.1.unwrap();
    assert_eq!(server.requests()[0].body["options"]["num_ctx"], 8_192);
}

fn engine_with(config: ProviderConfig) -> analysis::Engine {
    let provider = provider::connect(config, client()).unwrap();
    engine(vec![provider], analysis::ReaderConfig::default(), analysis::Limits::default())
}

fn notices(events: &[AnalysisEvent]) -> Vec<NoticeCode> {
    let notices = events.iter().filter_map(|event| match event {
        AnalysisEvent::Notice(notice) => Some(notice.code),
        _ => None,
    });
    // How soon a model begins depends on the machine.
    notices.filter(|code| *code != NoticeCode::Waiting).collect()
}
