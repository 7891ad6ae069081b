use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Multipart;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::{get, post};
use axum::{Json, Router};
use desktop::capture::Frame;
use futures::StreamExt;
use protocol::analysis::AnalysisEvent;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::test_server::Authority;

const TOKEN: &str = "Bearer the-token";

fn is_signed_in(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == TOKEN)
}

fn refused(problem: &Problem) -> Answer {
    (StatusCode::from_u16(problem.status).unwrap(), Json(problem.clone())).into_response()
}

async fn login(Json(login): Json<Login>) -> Answer {
    if login.password.expose() != "right" {
        return refused(&Problem::wrong_credentials());
    }
    Json(json!({"challenge": "c-1", "methods": ["totp", "recovery"], "expires_in": 300})).into_response()
}

async fn verify(Json(factor): Json<SecondFactor>) -> Answer {
    if (factor.challenge.expose(), factor.code.expose()) != ("c-1", "123456") {
        return refused(&Problem::wrong_credentials());
    }
    Json(json!({"access_token": "the-token", "token_type": "Bearer", "expires_in": 43200})).into_response()
}

async fn session(headers: HeaderMap) -> Answer {
    if !is_signed_in(&headers) {
        return refused(&Problem::sign_in_required());
    }
    Json(json!({"email": "ada@example.org", "device_name": "desk", "expires_at": 2_000_000_000}))
        .into_response()
}

/// Sends back what it got, then ends, or never ends.
async fn analyze(headers: HeaderMap, mut form: Multipart) -> Answer {
    if !is_signed_in(&headers) || headers[header::ACCEPT] != "text/event-stream" {
        return refused(&Problem::sign_in_required());
    }
    let mut got = Vec::new();
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        let kind = field.content_type().unwrap_or("-").to_owned();
        let bytes = field.bytes().await.unwrap();
        got.push(if name == "image" {
            format!("{name} {kind} {}", image::load_from_memory(&bytes).is_ok())
        } else {
            format!("{name} {}", String::from_utf8_lossy(&bytes))
        });
    }
    let endless = got.iter().any(|field| field == "context wait");
    let event = |name: &str, data: serde_json::Value| {
        Ok::<_, Infallible>(Event::default().event(name).data(data.to_string()))
    };
    let first = event("delta", json!({"text": got.join("; ")}));
    let usage = json!({"prompt_tokens": 0, "completion_tokens": 0});
    let done =
        json!({"analysis_id": "a", "mode": "m", "provider": "reader", "model": "", "usage": usage, "ms": 1});
    let first = futures::stream::iter([first]);
    if endless {
        return Sse::new(first.chain(futures::stream::pending())).into_response();
    }
    Sse::new(first.chain(futures::stream::iter([event("done", done)]))).into_response()
}

async fn client() -> NativeApiClient {
    let authority = Authority::new();
    let routes = Router::new()
        .route("/native/login", post(login))
        .route("/native/verify-2fa", post(verify))
        .route("/native/session", get(session))
        .route("/native/logout", post(session))
        .route("/native/modes", get(|| async { refused(&Problem::sign_in_required()) }))
        .route("/native/analyze", post(analyze));
    let address = authority.serve(routes).await;
    NativeApiClient::new(Arc::new(authority.transport_to(address, &authority)))
}

async fn signed_in() -> NativeApiClient {
    let client = client().await;
    client.login("ada@example.org".into(), "right".into()).await.unwrap();
    client.verify("123456".into()).await.unwrap();
    client
}

fn request(context: &str) -> AnalysisRequest {
    let frame = Frame {
        pixels: image::RgbaImage::new(8, 8),
        monitor: "test".into(),
        origin: desktop::Point { x: 0, y: 0 },
    };
    AnalysisRequest {
        image: Some(EncodedImage::from_frame(&frame).unwrap()),
        context: context.into(),
        conversation: None,
        mode: Some("general".into()),
        text: None,
        selection: None,
    }
}

#[tokio::test]
async fn signs_in_in_two_steps() {
    let client = client().await;
    assert_eq!(client.session().await, Ok(None));
    let problem = client.login("ada@example.org".into(), "wrong".into()).await.unwrap_err();
    assert!(problem.is("wrong-credentials"));
    assert!(client.verify("123456".into()).await.unwrap_err().is("sign-in-required"), "no challenge yet");
    let next = client.login("ada@example.org".into(), "right".into()).await.unwrap();
    assert_eq!(next, ChallengeSummary { methods: vec!["totp".into(), "recovery".into()], expires_in: 300 });
    assert!(client.verify("000000".into()).await.unwrap_err().is("wrong-credentials"));
    let session = client.verify("123456".into()).await.unwrap();
    assert_eq!((session.email.as_str(), session.device_name.as_str()), ("ada@example.org", "desk"));
    assert_eq!(client.session().await, Ok(Some(session)));
    client.logout().await.unwrap();
    assert_eq!(client.session().await, Ok(None));
    assert!(!format!("{client:?}").contains("the-token"));
}

#[tokio::test]
async fn a_certificate_counts_without_anybody_signed_in() {
    assert_eq!(client().await.certificate().await, Ok(()));
    let revoked = Problem::new("client-certificate:revoked", 403, "A valid client certificate is needed");
    let problem = revoked.clone();
    let authority = Authority::new();
    let routes = Router::new().route("/native/session", get(async move || refused(&problem)));
    let address = authority.serve(routes).await;
    let client = NativeApiClient::new(Arc::new(authority.transport_to(address, &authority)));
    assert_eq!(client.certificate().await, Err(revoked));
}

#[tokio::test]
async fn a_refused_token_ends_the_sign_in() {
    let client = signed_in().await;
    assert!(client.session().await.unwrap().is_some());
    assert_eq!(client.modes().await.unwrap_err().status, 401);
    assert_eq!(client.session().await, Ok(None));
    assert!(client.token().is_none());
}

#[tokio::test]
async fn an_image_is_sent_and_events_come_back() {
    let client = signed_in().await;
    let mut events = Vec::new();
    let cancel = CancellationToken::new();
    let deliver = |event| {
        events.push(event);
        true
    };
    client.analyze(request("why?"), &cancel, deliver).await.unwrap();
    let expected = "image image/png true; context why?; mode general";
    assert!(matches!(&events[0], AnalysisEvent::Delta(delta) if delta.text == expected));
    assert!(matches!(&events[1], AnalysisEvent::Done(done) if done.provider == "reader"));
}

#[tokio::test]
async fn an_answer_can_be_cancelled() {
    let client = signed_in().await;
    let cancel = CancellationToken::new();
    let deliver = |_| {
        cancel.cancel();
        true
    };
    let work = client.analyze(request("wait"), &cancel, deliver);
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), work).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn without_a_sign_in_no_image_is_sent() {
    let client = client().await;
    let problem = client.analyze(request("why?"), &CancellationToken::new(), |_| true).await.unwrap_err();
    assert!(problem.is("sign-in-required"));
}

/// Breaks off after a word; who joins gets the rest, but not at the first attempt.
async fn breaking_off(joined: Arc<Mutex<Vec<String>>>) -> NativeApiClient {
    let stream =
        |events: &'static str| ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response();
    let begin = move || async move {
        stream(
            "id: 1.1\nevent: started\ndata: {\"analysis_id\":\"a-1\"}\n\n\
             id: 1.2\nevent: delta\ndata: {\"text\":\"one \"}\n\n",
        )
    };
    let join = {
        let joined = Arc::clone(&joined);
        move |headers: HeaderMap| async move {
            let last = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
            let mut joined = joined.lock();
            joined.push(last.unwrap_or_default());
            if joined.len() == 1 {
                return refused(&Problem::unavailable("It starts.", 1));
            }
            stream(
                "id: 1.3\nevent: delta\ndata: {\"text\":\"two\"}\n\n\
                 event: error\ndata: {\"type\":\"about:blank\",\"title\":\"x\",\"status\":500}\n\n",
            )
        }
    };
    let cancelled = {
        let joined = Arc::clone(&joined);
        move || async move {
            joined.lock().push("cancelled".to_owned());
            StatusCode::NO_CONTENT
        }
    };
    let authority = Authority::new();
    let routes = Router::new()
        .route("/native/analyze", post(begin))
        .route("/native/analyses/a-1/events", get(join))
        .route("/native/analyses/a-1/cancel", post(cancelled));
    let address = authority.serve(routes).await;
    let transport = Arc::new(authority.transport_to(address, &authority));
    NativeApiClient::signed_in(transport, "the-token".into())
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_joined_again() {
    let joined = Arc::default();
    let client = breaking_off(Arc::clone(&joined)).await;
    let mut events = Vec::new();
    let deliver = |event: AnalysisEvent| {
        events.push(event.name());
        true
    };
    client.analyze(request("why?"), &CancellationToken::new(), deliver).await.unwrap();
    assert_eq!(events, ["started", "delta", "delta", "error"]);
    assert_eq!(*joined.lock(), ["1.2", "1.2"], "after what was received, and no cancelling");
}

#[tokio::test]
async fn cancelling_is_told_to_the_server() {
    let joined = Arc::default();
    let client = breaking_off(Arc::clone(&joined)).await;
    let cancel = CancellationToken::new();
    let deliver = |_| {
        cancel.cancel();
        true
    };
    client.analyze(request("why?"), &cancel, deliver).await.unwrap();
    assert_eq!(*joined.lock(), ["cancelled"]);
}
