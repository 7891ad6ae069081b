use std::time::Duration;

use analysis::provider::{self, ProviderError, ProviderKind};
use protocol::analysis::Usage;
use tokio::sync::mpsc;

use crate::mock_server::{
    Behaviour, End, MockServer, ask, client, config, picture, prompt, provider as ollama, stream, unused_url,
};

const HEL: &str =
    "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n";
const LO: &str =
    "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"lo, ü\"},\"done\":false}\n";
const DONE: &str = "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\
    \"done_reason\":\"stop\",\"prompt_eval_count\":26,\"eval_count\":3}\n";

async fn answer_of(behaviour: Behaviour) -> (String, Result<Usage, ProviderError>) {
    let server = MockServer::start(behaviour).await;
    ask(ollama(ProviderKind::Ollama, &server.url).as_ref(), prompt()).await
}

#[tokio::test]
async fn an_answer_streams_with_its_usage() {
    let (text, usage) = answer_of(stream(&[HEL, "\n", LO, DONE], End::Clean)).await;
    assert_eq!(text, "Hello, ü");
    assert_eq!(usage.unwrap(), Usage { prompt_tokens: 26, completion_tokens: 3 });
}

#[tokio::test]
async fn lines_may_be_cut_anywhere_and_joined() {
    let whole = [HEL, LO, DONE.trim_end()].concat();
    let cut: Vec<String> = whole.chars().map(String::from).collect();
    for pieces in [cut, vec![whole]] {
        let (text, usage) =
            answer_of(Behaviour::Stream { pieces, pause: Duration::ZERO, end: End::Clean }).await;
        assert_eq!((text.as_str(), usage.is_ok()), ("Hello, ü", true));
    }
}

#[tokio::test]
async fn the_request_is_as_documented() {
    let server = MockServer::start(stream(&[HEL, DONE], End::Clean)).await;
    let mut with_vision = config(ProviderKind::Ollama, &server.url);
    with_vision.vision = true;
    with_vision.max_tokens = Some(9);
    let mut request = prompt();
    request.picture = Some(picture());
    ask(provider::connect(with_vision, client()).unwrap().as_ref(), request.clone()).await.1.unwrap();
    ask(ollama(ProviderKind::Ollama, &server.url).as_ref(), request).await.1.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].path, "/api/chat");
    let body = &requests[0].body;
    assert_eq!((&body["model"], &body["stream"]), (&"tiny".into(), &true.into()));
    assert_eq!((&body["options"]["temperature"], &body["options"]["num_predict"]), (&0.5.into(), &9.into()));
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][1]["images"][0], "AQID");
    assert!(requests[1].body["messages"][1].get("images").is_none());
}

#[tokio::test]
async fn faults_have_their_names() {
    let (_, unknown) = answer_of(Behaviour::Reply(404, "{\"error\":\"model 'tiny' not found\"}")).await;
    let Err(error @ ProviderError::Refused { .. }) = unknown else { panic!("{unknown:?}") };
    assert_eq!(error.note(), "the model server does not know this model");
    assert!(error.to_string().contains("model 'tiny' not found"));

    let (_, away) = ask(ollama(ProviderKind::Ollama, &unused_url()).as_ref(), prompt()).await;
    assert!(matches!(away, Err(ProviderError::Unreachable(_))));
    assert!(matches!(answer_of(Behaviour::Hang).await.1, Err(ProviderError::IdleTimeout(_))));
    assert!(matches!(
        answer_of(Behaviour::Redirect("http://127.0.0.1:9/".into())).await.1,
        Err(ProviderError::Redirected(_))
    ));
    assert!(matches!(answer_of(stream(&[DONE], End::Clean)).await.1, Err(ProviderError::Empty)));
}

#[tokio::test]
async fn faults_in_the_stream_are_errors_and_not_short_answers() {
    for behaviour in
        [stream(&[HEL], End::Cut), stream(&[HEL], End::Clean), stream(&[HEL, "garbage\n"], End::Silent)]
    {
        let (text, error) = answer_of(behaviour).await;
        assert_eq!(text, "Hel");
        assert!(matches!(error, Err(ProviderError::Broken(_))), "{error:?}");
    }
    let (text, error) = answer_of(stream(&[HEL, "{\"error\":\"runner died\"}\n"], End::Clean)).await;
    assert_eq!(text, "Hel");
    assert!(matches!(error, Err(ProviderError::Reported(message)) if message == "runner died"));
    assert!(matches!(answer_of(stream(&[HEL], End::Silent)).await.1, Err(ProviderError::IdleTimeout(_))));
}

#[tokio::test]
async fn a_dropped_caller_closes_the_request() {
    let endless =
        Behaviour::Stream { pieces: vec![HEL.into()], pause: Duration::from_millis(20), end: End::Never };
    let server = MockServer::start(endless).await;
    let provider = ollama(ProviderKind::Ollama, &server.url);
    let (sink, mut pieces) = mpsc::channel(4);
    let asking = tokio::spawn(async move { provider.answer(prompt(), sink).await });
    pieces.recv().await.unwrap();
    asking.abort();
    server.disconnected().await;
}
