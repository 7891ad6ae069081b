//! Mails in the outbox: deferred, given up, retried; none is lost, none is sent twice.

use app::services::OutboxService;
use protocol::outbox::{MailRow, MailState};
use server::mail::SendErrorKind;

use crate::on_both;
use crate::support::{AdminSession, TestServer};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

on_both!(
    a_given_up_mail_can_be_retried,
    a_mail_can_be_marked_as_delivered,
    an_unreadable_mail_does_not_block_the_others,
    a_deferred_mail_backs_off,
    everything_is_sent_once_the_mail_server_is_back,
    all_given_up_mails_can_be_retried_together,
    notices_to_administrators_are_no_work,
    only_administrators_see_mails,
    parallel_jobs_send_each_mail_once,
);

async fn mails(server: &TestServer, admin: &AdminSession, state: Option<MailState>) -> Vec<MailRow> {
    server.state.outbox.list(&admin.proof(), state, 0).await.unwrap().rows
}

async fn drain(server: &TestServer) -> usize {
    server.state.outbox.drain().await.unwrap()
}

/// An administrator, with `count` waiting mails to requesters and no other mails in the outbox.
async fn waiting(server: &TestServer, count: usize) -> AdminSession {
    let admin = server.administrator().await;
    server.ask("first@example.org").await;
    drain(server).await;
    for n in 0..count {
        server.ask(&format!("p{n:02}@example.org")).await;
    }
    admin
}

fn arrived(server: &TestServer) -> Vec<String> {
    let mails = server.mails.sent().into_iter().map(|mail| mail.to.as_str().to_owned());
    mails.filter(|to| to.starts_with('p')).collect()
}

async fn a_deferred_mail_backs_off(server: TestServer) {
    let admin = waiting(&server, 1).await;
    server.mails.fail(Some(SendErrorKind::Transient));
    let (mut attempts, mut waits, mut last) = (0, Vec::new(), server.state.env.now());
    while mails(&server, &admin, Some(MailState::Dead)).await.is_empty() {
        drain(&server).await;
        let mail = mails(&server, &admin, None).await.into_iter().find(|mail| mail.to == "p00@example.org");
        let tried = mail.unwrap().attempts;
        if tried > attempts {
            assert_eq!(tried, attempts + 1, "one attempt at a time");
            waits.push((server.state.env.now() - last) / MINUTE);
            (attempts, last) = (tried, server.state.env.now());
        }
        server.clock.advance(10 * MINUTE);
    }
    assert_eq!(
        waits,
        [0, 10, 10, 10, 30, 120, 360, 720, 1_440],
        "the clock advances in steps of ten minutes"
    );
    let dead = mails(&server, &admin, Some(MailState::Dead)).await.remove(0);
    assert_eq!((dead.attempts, dead.last_error.as_deref()), (9, Some("failure on demand")));
    assert!(dead.text.is_some_and(|text| text.contains("/public/request-status/")), "it can still be copied");
    assert!(arrived(&server).is_empty());
}

async fn a_given_up_mail_can_be_retried(server: TestServer) {
    let admin = waiting(&server, 2).await;
    server.mails.fail(Some(SendErrorKind::Permanent));
    assert_eq!(drain(&server).await, 0);
    let dead = mails(&server, &admin, Some(MailState::Dead)).await;
    assert_eq!(dead.len(), 2, "a mail that is refused for good is not tried again");
    server.mails.fail(None);
    server.clock.advance(DAY);
    assert_eq!(drain(&server).await, 0);

    let outbox = &server.state.outbox;
    outbox.retry(&admin.proof(), &dead[0].id).await.unwrap();
    assert_eq!(drain(&server).await, 1);
    assert_eq!(arrived(&server), [dead[0].to.clone()]);
    let sent = mails(&server, &admin, Some(MailState::Sent)).await;
    let sent = sent.iter().find(|mail| mail.id == dead[0].id).unwrap();
    assert_eq!(
        (&sent.text, &sent.last_error),
        (&None, &None),
        "the body, which may contain a link, is deleted"
    );
    for id in [dead[0].id.as_str(), "no-such-mail"] {
        assert_eq!(outbox.retry(&admin.proof(), id).await.unwrap_err().into_problem().status, 409, "{id}");
    }
    let mut tx = server.state.env.store.read().await.unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(
        entries.iter().filter(|e| e.action == "mail.retried" && e.actor == admin.id.as_str()).count(),
        1
    );
}

async fn all_given_up_mails_can_be_retried_together(server: TestServer) {
    let admin = waiting(&server, 5).await;
    server.mails.fail(Some(SendErrorKind::Permanent));
    drain(&server).await;
    server.mails.fail(None);
    let outbox = &server.state.outbox;
    assert_eq!(outbox.retry_all(&admin.proof()).await.unwrap(), 5);
    assert_eq!(outbox.retry_all(&admin.proof()).await.unwrap(), 0);
    assert_eq!(drain(&server).await, 5);
    assert!(mails(&server, &admin, Some(MailState::Dead)).await.is_empty());
}

async fn everything_is_sent_once_the_mail_server_is_back(server: TestServer) {
    let admin = waiting(&server, 20).await;
    server.mails.fail(Some(SendErrorKind::Connection));
    for _ in 0..2 * 24 * 6 {
        assert_eq!(drain(&server).await, 0);
        server.clock.advance(10 * MINUTE);
    }
    let waiting = mails(&server, &admin, Some(MailState::Waiting)).await;
    assert_eq!(waiting.len(), 20, "two days away, and none is given up");
    assert!(waiting.iter().all(|mail| mail.attempts == 0), "attempts at an unreachable server do not count");
    server.mails.fail(None);
    assert_eq!(drain(&server).await, 20, "regardless of earlier attempts");

    // If the mail server never comes back, mails are given up, which administrators see.
    server.ask("p99@example.org").await;
    server.mails.fail(Some(SendErrorKind::Connection));
    drain(&server).await;
    server.clock.advance(3 * DAY);
    // Each run stops at the first failure; the administrator's notice is due, too.
    for _ in 0..3 {
        drain(&server).await;
    }
    let dead = mails(&server, &admin, Some(MailState::Dead)).await;
    assert!(dead.iter().any(|mail| mail.to == "p99@example.org"), "{dead:?}");
    server.mails.fail(None);
    server.state.outbox.retry_all(&admin.proof()).await.unwrap();
    drain(&server).await;
    assert_eq!(arrived(&server).len(), 21);
}

async fn an_unreadable_mail_does_not_block_the_others(server: TestServer) {
    let admin = waiting(&server, 3).await;
    let broken = mails(&server, &admin, Some(MailState::Waiting)).await[1].clone();
    let mut tx = server.state.env.store.begin().await.unwrap();
    let sql = "UPDATE mail SET body_sealed = (SELECT body_sealed FROM mail WHERE id <> $1 AND body_sealed IS NOT NULL
               ORDER BY id LIMIT 1) WHERE id = $1";
    match &mut tx {
        store::Tx::Sqlite(tx) => {
            sqlx::query(sql).bind(&broken.id).execute(&mut **tx).await.map(drop).unwrap();
        }
        store::Tx::Postgres(tx) => {
            sqlx::query(sql).bind(&broken.id).execute(&mut **tx).await.map(drop).unwrap();
        }
    }
    tx.commit().await.unwrap();
    assert_eq!(drain(&server).await, 2);
    let dead = mails(&server, &admin, Some(MailState::Dead)).await;
    assert_eq!(dead.iter().map(|mail| mail.id.as_str()).collect::<Vec<_>>(), [broken.id.as_str()]);
    assert!(dead[0].text.is_none(), "another mail's text is not shown in its place");
    let page = server.get("/admin/outbox?state=dead").header("accept", "text/html");
    let page = page.cookie("aiwe_session", &admin.session).send().await.text();
    assert!(page.contains("cannot be read") && page.contains(&broken.to), "the page shows the others too");
}

async fn parallel_jobs_send_each_mail_once(server: TestServer) {
    waiting(&server, 40).await;
    let counts = futures::future::join_all((0..8).map(|_| drain(&server))).await;
    assert_eq!(counts.iter().sum::<usize>(), 40);
    let mut all = arrived(&server);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 40);
}

async fn only_administrators_see_mails(server: TestServer) {
    for (path, fields) in [
        ("/app/outbox/list", vec![("page", "0")]),
        ("/app/outbox/retry", vec![("id", "1")]),
        ("/app/outbox/delivered", vec![("id", "1")]),
        ("/app/outbox/take-back", vec![("id", "1")]),
        ("/app/outbox/retry-all", vec![]),
    ] {
        let reply = server.post(path).form(&fields).send().await;
        assert_eq!(reply.status, 401, "{path}");
    }
}

/// It is no longer listed as unsent. Its body, which may contain a link, is kept for a day, so that a slip can be taken back,
/// and then deleted.
async fn a_mail_can_be_marked_as_delivered(server: TestServer) {
    let admin = waiting(&server, 2).await;
    let outbox = &server.state.outbox;
    let queued = mails(&server, &admin, Some(MailState::Waiting)).await.remove(0);
    assert!(
        outbox.delivered(&admin.proof(), &queued.id).await.unwrap_err().into_problem().is("conflict"),
        "it is sent automatically"
    );
    server.mails.fail(Some(SendErrorKind::Permanent));
    drain(&server).await;
    let dead = mails(&server, &admin, Some(MailState::Dead)).await;
    let left = async || {
        let mut tx = server.state.env.store.read().await.unwrap();
        tx.mails().count_needing_attention().await.unwrap()
    };
    let before = left().await;
    outbox.delivered(&admin.proof(), &dead[0].id).await.unwrap();
    assert!(outbox.delivered(&admin.proof(), &dead[0].id).await.unwrap_err().into_problem().is("conflict"));
    assert_eq!(left().await, before - 1);
    let sent = mails(&server, &admin, Some(MailState::Sent)).await;
    let done = sent.iter().find(|mail| mail.id == dead[0].id).unwrap();
    assert_eq!((&done.text, done.sent_at), (&dead[0].text, Some(server.state.env.now())));
    assert!(done.text.is_some(), "the only copy is not destroyed at once");

    server.clock.advance(DAY - 1);
    outbox.take_back(&admin.proof(), &dead[0].id).await.unwrap();
    assert!(outbox.take_back(&admin.proof(), &dead[0].id).await.unwrap_err().into_problem().is("conflict"));
    assert_eq!(left().await, before);
    let again = mails(&server, &admin, Some(MailState::Dead)).await;
    let again = again.iter().find(|mail| mail.id == dead[0].id).unwrap();
    assert_eq!((&again.text, &again.last_error, again.sent_at), (&dead[0].text, &dead[0].last_error, None));

    outbox.delivered(&admin.proof(), &dead[0].id).await.unwrap();
    server.clock.advance(DAY);
    let body_of = async || {
        let listed = mails(&server, &admin, Some(MailState::Sent)).await;
        listed.into_iter().find(|mail| mail.id == dead[0].id).unwrap().text
    };
    assert_eq!(body_of().await, None, "not shown any more, even before the cleanup");
    assert!(outbox.take_back(&admin.proof(), &dead[0].id).await.unwrap_err().into_problem().is("conflict"));
    server::cleanup::clean_up(&server.state.env).await.unwrap();
    server.clock.advance(-DAY);
    assert_eq!(body_of().await, None, "deleted");
    server.clock.advance(DAY);
    server.mails.fail(None);
    drain(&server).await;
    assert!(!arrived(&server).contains(&dead[0].to), "nor is it sent again");
}

/// What the server mails to administrators is in the panel too: nobody has to send it, whether or not there is a mail server.
async fn notices_to_administrators_are_no_work(server: TestServer) {
    let admin = server.administrator().await;
    let left = async |server: &TestServer| {
        let mut tx = server.state.env.store.read().await.unwrap();
        tx.mails().count_needing_attention().await.unwrap()
    };
    server.mails.fail(Some(SendErrorKind::Permanent));
    server.ask("anna@example.org").await;
    drain(&server).await;
    let dead = mails(&server, &admin, Some(MailState::Dead)).await;
    let notices: Vec<_> = dead.iter().filter(|mail| mail.notice).collect();
    assert!(!notices.is_empty() && notices.iter().all(|mail| mail.to == admin.email), "{dead:?}");
    assert_eq!(left(&server).await, (dead.len() - notices.len()) as u64);
    assert_eq!(left(&server).await, 1, "the requester's");

    let by_hand = server.without_mail().await;
    by_hand.clock.advance(DAY);
    by_hand.ask("ben@example.org").await;
    by_hand.state.access.send_due_notices().await.unwrap();
    let kept = by_hand.state.outbox.list(&admin.proof(), Some(MailState::Kept), 0).await.unwrap().rows;
    let to: Vec<_> = kept.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["ben@example.org"], "only what somebody has to send");
}
