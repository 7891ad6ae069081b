//! Checkpoints of workflows in the database.

use std::sync::Arc;

use domain::clock::Clock;
use store::DatabaseCheckpoints;
use workflow::{Body, CheckpointStore, Record, RunStatus, ThreadId};

use crate::on_both;
use crate::support::TestServer;

on_both!(checkpoints_conform, old_runs_are_deleted);

fn checkpoints(server: &TestServer) -> DatabaseCheckpoints {
    let clock: Arc<dyn Clock> = server.clock.clone();
    DatabaseCheckpoints::new(server.state.env.store.clone(), clock)
}

async fn checkpoints_conform(server: TestServer) {
    workflow::check_conformance(&checkpoints(&server)).await.unwrap();
}

async fn old_runs_are_deleted(server: TestServer) {
    let store = checkpoints(&server);
    let record = || Record {
        sequence: 0,
        graph: "g@1".into(),
        body: Body::Snapshot(b"{}".to_vec()),
        position: b"{}".to_vec(),
    };
    for (run, status) in [
        ("finished", RunStatus::Finished),
        ("finished/0.0", RunStatus::Finished),
        ("running", RunStatus::Running),
        ("waiting", RunStatus::Interrupted),
    ] {
        store.put(&ThreadId::new(run), record(), status).await.unwrap();
    }
    let mut tx = server.state.env.store.begin().await.unwrap();
    let now = server.clock.unix();
    assert_eq!(tx.checkpoints().delete_older(now).await.unwrap(), 0, "none is older than now");
    tx.checkpoints().delete_older(now + 1).await.unwrap();
    tx.commit().await.unwrap();
    let mut left = Vec::new();
    for status in [RunStatus::Finished, RunStatus::Interrupted, RunStatus::Running] {
        left.extend(store.threads(status).await.unwrap());
    }
    assert_eq!(left, [ThreadId::new("running")], "what still runs stays");
}
