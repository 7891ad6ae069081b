//! A full disk, and a database file that is gone: what the server answers, and what it still does.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use protocol::Problem;
use protocol::certificate::CertificateRow;

use crate::client::Visitor;
use crate::process::Program;
use crate::seed::{ADMINISTRATOR, PASSWORD, Seed, context, key_and_request};

/// Longer than an answer of `/readyz` is given again, and than the storage is watched.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(20);
/// Runs a program on a copy of the data folder on a small disk. `$0`: the data folder; `$1`: the one to copy.
const ON_SMALL_DISK: &str =
    r#"mount -t tmpfs -o size=8m none "$0" && cp -a "$1/." "$0" && shift && exec "$@""#;

/// An answer with status 503; `None`: any other.
async fn unavailable(answer: reqwest::Response) -> Option<Problem> {
    (answer.status() == 503).then_some(())?;
    assert!(answer.headers().contains_key("retry-after"));
    Some(answer.json().await.unwrap())
}

/// Waits until `/readyz` has the status 200, or says why not.
async fn wait_for_readiness(visitor: &Visitor, reason: Option<&str>) {
    let since = Instant::now();
    loop {
        let answer = visitor.get("/readyz").await.unwrap();
        let is_ready = answer.status() == 200;
        let problem = unavailable(answer).await;
        match (reason, &problem) {
            (None, None) if is_ready => return,
            (Some(reason), Some(problem)) if problem.detail.contains(reason) => return,
            _ => {}
        }
        assert!(since.elapsed() < NOTICE_TIMEOUT, "waiting for {reason:?}: {problem:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Asks for access until the answer is 503; returns it.
async fn wait_for_refusal(visitor: &Visitor) -> Problem {
    for number in 0..500 {
        let answer = visitor.post_request(&format!("p{number}@example.org")).await.unwrap();
        let status = answer.status();
        if let Some(problem) = unavailable(answer).await {
            return problem;
        }
        assert_eq!(status, 202);
    }
    panic!("everything is stored");
}

/// Writes into a new file until the disk has no room left.
fn fill_disk(file: &Path) {
    let mut file = OpenOptions::new().write(true).create_new(true).open(file).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    while file.write_all(&[1]).is_ok() {}
}

async fn certificates(seed: &Seed, count: usize) -> Vec<CertificateRow> {
    for number in 0..count {
        let link = seed.link(&format!("owner{number}@example.org")).await;
        let (_, request) = key_and_request();
        let code = Some(link.match_code.as_str());
        seed.0.access.redeem_csr(&context(), &link.token, &request, code).await.unwrap();
    }
    let mut tx = seed.0.env.store.read().await.unwrap();
    tx.certificates().list("", 0, 50).await.unwrap().rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_no_revocation_and_needs_no_restart() {
    if !Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success()) {
        println!("skipped: unshare -rm is not permitted here, so there is no small disk");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let seeded = Program::new(&folder.path().join("seeded"));
    let seed = Seed::open(&seeded).await;
    let codes = seed.administrator().await;
    let certificates = certificates(&seed, 6).await;
    assert_eq!(certificates.len(), 6);
    seed.close().await;

    let mut program = Program::new(&folder.path().join("data"));
    fs::create_dir(&program.data).unwrap();
    let (data, seeded) = (program.data.to_str().unwrap(), seeded.data.to_str().unwrap());
    program.run_by = ["unshare", "-rm", "sh", "-c", ON_SMALL_DISK, data, seeded].map(str::to_owned).to_vec();
    let process = program.serve().await;
    let visitor = Visitor::of(&process);
    // The disk is mounted for the server alone.
    let on_disk = |name: &str| -> PathBuf {
        let data = program.data.strip_prefix("/").unwrap();
        Path::new("/proc").join(process.id().to_string()).join("root").join(data).join(name)
    };
    let has_reserve =
        || fs::metadata(on_disk("aiwe.db-reserve")).is_ok_and(|found| found.len() == 1024 * 1024);
    let since = Instant::now();
    while !has_reserve() {
        assert!(since.elapsed() < NOTICE_TIMEOUT, "no reserve was made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait_for_readiness(&visitor, None).await;

    fill_disk(&on_disk("filler"));
    assert!(wait_for_refusal(&visitor).await.detail.contains("disk is full"));
    wait_for_readiness(&visitor, Some("the disk is full")).await;
    let session = visitor.sign_in(ADMINISTRATOR, PASSWORD, &codes[0]).await.unwrap();
    for certificate in &certificates {
        visitor.revoke(&session, &certificate.id).await.unwrap();
    }
    assert!(!has_reserve(), "the revocations needed the reserve");
    // What the reserve has left is kept for more of them.
    assert!(wait_for_refusal(&visitor).await.detail.contains("disk is full"));
    assert_eq!(visitor.get("/healthz").await.unwrap().status(), 200);

    fs::remove_file(on_disk("filler")).unwrap();
    wait_for_readiness(&visitor, None).await;
    visitor.ask("later@example.org").await.unwrap();
    assert!(has_reserve(), "there is a reserve again");
    let crl = visitor.get("/crl.der").await.unwrap().bytes().await.unwrap();
    for certificate in &certificates {
        let serial = hex::decode(certificate.serial.replace(':', "")).unwrap();
        assert!(crl.windows(serial.len()).any(|window| window == serial), "{}", certificate.serial);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_database_is_noticed_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data"));
    let process = program.serve().await;
    let visitor = Visitor::of(&process);
    visitor.ask("anna@example.org").await.unwrap();
    wait_for_readiness(&visitor, None).await;

    let database = program.data.join("aiwe.db");
    fs::rename(&database, folder.path().join("elsewhere.db")).unwrap();
    let answer = visitor.post_request("ben@example.org").await.unwrap();
    assert!(unavailable(answer).await.unwrap().detail.contains("database is gone"));
    wait_for_readiness(&visitor, Some("removed or replaced")).await;
    let log = fs::read_to_string(program.log()).unwrap();
    assert!(log.contains("ERROR") && log.contains(database.to_str().unwrap()), "{log}");
    process.kill();

    for command in [&["serve"][..], &["admin", "create"], &["ca", "show"]] {
        let said = program.refused(command);
        for words in [database.to_str().unwrap(), "data.key", "restore", "to begin anew"] {
            assert!(said.contains(words), "{command:?}: {said}");
        }
    }
    assert!(!database.exists(), "no new database was made");
    // An empty file is no database either.
    fs::write(&database, "").unwrap();
    assert!(program.refused(&["serve"]).contains("missing or empty"));
    fs::remove_file(&database).unwrap();
    fs::remove_file(program.data.join("data.key")).unwrap();
    assert!(program.must(&["ca", "show"]).contains("BEGIN CERTIFICATE"), "it begins anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_postgres_database_is_not_taken_for_the_one_of_the_data_key() {
    let url = std::env::var("AIWE_TEST_POSTGRES_URL")
        .expect("AIWE_TEST_POSTGRES_URL names a PostgreSQL server for tests; `cargo xtask test` starts one");
    let admin = sqlx::PgPool::connect(&url).await.unwrap();
    let database = format!("emptied_{}", std::process::id());
    let (server, query) = url.split_once('?').unwrap_or((&url, ""));
    let (server, _) = server.rsplit_once('/').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data"))
        .with("AIWE_DATABASE__URL", &format!("{server}/{database}?{query}"));
    sqlx::query(&format!("CREATE DATABASE {database}")).execute(&admin).await.unwrap();
    program.must(&["migrate"]);
    program.must(&["ca", "show"]);
    sqlx::query(&format!("DROP DATABASE {database}")).execute(&admin).await.unwrap();
    sqlx::query(&format!("CREATE DATABASE {database}")).execute(&admin).await.unwrap();
    let said = program.refused(&["serve"]);
    assert!(said.contains("database.url") && said.contains("data.key"), "{said}");
    admin.close().await;
}
