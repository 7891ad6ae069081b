use std::time::Duration;

use analysis::provider::{self, Kind, ProviderError};
use protocol::analysis::Usage;
use tokio::sync::mpsc;

use crate::double::{
    Double, End, Part, ask, client, config, nobody, picture, prompt, provider as ollama, stream,
};

const HEL: &str =
    "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n";
const LO: &str =
    "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"lo, ü\"},\"done\":false}\n";
const DONE: &str = "{\"model\":\"tiny\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\
    \"done_reason\":\"stop\",\"prompt_eval_count\":26,\"eval_count\":3}\n";

async fn told(part: Part) -> (String, Result<Usage, ProviderError>) {
    let double = Double::start(part).await;
    ask(ollama(Kind::Ollama, &double.url).as_ref(), prompt()).await
}

#[tokio::test]
async fn an_answer_streams_with_its_usage() {
    let (text, usage) = told(stream(&[HEL, "\n", LO, DONE], End::Clean)).await;
    assert_eq!(text, "Hello, ü");
    assert_eq!(usage.unwrap(), Usage { prompt_tokens: 26, completion_tokens: 3 });
}

#[tokio::test]
async fn lines_may_be_cut_anywhere_and_joined() {
    let whole = [HEL, LO, DONE.trim_end()].concat();
    let cut: Vec<String> = whole.chars().map(String::from).collect();
    for pieces in [cut, vec![whole]] {
        let (text, usage) = told(Part::Stream { pieces, pause: Duration::ZERO, end: End::Clean }).await;
        assert_eq!((text.as_str(), usage.is_ok()), ("Hello, ü", true));
    }
}

#[tokio::test]
async fn the_request_is_as_documented() {
    let double = Double::start(stream(&[HEL, DONE], End::Clean)).await;
    let mut seeing = config(Kind::Ollama, &double.url);
    seeing.vision = true;
    seeing.max_tokens = Some(9);
    let mut request = prompt();
    request.picture = Some(picture());
    ask(provider::connect(seeing, client()).unwrap().as_ref(), request.clone()).await.1.unwrap();
    ask(ollama(Kind::Ollama, &double.url).as_ref(), request).await.1.unwrap();
    let asked = double.asked();
    assert_eq!(asked[0].path, "/api/chat");
    let body = &asked[0].body;
    assert_eq!((&body["model"], &body["stream"]), (&"tiny".into(), &true.into()));
    assert_eq!((&body["options"]["temperature"], &body["options"]["num_predict"]), (&0.5.into(), &9.into()));
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][1]["images"][0], "AQID");
    assert!(asked[1].body["messages"][1].get("images").is_none());
}

#[tokio::test]
async fn faults_have_their_names() {
    let (_, unknown) = told(Part::Reply(404, "{\"error\":\"model 'tiny' not found\"}")).await;
    let Err(error @ ProviderError::Refused { .. }) = unknown else { panic!("{unknown:?}") };
    assert_eq!(error.note(), "the model server does not know this model");
    assert!(error.to_string().contains("model 'tiny' not found"));

    let (_, away) = ask(ollama(Kind::Ollama, &nobody().await).as_ref(), prompt()).await;
    assert!(matches!(away, Err(ProviderError::Unreachable(_))));
    assert!(matches!(told(Part::Hang).await.1, Err(ProviderError::Silent(_))));
    assert!(matches!(
        told(Part::Redirect("http://127.0.0.1:9/".into())).await.1,
        Err(ProviderError::Redirected(_))
    ));
    assert!(matches!(told(stream(&[DONE], End::Clean)).await.1, Err(ProviderError::Empty)));
}

#[tokio::test]
async fn faults_in_the_stream_are_errors_and_not_short_answers() {
    for part in
        [stream(&[HEL], End::Cut), stream(&[HEL], End::Clean), stream(&[HEL, "garbage\n"], End::Silent)]
    {
        let (text, error) = told(part).await;
        assert_eq!(text, "Hel");
        assert!(matches!(error, Err(ProviderError::Broken(_))), "{error:?}");
    }
    let (text, error) = told(stream(&[HEL, "{\"error\":\"runner died\"}\n"], End::Clean)).await;
    assert_eq!(text, "Hel");
    assert!(matches!(error, Err(ProviderError::Reported(message)) if message == "runner died"));
    assert!(matches!(told(stream(&[HEL], End::Silent)).await.1, Err(ProviderError::Silent(_))));
}

#[tokio::test]
async fn who_goes_away_closes_the_request() {
    let endless =
        Part::Stream { pieces: vec![HEL.into()], pause: Duration::from_millis(20), end: End::Never };
    let double = Double::start(endless).await;
    let provider = ollama(Kind::Ollama, &double.url);
    let (sink, mut pieces) = mpsc::channel::<String>(4);
    let asking = tokio::spawn(async move { provider.answer(prompt(), sink).await });
    pieces.recv().await.unwrap();
    asking.abort();
    double.gone().await;
}
