//! `kill -9` in the middle of issuing and revoking: nothing acknowledged is lost, and no serial occurs twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use store::{Tx, check_sqlite};
use tokio::sync::Semaphore;

use crate::client::Visitor;
use crate::process::Program;
use crate::seed::{Link, Seed, key_and_request};

/// Certificates to issue before each kill.
const LINKS: usize = 16;
/// Certificates to revoke before each kill, as far as there are any.
const REVOCATIONS: usize = 8;

/// The number of kills; `AIWE_SOAK=1` runs all of them.
fn kills() -> u64 {
    if std::env::var_os("AIWE_SOAK").is_some() { 1_000 } else { 20 }
}

/// What the server has acknowledged.
#[derive(Debug, Default, Clone)]
struct Acknowledged {
    /// DER.
    issued: Vec<Vec<u8>>,
    /// Ids of certificates.
    revoked: Vec<String>,
}

#[derive(sqlx::FromRow, Debug)]
struct Stored {
    id: String,
    serial: String,
    certificate: Vec<u8>,
    revoked_at: Option<i64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    survive(&Program::new(&folder.path().join("data")), Some("aiwe.db")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    survive(&postgres_program(&folder.path().join("data"), "killed").await, None).await;
}

/// A program with a database of its own.
pub async fn postgres_program(data: &Path, name: &str) -> Program {
    let url = std::env::var("AIWE_TEST_POSTGRES_URL")
        .expect("AIWE_TEST_POSTGRES_URL names a PostgreSQL server for tests; `cargo xtask test` starts one");
    let admin = sqlx::PgPool::connect(&url).await.unwrap();
    let database = format!("{name}_{}", std::process::id());
    sqlx::query(&format!("CREATE DATABASE {database}")).execute(&admin).await.unwrap();
    admin.close().await;
    let (server, query) = url.split_once('?').unwrap_or((&url, ""));
    let (server, _) = server.rsplit_once('/').unwrap();
    Program::new(data).with("AIWE_DATABASE__URL", &format!("{server}/{database}?{query}"))
}

async fn survive(program: &Program, file: Option<&str>) {
    let seed = Seed::open(program).await;
    seed.administrator().await;
    seed.close().await;
    let mut all = Acknowledged::default();
    // Valid certificates; and how often the kill came before, in the middle of, and after the work.
    let (mut valid, mut kills_by_phase) = (Vec::new(), BTreeMap::new());
    for kill in 0..kills() {
        let seed = Seed::open(program).await;
        let session = seed.session().await;
        let mut links = Vec::new();
        for link in 0..LINKS {
            links.push(seed.link(&format!("p{kill}-{link}@example.org")).await);
        }
        seed.close().await;

        let revoking: Vec<String> = valid.drain(..REVOCATIONS.min(valid.len())).collect();
        let acknowledged = work_until_killed(program, kill, &session, &links, &revoking).await;
        let done = acknowledged.issued.len() + acknowledged.revoked.len();
        let phase = match done {
            0 => "before",
            done if done < links.len() + revoking.len() => "in the middle",
            _ => "after",
        };
        *kills_by_phase.entry(phase).or_insert(0) += 1;
        all.issued.extend(acknowledged.issued);
        all.revoked.extend(acknowledged.revoked);

        if let Some(name) = file {
            let faults = check_sqlite(&program.data.join(name)).await.unwrap();
            assert_eq!(faults, None, "kill {kill}");
        }
        valid = check(program, &all, kill).await;
    }
    println!(
        "killed {} times: {kills_by_phase:?}; {} issued, {} revoked",
        kills(),
        all.issued.len(),
        all.revoked.len()
    );
    let in_the_middle: u64 = kills_by_phase.get("in the middle").copied().unwrap_or_default();
    assert!(in_the_middle * 4 >= kills(), "too few kills came in the middle of the work: {kills_by_phase:?}");
    assert!(!all.revoked.is_empty());
}

/// Issues and revokes concurrently until the server is killed; returns what it acknowledged.
async fn work_until_killed(
    program: &Program,
    kill: u64,
    session: &str,
    links: &[Link],
    revoking: &[String],
) -> Acknowledged {
    let requests: Vec<_> = links.iter().map(|_| key_and_request().1).collect();
    let process = program.serve().await;
    let visitor = Visitor::of(&process);
    // Warm up: the first request is the slowest.
    visitor.get("/healthz").await.unwrap();
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    // One permit per acknowledged operation.
    let done = Semaphore::new(0);
    let issuing = links.iter().zip(&requests).map(|(link, request)| {
        let (visitor, acknowledged, done) = (visitor.clone(), Arc::clone(&acknowledged), &done);
        async move {
            if let Ok(pem) = visitor.redeem(link, request).await {
                let leaf = CertificateDer::pem_slice_iter(pem.as_bytes()).next().unwrap().unwrap();
                acknowledged.lock().unwrap().issued.push(leaf.to_vec());
                done.add_permits(1);
            }
        }
    });
    let revocations = revoking.iter().map(|id| {
        let (visitor, acknowledged, done) = (visitor.clone(), Arc::clone(&acknowledged), &done);
        async move {
            if visitor.revoke(session, id).await.is_ok() {
                acknowledged.lock().unwrap().revoked.push(id.clone());
                done.add_permits(1);
            }
        }
    });
    // Kill after a number of operations that varies from none to all but one, plus a small delay. Counted rather than
    // timed, so that fast and slow hosts are killed at the same points of the work.
    let after = u32::try_from(kill * 7 % (links.len() + revoking.len()) as u64).unwrap();
    let killing = async {
        let _ = tokio::time::timeout(Duration::from_secs(20), done.acquire_many(after)).await;
        tokio::time::sleep(Duration::from_micros(kill * 700 % 4_000)).await;
        process.kill();
    };
    tokio::join!(join_all(issuing), join_all(revocations), killing);
    acknowledged.lock().unwrap().clone()
}

/// Checks the database as the next start finds it; returns the ids of the valid certificates.
async fn check(program: &Program, all: &Acknowledged, kill: u64) -> Vec<String> {
    let seed = Seed::open(program).await;
    let mut tx = seed.0.env.store.read().await.unwrap();
    assert!(tx.audit_log().verify().await.unwrap().is_ok(), "kill {kill}: the audit log is broken");
    let (stored, redeemed) = contents(&mut tx).await;
    drop(tx);
    seed.close().await;

    let serials: BTreeSet<_> = stored.iter().map(|c| &c.serial).collect();
    assert_eq!(serials.len(), stored.len(), "kill {kill}: a serial occurs twice");
    let known: BTreeSet<_> = stored.iter().map(|c| &c.certificate).collect();
    for issued in &all.issued {
        assert!(known.contains(issued), "kill {kill}: an acknowledged certificate is lost");
    }
    let revoked: BTreeSet<_> = stored.iter().filter(|c| c.revoked_at.is_some()).map(|c| &c.id).collect();
    for id in &all.revoked {
        assert!(revoked.contains(id), "kill {kill}: an acknowledged revocation is lost");
    }
    // Each certificate has a redeemed link, and each redeemed link its certificate.
    let all_stored: BTreeSet<_> = stored.iter().map(|c| c.id.clone()).collect();
    assert_eq!(redeemed, all_stored, "kill {kill}");
    stored.into_iter().filter(|c| c.revoked_at.is_none()).map(|c| c.id).collect()
}

async fn contents(tx: &mut Tx) -> (Vec<Stored>, BTreeSet<String>) {
    const CERTIFICATES: &str =
        "SELECT id, serial, certificate, revoked_at FROM machine_certificate ORDER BY id";
    const REDEEMED: &str = "SELECT certificate_id FROM access_request WHERE state = 'redeemed'";
    let (stored, redeemed): (Vec<Stored>, Vec<String>) = match tx {
        Tx::Sqlite(tx) => (
            sqlx::query_as(CERTIFICATES).fetch_all(&mut **tx).await.unwrap(),
            sqlx::query_scalar(REDEEMED).fetch_all(&mut **tx).await.unwrap(),
        ),
        Tx::Postgres(tx) => (
            sqlx::query_as(CERTIFICATES).fetch_all(&mut **tx).await.unwrap(),
            sqlx::query_scalar(REDEEMED).fetch_all(&mut **tx).await.unwrap(),
        ),
    };
    (stored, redeemed.into_iter().collect())
}
