//! The audit log's hash chain, and what is done to it by somebody who can write to the database and has no key.

use domain::audit::{Action, Actor};
use sha2::{Digest, Sha256};
use store::{AuditHead, ChainBreak, ChainFault, Store, Tx};

use crate::on_both;
use crate::support::{NOW, TestServer};

on_both!(
    the_chain_is_intact_and_tampering_is_detected,
    a_cut_end_is_missed_for_good,
    removed_and_rehashed_entries_are_detected,
    reordered_entries_are_detected,
    a_forged_or_missing_head_is_detected,
    a_head_that_was_kept_shows_an_older_database,
    a_log_without_a_key_is_carried_over,
    an_emptied_log_is_no_new_one,
    servers_append_at_the_same_time,
);

async fn the_chain_is_intact_and_tampering_is_detected(server: TestServer) {
    let admin = server.administrator().await;
    let requests = (0..20).map(|n| {
        let server = server.clone();
        async move { server.ask(&format!("p{n}@example.org")).await }
    });
    futures::future::join_all(requests).await;
    server.machine(&admin, "anna@example.org").await;
    let mut tx = server.state.env.store.read().await.unwrap();
    let log = tx.audit_log().verify().await.unwrap().unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(log.entries, entries.len() as u64);
    assert_eq!(log.keyed_from, Some(1), "a new log has its key from the first entry on");
    for action in
        ["authority.created", "access-request.submitted", "access-request.approved", "download-link.redeemed"]
    {
        assert!(entries.iter().any(|e| e.action == action), "{action}");
    }
    drop(tx);

    // A change of any field of an entry is detected.
    for change in
        ["detail = 'nothing'", "actor = 'server'", "action = 'mode.changed'", "at = 1", "subject = 'x'"]
    {
        let mut tx = server.state.env.store.begin().await.unwrap();
        run(&mut tx, &format!("UPDATE audit_entry SET {change} WHERE sequence = 7")).await;
        assert_eq!(
            tx.audit_log().verify().await.unwrap(),
            Err(ChainBreak { sequence: 7, fault: ChainFault::Changed }),
            "{change}"
        );
    }
}

async fn a_cut_end_is_missed_for_good(server: TestServer) {
    let store = &server.state.env.store;
    append(store, 10).await;
    let last = head(store).await.sequence;
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, &format!("DELETE FROM audit_entry WHERE sequence > {}", last - 2)).await;
    tx.commit().await.unwrap();
    let missing = Err(ChainBreak { sequence: last - 1, fault: ChainFault::Missing });
    assert_eq!(verify(store, &[]).await, missing);
    // What happens next does not fill the gap.
    append(store, 3).await;
    assert_eq!(verify(store, &[]).await, missing);
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.audit_log().last_sequence().await.unwrap(), last + 3);
}

async fn removed_and_rehashed_entries_are_detected(server: TestServer) {
    let store = &server.state.env.store;
    append(store, 10).await;
    let last = head(store).await.sequence;

    // Entry 5 is removed, and all after it are numbered and hashed anew by the rule that needs no key.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "DELETE FROM audit_entry WHERE sequence = 5").await;
    rehash(&mut tx, 5).await;
    assert_eq!(
        tx.audit_log().verify().await.unwrap(),
        Err(ChainBreak { sequence: 5, fault: ChainFault::Changed })
    );
    drop(tx);

    // All of them: the log then looks like one of an earlier version, but for the record of its newest entry.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "DELETE FROM audit_entry WHERE action = 'audit.keyed' OR sequence = 5").await;
    rehash(&mut tx, 1).await;
    assert_eq!(
        tx.audit_log().verify().await.unwrap(),
        Err(ChainBreak { sequence: last - 1, fault: ChainFault::Missing })
    );
    drop(tx);
    // The new hash of the newest entry cannot be recorded either.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "DELETE FROM audit_entry WHERE sequence = 5").await;
    rehash(&mut tx, 1).await;
    run(
        &mut tx,
        "UPDATE audit_head SET sequence = sequence - 1,
         hash = (SELECT hash FROM audit_entry ORDER BY sequence DESC LIMIT 1)",
    )
    .await;
    assert!(tx.audit_log().verify().await.unwrap().is_err());
}

async fn reordered_entries_are_detected(server: TestServer) {
    let store = &server.state.env.store;
    append(store, 10).await;
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "UPDATE audit_entry SET sequence = -sequence WHERE sequence IN (6, 7)").await;
    run(&mut tx, "UPDATE audit_entry SET sequence = 13 + sequence WHERE sequence < 0").await;
    assert_eq!(tx.audit_log().verify().await.unwrap().unwrap_err().sequence, 6);
}

async fn a_forged_or_missing_head_is_detected(server: TestServer) {
    let store = &server.state.env.store;
    append(store, 10).await;
    let last = head(store).await.sequence;
    let cut = format!("DELETE FROM audit_entry WHERE sequence = {last}");
    let forged = "UPDATE audit_head SET sequence = sequence - 1,
         hash = (SELECT hash FROM audit_entry ORDER BY sequence DESC LIMIT 1)";
    for hide in ["DELETE FROM audit_head", forged] {
        let mut tx = store.begin().await.unwrap();
        run(&mut tx, &cut).await;
        run(&mut tx, hide).await;
        let broken = Err(ChainBreak { sequence: last - 1, fault: ChainFault::Head });
        assert_eq!(tx.audit_log().verify().await.unwrap(), broken, "{hide}");
        assert_eq!(tx.audit_log().head().await.unwrap(), None, "{hide}");
        // Nor is it made anew by what happens next.
        tx.audit_log().append(NOW, Actor::Server, Action::ModeChanged, "x", "").await.unwrap();
        let broken = Err(ChainBreak { sequence: last, fault: ChainFault::Head });
        assert_eq!(tx.audit_log().verify().await.unwrap(), broken, "{hide}");
    }

    // A restart does not carry over a log whose head is missing.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "DELETE FROM audit_head").await;
    tx.commit().await.unwrap();
    let again = store.clone().with_audit_key(server.state.env.vault.audit_key(), NOW).await.unwrap();
    assert_eq!(verify(&again, &[]).await.unwrap_err().fault, ChainFault::Head);
}

async fn a_head_that_was_kept_shows_an_older_database(server: TestServer) {
    let store = &server.state.env.store;
    append(store, 5).await;
    let first = head(store).await;
    append(store, 5).await;
    let second = head(store).await;
    assert_eq!(second.sequence, first.sequence + 5);
    assert!(verify(store, &[first.clone(), second.clone()]).await.is_ok());
    let other = AuditHead { hash: vec![0; 32], ..first.clone() };
    let broken = Err(ChainBreak { sequence: first.sequence, fault: ChainFault::Anchor });
    assert_eq!(verify(store, &[other]).await, broken);

    // As it was at the first head, with everything that belongs to it.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "CREATE TABLE copy_of_head AS SELECT * FROM audit_head").await;
    tx.commit().await.unwrap();
    let third = {
        append(store, 1).await;
        head(store).await
    };
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, &format!("DELETE FROM audit_entry WHERE sequence > {}", second.sequence)).await;
    run(&mut tx, "DELETE FROM audit_head").await;
    run(&mut tx, "INSERT INTO audit_head SELECT * FROM copy_of_head").await;
    tx.commit().await.unwrap();
    assert!(verify(store, &[first, second]).await.is_ok(), "an older state cannot be told without the head");
    let broken = Err(ChainBreak { sequence: third.sequence, fault: ChainFault::Anchor });
    assert_eq!(verify(store, &[third]).await, broken);
}

async fn a_log_without_a_key_is_carried_over(server: TestServer) {
    let store = &server.state.env.store;
    append(store, 10).await;
    // As an earlier version has written it.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "DELETE FROM audit_head").await;
    run(&mut tx, "DELETE FROM audit_entry WHERE action = 'audit.keyed'").await;
    let count = rehash(&mut tx, 1).await;
    tx.commit().await.unwrap();
    let log = verify(store, &[]).await.unwrap();
    assert_eq!((log.entries, log.keyed_from), (count.unsigned_abs(), None));

    let carry_over = |at| store.clone().with_audit_key(server.state.env.vault.audit_key(), at);
    let (one, other) = tokio::join!(carry_over(NOW), carry_over(NOW));
    let (store, _) = (one.unwrap(), other.unwrap());
    append(&store, 3).await;
    let log = verify(&store, &[]).await.unwrap();
    assert_eq!((log.entries, log.keyed_from), (count.unsigned_abs() + 4, Some(count + 1)));

    // What was written before is covered by the key from then on.
    let mut tx = store.begin().await.unwrap();
    run(&mut tx, "UPDATE audit_entry SET detail = 'nothing' WHERE sequence = 3").await;
    rehash_until(&mut tx, 1, count).await;
    assert_eq!(
        tx.audit_log().verify().await.unwrap(),
        Err(ChainBreak { sequence: count + 1, fault: ChainFault::Changed })
    );
}

async fn servers_append_at_the_same_time(server: TestServer) {
    let other = server.restarted_with(&[]).await;
    let before = head(&server.state.env.store).await.sequence;
    let appends = (0..40).map(|n| {
        let store = if n % 2 == 0 { server.state.env.store.clone() } else { other.state.env.store.clone() };
        async move { append(&store, 1).await }
    });
    futures::future::join_all(appends).await;
    let log = verify(&server.state.env.store, &[]).await.unwrap();
    assert_eq!(log.entries, (before + 40).unsigned_abs());
}

async fn append(store: &Store, count: i64) {
    for number in 0..count {
        let mut tx = store.begin().await.unwrap();
        let detail = format!("number {number}");
        tx.audit_log().append(NOW, Actor::Server, Action::ModeChanged, "mode", &detail).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn head(store: &Store) -> AuditHead {
    store.read().await.unwrap().audit_log().head().await.unwrap().unwrap()
}

async fn verify(store: &Store, heads: &[AuditHead]) -> Result<store::VerifiedLog, ChainBreak> {
    let mut tx = store.read().await.unwrap();
    let key = server::vault::Vault::new([9; 32]).audit_key();
    tx.audit_log().verify_with(Some(&key), heads).await.unwrap()
}

async fn run(tx: &mut Tx, sql: &str) {
    match tx {
        Tx::Sqlite(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::query(sql).execute(&mut **tx).await.unwrap()),
    }
}

/// Numbers and hashes all entries from `first` on by the rule of earlier versions, SHA-256 without a key. Returns the last number.
async fn rehash(tx: &mut Tx, first: i64) -> i64 {
    rehash_until(tx, first, i64::MAX).await
}

async fn rehash_until(tx: &mut Tx, first: i64, last: i64) -> i64 {
    let mut entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    entries.reverse();
    let hash_before = format!("SELECT hash FROM audit_entry WHERE sequence = {}", first - 1);
    let before: Option<Vec<u8>> = match tx {
        Tx::Sqlite(tx) => sqlx::query_scalar(&hash_before).fetch_optional(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(&hash_before).fetch_optional(&mut **tx).await.unwrap(),
    };
    let (mut previous, mut sequence) = (before.unwrap_or_default(), first - 1);
    for entry in entries.iter().filter(|entry| entry.sequence >= first && entry.sequence <= last) {
        sequence += 1;
        let mut hasher = Sha256::new();
        let (number, at) = (sequence.to_be_bytes(), entry.at.to_be_bytes());
        let texts = [&entry.actor, &entry.action, &entry.subject, &entry.detail];
        let fields =
            [previous.as_slice(), &number, &at].into_iter().chain(texts.iter().map(|t| t.as_bytes()));
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        previous = hasher.finalize().to_vec();
        let sql = "UPDATE audit_entry SET sequence = $1, hash = $2 WHERE sequence = $3";
        let old = entry.sequence;
        match tx {
            Tx::Sqlite(tx) => {
                let query = sqlx::query(sql).bind(sequence).bind(&previous).bind(old);
                query.execute(&mut **tx).await.unwrap();
            }
            Tx::Postgres(tx) => {
                let query = sqlx::query(sql).bind(sequence).bind(&previous).bind(old);
                query.execute(&mut **tx).await.unwrap();
            }
        }
    }
    sequence
}

async fn an_emptied_log_is_no_new_one(server: TestServer) {
    server.administrator().await;
    let mut tx = server.state.env.store.begin().await.unwrap();
    run(&mut tx, "DELETE FROM audit_entry").await;
    run(&mut tx, "DELETE FROM audit_head").await;
    tx.commit().await.unwrap();
    let server = server.restarted_with(&[]).await;
    let mut tx = server.state.env.store.read().await.unwrap();
    let missing = ChainBreak { sequence: 1, fault: ChainFault::Missing };
    assert_eq!(tx.audit_log().verify().await.unwrap(), Err(missing), "the server has accounts");
}
