//! A storage that fails: in the middle of a transaction, and as the readiness check finds it.

use domain::error::{ClassifiedError, ErrorClass};
use protocol::ServiceError;
use serde_json::Value;
use store::{Store, StoreError, Tx};

use crate::on_both;
use crate::support::TestServer;

on_both!(
    a_full_disk_in_the_middle_of_a_transaction_stops_no_other,
    readiness_is_found_out_by_writing_and_only_now_and_then,
);

async fn execute(tx: &mut Tx, statement: &str) -> Result<(), sqlx::Error> {
    match tx {
        Tx::Sqlite(tx) => sqlx::query(statement).execute(&mut **tx).await.map(drop),
        Tx::Postgres(tx) => sqlx::query(statement).execute(&mut **tx).await.map(drop),
    }
}

/// Fails as on a full disk.
async fn fill(tx: &mut Tx) -> StoreError {
    let failing = match tx {
        Tx::Sqlite(_) => {
            execute(tx, "PRAGMA max_page_count = 1").await.unwrap();
            "UPDATE readiness SET filling = randomblob(1000000) WHERE id = 1"
        }
        Tx::Postgres(_) => "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$",
    };
    execute(tx, failing).await.unwrap_err().into()
}

async fn a_full_disk_in_the_middle_of_a_transaction_stops_no_other(server: TestServer) {
    // More often than there are connections.
    for number in 0..10 {
        let mut tx = server.state.env.store.begin().await.unwrap();
        execute(&mut tx, "UPDATE readiness SET checks = 100").await.unwrap();
        let error = fill(&mut tx).await;
        assert_eq!(error.class(), ErrorClass::StorageFull, "{error:?}");
        let problem = ServiceError::from(error).into_problem();
        assert_eq!((problem.status, problem.retry_after), (503, Some(30)));
        assert!(problem.detail.contains("disk is full"), "{problem}");
        drop(tx);
        server.ask(&format!("p{number}@example.org")).await;
    }
    assert_eq!(checks(&server.state.env.store).await, 0, "the failed transactions were rolled back");
}

async fn checks(store: &Store) -> i64 {
    const CHECKS: &str = "SELECT checks FROM readiness";
    match store.read().await.unwrap() {
        Tx::Sqlite(mut tx) => sqlx::query_scalar(CHECKS).fetch_one(&mut *tx).await.unwrap(),
        Tx::Postgres(mut tx) => sqlx::query_scalar(CHECKS).fetch_one(&mut *tx).await.unwrap(),
    }
}

async fn readiness_is_found_out_by_writing_and_only_now_and_then(server: TestServer) {
    let store = &server.state.env.store;
    let ready = async || server.get("/readyz").send().await;
    for _ in 0..10 {
        assert_eq!(ready().await.status, 200);
    }
    assert_eq!(checks(store).await, 1);
    server.clock.advance(5);
    assert_eq!(ready().await.status, 200);
    assert_eq!(checks(store).await, 2);

    // Reading would still work.
    let mut tx = store.begin().await.unwrap();
    execute(&mut tx, "ALTER TABLE readiness RENAME TO elsewhere").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ready().await.status, 200, "the last answer is given again");
    server.clock.advance(5);
    let reply = ready().await;
    let problem = reply.problem();
    assert_eq!((problem.status, problem.retry_after), (503, Some(5)));
    assert!(problem.detail.contains("accepts no changes"), "{problem}");
    assert_eq!(reply.json::<Value>()["components"]["database"], "failed");
    assert_eq!(server.get("/healthz").send().await.status, 200);
}
