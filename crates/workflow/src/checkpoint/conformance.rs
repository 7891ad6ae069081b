//! What every checkpoint store has to do. Each implementation calls [`check`] in a test.

use serde_json::json;

use super::{
    Answered, Body, CheckpointStore, Record, RunStatus, StoreError, TaskWrite, ThreadId, answer,
    open_questions, question_key,
};

/// Tests an implementation of [`CheckpointStore`] that holds no runs.
///
/// # Errors
/// The first rule that it breaks, in words.
pub async fn check(store: &dyn CheckpointStore) -> Result<(), String> {
    order_and_loading(store).await?;
    conflicts(store).await?;
    writes(store).await?;
    questions(store).await?;
    statuses(store).await?;
    pruning(store).await?;
    deletion(store).await
}

fn rule(holds: bool, words: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words.to_owned()) }
}

fn failed(error: StoreError) -> String {
    format!("a call failed: {error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))
}

fn record(sequence: u64, snapshot: bool) -> Record {
    let bytes = format!(r#"["{sequence} – ünïcode \u0000"]"#).into_bytes();
    let body = if snapshot { Body::Snapshot(bytes) } else { Body::Delta(bytes) };
    Record { sequence, graph: "conformance@1".to_owned(), body, position: b"{}".to_vec() }
}

async fn fill(store: &dyn CheckpointStore, thread: &ThreadId, snapshots: &[bool]) -> Result<(), String> {
    for (sequence, snapshot) in (0..).zip(snapshots) {
        store.put(thread, record(sequence, *snapshot), RunStatus::Running).await.map_err(failed)?;
    }
    Ok(())
}

async fn loaded(store: &dyn CheckpointStore, thread: &ThreadId, at: Option<u64>) -> Result<Vec<u64>, String> {
    let records = store.load(thread, at).await.map_err(failed)?;
    for found in &records {
        let expected = record(found.sequence, found.body.is_snapshot());
        rule(*found == expected, "a loaded checkpoint is the one that was stored")?;
    }
    rule(
        records.first().is_none_or(|first| first.body.is_snapshot()),
        "what is loaded begins with a snapshot",
    )?;
    Ok(records.iter().map(|record| record.sequence).collect())
}

async fn order_and_loading(store: &dyn CheckpointStore) -> Result<(), String> {
    let thread = ThreadId::new("order");
    rule(loaded(store, &thread, None).await?.is_empty(), "an unknown run has no checkpoints")?;
    fill(store, &thread, &[true, false, false, true, false]).await?;
    rule(loaded(store, &thread, None).await? == [3, 4], "the newest is loaded with its snapshot")?;
    rule(loaded(store, &thread, Some(2)).await? == [0, 1, 2], "an earlier one is loaded with its snapshot")?;
    rule(loaded(store, &thread, Some(3)).await? == [3], "a snapshot is loaded alone")?;
    rule(loaded(store, &thread, Some(9)).await?.is_empty(), "an unknown checkpoint is not loaded")?;
    let history = store.history(&thread).await.map_err(failed)?;
    rule(history == [0, 1, 2, 3, 4], "the history is in order and whole")
}

async fn conflicts(store: &dyn CheckpointStore) -> Result<(), String> {
    let thread = ThreadId::new("conflict");
    fill(store, &thread, &[true]).await?;
    let again = store.put(&thread, record(0, false), RunStatus::Failed).await;
    rule(
        matches!(again, Err(StoreError::Conflict { sequence: 0, .. })),
        "a second checkpoint of one sequence number conflicts",
    )?;
    rule(loaded(store, &thread, None).await? == [0], "a conflict leaves the first checkpoint")?;
    let status = store.status(&thread).await.map_err(failed)?;
    rule(status == Some(RunStatus::Running), "a conflict leaves the status")
}

async fn writes(store: &dyn CheckpointStore) -> Result<(), String> {
    let thread = ThreadId::new("writes");
    fill(store, &thread, &[true]).await?;
    let write = |task, value| TaskWrite { task, key: "once:ü".to_owned(), value };
    let put = async |write| store.put_write(&thread, 0, write).await.map_err(failed);
    rule(put(write(0, json!({ "a": [1, null, "\u{1f4c4}"] }))).await?, "a new key is written")?;
    rule(!put(write(0, json!(2))).await?, "a key is written once")?;
    rule(put(write(1, json!(3))).await?, "each task has its own keys")?;
    let mut found = store.writes(&thread, 0).await.map_err(failed)?;
    found.sort_by_key(|write| write.task);
    let expected = [write(0, json!({ "a": [1, null, "\u{1f4c4}"] })), write(1, json!(3))];
    rule(found == expected, "the first value stays")?;
    rule(
        store.writes(&thread, 1).await.map_err(failed)?.is_empty(),
        "each checkpoint has writes of its own",
    )?;
    store.remove_write(&thread, 0, 0, "once:ü").await.map_err(failed)?;
    rule(put(write(0, json!(4))).await?, "a removed key can be written again")
}

async fn questions(store: &dyn CheckpointStore) -> Result<(), String> {
    let thread = ThreadId::new("questions");
    fill(store, &thread, &[true]).await?;
    let value = json!({ "thread": "questions", "id": "0.2.0", "node": "ask", "question": "Really?" });
    let question = TaskWrite { task: 2, key: question_key(0), value };
    store.put_write(&thread, 0, question).await.map_err(failed)?;
    let open = open_questions(store, &thread).await.map_err(failed)?;
    rule(open.len() == 1 && open[0].id == "0.2.0", "an open question is found")?;
    let answered = async |id, value| answer(store, &thread, id, value).await.map_err(failed);
    rule(answered("0.1.0", json!(1)).await? == Answered::Unknown, "what was not asked is not answered")?;
    rule(answered("0.2.0", json!("yes")).await? == Answered::Recorded, "an answer is recorded")?;
    rule(answered("0.2.0", json!("no")).await? == Answered::Already, "the first answer counts")?;
    rule(open_questions(store, &thread).await.map_err(failed)?.is_empty(), "an answered question is closed")
}

async fn statuses(store: &dyn CheckpointStore) -> Result<(), String> {
    let (one, two) = (ThreadId::new("status-1"), ThreadId::new("status-2"));
    store.set_status(&one, RunStatus::Finished).await.map_err(failed)?;
    rule(store.status(&one).await.map_err(failed)?.is_none(), "an unknown run gets no status")?;
    fill(store, &two, &[true]).await?;
    fill(store, &one, &[true]).await?;
    for thread in [&two, &one] {
        store.set_status(thread, RunStatus::Interrupted).await.map_err(failed)?;
    }
    let found = store.threads(RunStatus::Interrupted).await.map_err(failed)?;
    rule(found == [one.clone(), two], "runs are found by their status, in order")?;
    store.put(&one, record(1, false), RunStatus::Finished).await.map_err(failed)?;
    rule(
        store.status(&one).await.map_err(failed)? == Some(RunStatus::Finished),
        "a checkpoint sets the status",
    )
}

async fn pruning(store: &dyn CheckpointStore) -> Result<(), String> {
    let thread = ThreadId::new("prune");
    fill(store, &thread, &[true, false, true, false, false]).await?;
    store.prune(&thread, 2).await.map_err(failed)?;
    let history = store.history(&thread).await.map_err(failed)?;
    rule(history == [2, 3, 4], "what the newest checkpoints need stays, the rest goes")?;
    rule(loaded(store, &thread, None).await? == [2, 3, 4], "the newest can be loaded after pruning")
}

async fn deletion(store: &dyn CheckpointStore) -> Result<(), String> {
    let (parent, child, other) =
        (ThreadId::new("delete"), ThreadId::new("delete").child(0, 0), ThreadId::new("delete-not"));
    for thread in [&parent, &child, &other] {
        fill(store, thread, &[true]).await?;
    }
    store.delete(&parent).await.map_err(failed)?;
    for (thread, left) in [(&parent, false), (&child, false), (&other, true)] {
        let found = !store.history(thread).await.map_err(failed)?.is_empty();
        rule(found == left, "a run is deleted with its sub-graphs' runs, and no other")?;
    }
    Ok(())
}
