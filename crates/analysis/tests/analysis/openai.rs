use std::time::Duration;

use analysis::provider::{self, ProviderError, ProviderKind};
use protocol::analysis::Usage;
use tokio::sync::mpsc;

use crate::mock_server::{
    Behaviour, End, MockServer, ask, client, config, picture, prompt, provider as openai, stream, unused_url,
};

const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n";
const HEL: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
const LO: &str =
    ": a comment\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"lo, ü\"},\"finish_reason\":null}]}\r\n\r\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

async fn answer_of(behaviour: Behaviour) -> (String, Result<Usage, ProviderError>) {
    let server = MockServer::start(behaviour).await;
    ask(openai(ProviderKind::OpenAi, &server.url).as_ref(), prompt()).await
}

#[tokio::test]
async fn an_answer_streams_with_its_usage() {
    let (text, usage) = answer_of(stream(&[ROLE, HEL, LO, STOP, USAGE, DONE], End::Clean)).await;
    assert_eq!(text, "Hello, ü");
    assert_eq!(usage.unwrap(), Usage { prompt_tokens: 7, completion_tokens: 2 });
}

#[tokio::test]
async fn pieces_may_be_cut_anywhere() {
    let whole = [HEL, LO, STOP, DONE].concat();
    let pieces = whole.chars().map(String::from).collect();
    let (text, usage) = answer_of(Behaviour::Stream { pieces, pause: Duration::ZERO, end: End::Clean }).await;
    assert_eq!((text.as_str(), usage.is_ok()), ("Hello, ü", true));
}

#[tokio::test]
async fn the_request_is_as_documented() {
    let server = MockServer::start(stream(&[HEL, STOP, DONE], End::Clean)).await;
    let mut with_vision = config(ProviderKind::OpenAi, &format!("{}/v1/", server.url));
    with_vision.vision = true;
    with_vision.max_tokens = Some(9);
    with_vision.api_key = Some("sk-1".into());
    let mut request = prompt();
    request.picture = Some(picture());
    ask(provider::connect(with_vision, client()).unwrap().as_ref(), request.clone()).await.1.unwrap();
    ask(openai(ProviderKind::OpenAi, &server.url).as_ref(), request).await.1.unwrap();

    let requests = server.requests();
    assert_eq!(requests[0].path, "/v1/chat/completions");
    assert_eq!(requests[0].headers["authorization"], "Bearer sk-1");
    let body = &requests[0].body;
    assert_eq!(
        (&body["model"], &body["stream"], &body["max_tokens"]),
        (&"tiny".into(), &true.into(), &9.into())
    );
    assert_eq!(body["stream_options"]["include_usage"], true);
    assert_eq!(body["messages"][0]["content"], "Be brief.");
    assert_eq!(body["messages"][1]["content"][1]["image_url"]["url"], "data:image/png;base64,AQID");
    // A model that does not see gets no picture, whatever was handed over.
    assert_eq!(requests[1].path, "/chat/completions");
    assert_eq!(requests[1].body["messages"][1]["content"], "What is this?");
    assert!(!requests[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_server_that_refuses_differs_from_one_that_is_not_there() {
    let (_, refused) = answer_of(Behaviour::Reply(500, "{\"error\":{\"message\":\"out of memory\"}}")).await;
    let Err(ProviderError::Refused { status, message }) = refused else { panic!("{refused:?}") };
    assert_eq!((status.as_u16(), message.as_str()), (500, "out of memory"));
    let (_, away) = ask(openai(ProviderKind::OpenAi, &unused_url()).as_ref(), prompt()).await;
    assert!(matches!(away, Err(ProviderError::Unreachable(_))), "{away:?}");
}

#[tokio::test]
async fn silence_ends_by_the_clock() {
    let before = answer_of(Behaviour::Hang).await;
    assert!(matches!(before, (text, Err(ProviderError::IdleTimeout(_))) if text.is_empty()));
    let between = answer_of(stream(&[HEL], End::Silent)).await;
    assert!(matches!(between, (text, Err(ProviderError::IdleTimeout(_))) if text == "Hel"));
}

#[tokio::test]
async fn an_answer_without_end_ends_by_the_clock_or_by_its_size() {
    let slow =
        Behaviour::Stream { pieces: vec![HEL.into()], pause: Duration::from_millis(300), end: End::Never };
    assert!(matches!(answer_of(slow).await.1, Err(ProviderError::Timeout(_))));
    let fast = Behaviour::Stream { pieces: vec![HEL.repeat(500)], pause: Duration::ZERO, end: End::Never };
    let (text, error) = answer_of(fast).await;
    assert!(matches!(error, Err(ProviderError::TooLong(_))), "{error:?}");
    assert!(text.len() <= 256 << 10);
    let endless_line =
        Behaviour::Stream { pieces: vec!["x".repeat(60_000)], pause: Duration::ZERO, end: End::Never };
    assert!(matches!(
        answer_of(endless_line).await.1,
        Err(ProviderError::TooLong(_) | ProviderError::IdleTimeout(_))
    ));
}

#[tokio::test]
async fn a_byte_order_mark_and_bare_carriage_returns_are_part_of_the_format() {
    let bom = format!("\u{FEFF}{HEL}");
    let returns = [LO, STOP, DONE].concat().replace("\r\n", "\n").replace('\n', "\r");
    let (text, usage) = answer_of(stream(&[&bom, &returns], End::Clean)).await;
    assert_eq!((text.as_str(), usage.is_ok()), ("Hello, ü", true));
    // Of a whole stream in pieces of one character, too.
    let pieces = [bom.as_str(), LO, STOP, DONE].concat().chars().map(String::from).collect();
    let (text, usage) = answer_of(Behaviour::Stream { pieces, pause: Duration::ZERO, end: End::Clean }).await;
    assert_eq!((text.as_str(), usage.is_ok()), ("Hello, ü", true));
}

#[tokio::test]
async fn a_line_of_megabytes_is_refused_at_once() {
    let pieces = std::iter::once(HEL.to_owned()).chain((0..128).map(|_| "x".repeat(62_000))).collect();
    let begun = std::time::Instant::now();
    let (text, error) = answer_of(Behaviour::Stream { pieces, pause: Duration::ZERO, end: End::Never }).await;
    assert_eq!(text, "Hel");
    assert!(matches!(error, Err(ProviderError::TooLong(_))), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_cut_answer_is_an_error_and_not_a_short_answer() {
    for behaviour in [
        stream(&[HEL], End::Cut),
        stream(&[HEL], End::Clean),
        stream(&[HEL, "data: {\"choi\n\n"], End::Silent),
    ] {
        let (text, error) = answer_of(behaviour).await;
        assert_eq!(text, "Hel");
        assert!(matches!(error, Err(ProviderError::Broken(_))), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_reported() {
    let (text, error) =
        answer_of(stream(&[HEL, "data: {\"error\":{\"message\":\"slot lost\"}}\n\n"], End::Clean)).await;
    assert_eq!(text, "Hel");
    assert!(matches!(error, Err(ProviderError::Reported(message)) if message == "slot lost"));
}

#[tokio::test]
async fn no_text_is_an_error() {
    assert!(matches!(answer_of(stream(&[ROLE, STOP, DONE], End::Clean)).await.1, Err(ProviderError::Empty)));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = MockServer::start(stream(&[HEL, STOP, DONE], End::Clean)).await;
    let (_, error) = answer_of(Behaviour::Redirect(format!("{}/chat/completions", other.url))).await;
    assert!(matches!(error, Err(ProviderError::Redirected(_))));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_dropped_caller_closes_the_request() {
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Stream { pieces: vec![HEL.into()], pause: Duration::from_millis(20), end: End::Never },
    ] {
        let hangs = matches!(behaviour, Behaviour::Hang);
        let server = MockServer::start(behaviour).await;
        let provider = openai(ProviderKind::OpenAi, &server.url);
        let (sink, mut pieces) = mpsc::channel(4);
        let asking = tokio::spawn(async move { provider.answer(prompt(), sink).await });
        if hangs {
            while server.requests().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } else {
            pieces.recv().await.unwrap();
        }
        asking.abort();
        server.disconnected().await;
    }
    // The same when only the listener goes.
    let server = MockServer::start(Behaviour::Stream {
        pieces: vec![HEL.into()],
        pause: Duration::from_millis(20),
        end: End::Never,
    })
    .await;
    let (sink, mut pieces) = mpsc::channel(1);
    let provider = openai(ProviderKind::OpenAi, &server.url);
    let asking = tokio::spawn(async move { provider.answer(prompt(), sink).await });
    pieces.recv().await.unwrap();
    drop(pieces);
    assert!(matches!(asking.await.unwrap(), Err(ProviderError::ReceiverClosed)));
    server.disconnected().await;
}
