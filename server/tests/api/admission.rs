//! What is decided before a body is received, and how much of it is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use protocol::analysis::MAX_IMAGE_SIDE;

use crate::analysis::{blank_png, signed_in};
use crate::on_both;
use crate::support::TestServer;

on_both!(
    a_person_has_two_analyses_at_once_and_further_ones_are_not_received,
    a_picture_has_a_longest_side,
    forms_are_short_where_nobody_is_signed_in,
);

const FORM: &str = "multipart/form-data; boundary=line";

/// The begin of an upload that never ends. `read`: how many of its pieces the server has taken.
fn unfinished(read: &Arc<AtomicUsize>) -> Body {
    let read = Arc::clone(read);
    let head = "--line\r\ncontent-disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n";
    let pieces = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(head.as_bytes()))]);
    Body::from_stream(pieces.chain(futures::stream::pending()).inspect(move |_| {
        read.fetch_add(1, Ordering::SeqCst);
    }))
}

async fn a_person_has_two_analyses_at_once_and_further_ones_are_not_received(server: TestServer) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, "anna@example.org").await;
    let token = server.token(&machine).await;
    let other = server.machine(&admin, "ben@example.org").await;
    let others_token = server.token(&other).await;
    let image = blank_png(64, 64);
    let ask = || server.post("/native/analyze").certificate(&machine.der).bearer(&token);

    let read = Arc::new(AtomicUsize::new(0));
    let uploads: Vec<_> = (0..2)
        .map(|_| {
            let (server, der, token, body) =
                (server.clone(), machine.der.clone(), token.clone(), unfinished(&read));
            tokio::spawn(async move {
                server.post("/native/analyze").certificate(&der).bearer(&token).raw(FORM, body).send().await
            })
        })
        .collect();
    while read.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The client would only send the body once it is asked to.
    let reply = ask().header("expect", "100-continue").raw(FORM, unfinished(&read)).send().await;
    assert_eq!(reply.headers["retry-after"], "5");
    let problem = reply.problem();
    assert!(problem.status == 429 && problem.is("too-many-requests"), "{problem:?}");
    assert!(problem.detail.contains("earlier questions"), "{problem:?}");
    assert_eq!(read.load(Ordering::SeqCst), 2, "nothing of the third was read");
    let from_other = server.post("/native/analyze").certificate(&other.der).bearer(&others_token);
    assert_eq!(from_other.multipart(&[("image", Some("x.png"), &*image)]).send().await.status, 200);

    for upload in &uploads {
        upload.abort();
    }
    for upload in uploads {
        assert!(upload.await.unwrap_err().is_cancelled());
    }
    assert_eq!(ask().multipart(&[("image", Some("x.png"), &*image)]).send().await.status, 200);
}

async fn a_picture_has_a_longest_side(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    for (width, height) in [(MAX_IMAGE_SIDE + 1, 1), (1, MAX_IMAGE_SIDE + 1)] {
        let post = server.post("/native/analyze").certificate(&machine.der).bearer(&token);
        let picture = blank_png(width, height);
        let problem = post.multipart(&[("image", Some("x.png"), &*picture)]).send().await.problem();
        assert_eq!(problem.status, 422);
        assert!(problem.error_of("image").is_some_and(|m| m.contains("16384 pixels")), "{problem}");
    }
}

async fn forms_are_short_where_nobody_is_signed_in(server: TestServer) {
    let admin = server.administrator().await;
    let form = |bytes: usize| format!("email={}", "x".repeat(bytes - 6));
    let post = |bytes: usize| {
        let post = server.post("/app/people/sign-in").header("sec-fetch-site", "same-origin");
        post.raw("application/x-www-form-urlencoded", form(bytes))
    };
    assert_ne!(post(16 * 1024).send().await.status, 413);
    assert_eq!(post(16 * 1024 + 1).send().await.problem().status, 413);
    let signed_in = |bytes: usize| post(bytes).header("cookie", &format!("aiwe_session={}", admin.session));
    assert_ne!(signed_in(256 * 1024).send().await.status, 413);
    assert_eq!(signed_in(256 * 1024 + 1).send().await.problem().status, 413);
}
