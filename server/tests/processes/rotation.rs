//! `server ca …` while a server runs.

use std::time::{Duration, Instant};

use crate::client::{Visitor, machine};
use crate::process::Program;
use crate::seed::Seed;

/// The ids in the output of `ca status`, each with its state.
fn states(program: &Program) -> Vec<(String, String)> {
    let said = program.must(&["ca", "status"]);
    let heads = said.lines().filter(|line| !line.starts_with(' '));
    heads
        .map(|line| line.split_once("  ").unwrap())
        .map(|(id, state)| (id.to_owned(), state.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_follows_the_operators_commands() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("data"));
    let seed = Seed::open(&program).await;
    seed.administrator().await;
    let old = seed.machine("old@example.org").await;
    let authority = seed.0.certificates.roots_pem();
    seed.close().await;
    let process = program.serve().await;
    let visitor = Visitor::of(&process);
    let roots = async || visitor.get("/ca.pem").await.unwrap().text().await.unwrap();
    let until = async |count: usize| {
        let since = Instant::now();
        while roots().await.matches("BEGIN CERTIFICATE").count() != count {
            assert!(since.elapsed() < Duration::from_secs(10), "the server does not notice");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let client = machine(&old.certificate, &old.key, &authority);
    let modes = format!("https://localhost:{}/native/modes", process.machines);

    assert!(program.must(&["ca", "rotate", "--new-root"]).contains("is in use"));
    until(2).await;
    assert_eq!(roots().await.trim(), program.must(&["ca", "show"]).trim());
    let [(_, in_use), (id, superseded)] = &states(&program)[..] else { panic!("two authorities") };
    assert_eq!((in_use.as_str(), superseded.as_str()), ("in use", "superseded"));
    assert!(program.must(&["ca", "status"]).contains("machines that depend on it: 1"));
    // 401: the certificate is accepted, but nobody has signed in.
    assert_eq!(client.get(&modes).send().await.unwrap().status(), 401);

    let said = program.refused(&["ca", "retire", id]);
    assert!(said.contains("1 machines") && said.contains("--force"), "{said}");
    program.must(&["ca", "retire", id, "--force"]);
    until(1).await;
    assert_eq!(states(&program)[1].1, "retired");
    assert!(client.get(&modes).send().await.is_err(), "the server's own certificate is the new authority's");
    let client = machine(&old.certificate, &old.key, &roots().await);
    let answer = client.get(&modes).send().await.unwrap();
    assert!(answer.status() == 403 && answer.text().await.unwrap().contains("client-certificate:untrusted"));
}
