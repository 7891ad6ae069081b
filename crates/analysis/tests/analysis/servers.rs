//! Several servers of one provider.

use std::sync::Arc;
use std::time::Duration;

use analysis::provider::{self, ModelState, Provider, ProviderError, ProviderKind, ServerNumber};
use protocol::analysis::NoticeCode;

use crate::mock_server::{
    Behaviour, End, MockServer, ask_for_all, client, config, prompt, stream, unused_url,
};

const HELLO: &str = "{\"message\":{\"content\":\"Hello\"},\"done\":false}\n";
const DONE: &str =
    "{\"message\":{\"content\":\"\"},\"done\":true,\"prompt_eval_count\":5,\"eval_count\":2}\n";

fn well() -> Behaviour {
    stream(&[HELLO, DONE], End::Clean)
}

fn of(urls: &[&str]) -> Arc<dyn Provider> {
    let mut config = config(ProviderKind::Ollama, urls[0]);
    config.more_urls = urls[1..].iter().map(|url| (*url).to_owned()).collect();
    provider::connect(config, client()).unwrap()
}

#[tokio::test]
async fn another_server_is_asked_when_one_fails_before_its_first_word() {
    let loading = r#"{"error":"loading model"}"#;
    let busy = |status, retry_after| Behaviour::First {
        times: 9,
        status,
        body: loading,
        retry_after,
        then: Box::new(well()),
    };
    for failing in [
        Behaviour::Reply(500, "{\"error\":\"CUDA error\"}"),
        Behaviour::Reply(401, ""),
        Behaviour::Reply(404, "{\"error\":\"model 'tiny' not found\"}"),
        Behaviour::Redirect("http://elsewhere.invalid".into()),
        busy(503, Some("60")),
        busy(429, None),
        stream(&["{\"error\":\"out of memory\"}\n"], End::Clean),
        stream(&[], End::Cut),
        stream(&["<html>502</html>"], End::Clean),
    ] {
        let (first, second) = (MockServer::start(failing).await, MockServer::start(well()).await);
        let provider = of(&[&first.url, &second.url]);
        let (asked, result) = ask_for_all(provider.as_ref(), prompt()).await;
        assert_eq!(asked.text, "Hello");
        assert_eq!(result.unwrap().server, Some(ServerNumber { number: 2, of: 2 }));
        assert_eq!(asked.notices, [NoticeCode::ServerSwitched]);
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    }
    let (gone, second) = (unused_url(), MockServer::start(well()).await);
    let provider = of(&[&gone, &second.url]);
    assert_eq!(ask_for_all(provider.as_ref(), prompt()).await.0.text, "Hello");
    // It rests: the next question goes to the other at once.
    let (asked, _) = ask_for_all(provider.as_ref(), prompt()).await;
    assert!(asked.notices.is_empty() && asked.text == "Hello");
}

#[tokio::test]
async fn nothing_is_asked_again_once_a_word_was_sent() {
    for end in [End::Cut, End::Clean, End::Silent] {
        let broken = stream(&[HELLO], end);
        let (first, second) = (MockServer::start(broken).await, MockServer::start(well()).await);
        let (asked, result) = ask_for_all(of(&[&first.url, &second.url]).as_ref(), prompt()).await;
        assert_eq!(asked.text, "Hello");
        assert!(
            matches!(result, Err(ProviderError::Broken(_) | ProviderError::IdleTimeout(_))),
            "{result:?}"
        );
        assert!(second.requests().is_empty());
    }
}

#[tokio::test]
async fn when_all_fail_each_was_asked_once_and_the_last_is_told() {
    let first = MockServer::start(Behaviour::Reply(500, "")).await;
    let second = MockServer::start(Behaviour::Reply(401, "")).await;
    let (_, result) = ask_for_all(of(&[&first.url, &second.url]).as_ref(), prompt()).await;
    assert_eq!(result.unwrap_err().note(), "the model server did not accept the key");
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    // What every server would refuse is asked of one.
    let first = MockServer::start(Behaviour::Reply(400, "{\"error\":\"no\"}")).await;
    let second = MockServer::start(well()).await;
    assert!(ask_for_all(of(&[&first.url, &second.url]).as_ref(), prompt()).await.1.is_err());
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn the_least_busy_server_is_asked() {
    let slow = Behaviour::Stream {
        pieces: vec![HELLO.into(), DONE.into()],
        pause: Duration::from_millis(150),
        end: End::Clean,
    };
    let (first, second) = (MockServer::start(slow.clone()).await, MockServer::start(slow).await);
    let provider = of(&[&first.url, &second.url]);
    let (one, other) =
        tokio::join!(ask_for_all(provider.as_ref(), prompt()), ask_for_all(provider.as_ref(), prompt()));
    let mut numbers = [one, other].map(|(_, result)| result.unwrap().server.unwrap().number);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_limit_of_requests_is_kept_to() {
    let limited = |retry_after| Behaviour::First {
        times: 1,
        status: 429,
        body: "",
        retry_after,
        then: Box::new(well()),
    };
    let server = MockServer::start(limited(Some("1"))).await;
    let since = std::time::Instant::now();
    let (asked, _) = ask_for_all(of(&[&server.url]).as_ref(), prompt()).await;
    assert_eq!((asked.text.as_str(), asked.notices), ("Hello", vec![NoticeCode::ServerBusy]));
    assert!(since.elapsed() >= Duration::from_secs(1), "not before the server wants it");
    // Without a time, or with one that is not waited for, it is told at once.
    for retry_after in [None, Some("3600")] {
        let server = MockServer::start(limited(retry_after)).await;
        let (_, result) = ask_for_all(of(&[&server.url]).as_ref(), prompt()).await;
        assert_eq!(result.unwrap_err().note(), "the model server's limit of requests is reached");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_gateway_that_fails_once_is_asked_once_more() {
    let then = Box::new(well());
    let failing = Behaviour::First { times: 1, status: 502, body: "", retry_after: None, then };
    let server = MockServer::start(failing).await;
    let (asked, result) = ask_for_all(of(&[&server.url]).as_ref(), prompt()).await;
    assert_eq!((asked.text.as_str(), result.unwrap().server), ("Hello", None));
    let server = MockServer::start(Behaviour::Reply(502, "")).await;
    assert!(ask_for_all(of(&[&server.url]).as_ref(), prompt()).await.1.is_err());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn each_server_is_probed_for_itself() {
    let models = Behaviour::Reply(200, r#"{"models":[{"name":"tiny","size":98000000}]}"#);
    let (there, gone) = (MockServer::start(models).await, unused_url());
    let [first, second] = &of(&[&there.url, &gone]).probe().await[..] else { panic!("two servers") };
    let found = first.result.as_ref().unwrap();
    assert_eq!((found[0].name.as_str(), found[0].state), ("tiny", ModelState::Loaded));
    assert_eq!(first.base_url, there.url);
    let error = second.result.as_ref().unwrap_err();
    assert_eq!(error.note(), "no model server listens at its address");
    let page = MockServer::start(Behaviour::Reply(200, "<html>Sign in</html>")).await;
    let error = of(&[&page.url]).probe().await.remove(0).result.unwrap_err();
    assert_eq!(error.note(), "the model server sent something else than an answer");
}
