//! The audit log's chain of hashes.

use crate::on_both;
use crate::support::TestServer;

on_both!(the_chain_is_whole_and_shows_what_happened);

async fn the_chain_is_whole_and_shows_what_happened(server: TestServer) {
    let admin = server.administrator().await;
    let asks = (0..20).map(|n| {
        let server = server.clone();
        async move { server.ask(&format!("p{n}@example.org")).await }
    });
    futures::future::join_all(asks).await;
    server.machine(&admin, "anna@example.org").await;
    let mut tx = server.state.env.store.read().await.unwrap();
    let count = tx.verify_audit().await.unwrap().unwrap();
    let entries = tx.audit_entries(1_000, i64::MAX).await.unwrap();
    assert_eq!(count, entries.len() as u64);
    for action in
        ["authority.created", "access-request.submitted", "access-request.approved", "download-link.redeemed"]
    {
        assert!(entries.iter().any(|e| e.action == action), "{action}");
    }
    drop(tx);

    // Whoever changes an entry behind the server's back is found out.
    let mut tx = server.state.env.store.begin().await.unwrap();
    match &mut tx {
        server::store::Tx::Sqlite(tx) => {
            sqlx::query("UPDATE audit_entry SET detail = 'nothing' WHERE sequence = 7")
                .execute(&mut **tx)
                .await
                .unwrap();
        }
        server::store::Tx::Postgres(tx) => {
            sqlx::query("UPDATE audit_entry SET detail = 'nothing' WHERE sequence = 7")
                .execute(&mut **tx)
                .await
                .unwrap();
        }
    }
    assert_eq!(tx.verify_audit().await.unwrap().unwrap_err().sequence, 7);
}
