//! The audit log's hash chain.

use crate::on_both;
use crate::support::TestServer;

on_both!(the_chain_is_intact_and_tampering_is_detected);

async fn the_chain_is_intact_and_tampering_is_detected(server: TestServer) {
    let admin = server.administrator().await;
    let requests = (0..20).map(|n| {
        let server = server.clone();
        async move { server.ask(&format!("p{n}@example.org")).await }
    });
    futures::future::join_all(requests).await;
    server.machine(&admin, "anna@example.org").await;
    let mut tx = server.state.env.store.read().await.unwrap();
    let count = tx.audit_log().verify().await.unwrap().unwrap();
    let entries = tx.audit_log().entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(count, entries.len() as u64);
    for action in
        ["authority.created", "access-request.submitted", "access-request.approved", "download-link.redeemed"]
    {
        assert!(entries.iter().any(|e| e.action == action), "{action}");
    }
    drop(tx);

    // A change of an entry in the database is detected.
    let mut tx = server.state.env.store.begin().await.unwrap();
    match &mut tx {
        store::Tx::Sqlite(tx) => {
            sqlx::query("UPDATE audit_entry SET detail = 'nothing' WHERE sequence = 7")
                .execute(&mut **tx)
                .await
                .unwrap();
        }
        store::Tx::Postgres(tx) => {
            sqlx::query("UPDATE audit_entry SET detail = 'nothing' WHERE sequence = 7")
                .execute(&mut **tx)
                .await
                .unwrap();
        }
    }
    assert_eq!(tx.audit_log().verify().await.unwrap().unwrap_err().sequence, 7);
}
