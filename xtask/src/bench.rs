//! `cargo xtask bench`: builds what is measured, and the package `bench`, which measures it.

use crate::error::Result;
use crate::paths::Paths;
use crate::setup::{Purpose, Tools, set_up};
use crate::{pages, process, run};

pub fn bench(paths: &Paths, names: &[String]) -> Result {
    let tools = set_up(paths, Purpose::Bench)?;
    pages::build(paths, &tools)?;
    let server = run::build_server(paths, &tools, true)?;
    // One by one: built together, each would get the features that only another needs.
    for package in ["shim", "bench"] {
        process::run(tools.cargo().args(["build", "--release", "--package", package]))?;
    }
    let release = paths.target().join("release");
    let mut bench = process::command(release.join("bench"));
    bench
        .current_dir(&paths.root)
        .arg("--server")
        .arg(server)
        .arg("--shim")
        .arg(release.join("shim"))
        .arg("--tauri-driver")
        .arg(paths.tools().join("bin/tauri-driver"))
        .arg("--peer-python")
        .arg(tools.python("bench"))
        .arg("--caddy")
        .arg(paths.venv("caddy").join("bin/caddy"))
        .args(["--peer", "bench/peer", "--caddyfile", "Caddyfile", "--commit", &commit(&tools)])
        .arg("--results")
        .arg(paths.target().join("bench"))
        .args(names);
    run::set_pages_env(paths, &mut bench);
    process::run(&mut bench)
}

/// What is measured, as the results name it.
fn commit(tools: &Tools) -> String {
    let git = |arguments: &[&str]| process::stdout(tools.program("git").args(arguments));
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let clean = git(&["status", "--porcelain"]).is_some_and(|changes| changes.is_empty());
    if clean { commit } else { format!("{commit}-changed") }
}
